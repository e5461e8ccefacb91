//! The interface that the adapter needs of `raft`'s `RawNode`, common to all versions of the crate.

use sim::MessageKind;

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its position in the log, from 1.
    pub index: u64,
    /// The term in which a leader created it.
    pub term: u64,
    /// The proposed command; empty in the entry with which a leader begins its term.
    pub data: Vec<u8>,
}

/// The state that has to survive a crash besides the entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HardState {
    /// The highest term that the node knows.
    pub term: u64,
    /// The node that it votes for in that term; 0 for none.
    pub vote: u64,
    /// The highest index known to be committed.
    pub commit: u64,
}

/// A message, with what observations need to know about it.
#[derive(Clone, Debug)]
pub struct Outgoing<M> {
    /// The id of the receiver.
    pub to: u64,
    /// The term in which it was sent.
    pub term: u64,
    /// The index up to which the sender promises to hold the log, if the message is such a promise.
    pub acknowledges: Option<u64>,
    /// The message.
    pub message: M,
}

/// What a node requests.
#[derive(Clone, Debug)]
pub struct Ready<M> {
    /// To be sent at once.
    pub messages: Vec<Outgoing<M>>,
    /// To be written.
    pub entries: Vec<Entry>,
    /// To be written, if it changed.
    pub hard_state: Option<HardState>,
    /// Whether the writes have to be durable before the node continues.
    pub must_sync: bool,
    /// To be executed at once.
    pub committed: Vec<Entry>,
    /// To be sent once the writes are done.
    pub persisted_messages: Vec<Outgoing<M>>,
    /// To be executed once the writes are done.
    pub persisted_committed: Vec<Entry>,
}

/// The role of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// Its term.
    pub term: u64,
    /// Whether it leads.
    pub leads: bool,
    /// The leader that it follows; 0 for none.
    pub leader: u64,
}

/// The settings of a node.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Its id, from 1.
    pub id: u64,
    /// The number of nodes.
    pub nodes: u64,
    /// The minimum election timeout in ticks; the maximum is twice that.
    pub election_tick: usize,
    /// The interval of a leader's heartbeats in ticks.
    pub heartbeat_tick: usize,
}

/// A `RawNode` with the crate's own in-memory storage.
pub trait Node: Sized + 'static {
    /// The crate's message.
    type Message: Clone + 'static;
    /// The system's name.
    const NAME: &'static str;
    /// The crate's version.
    const VERSION: &'static str;

    /// Starts a node with this content of its storage.
    fn open(settings: &Settings, entries: &[Entry], hard_state: HardState) -> Self;
    /// Handles a tick.
    fn tick(&mut self);
    /// Handles a message.
    fn step(&mut self, message: Self::Message);
    /// Proposes a command.
    fn propose(&mut self, data: Vec<u8>);
    /// Its role.
    fn role(&self) -> Role;
    /// Overwrites the election timeout, which the crate has drawn at random.
    fn set_election_timeout(&mut self, ticks: usize);
    /// What it requests, if anything. The in-memory storage contains it from now on.
    fn ready(&mut self) -> Option<Ready<Self::Message>>;
    /// Confirms that it is done. Returns what follows from it, which needs no writes.
    fn advance(&mut self) -> Ready<Self::Message>;
    /// The kind of a message.
    fn kind(message: &Self::Message) -> MessageKind;
}

impl<M> Default for Ready<M> {
    fn default() -> Self {
        Ready {
            messages: Vec::new(),
            entries: Vec::new(),
            hard_state: None,
            must_sync: false,
            committed: Vec::new(),
            persisted_messages: Vec::new(),
            persisted_committed: Vec::new(),
        }
    }
}

/// Translates the types that have the same names in every version. The log of the crate may begin later than at index
/// 1: `$before` is the last index before it.
macro_rules! translate {
    ($library:ident, $before:literal) => {
        fn kind_of(message: &$library::eraftpb::Message) -> sim::MessageKind {
            use sim::MessageKind as K;
            use $library::eraftpb::MessageType as T;
            // A leader begins its term with an empty entry, which it sends with all entries that a follower lacks.
            let begins = |message: &$library::eraftpb::Message| {
                message.get_entries().iter().any(|entry| entry.term == message.term && entry.data.is_empty())
            };
            match message.get_msg_type() {
                T::MsgPropose => K::Request,
                T::MsgAppend if begins(message) => K::StartView,
                T::MsgAppend if message.get_entries().is_empty() => K::Commit,
                T::MsgAppend => K::Prepare,
                T::MsgAppendResponse if message.reject => K::RequestRepair,
                T::MsgAppendResponse => K::PrepareOk,
                T::MsgRequestPreVote | T::MsgRequestVote => K::StartViewChange,
                T::MsgRequestVoteResponse if !message.reject => K::DoViewChange,
                T::MsgHeartbeat => K::Commit,
                T::MsgHeartbeatResponse => K::Pong,
                T::MsgSnapshot => K::State,
                _ => K::Other,
            }
        }

        fn outgoing(
            messages: Vec<$library::eraftpb::Message>,
        ) -> Vec<crate::node::Outgoing<$library::eraftpb::Message>> {
            let translate = |message: $library::eraftpb::Message| {
                let promises = kind_of(&message) == sim::MessageKind::PrepareOk;
                crate::node::Outgoing {
                    to: message.to,
                    term: message.term,
                    acknowledges: promises.then_some(message.index.saturating_sub($before)),
                    message,
                }
            };
            messages.into_iter().map(translate).collect()
        }

        fn entries_of(entries: &[$library::eraftpb::Entry]) -> Vec<crate::node::Entry> {
            let translate = |entry: &$library::eraftpb::Entry| crate::node::Entry {
                index: entry.index - $before,
                term: entry.term,
                data: entry.data.to_vec(),
            };
            entries.iter().map(translate).collect()
        }

        fn hard_state_of(state: &$library::eraftpb::HardState) -> crate::node::HardState {
            crate::node::HardState { term: state.term, vote: state.vote, commit: state.commit - $before }
        }

        /// The content of the crate's in-memory storage, from what was found on the disk.
        fn stored(
            entries: &[crate::node::Entry],
            hard_state: crate::node::HardState,
        ) -> (Vec<$library::eraftpb::Entry>, $library::eraftpb::HardState) {
            let translate = |entry: &crate::node::Entry| {
                let mut stored = $library::eraftpb::Entry::default();
                (stored.index, stored.term, stored.data) =
                    (entry.index + $before, entry.term, entry.data.clone().into());
                stored
            };
            let mut state = $library::eraftpb::HardState::default();
            (state.term, state.vote, state.commit) = (hard_state.term, hard_state.vote, hard_state.commit + $before);
            (entries.iter().map(translate).collect(), state)
        }

        fn configuration(settings: &crate::node::Settings) -> $library::Config {
            $library::Config {
                id: settings.id,
                election_tick: settings.election_tick,
                heartbeat_tick: settings.heartbeat_tick,
                max_size_per_msg: 1 << 20,
                max_inflight_msgs: 256,
                check_quorum: true,
                pre_vote: true,
                ..$library::Config::default()
            }
        }
    };
}
pub(crate) use translate;

/// The methods of `Node` that are the same in all versions. The node of the library is in the field `node`.
macro_rules! forward {
    ($library:ident) => {
        fn tick(&mut self) {
            self.node.tick();
        }

        fn step(&mut self, message: Self::Message) {
            // The protocol rejects messages that are late or from unknown nodes.
            let _ = self.node.step(message);
        }

        fn propose(&mut self, data: Vec<u8>) {
            // It is rejected without a leader. The client sends it again.
            let _ = self.node.propose(Vec::new(), data);
        }

        fn role(&self) -> crate::node::Role {
            let raft = &self.node.raft;
            let leads = raft.state == $library::StateRole::Leader;
            crate::node::Role { term: raft.term, leads, leader: raft.leader_id }
        }

        fn set_election_timeout(&mut self, ticks: usize) {
            self.node.raft.set_randomized_election_timeout(ticks);
        }

        fn kind(message: &Self::Message) -> sim::MessageKind {
            kind_of(message)
        }
    };
}
pub(crate) use forward;
