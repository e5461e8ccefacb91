//! `raft` 0.6.0-alpha. In this version, everything in a `Ready` may be done only after it is durable, if `must_sync`
//! requires that.
//!
//! The bug of this version: `must_sync` is false if there are entries but no new term or vote. A user that relies on it
//! acknowledges entries that a crash may lose (fixed in 0.6.0).

use raft_alpha::RawNode;
use raft_alpha::eraftpb::{ConfState, Message};
use raft_alpha::storage::MemStorage;
// Unused: it prevents Cargo from choosing a later version that is incompatible with this version of `raft`.
use raft_proto_alpha as _;

use crate::node::{Entry, HardState, Node, Ready, Settings, forward, translate};

// This version requires a log that begins with a snapshot of the membership, at index 1.
translate!(raft_alpha, 1);

/// A node of this version.
pub struct Alpha {
    node: RawNode<MemStorage>,
    /// The `Ready` to advance.
    ready: Option<raft_alpha::Ready>,
}

impl Node for Alpha {
    type Message = Message;
    const NAME: &'static str = "raft-0.6.0-alpha";
    const VERSION: &'static str = "0.6.0-alpha";

    fn open(settings: &Settings, entries: &[Entry], hard_state: HardState) -> Self {
        let members = ConfState { nodes: (1..=settings.nodes).collect(), ..ConfState::default() };
        let storage = MemStorage::new_with_conf_state(members);
        let fresh = hard_state == HardState::default();
        let (entries, hard_state) = stored(entries, hard_state);
        if !fresh {
            let mut storage = storage.wl();
            storage.append(&entries).expect("entries without a gap");
            storage.set_hardstate(hard_state);
        }
        let logger = slog::Logger::root(slog::Discard, slog::o!());
        let node = RawNode::new(&configuration(settings), storage).expect("a valid configuration").with_logger(&logger);
        Alpha { node, ready: None }
    }

    forward!(raft_alpha);

    fn ready(&mut self) -> Option<Ready<Message>> {
        if !self.node.has_ready() {
            return None;
        }
        let mut ready = self.node.ready();
        {
            let mut storage = self.node.mut_store().wl();
            storage.append(ready.entries()).expect("entries without a gap");
            if let Some(state) = ready.hs() {
                storage.set_hardstate(state.clone());
            }
        }
        let wanted = Ready {
            entries: entries_of(ready.entries()),
            hard_state: ready.hs().map(hard_state_of),
            must_sync: ready.must_sync(),
            persisted_messages: outgoing(std::mem::take(&mut ready.messages)),
            persisted_committed: entries_of(&ready.committed_entries.take().unwrap_or_default()),
            ..Ready::default()
        };
        self.ready = Some(ready);
        Some(wanted)
    }

    fn advance(&mut self) -> Ready<Message> {
        if let Some(ready) = self.ready.take() {
            self.node.advance(ready);
        }
        Ready::default()
    }
}
