//! The messages between replicas: those of Viewstamped Replication Revisited (sections 4 and 5), and, where replicas
//! may lie, the reasons that a claim follows from.

use std::cell::Cell;
use std::rc::Rc;

use sim::{EntryHash, MessageKind, ReplicaId, Request, Time};

use crate::log::entry::Entry;
use crate::log::signature::{Keyring, Signature, halves, hash};
use crate::log::{Base, Tail};

/// A replica rejects messages larger than this.
pub const MESSAGE_BYTES_MAX: u64 = 1 << 20;

/// A message with its claimed sender and that sender's signature.
#[derive(Clone, Debug)]
pub struct Message {
    /// The claimed sender.
    pub from: ReplicaId,
    /// The content.
    pub body: Body,
    /// The sender's signature over the body.
    pub signature: Signature,
}

/// The content of a message.
#[derive(Clone, Debug)]
pub enum Body {
    /// The primary of `view` asks the backups to log `entry`, and states its commit number.
    Prepare {
        /// The sender's view.
        view: u64,
        /// The sender's commit number.
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
        /// The hash of the entry at `op`.
        hash: EntryHash,
    },
    /// The primary states its commit number and its last op. Also its heartbeat.
    Commit {
        /// The sender's view.
        view: u64,
        /// The sender's commit number.
        commit: CommitClaim,
        /// The last op of its log.
        op: u64,
    },
    /// The sender votes for `view`, or, if `entered`, has left all lower views for it.
    StartViewChange {
        /// The view.
        view: u64,
        /// Whether the sender has left the lower views.
        entered: bool,
        /// Where replicas may lie: the votes because of which the sender left.
        votes: Rc<[Vote]>,
        /// The op of the configuration in force in the sender's log. It is 0 where replicas may lie, and therefore not
        /// signed.
        configuration: u64,
    },
    /// The sender's log, for the primary of a new view.
    DoViewChange(Rc<DoViewChange>),
    /// The log of a view that has started.
    StartView(Rc<StartView>),
    /// The sender requests the StartView of `view` or of a later view.
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
        /// Distinguishes this request from the sender's other requests.
        number: u64,
    },
    /// The requested entries.
    Repair {
        /// The sender's view.
        view: u64,
        /// The number of the request that this answers.
        number: u64,
        /// The entries, in order.
        entries: Rc<[Rc<Entry>]>,
    },
    /// The sender requests the receiver's time.
    Ping {
        /// When it was sent, by the sender's monotonic clock.
        asked: Time,
    },
    /// The sender's time.
    Pong {
        /// When the Ping was sent, by the monotonic clock of this message's receiver.
        asked: Time,
        /// The sender's wall clock.
        wall: Time,
    },
    /// A client's request that reached a backup.
    Forward {
        /// The sender's view.
        view: u64,
        /// The request.
        request: Request,
    },
    /// The sender can no longer read the content of this entry. The hash identifies the entry in any view.
    RequestContent {
        /// The op.
        op: u64,
        /// The hash of the entry.
        hash: EntryHash,
    },
    /// The content of a requested entry.
    Content {
        /// The entry.
        entry: Rc<Entry>,
    },
    /// The sender never held this entry. A replica that held it and can no longer read it sends nothing (Protocol-Aware
    /// Recovery, section 3.4).
    Nack {
        /// The op.
        op: u64,
        /// The hash of the entry.
        hash: EntryHash,
    },
    /// The sender requests the state of a checkpoint at op `at_least` or later.
    RequestState {
        /// The sender's view.
        view: u64,
        /// The lowest op that the sender can use.
        at_least: u64,
        /// The hash of the state that the sender has part of; 0 at first.
        state: EntryHash,
        /// The number of its bytes that the sender has.
        offset: u64,
    },
    /// Part of the state of a checkpoint.
    State(Rc<StateChunk>),
}

/// The statement that the sender has committed up to `op`, and, where replicas may lie, the proof of it.
#[derive(Clone, Debug, Default)]
pub struct CommitClaim {
    /// The op.
    pub op: u64,
    /// The PrepareOks that prove it; `None` where no replica lies, or for op 0.
    pub certificate: Option<Rc<Certificate>>,
}

/// The signed PrepareOks of a replication quorum for one entry.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The view of the PrepareOks.
    pub view: u64,
    /// The op.
    pub op: u64,
    /// The hash of the entry.
    pub hash: EntryHash,
    /// The senders, with their signatures.
    pub acknowledgements: Vec<(ReplicaId, Signature)>,
    /// Whether the signatures were verified.
    pub checked: Cell<bool>,
}

impl Certificate {
    /// Whether at least `quorum` replicas signed it.
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

/// One replica's vote for a view, with the signature of its StartViewChange.
#[derive(Clone, Copy, Debug)]
pub struct Vote {
    /// The voter.
    pub from: ReplicaId,
    /// The view.
    pub view: u64,
    /// The signature.
    pub signature: Signature,
}

/// The body of a DoViewChange.
#[derive(Clone, Debug)]
pub struct DoViewChange {
    /// The view to start.
    pub view: u64,
    /// The last view in which the sender was normal.
    pub last_normal: u64,
    /// The last op of its log, as stated by the sender.
    pub op: u64,
    /// Its commit number.
    pub commit: u64,
    /// Its log after `base`. Entries that it cannot read are holes.
    pub log: Rc<[Rc<Entry>]>,
    /// The entry before the log; op 0 without checkpoints. Everything up to it is committed.
    pub base: Base,
    /// The op of its newest checkpoint.
    pub checkpoint: u64,
}

/// The body of a StartView.
#[derive(Clone, Debug)]
pub struct StartView {
    /// The view.
    pub view: u64,
    /// The last op of the sender's log, as stated by the sender.
    pub op: u64,
    /// The sender's commit number.
    pub commit: CommitClaim,
    /// The sender's log after `base`.
    pub log: Rc<[Rc<Entry>]>,
    /// How many entries the view started from.
    pub start_op: u64,
    /// Where replicas may lie: the DoViewChanges that the log follows from.
    pub reasons: Rc<[Message]>,
    /// Bytes that a liar adds.
    pub padding: u64,
    /// The entry before the log; op 0 without checkpoints.
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
    /// The size of the whole state in bytes.
    pub length: u64,
    /// The offset of this part.
    pub offset: u64,
    /// The bytes of this part.
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

    /// The view of the message. For a message about one entry in any view, the view of that entry; 0 for a message
    /// without a view.
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

    /// The approximate size on the wire in bytes.
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

    /// The words that `from` signs: the kind, the sender, and every field. Logs are represented by their last hash (the
    /// hash chain covers the rest) and their length.
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
            // A vote and a notice of having left are one statement: both say "at least this view".
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
            // Only these messages of their kinds are about a single entry. The last word distinguishes them from the
            // others.
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
            // A client would sign its request itself. This simulation leaves that out.
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

/// A number that differs between patterns of holes.
fn holes(log: &[Rc<Entry>]) -> u128 {
    log.iter().filter(|entry| entry.is_hole()).fold(0, |sum, entry| sum.rotate_left(7) ^ u128::from(entry.op))
}

impl Message {
    /// A signed message from `from`.
    pub fn new(from: ReplicaId, body: Body, keys: &Keyring) -> Self {
        let signature = if keys.signing() { keys.sign(from, &body.statement(from)) } else { 0 };
        Message { from, body, signature }
    }

    /// Whether the claimed sender signed it.
    pub fn verify(&self, keys: &Keyring) -> bool {
        !keys.signing() || keys.verify(self.from, &self.body.statement(self.from), self.signature)
    }
}
