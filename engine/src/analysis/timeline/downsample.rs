//! Which messages of a dense run are drawn where nobody asks for all: so many as can be told apart.
//!
//! A run has few messages of the kinds that decide it (a view change, a repair, a lie) and thousands of those that follow
//! each other while all is well. So the kinds share the room equally, and what a rare kind does not need goes to the
//! others: rare kinds are drawn whole, and of the others the messages nearest to the violation. Lies are always drawn.
//! Who looks at less of the run, in time or in replicas, has more room for the rest.

use sim::MessageKind;

use crate::analysis::timeline::model::{Message, Thinned, Timeline};

/// So many messages can be told apart in a picture, and be read as a list.
pub const TOLD_APART: usize = 240;

impl Timeline {
    /// Marks the messages that are too many to be told apart as faint: about `most` remain of those that are drawn unless all
    /// are asked for, and the lies.
    pub fn thin(&mut self, most: usize) {
        let counted = |message: &Message| message.lie.is_none() && message.is_relevant();
        let mut kinds: Vec<(usize, MessageKind)> = MessageKind::ALL
            .into_iter()
            .map(|kind| (self.messages.iter().filter(|it| it.kind == kind && counted(it)).count(), kind))
            .filter(|(count, _)| *count > 0)
            .collect();
        // The rarest first; a stable sort, so that nothing depends on chance.
        kinds.sort_by_key(|(count, _)| *count);
        let lies = self.messages.iter().filter(|message| message.lie.is_some()).count();
        let mut room = most.saturating_sub(lies);
        let moment = self.finding.as_ref().map_or(self.to, |finding| finding.at);
        for (place, (count, kind)) in kinds.iter().enumerate() {
            let share = room / (kinds.len() - place);
            room -= share.min(*count);
            // A few more than its share are no harm: a kind that is nearly whole is whole.
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

    /// What is left out of the drawing, in words.
    pub fn thinned_words(&self) -> Option<String> {
        if self.thinned.is_empty() {
            return None;
        }
        let kind = |it: &Thinned| format!("{} of {} {:?}", it.drawn, it.of, it.kind);
        let kinds: Vec<String> = self.thinned.iter().map(kind).collect();
        let where_to = if self.finding.is_some() { "the violation" } else { "the end" };
        Some(format!("only {}: those nearest to {where_to}", kinds.join(", ")))
    }

    /// Keeps no message that is faint.
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

    /// So many messages of each kind, one in each nanosecond, and a violation at this time.
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
    fn rare_kinds_are_whole_and_of_others_what_is_nearest_to_the_violation() {
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
    fn what_can_be_told_apart_is_drawn_whole_and_lies_always_are() {
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
