//! The history of client sessions according to executions, a part of the history that several invariants share. It
//! reports no violations.
//!
//! The first execution of each op by a correct replica defines the history. What a replica reports of sessions while
//! it executes an op (`SessionRegistered`, `SessionEvicted`, before `Executed`) is applied when it has executed the
//! op.

use crate::base::ids::{ClientId, REPLICAS_MAX, ReplicaId};

/// What executing one op changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::invariants) struct Change {
    pub registered: Option<(ClientId, u32)>,
    pub evicted: Option<(ClientId, u32)>,
}

/// A session that is neither evicted nor replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::invariants) struct Living {
    pub client: ClientId,
    pub session: u32,
    /// The last op that registered it or took effect in it.
    pub used: u64,
}

/// What is known of one client.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// The newest session that was handed out to it, and what that was when it began to ask for one.
    handed: u32,
    floor: u32,
    /// Whether it waits for a session.
    registering: bool,
    /// The highest (session, number) that took effect.
    latest: (u32, u32),
}

/// The sessions as the history of executions has them.
#[derive(Debug, Default)]
pub(in crate::invariants) struct Sessions {
    /// How many the cluster keeps; 0 where clients name their own.
    pub max: usize,
    /// The sessions that live, at most `max` of them where nothing is wrong.
    pub living: Vec<Living>,
    /// The highest session that was handed out.
    pub handed: u32,
    /// What each replica has said of the op that it is executing.
    pub pending: [Change; REPLICAS_MAX],
    /// What each op changed; op 1 is at index 0. Empty where clients name their own sessions.
    changes: Vec<Change>,
    clients: Vec<Known>,
    /// How many clients wait for a session.
    pub registering: u32,
}

impl Sessions {
    pub fn reset(&mut self, max: u16) {
        self.max = max.into();
        self.living.clear();
        self.handed = 0;
        self.pending = Default::default();
        self.changes.clear();
        self.clients.clear();
        self.registering = 0;
    }

    fn known(&self, client: ClientId) -> Known {
        self.clients.get(client.index()).copied().unwrap_or_default()
    }

    fn known_mut(&mut self, client: ClientId) -> &mut Known {
        if client.index() >= self.clients.len() {
            self.clients.resize(client.index() + 1, Known::default());
        }
        &mut self.clients[client.index()]
    }

    /// Whether the session is neither evicted nor replaced.
    pub fn lives(&self, client: ClientId, session: u32) -> bool {
        self.living.iter().any(|living| (living.client, living.session) == (client, session))
    }

    /// The session that was used least recently.
    pub fn oldest(&self) -> Option<(ClientId, u32)> {
        let oldest = self.living.iter().min_by_key(|living| living.used)?;
        Some((oldest.client, oldest.session))
    }

    /// The highest (session, number) of the client that took effect; zeros before the first.
    pub fn latest(&self, client: ClientId) -> (u32, u32) {
        self.known(client).latest
    }

    /// The client's newest session at the time when it began to ask for another.
    pub fn floor(&self, client: ClientId) -> u32 {
        self.known(client).floor
    }

    /// What the first execution of the op changed.
    pub fn change(&self, op: u64) -> Change {
        let index = usize::try_from(op.saturating_sub(1)).unwrap_or(usize::MAX);
        self.changes.get(index).copied().unwrap_or_default()
    }

    /// A client begins to ask for a session.
    pub fn asks(&mut self, client: ClientId) {
        let known = self.known_mut(client);
        known.floor = known.handed;
        self.registering += u32::from(!std::mem::replace(&mut self.known_mut(client).registering, true));
    }

    /// The client got its session, or crashed.
    pub fn asks_no_more(&mut self, client: ClientId) {
        if self.known(client).registering {
            self.known_mut(client).registering = false;
            self.registering -= 1;
        }
    }

    /// The replica has executed the op: nothing is pending any more. Where it is the first to do so, its word is history.
    pub fn executed(&mut self, id: ReplicaId, first: bool, op: u64, by: (ClientId, u32, u32), effect: bool) {
        let change = std::mem::take(&mut self.pending[id.index() % REPLICAS_MAX]);
        if !first {
            return;
        }
        let (client, session, number) = by;
        if effect {
            let latest = &mut self.known_mut(client).latest;
            *latest = (session, number).max(*latest);
        }
        if self.max == 0 {
            return;
        }
        self.changes.push(change);
        if effect {
            for living in self.living.iter_mut().filter(|living| (living.client, living.session) == (client, session)) {
                living.used = op;
            }
        }
        if let Some((client, session)) = change.evicted {
            self.living.retain(|living| (living.client, living.session) != (client, session));
        }
        if let Some((client, session)) = change.registered {
            self.living.retain(|living| living.client != client);
            self.living.push(Living { client, session, used: op });
            self.known_mut(client).handed = session;
            self.handed = self.handed.max(session);
        }
    }
}
