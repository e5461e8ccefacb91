//! `raft` 0.7. In this version, a `Ready` has messages that may be sent at once and messages that wait until it is
//! durable.

use raft::RawNode;
use raft::eraftpb::{ConfState, Message};
use raft::storage::MemStorage;

use crate::node::{Entry, HardState, Node, Ready, Settings, forward, translate};

translate!(raft, 0);

/// A node of this version.
pub struct Current {
    node: RawNode<MemStorage>,
    /// The `Ready` to advance.
    ready: Option<raft::Ready>,
}

impl Node for Current {
    type Message = Message;
    const NAME: &'static str = "raft";
    const VERSION: &'static str = "0.7.0";

    fn open(settings: &Settings, entries: &[Entry], hard_state: HardState) -> Self {
        let storage = MemStorage::new();
        let (entries, hard_state) = stored(entries, hard_state);
        let members = ConfState { voters: (1..=settings.nodes).collect(), ..ConfState::default() };
        {
            let mut storage = storage.wl();
            storage.set_conf_state(members);
            storage.append(&entries).expect("entries without a gap");
            storage.set_hardstate(hard_state);
        }
        let logger = slog::Logger::root(slog::Discard, slog::o!());
        Current {
            node: RawNode::new(&configuration(settings), storage, &logger).expect("a valid configuration"),
            ready: None,
        }
    }

    forward!(raft);

    fn ready(&mut self) -> Option<Ready<Message>> {
        if !self.node.has_ready() {
            return None;
        }
        let mut ready = self.node.ready();
        {
            let mut storage = self.node.store().wl();
            storage.append(ready.entries()).expect("entries without a gap");
            if let Some(state) = ready.hs() {
                storage.set_hardstate(state.clone());
            }
        }
        let wanted = Ready {
            messages: outgoing(ready.take_messages()),
            entries: entries_of(ready.entries()),
            hard_state: ready.hs().map(hard_state_of),
            must_sync: ready.must_sync(),
            committed: entries_of(&ready.take_committed_entries()),
            persisted_messages: outgoing(ready.take_persisted_messages()),
            persisted_committed: Vec::new(),
        };
        self.ready = Some(ready);
        Some(wanted)
    }

    fn advance(&mut self) -> Ready<Message> {
        let Some(ready) = self.ready.take() else { return Ready::default() };
        let mut light = self.node.advance(ready);
        if let Some(commit) = light.commit_index() {
            self.node.store().wl().mut_hard_state().set_commit(commit);
        }
        let wanted = Ready {
            messages: outgoing(light.take_messages()),
            committed: entries_of(&light.take_committed_entries()),
            ..Ready::default()
        };
        self.node.advance_apply();
        wanted
    }
}
