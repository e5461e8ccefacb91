//! The part of the crate's interface that changed, for version 0.2.3 and later: indexes are `usize`, and a log is
//! synchronized with `write_atomically`.

use omnipaxos::ballot_leader_election::Ballot;
use omnipaxos::messages::Message;
use omnipaxos::storage::{NoSnapshot, StopSign, Storage, StorageOp, StorageResult};

use crate::store::{Command, Op, Shared};

/// A replica.
pub type Library = omnipaxos::OmniPaxos<Command, Shared>;

/// Takes the messages to send.
pub fn outgoing(library: &mut Library) -> Vec<Message<Command>> {
    let mut messages = Vec::new();
    library.take_outgoing_messages(&mut messages);
    messages
}

impl Storage<Command> for Shared {
    fn write_atomically(&mut self, ops: Vec<StorageOp<Command>>) -> StorageResult<()> {
        let translate = |op| match op {
            StorageOp::AppendEntry(entry) => Some(Op::Append(vec![entry])),
            StorageOp::AppendEntries(entries) => Some(Op::Append(entries)),
            StorageOp::AppendOnPrefix(from, entries) => Some(Op::Replace(from as u64, entries)),
            StorageOp::SetPromise(ballot) => Some(Op::Promise(ballot)),
            StorageOp::SetDecidedIndex(index) => Some(Op::Decided(index as u64)),
            StorageOp::SetAcceptedRound(ballot) => Some(Op::Accepted(ballot)),
            // Snapshots, trimming and other configurations are not used.
            StorageOp::SetCompactedIdx(_)
            | StorageOp::Trim(_)
            | StorageOp::SetStopsign(_)
            | StorageOp::SetSnapshot(_) => None,
        };
        self.write(ops.into_iter().filter_map(translate).collect());
        Ok(())
    }
    fn append_entry(&mut self, entry: Command) -> StorageResult<()> {
        self.append_entries(vec![entry])
    }
    fn append_entries(&mut self, entries: Vec<Command>) -> StorageResult<()> {
        if !entries.is_empty() {
            self.write(vec![Op::Append(entries)]);
        }
        Ok(())
    }
    fn append_on_prefix(&mut self, from: usize, entries: Vec<Command>) -> StorageResult<()> {
        self.write(vec![Op::Replace(from as u64, entries)]);
        Ok(())
    }
    fn set_promise(&mut self, ballot: Ballot) -> StorageResult<()> {
        self.write(vec![Op::Promise(ballot)]);
        Ok(())
    }
    fn set_decided_idx(&mut self, index: usize) -> StorageResult<()> {
        self.write(vec![Op::Decided(index as u64)]);
        Ok(())
    }
    fn get_decided_idx(&self) -> StorageResult<usize> {
        Ok(self.0.borrow().decided as usize)
    }
    fn set_accepted_round(&mut self, ballot: Ballot) -> StorageResult<()> {
        self.write(vec![Op::Accepted(ballot)]);
        Ok(())
    }
    fn get_accepted_round(&self) -> StorageResult<Option<Ballot>> {
        Ok(self.0.borrow().accepted)
    }
    fn get_entries(&self, from: usize, to: usize) -> StorageResult<Vec<Command>> {
        Ok(self.0.borrow().entries(from as u64, to as u64))
    }
    fn get_log_len(&self) -> StorageResult<usize> {
        Ok(self.0.borrow().log.len())
    }
    fn get_suffix(&self, from: usize) -> StorageResult<Vec<Command>> {
        let store = self.0.borrow();
        Ok(store.entries(from as u64, store.log.len() as u64))
    }
    fn get_promise(&self) -> StorageResult<Option<Ballot>> {
        Ok(self.0.borrow().promise)
    }
    fn set_stopsign(&mut self, _: Option<StopSign>) -> StorageResult<()> {
        Ok(())
    }
    fn get_stopsign(&self) -> StorageResult<Option<StopSign>> {
        Ok(None)
    }
    fn trim(&mut self, _: usize) -> StorageResult<()> {
        Ok(())
    }
    fn set_compacted_idx(&mut self, _: usize) -> StorageResult<()> {
        Ok(())
    }
    fn get_compacted_idx(&self) -> StorageResult<usize> {
        Ok(0)
    }
    fn set_snapshot(&mut self, _: Option<NoSnapshot>) -> StorageResult<()> {
        Ok(())
    }
    fn get_snapshot(&self) -> StorageResult<Option<NoSnapshot>> {
        Ok(None)
    }
}
