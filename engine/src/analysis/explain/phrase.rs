//! Phrases for the sentences of an explanation: lists of replicas, and verbs in singular or plural.

use sim::{Answer, Field, Lie, Operation, OperationKind, ReplicaId, ReplicaSet};

/// A list of things: `0`, `0 and 2`, `0, 2 and 3`.
pub fn list<T: ToString>(things: impl IntoIterator<Item = T>) -> String {
    let mut things: Vec<String> = things.into_iter().map(|thing| thing.to_string()).collect();
    let Some(last) = things.pop() else { return "none".to_string() };
    if things.is_empty() { last } else { format!("{} and {last}", things.join(", ")) }
}

/// Replicas by their numbers: `replica 0`, `replicas 0 and 2`.
pub fn replicas(ids: impl IntoIterator<Item = ReplicaId>) -> String {
    let ids: Vec<u8> = ids.into_iter().map(|id| id.0).collect();
    format!("replica{} {}", if ids.len() == 1 { "" } else { "s" }, list(&ids))
}

/// The replicas of a set.
pub fn members(set: ReplicaSet) -> String {
    replicas(set.iter())
}

/// Adapts a verb to singular or plural. In `verb`, `[s]` is the ending of a verb, and `[its]`, `[it]`, `[is]` and
/// `[has]` are replaced as well.
pub fn agree(verb: &str, several: bool) -> String {
    let pairs = [("[s]", "s", ""), ("[its]", "its", "their"), ("[it]", "it", "they"), ("[is]", "is", "are")];
    let pairs = pairs.into_iter().chain([("[has]", "has", "have")]);
    pairs.fold(verb.to_string(), |text, (mark, one, many)| text.replace(mark, if several { many } else { one }))
}

/// Capitalizes the first letter.
pub fn capital(text: &str) -> String {
    let mut symbols = text.chars();
    symbols.next().map_or_else(String::new, |first| first.to_uppercase().chain(symbols).collect())
}

/// Describes what a liar claims. `truth` is the true value of the field, if the observations contain it.
pub fn lie(lie: Lie, truth: Option<u64>) -> String {
    use sim::protocol::lie::How;
    let kind = format!("{:?}", lie.kind);
    let field = field(lie.field);
    let though = |claim: &dyn Fn(u64) -> u64| {
        truth.map_or_else(String::new, |truth| format!(": it says {} where {truth} is true", claim(truth)))
    };
    let amount = u64::from(lie.amount.max(1));
    match lie.how {
        How::Silence => format!("keeps silent where it should send a {kind}"),
        How::Replay => format!("sends an old {kind} once more instead of the one that is due"),
        How::Flood => format!("sends its {kind} many times over"),
        How::Increase => {
            format!("raises {field} in its {kind} by {amount}{}", though(&|truth| truth.saturating_add(amount)))
        }
        How::Decrease => {
            format!("lowers {field} in its {kind} by {amount}{}", though(&|truth| truth.saturating_sub(amount)))
        }
        How::Huge => {
            let though = truth.map_or_else(String::new, |truth| format!(" (the truth is {truth})"));
            format!("puts a huge value for {field} into its {kind}{though}")
        }
        How::Zero => {
            let though = truth.map_or_else(String::new, |truth| format!(" (the truth is {truth})"));
            format!("puts zero, or nothing, for {field} into its {kind}{though}")
        }
        How::Truncate => format!("leaves {amount} off the end of {field} in its {kind}"),
        How::Extend => format!("repeats the end of {field} in its {kind} {amount} times"),
        How::Forge => format!("forges {field} in its {kind}, well formed and under its own signature"),
        How::Corrupt => format!("sends a {kind} with a flipped bit in {field}"),
    }
}

fn field(field: Field) -> &'static str {
    match field {
        Field::Message => "the message",
        Field::View => "the view",
        Field::Op => "the op number",
        Field::Commit => "the commit number",
        Field::LastNormalView => "the last normal view",
        Field::Tail => "the log",
        Field::TailLength => "the stated length of the log",
        Field::EntryView => "the view of an entry",
        Field::EntryHash => "the hash of an entry",
        Field::Command => "the command of an entry",
        Field::RangeStart => "the first op of a range",
        Field::RangeEnd => "the last op of a range",
        Field::Sender => "the sender",
        Field::Signature => "the signature",
        Field::Reasons => "the messages that the claim follows from",
        Field::Identity => "who the content is from",
        Field::Nonce => "the number that ties the answer to its question",
        Field::Clock => "the reading of its clock",
        Field::Version => "the version of its software",
        Field::Members => "the members of the cluster",
        Field::State => "the state that it hands over",
        Field::Refusal => "why it refuses",
    }
}

/// Describes the request of a client.
pub fn operation(operation: &Operation) -> String {
    let tenant = operation.tenant;
    match operation.kind {
        OperationKind::Put { key, .. } => format!("a write of key {key} (tenant {tenant})"),
        OperationKind::Get { key } => format!("a read of key {key} (tenant {tenant})"),
        OperationKind::GetAsOf { key, position } => {
            format!("a read of key {key} as of position {position} (tenant {tenant})")
        }
        OperationKind::Append { stream, .. } => format!("an append to stream {stream} (tenant {tenant})"),
        OperationKind::Read { stream, index } => {
            format!("a read of element {index} of stream {stream} (tenant {tenant})")
        }
    }
}

/// Describes the result of a read.
pub fn answer(operation: &Operation, answer: &Answer) -> String {
    let Answer { version, value, .. } = answer;
    match operation.kind {
        OperationKind::Put { .. } | OperationKind::Append { .. } => String::new(),
        _ if *version == 0 => ", which finds nothing".to_string(),
        _ => format!(", which finds version {version} with value {value:#x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::MessageKind;
    use sim::protocol::lie::How;

    #[test]
    fn numbers_agree() {
        assert_eq!(list([0, 2, 3]), "0, 2 and 3");
        assert_eq!(replicas([ReplicaId(1)]), "replica 1");
        assert_eq!(replicas([ReplicaId(1), ReplicaId(4)]), "replicas 1 and 4");
        assert_eq!(agree("leave[s] [its] view", false), "leaves its view");
        assert_eq!(agree("leave[s] [its] view", true), "leave their view");
        assert_eq!(capital("replica 1"), "Replica 1");
    }

    #[test]
    fn a_lie_includes_the_true_value_if_it_is_known() {
        let claim = Lie {
            kind: MessageKind::DoViewChange,
            field: Field::Commit,
            how: How::Increase,
            amount: 3,
            to: None,
            count: 1,
        };
        assert_eq!(lie(claim, Some(4)), "raises the commit number in its DoViewChange by 3: it says 7 where 4 is true");
        assert_eq!(lie(claim, None), "raises the commit number in its DoViewChange by 3");
    }
}
