//! The part of the crate's interface that changed, for the versions before 0.2.3: indexes are `u64`, appending returns
//! the length of the log, and no write is atomic.

use omnipaxos::ballot_leader_election::Ballot;
use omnipaxos::messages::Message;
use omnipaxos::storage::{NoSnapshot, StopSign, Storage, StorageResult};

use crate::store::{Command, Op, Shared};

/// A replica.
pub type Library = omnipaxos::OmniPaxos<Command, Shared>;

/// Takes the messages to send.
pub fn outgoing(library: &mut Library) -> Vec<Message<Command>> {
    library.outgoing_messages()
}

impl Storage<Command> for Shared {
    fn append_entry(&mut self, entry: Command) -> StorageResult<u64> {
        self.append_entries(vec![entry])
    }
    fn append_entries(&mut self, entries: Vec<Command>) -> StorageResult<u64> {
        if !entries.is_empty() {
            self.write(vec![Op::Append(entries)]);
        }
        self.get_log_len()
    }
    fn append_on_prefix(&mut self, from: u64, entries: Vec<Command>) -> StorageResult<u64> {
        self.write(vec![Op::Replace(from, entries)]);
        self.get_log_len()
    }
    fn set_promise(&mut self, ballot: Ballot) -> StorageResult<()> {
        self.write(vec![Op::Promise(ballot)]);
        Ok(())
    }
    fn set_decided_idx(&mut self, index: u64) -> StorageResult<()> {
        self.write(vec![Op::Decided(index)]);
        Ok(())
    }
    fn get_decided_idx(&self) -> StorageResult<u64> {
        Ok(self.0.borrow().decided)
    }
    fn set_accepted_round(&mut self, ballot: Ballot) -> StorageResult<()> {
        self.write(vec![Op::Accepted(ballot)]);
        Ok(())
    }
    fn get_accepted_round(&self) -> StorageResult<Option<Ballot>> {
        Ok(self.0.borrow().accepted)
    }
    fn get_entries(&self, from: u64, to: u64) -> StorageResult<Vec<Command>> {
        Ok(self.0.borrow().entries(from, to))
    }
    fn get_log_len(&self) -> StorageResult<u64> {
        Ok(self.0.borrow().log.len() as u64)
    }
    fn get_suffix(&self, from: u64) -> StorageResult<Vec<Command>> {
        let store = self.0.borrow();
        Ok(store.entries(from, store.log.len() as u64))
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
    fn trim(&mut self, _: u64) -> StorageResult<()> {
        Ok(())
    }
    fn set_compacted_idx(&mut self, _: u64) -> StorageResult<()> {
        Ok(())
    }
    fn get_compacted_idx(&self) -> StorageResult<u64> {
        Ok(0)
    }
    fn set_snapshot(&mut self, _: Option<NoSnapshot>) -> StorageResult<()> {
        Ok(())
    }
    fn get_snapshot(&self) -> StorageResult<Option<NoSnapshot>> {
        Ok(None)
    }
}
