//! The adapter: translates what `raft` requests into acts of its host, and its state and actions into observations.
//!
//! - A replica is normal in a term once it leads, or once it follows a leader and holds an entry of that term: then its
//!   log is a prefix of its leader's. A leader that steps down is not normal, nor is a replica that learns of a higher
//!   term.
//! - It promises to hold its log up to an index when it sends this to its leader, and, as the leader, when its own
//!   entries are written. It votes when the vote is written.
//! - The simulator draws its election timeout. The crate draws one from the system's random numbers, but only reads it
//!   at the next tick. So the adapter overwrites it after each call, and the value that the crate drew has no effect.

use sim::{Case, EntryHash, MessageKind, Observation, ReplicaId};

use crate::node::{Entry, HardState, Node, Outgoing, Ready, Role, Settings};
use host::{Act, Library, Start, entry_hash};

/// `raft` as a [`Library`].
pub struct Adapter<N: Node> {
    node: N,
    settings: Settings,
    /// The log: the term and the identity of each entry; index 1 comes first.
    log: Vec<(u64, EntryHash)>,
    /// The role that was last reported.
    role: Role,
    /// Whether it was reported to be normal in that term.
    normal: bool,
    /// The last vote that was written, and its term.
    voted: (u64, u64),
    /// The commit index that was last reported.
    commit: u64,
    /// The role for which the election timeout was drawn.
    drawn_for: Option<Role>,
    timeout: usize,
    /// What waits for a write to become durable.
    waits: Option<Waits<N::Message>>,
}

/// What to do once a `Ready` is written.
struct Waits<M> {
    /// Whether it had entries.
    entries: bool,
    hard_state: Option<HardState>,
    messages: Vec<Outgoing<M>>,
    committed: Vec<Entry>,
}

impl<N: Node> Adapter<N> {
    fn last(&self) -> u64 {
        self.log.len() as u64
    }

    fn entry(&self, index: u64) -> EntryHash {
        let place = usize::try_from(index).ok().and_then(|index| index.checked_sub(1));
        place.and_then(|place| self.log.get(place)).map_or(0, |entry| entry.1)
    }

    /// Puts an entry at its index, and discards the entries at that index and after it.
    fn append(&mut self, entry: &Entry, acts: &mut Vec<Act<N::Message>>) {
        let before = entry.index.saturating_sub(1);
        if before < self.last() {
            self.log.truncate(before as usize);
            acts.push(Act::Observe(Observation::Truncated { op: before }));
        }
        let parent = self.entry(before);
        let hash = entry_hash(parent, entry.term, &entry.data);
        self.log.push((entry.term, hash));
        acts.push(Act::Observe(Observation::Appended { op: entry.index, view: entry.term, entry: hash, parent }));
    }

    /// Reports a change of the role.
    fn report_role(&mut self, acts: &mut Vec<Act<N::Message>>) {
        let (before, role) = (self.role, self.node.role());
        self.role = role;
        if role.term > before.term {
            self.normal = false;
            acts.push(Act::Observe(Observation::ViewChangeStarted { view: role.term }));
        }
        if role.leads && !self.normal {
            self.normal = true;
            let (op, commit) = (self.last(), self.commit);
            acts.push(Act::Observe(Observation::ViewStarted { view: role.term, op, commit, primary: true }));
        } else if role.leader != 0 && !self.normal {
            self.report_followed(acts);
        } else if !role.leads && before.leads && role.term == before.term {
            self.normal = false;
            acts.push(Act::Observe(Observation::Abdicated { view: role.term }));
            let status = sim::Status::ViewChange;
            acts.push(Act::Observe(Observation::StatusChanged { status, view: role.term, primary: false }));
        }
    }

    /// Reports that the replica is normal, if it follows a leader and holds an entry of its term.
    fn report_followed(&mut self, acts: &mut Vec<Act<N::Message>>) {
        let Role { term, leads, leader } = self.role;
        if !self.normal && !leads && leader != 0 && self.log.last().is_some_and(|last| last.0 == term) {
            self.normal = true;
            let (op, commit) = (self.last(), self.commit);
            acts.push(Act::Observe(Observation::ViewStarted { view: term, op, commit, primary: false }));
        }
    }

    fn send(&mut self, messages: Vec<Outgoing<N::Message>>, acts: &mut Vec<Act<N::Message>>) {
        for Outgoing { to, term, acknowledges, message } in messages {
            if let Some(op) = acknowledges.filter(|op| *op > 0 && term == self.role.term) {
                self.report_followed(acts);
                let entry = self.entry(op);
                acts.push(Act::Observe(Observation::Acknowledged { view: term, op, entry }));
            }
            acts.push(Act::Send(ReplicaId((to - 1) as u8), message));
        }
    }

    fn execute(&mut self, committed: Vec<Entry>, acts: &mut Vec<Act<N::Message>>) {
        for Entry { index, data, .. } in committed {
            self.commit = index;
            acts.push(Act::Execute { op: index, entry: self.entry(index), command: data });
        }
    }
}

impl<N: Node> Library for Adapter<N> {
    type Message = N::Message;
    const NAME: &'static str = N::NAME;
    const VERSION: &'static str = N::VERSION;
    const EXEMPT: &'static [(&'static str, &'static str)] = crate::EXEMPT;

    fn not_applicable(case: &Case) -> Option<&'static str> {
        host::not_applicable(case).or_else(|| {
            let cluster = &case.config.cluster;
            let quorums = [cluster.replication_quorum, cluster.view_change_quorum];
            (quorums != [cluster.replicas / 2 + 1; 2]).then_some("its quorums are not majorities, as those of Raft are")
        })
    }

    fn open(start: &Start<'_>, records: &[Vec<u8>], acts: &mut Vec<Act<N::Message>>) -> Self {
        let (mut entries, mut hard_state) = (Vec::<Entry>::new(), HardState::default());
        for record in records {
            let (changed, appended) = decode(record);
            hard_state = changed.unwrap_or(hard_state);
            for entry in appended {
                entries.truncate((entry.index - 1) as usize);
                entries.push(entry);
            }
        }
        let cluster = start.cluster;
        let settings = Settings {
            id: u64::from(start.id.0) + 1,
            nodes: cluster.replicas.into(),
            election_tick: ((cluster.view_change_timeout / start.tick) as usize).max(3),
            heartbeat_tick: ((cluster.heartbeat / start.tick) as usize).max(1),
        };
        let mut adapter = Adapter {
            node: N::open(&settings, &entries, hard_state),
            settings,
            log: Vec::new(),
            role: Role { term: hard_state.term, ..Role::default() },
            normal: false,
            voted: (hard_state.term, hard_state.vote),
            commit: 0,
            drawn_for: None,
            timeout: 0,
            waits: None,
        };
        for entry in &entries {
            adapter.append(entry, acts);
        }
        let last_normal = entries.last().map_or(0, |last| last.term);
        acts.push(Act::Observe(Observation::Recovered { view: hard_state.term, last_normal, op: adapter.last() }));
        adapter
    }

    fn tick(&mut self) {
        self.node.tick();
    }

    fn receive(&mut self, message: N::Message) {
        self.node.step(message);
    }

    fn propose(&mut self, command: Vec<u8>) {
        self.node.propose(command);
    }

    fn work(&mut self, acts: &mut Vec<Act<N::Message>>, random: &mut dyn FnMut() -> u64) -> Option<bool> {
        let role = self.node.role();
        if self.drawn_for != Some(role) {
            self.drawn_for = Some(role);
            self.timeout = self.settings.election_tick + (random() % self.settings.election_tick as u64) as usize;
        }
        self.node.set_election_timeout(self.timeout);
        let Ready { messages, entries, hard_state, must_sync, committed, persisted_messages, persisted_committed } =
            self.node.ready()?;
        self.report_role(acts);
        self.send(messages, acts);
        for entry in &entries {
            self.append(entry, acts);
        }
        if !entries.is_empty() || hard_state.is_some() {
            acts.push(Act::Write(encode(hard_state, &entries)));
        }
        self.execute(committed, acts);
        self.waits = Some(Waits {
            entries: !entries.is_empty(),
            hard_state,
            messages: persisted_messages,
            committed: persisted_committed,
        });
        Some(must_sync)
    }

    fn durable(&mut self, acts: &mut Vec<Act<N::Message>>) {
        let Some(Waits { entries, hard_state, messages, committed }) = self.waits.take() else { return };
        if let Some(HardState { term, vote, .. }) = hard_state
            && vote != 0
            && (term, vote) != self.voted
        {
            self.voted = (term, vote);
            let last_normal = self.log.last().map_or(0, |last| last.0);
            let (op, commit) = (self.last(), self.commit);
            acts.push(Act::Observe(Observation::Voted { view: term, last_normal, op, commit }));
        }
        if entries && self.role.leads {
            let op = self.last();
            acts.push(Act::Observe(Observation::Acknowledged { view: self.role.term, op, entry: self.entry(op) }));
        }
        self.send(messages, acts);
        self.execute(committed, acts);
        let Ready { messages, committed, .. } = self.node.advance();
        self.send(messages, acts);
        self.execute(committed, acts);
    }

    fn leads(&self) -> Option<u64> {
        // Not the term itself: a client computes the primary as the view modulo the number of replicas.
        self.role.leads.then(|| self.role.term * self.settings.nodes + self.settings.id - 1)
    }

    fn kind(message: &N::Message) -> MessageKind {
        N::kind(message)
    }
}

/// Encodes what a `Ready` writes as one record, so that it is on the disk as a whole or not at all.
fn encode(hard_state: Option<HardState>, entries: &[Entry]) -> Vec<u8> {
    let mut record = vec![u8::from(hard_state.is_some())];
    let HardState { term, vote, commit } = hard_state.unwrap_or_default();
    record.extend([term, vote, commit].into_iter().flat_map(u64::to_le_bytes));
    for Entry { index, term, data } in entries {
        record.extend([*index, *term, data.len() as u64].into_iter().flat_map(u64::to_le_bytes));
        record.extend(data);
    }
    record
}

fn decode(record: &[u8]) -> (Option<HardState>, Vec<Entry>) {
    let words = |bytes: &[u8]| -> [u64; 3] {
        std::array::from_fn(|place| u64::from_le_bytes(bytes[8 * place..8 * place + 8].try_into().expect("8 bytes")))
    };
    let (head, mut rest) = record.split_at(25);
    let [term, vote, commit] = words(&head[1..]);
    let mut entries = Vec::new();
    while let Some((head, behind)) = rest.split_at_checked(24) {
        let [index, term, length] = words(head);
        let (data, behind) = behind.split_at(length as usize);
        entries.push(Entry { index, term, data: data.to_vec() });
        rest = behind;
    }
    ((head[0] == 1).then_some(HardState { term, vote, commit }), entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_decoded_to_themselves() {
        let entries: Vec<_> = (1..4).map(|index| Entry { index, term: 7, data: vec![9; index as usize] }).collect();
        for hard_state in [None, Some(HardState { term: 8, vote: 2, commit: 1 })] {
            assert_eq!(decode(&encode(hard_state, &entries)), (hard_state, entries.clone()));
        }
    }
}
