//! Selects the messages of a dense run that are drawn by default, so that they can be distinguished.
//!
//! A run has few messages of the decisive kinds (a view change, a repair, a lie) and thousands of the kinds that are
//! exchanged in normal operation. The kinds therefore get equal shares of the limit, and the part that a rare kind does
//! not need goes to the others. Rare kinds are drawn completely; of the others, the messages nearest to the violation
//! are drawn. Lies are always drawn. A shorter range or fewer replicas leave more of the limit for the remaining
//! messages.

use sim::MessageKind;

use crate::analysis::timeline::model::{Message, Thinned, Timeline};

/// The number of messages that can be distinguished in a picture or read as a list.
pub const TOLD_APART: usize = 240;

impl Timeline {
    /// Marks messages as faint until about `most` of the relevant messages remain, in addition to the lies.
    pub fn thin(&mut self, most: usize) {
        let counted = |message: &Message| message.lie.is_none() && message.is_relevant();
        let mut kinds: Vec<(usize, MessageKind)> = MessageKind::ALL
            .into_iter()
            .map(|kind| (self.messages.iter().filter(|it| it.kind == kind && counted(it)).count(), kind))
            .filter(|(count, _)| *count > 0)
            .collect();
        // The rarest kind first. The sort is stable, so that the result is deterministic.
        kinds.sort_by_key(|(count, _)| *count);
        let lies = self.messages.iter().filter(|message| message.lie.is_some()).count();
        let mut room = most.saturating_sub(lies);
        let moment = self.finding.as_ref().map_or(self.to, |finding| finding.at);
        for (place, (count, kind)) in kinds.iter().enumerate() {
            let share = room / (kinds.len() - place);
            room -= share.min(*count);
            // A kind that exceeds its share only slightly is drawn completely.
            if *count <= share + share / 4 {
                continue;
            }
            let mut nearest: Vec<&mut Message> =
                self.messages.iter_mut().filter(|it| it.kind == *kind && counted(it)).collect();
            nearest.sort_by_key(|message| message.sent.abs_diff(moment));
            nearest.into_iter().skip(share).for_each(|message| message.faint = true);
            self.thinned.push(Thinned { kind: *kind, drawn: share, of: *count });
        }
    }

    /// Describes which messages are not drawn.
    pub fn thinned_words(&self) -> Option<String> {
        if self.thinned.is_empty() {
            return None;
        }
        let kind = |it: &Thinned| format!("{} of {} {:?}", it.drawn, it.of, it.kind);
        let kinds: Vec<String> = self.thinned.iter().map(kind).collect();
        let where_to = if self.finding.is_some() { "the violation" } else { "the end" };
        Some(format!("only {}: those nearest to {where_to}", kinds.join(", ")))
    }

    /// Removes the faint messages.
    pub fn keep_distinct(&mut self) {
        self.messages.retain(|message| !message.faint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::timeline::model::Finding;

    fn message(kind: MessageKind, sent: u64) -> Message {
        let end = Some(sent + 1);
        Message { from: 0, to: 1, kind, sent, event: sent, end, lost: None, lie: None, copy: false, faint: false }
    }

    /// This number of messages of each kind, one per nanosecond, and a violation at this time.
    fn timeline(counts: &[(MessageKind, u64)], at: u64) -> Timeline {
        let kinds = counts.iter().flat_map(|(kind, count)| (0..*count).map(|sent| message(*kind, sent)));
        let mut messages: Vec<Message> = kinds.collect();
        messages.sort_by_key(|message| message.sent);
        let finding = Finding { at, ..Finding::default() };
        Timeline { to: 1_000, messages, finding: Some(finding), ..Timeline::default() }
    }

    fn drawn(timeline: &Timeline, kind: MessageKind) -> Vec<u64> {
        let drawn = timeline.messages.iter().filter(|message| message.kind == kind && !message.faint);
        drawn.map(|message| message.sent).collect()
    }

    #[test]
    fn rare_kinds_are_complete_and_others_keep_the_messages_nearest_to_the_violation() {
        use MessageKind as K;
        let mut dense =
            timeline(&[(K::Prepare, 500), (K::PrepareOk, 400), (K::DoViewChange, 12), (K::Commit, 300)], 300);
        dense.thin(100);
        assert_eq!(drawn(&dense, K::DoViewChange).len(), 12);
        assert_eq!(drawn(&dense, K::Prepare), (278..=321).collect::<Vec<_>>());
        assert_eq!(drawn(&dense, K::PrepareOk), (278..=321).collect::<Vec<_>>());
        assert_eq!(drawn(&dense, K::Commit).len(), 300, "what is not drawn anyhow takes no room");
        let words = "only 44 of 400 PrepareOk, 44 of 500 Prepare: those nearest to the violation";
        assert_eq!(dense.thinned_words().as_deref(), Some(words));
        dense.keep_distinct();
        assert_eq!(dense.messages.len(), 12 + 44 + 44 + 300);
    }

    #[test]
    fn sparse_runs_and_all_lies_are_drawn_completely() {
        use MessageKind as K;
        let mut sparse = timeline(&[(K::Prepare, 60), (K::StartView, 40)], 10);
        sparse.thin(100);
        assert!(sparse.thinned_words().is_none() && sparse.messages.iter().all(|message| !message.faint));
        let mut nearly = timeline(&[(K::Prepare, 60), (K::PrepareOk, 61)], 10);
        nearly.thin(100);
        assert!(nearly.thinned_words().is_none(), "a few more are no harm");
        let mut lying = timeline(&[(K::Prepare, 60), (K::StartView, 40)], 10);
        for message in lying.messages.iter_mut().filter(|message| message.kind == K::Prepare) {
            message.lie = Some("lies".to_string());
        }
        lying.thin(10);
        assert_eq!((drawn(&lying, K::Prepare).len(), drawn(&lying, K::StartView).len()), (60, 0));
    }
}
