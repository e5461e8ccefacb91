//! The storage of `omnipaxos`: in memory, and as transactions that the host writes to the disk, one record each.
//!
//! The crate calls its storage while it handles an event. The host waits for the disk before anything that follows from
//! the event leaves the replica. So a call is durable, or the replica has crashed and no other replica has seen its
//! effect. A crash between two calls keeps the first. The writes of one call of `write_atomically` are durable as a
//! whole or not at all.

use std::cell::RefCell;
use std::rc::Rc;

use omnipaxos::ballot_leader_election::Ballot;
use omnipaxos::storage::{Entry, NoSnapshot};

/// An entry of the log: bytes that the host decodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command(pub Rc<[u8]>);

impl Entry for Command {
    type Snapshot = NoSnapshot;
}

/// An operation on the storage.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// The ballot that was promised.
    Promise(Ballot),
    /// The ballot in which the log was accepted.
    Accepted(Ballot),
    /// How much of the log is decided.
    Decided(u64),
    /// Entries at the end of the log.
    Append(Vec<Command>),
    /// Entries that replace everything from this index on.
    Replace(u64, Vec<Command>),
}

/// The content, and the transactions written since they were last taken.
#[derive(Clone, Debug, Default)]
pub struct Store {
    /// The ballot that was promised.
    pub promise: Option<Ballot>,
    /// The ballot in which the log was accepted.
    pub accepted: Option<Ballot>,
    /// How much of the log is decided.
    pub decided: u64,
    /// The log.
    pub log: Vec<Command>,
    /// The transactions that are not on the disk yet.
    pub written: Vec<Vec<Op>>,
}

/// The storage, shared by the crate and the adapter.
#[derive(Clone, Debug, Default)]
pub struct Shared(pub Rc<RefCell<Store>>);

impl Shared {
    /// Applies these operations as one transaction.
    pub fn write(&self, ops: Vec<Op>) {
        let store = &mut *self.0.borrow_mut();
        for op in &ops {
            store.apply(op);
        }
        store.written.push(ops);
    }
}

impl Store {
    /// Applies one operation.
    pub fn apply(&mut self, op: &Op) {
        match op {
            Op::Promise(ballot) => self.promise = Some(*ballot),
            Op::Accepted(ballot) => self.accepted = Some(*ballot),
            Op::Decided(index) => self.decided = *index,
            Op::Append(entries) => self.log.extend_from_slice(entries),
            Op::Replace(from, entries) => {
                // Past the end of the log there is nothing to replace. The crate's own storages append in this case as
                // well.
                self.log.truncate(usize::try_from(*from).unwrap_or(usize::MAX));
                self.log.extend_from_slice(entries);
            }
        }
    }

    /// The entries between two indexes; empty unless all of them exist.
    pub fn entries(&self, from: u64, to: u64) -> Vec<Command> {
        self.log.get(from as usize..to as usize).map(<[Command]>::to_vec).unwrap_or_default()
    }
}

/// Encodes a transaction as a record.
pub fn encode(ops: &[Op]) -> Vec<u8> {
    let mut record = Vec::new();
    let ballot = |record: &mut Vec<u8>, tag: u8, ballot: &Ballot| {
        record.push(tag);
        record.extend([ballot.config_id, ballot.n, ballot.priority].into_iter().flat_map(u32::to_le_bytes));
        record.extend(ballot.pid.to_le_bytes());
    };
    for op in ops {
        match op {
            Op::Promise(promised) => ballot(&mut record, 1, promised),
            Op::Accepted(accepted) => ballot(&mut record, 2, accepted),
            Op::Decided(index) => {
                record.push(3);
                record.extend(index.to_le_bytes());
            }
            Op::Append(entries) | Op::Replace(_, entries) => {
                let from = if let Op::Replace(from, _) = op { *from } else { u64::MAX };
                record.push(4);
                record.extend(from.to_le_bytes());
                record.extend((entries.len() as u64).to_le_bytes());
                for Command(bytes) in entries {
                    record.extend((bytes.len() as u64).to_le_bytes());
                    record.extend(&**bytes);
                }
            }
        }
    }
    record
}

/// Decodes the transaction of a record.
pub fn decode(mut record: &[u8]) -> Vec<Op> {
    let mut ops = Vec::new();
    while let Some(tag) = take(&mut record, 1).first() {
        let word = |record: &mut &[u8]| u64::from_le_bytes(take(record, 8).try_into().expect("8 bytes"));
        let half = |record: &mut &[u8]| u32::from_le_bytes(take(record, 4).try_into().expect("4 bytes"));
        ops.push(match tag {
            1 | 2 => {
                let [config, n, priority] = std::array::from_fn(|_| half(&mut record));
                let ballot = Ballot::with(config, n, priority, word(&mut record));
                if *tag == 1 { Op::Promise(ballot) } else { Op::Accepted(ballot) }
            }
            3 => Op::Decided(word(&mut record)),
            _ => {
                let (from, count) = (word(&mut record), word(&mut record));
                let entry = |_| {
                    let length = word(&mut record) as usize;
                    Command(take(&mut record, length).into())
                };
                let entries = (0..count).map(entry).collect();
                if from == u64::MAX { Op::Append(entries) } else { Op::Replace(from, entries) }
            }
        });
    }
    ops
}

fn take<'a>(record: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (front, rest) = record.split_at(length.min(record.len()));
    *record = rest;
    front
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_are_decoded_to_themselves() {
        let command = |byte| Command([byte; 5].as_slice().into());
        let ops = vec![
            Op::Promise(Ballot::with(1, 2, 3, 4)),
            Op::Accepted(Ballot::with(5, 6, 7, 8)),
            Op::Decided(9),
            Op::Append(vec![command(10), command(11)]),
            Op::Replace(1, vec![command(12)]),
        ];
        assert_eq!(decode(&encode(&ops)), ops);
    }
}
