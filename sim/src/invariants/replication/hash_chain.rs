//! The hash chain: every entry of a correct replica's log names the entry before it, down to the first, which names none.
//!
//! Source: this project's reference protocol (a blake3 chain over the log), which a wrong, stale or misdirected record on a
//! disk, or a forged tail in a message, does not fit even where its own checksum does.
//! Not checked: that an entry's hash fits its content, which only the system itself can compute; entries out of their place
//! (see `log_consistency`).

use crate::invariants::support::{Context, Invariant, Violation, kinds, short};
use crate::protocol::observation::Observation;

/// The invariant's name.
pub const NAME: &str = "hash_chain";
const INTERESTS: u128 = kinds::APPENDED;

/// The invariant; it remembers nothing.
#[derive(Debug, Default)]
pub(in crate::invariants) struct HashChain;

impl Invariant for HashChain {
    const NAME: &'static str = NAME;
    const SENTENCE: &'static str = "The hash chain: every entry of a correct replica's log names the entry before it, down to the first, which names none.";
    const INTERESTS: u128 = INTERESTS;

    fn observe(&mut self, context: &Context<'_>) -> Option<Box<Violation>> {
        let Observation::Appended { op, entry, parent, .. } = context.seen.what else { return None };
        let last = context.me.log.last().map_or(0, |last| last.entry);
        if parent == last && entry != 0 && entry != parent {
            return None;
        }
        let id = context.id;
        if entry == 0 || entry == parent {
            return context.violation(
                NAME,
                "an entry without a hash of its own",
                format!("the entry that {id} appends at op {op} has its own hash, different from its parent's"),
                format!("its hash is {}, its parent's {}", short(entry), short(parent)),
            );
        }
        if op != context.me.op() + 1 {
            return None;
        }
        context.violation(
            NAME,
            "an entry does not follow from the one before it",
            format!("{id} appends at op {op} an entry whose parent is {}, the end of its log", short(last)),
            format!("the parent of {} is {}", short(entry), short(parent)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::harness::{Script, entry};
    use Observation as O;

    #[test]
    fn a_chain_passes_also_after_a_truncation() {
        let mut script = Script::new();
        script.append(0, 1..=3);
        script.ok(0, O::Truncated { op: 1 });
        script.ok(0, O::Appended { op: 2, view: 1, entry: 9, parent: entry(1) });
    }

    #[test]
    fn a_broken_link_is_caught() {
        let rule = "an entry does not follow from the one before it";
        let mut script = Script::new();
        script.caught(0, O::Appended { op: 1, view: 0, entry: entry(1), parent: 5 }, NAME, rule);
        script.append(1, 1..=2);
        script.caught(1, O::Appended { op: 3, view: 0, entry: entry(3), parent: entry(1) }, NAME, rule);
    }

    #[test]
    fn an_entry_without_a_hash_is_caught() {
        let rule = "an entry without a hash of its own";
        let mut script = Script::new();
        script.append(0, 1..=1);
        script.caught(0, O::Appended { op: 2, view: 0, entry: 0, parent: entry(1) }, NAME, rule);
        let mut script = Script::new();
        script.append(0, 1..=1);
        script.caught(0, O::Appended { op: 2, view: 0, entry: entry(1), parent: entry(1) }, NAME, rule);
    }
}
