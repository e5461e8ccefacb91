//! Observations of a step, derived from the crate's public state and from the messages that it sends.

use kimberlite_vsr::{LogEntry, Message, MessagePayload, OpNumber, ReplicaState, ReplicaStatus};
use sim::{EntryHash, Env, Observation, Status};

use crate::replica::Kimberlite;

/// What was reported of the replica so far.
#[derive(Default)]
pub struct Seen {
    /// For each entry of its log: the crate's checksum of its content, its view, and its identity.
    log: Vec<(u32, u64, EntryHash)>,
    commit: u64,
    /// The status and the view.
    status_and_view: Option<(Status, u64)>,
    /// The last view in which it was normal.
    last_normal: u64,
    /// The status and view for which the timers were last set.
    pub(crate) timers: Option<(ReplicaStatus, u64)>,
}

fn status(state: &ReplicaState) -> Status {
    match state.status() {
        ReplicaStatus::Normal | ReplicaStatus::Standby => Status::Normal,
        ReplicaStatus::ViewChange => Status::ViewChange,
        ReplicaStatus::Recovering => Status::Recovering,
    }
}

fn entry_at(state: &ReplicaState, op: u64) -> Option<&LogEntry> {
    state.log_entry(OpNumber::new(op))
}

/// The identity of an entry: the hash of its content and of everything before it. Entries of the crate do not contain
/// the hash of the previous entry.
fn identity(entry: &LogEntry, parent: EntryHash) -> EntryHash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&parent.to_le_bytes());
    hasher.update(&entry.op_number.as_u64().to_le_bytes());
    hasher.update(&entry.view.as_u64().to_le_bytes());
    // The checksum covers the command and the request.
    hasher.update(&entry.checksum.to_le_bytes());
    hasher.update(format!("{:?}", entry.command).as_bytes());
    let bytes: [u8; 16] = hasher.finalize().as_bytes()[..16].try_into().expect("16 of 32 bytes");
    EntryHash::from_le_bytes(bytes)
}

impl Seen {
    /// The state of a replica that starts, and was last normal in this view.
    pub(crate) fn after(last_normal: u64) -> Self {
        Seen { last_normal, ..Seen::default() }
    }

    pub(crate) fn last_normal(&self) -> u64 {
        self.last_normal
    }

    fn identity_at(&self, op: u64) -> EntryHash {
        let index = op.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        index.and_then(|index| self.log.get(index)).map_or(0, |(.., identity)| *identity)
    }

    /// Reports the changes of the log.
    fn observe_log(&mut self, env: &mut Env<'_, Kimberlite>, state: &ReplicaState) {
        let same = |(op, seen): (u64, &(u32, u64, EntryHash))| {
            entry_at(state, op).is_some_and(|entry| (entry.checksum, entry.view.as_u64()) == (seen.0, seen.1))
        };
        let kept = (1..).zip(&self.log).take_while(|seen| same(*seen)).count();
        if kept < self.log.len() {
            self.log.truncate(kept);
            env.observe(Observation::Truncated { op: kept as u64 });
        }
        while let Some(entry) = entry_at(state, self.log.len() as u64 + 1) {
            let parent = self.log.last().map_or(0, |(.., identity)| *identity);
            let identity = identity(entry, parent);
            let (op, view) = (entry.op_number.as_u64(), entry.view.as_u64());
            self.log.push((entry.checksum, view, identity));
            env.observe(Observation::Appended { op, view, entry: identity, parent });
        }
    }

    /// Reports newly committed entries. Returns whether there are any.
    pub(crate) fn commit_to(&mut self, env: &mut Env<'_, Kimberlite>, state: &ReplicaState) -> bool {
        let before = self.commit;
        let commit = state.commit_number().as_u64();
        // A liar can send any commit number. One observation of a missing op suffices; there is no need for one of each
        // op that follows.
        while self.commit < commit.min(self.log.len() as u64 + 1) {
            self.commit += 1;
            env.observe(Observation::Committed { op: self.commit, entry: self.identity_at(self.commit) });
        }
        self.commit = self.commit.max(commit);
        self.commit > before
    }

    fn observe_status(&mut self, env: &mut Env<'_, Kimberlite>, state: &ReplicaState, status: Status) {
        let view = state.view().as_u64();
        if self.status_and_view == Some((status, view)) {
            return;
        }
        let before = self.status_and_view.replace((status, view));
        if status == Status::ViewChange && before.is_some_and(|(_, before)| before < view) {
            env.observe(Observation::ViewChangeStarted { view });
        }
        env.observe(Observation::StatusChanged { status, view, primary: state.is_leader() });
        if status == Status::Normal {
            self.last_normal = view;
        }
    }
}

impl Kimberlite {
    /// Reports the state that the replica starts with.
    pub(crate) fn observe_boot(&mut self, env: &mut Env<'_, Self>) {
        let state = self.state.take().expect("the crate is not at work");
        let seen = &mut self.seen;
        env.observe(Observation::Loading);
        seen.observe_log(env, &state);
        let (view, op) = (state.view().as_u64(), seen.log.len() as u64);
        env.observe(Observation::Recovered { view, last_normal: seen.last_normal, op });
        seen.observe_status(env, &state, status(&state));
        if status(&state) == Status::Normal {
            env.observe(Observation::ViewStarted { view, op, commit: 0, primary: state.is_leader() });
        }
        seen.commit_to(env, &state);
        self.state = Some(state);
    }

    /// Reports the changes of the replica's view and log in a step.
    pub(crate) fn observe(&mut self, env: &mut Env<'_, Self>, messages: &[Message]) {
        let state = self.state.take().expect("the crate is not at work");
        let seen = &mut self.seen;
        let view = state.view().as_u64();
        let normal = status(&state) == Status::Normal;
        let started = normal && seen.status_and_view != Some((Status::Normal, view));
        seen.observe_status(env, &state, status(&state));
        let held = seen.log.len() as u64;
        seen.observe_log(env, &state);
        let op = seen.log.len() as u64;
        if started {
            let commit = state.commit_number().as_u64();
            env.observe(Observation::ViewStarted { view, op, commit, primary: state.is_leader() });
        }
        // A leader counts its own acknowledgement as soon as it has the entry.
        let prepares = messages.iter().any(|message| matches!(message.payload, MessagePayload::Prepare(_)));
        if state.is_acting_leader() && op > held && prepares {
            env.observe(Observation::Acknowledged { view, op, entry: seen.identity_at(op) });
        }
        self.state = Some(state);
    }

    /// Reports what a message promises.
    pub(crate) fn observe_message(&self, env: &mut Env<'_, Self>, message: &Message) {
        match &message.payload {
            MessagePayload::PrepareOk(ok) => {
                let op = ok.op_number.as_u64();
                let entry = self.seen.identity_at(op);
                env.observe(Observation::Acknowledged { view: ok.view.as_u64(), op, entry });
            }
            MessagePayload::DoViewChange(vote) => env.observe(Observation::Voted {
                view: vote.view.as_u64(),
                last_normal: vote.last_normal_view.as_u64(),
                op: vote.op_number.as_u64(),
                commit: vote.commit_number.as_u64(),
            }),
            MessagePayload::StateTransferRequest(request) => {
                env.observe(Observation::StateTransferStarted { at_least: request.known_checkpoint.as_u64() + 1 });
            }
            _ => {}
        }
    }
}
