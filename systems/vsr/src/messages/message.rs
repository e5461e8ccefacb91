//! The messages between replicas: those of Viewstamped Replication Revisited (sections 4 and 5), and, where replicas may
//! lie, the reasons that a claim follows from.

use std::cell::Cell;
use std::rc::Rc;

use sim::{EntryHash, MessageKind, ReplicaId, Request, Time};

use crate::log::entry::Entry;
use crate::log::signature::{Keyring, Signature, halves, hash};
use crate::log::{Base, Tail};

/// A message larger than this is refused.
pub const MESSAGE_BYTES_MAX: u64 = 1 << 20;

/// A message with its claimed sender and that sender's signature.
#[derive(Clone, Debug)]
pub struct Message {
    /// Who says that it sent this.
    pub from: ReplicaId,
    /// What it says.
    pub body: Body,
    /// The sender's signature over the body.
    pub signature: Signature,
}

/// What a message says.
#[derive(Clone, Debug)]
pub enum Body {
    /// The primary of `view` asks to log `entry`, and tells its commit number.
    Prepare {
        /// The sender's view.
        view: u64,
        /// How far the sender has committed.
        commit: CommitClaim,
        /// The entry.
        entry: Rc<Entry>,
    },
    /// The sender holds its log up to `op` durably.
    PrepareOk {
        /// The view in which it promises that.
        view: u64,
        /// The op.
        op: u64,
        /// The entry at `op`.
        hash: EntryHash,
    },
    /// The primary tells its commit number and where its log ends; also its heartbeat.
    Commit {
        /// The sender's view.
        view: u64,
        /// How far the sender has committed.
        commit: CommitClaim,
        /// The last op of its log.
        op: u64,
    },
    /// The sender wants `view` to start, or (`entered`) has left all lower views for it.
    StartViewChange {
        /// The view.
        view: u64,
        /// Whether it has left the lower views.
        entered: bool,
        /// The votes that made it leave, where replicas may lie.
        votes: Rc<[Vote]>,
        /// The op of the membership that is in force in the sender's log; 0 where replicas may lie, and so not signed.
        configuration: u64,
    },
    /// The sender's log, for the primary of a new view.
    DoViewChange(Rc<DoViewChange>),
    /// The log of a view that has started.
    StartView(Rc<StartView>),
    /// The sender wants the StartView of `view` or of a later one.
    RequestStartView {
        /// The view.
        view: u64,
    },
    /// The sender misses the entries `from..=to` of the view's log.
    RequestRepair {
        /// The sender's view.
        view: u64,
        /// The first missing op.
        from: u64,
        /// The last missing op.
        to: u64,
        /// Tells the request from the sender's other ones.
        number: u64,
    },
    /// Entries that were asked for.
    Repair {
        /// The sender's view.
        view: u64,
        /// The number of the request that this answers.
        number: u64,
        /// The entries, in order.
        entries: Rc<[Rc<Entry>]>,
    },
    /// The sender wants to know the receiver's time.
    Ping {
        /// When it asks, by its monotonic clock.
        asked: Time,
    },
    /// The sender's time.
    Pong {
        /// When it was asked, by the receiver's clock.
        asked: Time,
        /// What its wall clock shows.
        wall: Time,
    },
    /// A client's request that reached a backup.
    Forward {
        /// The sender's view.
        view: u64,
        /// The request.
        request: Request,
    },
    /// The sender cannot read the content of this entry any more. The hash says which one it is, whatever the view.
    RequestContent {
        /// The op.
        op: u64,
        /// The entry.
        hash: EntryHash,
    },
    /// The content of an entry that was asked for.
    Content {
        /// The entry.
        entry: Rc<Entry>,
    },
    /// The sender never held this entry. Who held it and cannot read it any more keeps silent (Protocol-Aware Recovery,
    /// section 3.4).
    Nack {
        /// The op.
        op: u64,
        /// The entry.
        hash: EntryHash,
    },
    /// The sender wants the state of a checkpoint at `at_least` or later.
    RequestState {
        /// The sender's view.
        view: u64,
        /// The lowest op that is of use.
        at_least: u64,
        /// The state that the sender has begun to get; 0 at first.
        state: EntryHash,
        /// How many of its bytes the sender has.
        offset: u64,
    },
    /// A part of a checkpoint's state.
    State(Rc<StateChunk>),
}

/// "I have committed up to `op`", and, where replicas may lie, why that is true.
#[derive(Clone, Debug, Default)]
pub struct CommitClaim {
    /// The op.
    pub op: u64,
    /// The PrepareOks that it follows from; `None` where nobody lies, or for op 0.
    pub certificate: Option<Rc<Certificate>>,
}

/// The signed PrepareOks of a replication quorum for one entry.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The view in which they were given.
    pub view: u64,
    /// The op.
    pub op: u64,
    /// The entry.
    pub hash: EntryHash,
    /// Who gave them, with the signatures.
    pub acknowledgements: Vec<(ReplicaId, Signature)>,
    /// Whether they are known to fit.
    pub checked: Cell<bool>,
}

impl Certificate {
    /// Whether at least `quorum` replicas really signed it.
    pub fn verify(&self, quorum: u32, keys: &Keyring) -> bool {
        if !self.checked.get() {
            let mut signers = sim::ReplicaSet::default();
            let ok = Body::PrepareOk { view: self.view, op: self.op, hash: self.hash };
            for (replica, signature) in &self.acknowledgements {
                if replica.index() < sim::base::ids::REPLICAS_MAX
                    && keys.verify(*replica, &ok.statement(*replica), *signature)
                {
                    signers.insert(*replica);
                }
            }
            self.checked.set(signers.len() >= quorum);
        }
        self.checked.get()
    }
}

/// One replica's wish for a view, with the signature of its StartViewChange.
#[derive(Clone, Copy, Debug)]
pub struct Vote {
    /// Whose.
    pub from: ReplicaId,
    /// The view.
    pub view: u64,
    /// The signature.
    pub signature: Signature,
}

/// The body of a DoViewChange.
#[derive(Clone, Debug)]
pub struct DoViewChange {
    /// The view that is to start.
    pub view: u64,
    /// The last view in which the sender was normal.
    pub last_normal: u64,
    /// The last op of its log, as stated.
    pub op: u64,
    /// Its commit number.
    pub commit: u64,
    /// Its log after `base`; entries that it cannot read are holes.
    pub log: Rc<[Rc<Entry>]>,
    /// What the log begins after: op 0 without checkpoints. What comes before is committed.
    pub base: Base,
    /// The op of its newest checkpoint.
    pub checkpoint: u64,
}

/// The body of a StartView.
#[derive(Clone, Debug)]
pub struct StartView {
    /// The view.
    pub view: u64,
    /// The last op of the sender's log, as stated.
    pub op: u64,
    /// How far the sender has committed.
    pub commit: CommitClaim,
    /// The sender's log after `base`.
    pub log: Rc<[Rc<Entry>]>,
    /// How many entries the view started from.
    pub start_op: u64,
    /// The DoViewChanges that the start follows from, where replicas may lie.
    pub reasons: Rc<[Message]>,
    /// Bytes that a liar adds.
    pub padding: u64,
    /// What the log begins after: op 0 without checkpoints.
    pub base: Base,
}

/// Part of the state of a checkpoint.
#[derive(Clone, Debug)]
pub struct StateChunk {
    /// The sender's view.
    pub view: u64,
    /// The last entry that the state includes.
    pub last: Base,
    /// The hash of the whole state.
    pub state: EntryHash,
    /// How many bytes the whole state has.
    pub length: u64,
    /// Where the part begins.
    pub offset: u64,
    /// The part.
    pub bytes: Rc<[u8]>,
}

impl DoViewChange {
    /// The log.
    pub fn tail(&self) -> Tail<'_> {
        Tail { base: self.base, entries: &self.log }
    }
}

impl StartView {
    /// The log.
    pub fn tail(&self) -> Tail<'_> {
        Tail { base: self.base, entries: &self.log }
    }
}

impl Body {
    /// The kind of the message.
    pub fn kind(&self) -> MessageKind {
        match self {
            Body::Prepare { .. } => MessageKind::Prepare,
            Body::PrepareOk { .. } => MessageKind::PrepareOk,
            Body::Commit { .. } => MessageKind::Commit,
            Body::StartViewChange { .. } => MessageKind::StartViewChange,
            Body::DoViewChange(_) => MessageKind::DoViewChange,
            Body::StartView(_) => MessageKind::StartView,
            Body::RequestStartView { .. } => MessageKind::RequestStartView,
            Body::RequestRepair { .. } | Body::RequestContent { .. } => MessageKind::RequestRepair,
            Body::Repair { .. } | Body::Content { .. } => MessageKind::Repair,
            Body::Nack { .. } => MessageKind::Nack,
            Body::Ping { .. } => MessageKind::Ping,
            Body::Pong { .. } => MessageKind::Pong,
            Body::Forward { .. } => MessageKind::Request,
            Body::RequestState { .. } => MessageKind::RequestState,
            Body::State(_) => MessageKind::State,
        }
    }

    /// The view that the message belongs to; that of the entry where the message is about one entry in any view, and 0 for
    /// one that belongs to none.
    pub fn view(&self) -> u64 {
        match self {
            Body::Prepare { view, .. }
            | Body::PrepareOk { view, .. }
            | Body::Commit { view, .. }
            | Body::StartViewChange { view, .. }
            | Body::RequestStartView { view }
            | Body::RequestRepair { view, .. }
            | Body::Repair { view, .. }
            | Body::RequestState { view, .. }
            | Body::Forward { view, .. } => *view,
            Body::State(chunk) => chunk.view,
            Body::DoViewChange(message) => message.view,
            Body::StartView(message) => message.view,
            Body::Content { entry } => entry.view,
            Body::Ping { .. } | Body::Pong { .. } | Body::RequestContent { .. } | Body::Nack { .. } => 0,
        }
    }

    /// The size on the wire in bytes, about.
    pub fn size(&self) -> u64 {
        let entries = |log: &[Rc<Entry>]| log.iter().map(|entry| entry.size()).sum::<u64>();
        let certificate =
            |claim: &CommitClaim| claim.certificate.as_ref().map_or(0, |c| 32 + 17 * c.acknowledgements.len() as u64);
        64 + match self {
            Body::Prepare { entry, commit, .. } => entry.size() + certificate(commit),
            Body::Content { entry } => entry.size(),
            Body::Commit { commit, .. } => certificate(commit),
            Body::StartViewChange { votes, .. } => 25 * votes.len() as u64,
            Body::DoViewChange(message) => entries(&message.log),
            Body::StartView(message) => {
                let reasons = message.reasons.iter().map(|reason| reason.body.size()).sum::<u64>();
                message.padding.saturating_add(entries(&message.log) + certificate(&message.commit) + reasons)
            }
            Body::Repair { entries: repaired, .. } => entries(repaired),
            Body::State(chunk) => chunk.bytes.len() as u64,
            Body::PrepareOk { .. }
            | Body::RequestStartView { .. }
            | Body::RequestRepair { .. }
            | Body::RequestState { .. }
            | Body::Ping { .. }
            | Body::Pong { .. }
            | Body::RequestContent { .. }
            | Body::Nack { .. } => 0,
            Body::Forward { request, .. } => request.payload.len() as u64,
        }
    }

    /// The words that `from` signs: the kind, the sender, and every field, logs by their last hash (the chain covers the
    /// rest) and their length.
    pub fn statement(&self, from: ReplicaId) -> [u64; 12] {
        let mut words = [0; 12];
        words[0] = self.kind() as u64;
        words[1] = u64::from(from.0);
        words[2] = self.view();
        match self {
            Body::Prepare { commit, entry, .. } => {
                words[3] = commit.op;
                [words[4], words[5]] = halves(entry.hash);
            }
            Body::PrepareOk { op, hash, .. } => {
                words[3] = *op;
                [words[4], words[5]] = halves(*hash);
            }
            Body::Commit { commit, op, .. } => {
                words[3] = commit.op;
                words[4] = *op;
            }
            // A vote and the news of having left are one statement: both say "at least this view".
            Body::StartViewChange { .. } | Body::RequestStartView { .. } => {}
            Body::DoViewChange(message) => {
                words[3] = message.last_normal;
                words[4] = message.op;
                words[5] = message.commit;
                words[6] = message.log.len() as u64;
                [words[7], words[8]] = halves(message.log.last().map_or(0, |entry| entry.hash));
                [words[9], words[10]] = halves(holes(&message.log));
            }
            Body::StartView(message) => {
                words[3] = message.op;
                words[4] = message.commit.op;
                words[5] = message.log.len() as u64;
                words[6] = message.start_op;
                words[7] = message.reasons.len() as u64;
                [words[8], words[9]] = halves(message.log.last().map_or(0, |entry| entry.hash));
                words[10] = message.padding;
            }
            Body::RequestRepair { from: first, to, number, .. } => {
                words[3] = *first;
                words[4] = *to;
                words[5] = *number;
            }
            // Nothing else is about one entry, so the last word tells these from others of their kinds.
            Body::RequestContent { op, hash } | Body::Nack { op, hash } => {
                words[3] = *op;
                [words[4], words[5]] = halves(*hash);
                words[11] = 1;
            }
            Body::Content { entry } => {
                [words[4], words[5]] = halves(entry.hash);
                words[11] = 1;
            }
            Body::Repair { number, entries, .. } => {
                words[3] = entries.len() as u64;
                words[6] = *number;
                [words[4], words[5]] = halves(entries.last().map_or(0, |entry| entry.hash));
            }
            Body::Ping { asked } => words[3] = *asked,
            Body::Pong { asked, wall } => {
                words[3] = *asked;
                words[4] = *wall;
            }
            // What a client asks is the client's to sign, which this simulation leaves out.
            Body::Forward { request, .. } => {
                words[3] = request.client.0.into();
                words[4] = request.session.into();
                words[5] = request.number.into();
            }
            Body::RequestState { at_least, state, offset, .. } => {
                words[3] = *at_least;
                words[4] = *offset;
                [words[5], words[6]] = halves(*state);
            }
            Body::State(chunk) => {
                [words[3], words[4], words[5]] = [chunk.last.op, chunk.offset, chunk.length];
                [words[6], words[7]] = halves(chunk.last.hash);
                [words[8], words[9]] = halves(chunk.state);
                [words[10], words[11]] = halves(hash(&chunk.bytes));
            }
        }
        words
    }
}

/// A number that tells one pattern of holes from another.
fn holes(log: &[Rc<Entry>]) -> u128 {
    log.iter().filter(|entry| entry.is_hole()).fold(0, |sum, entry| sum.rotate_left(7) ^ u128::from(entry.op))
}

impl Message {
    /// A message of `from`, signed.
    pub fn new(from: ReplicaId, body: Body, keys: &Keyring) -> Self {
        let signature = if keys.signing() { keys.sign(from, &body.statement(from)) } else { 0 };
        Message { from, body, signature }
    }

    /// Whether the claimed sender signed it.
    pub fn verify(&self, keys: &Keyring) -> bool {
        !keys.signing() || keys.verify(self.from, &self.body.statement(self.from), self.signature)
    }
}
