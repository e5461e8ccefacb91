//! The adapter: translates what `omnipaxos` stores and sends into acts of its host and into observations.
//!
//! - All observations of a replica are derived from what it stores: the ballot that it promised is its view, and it is
//!   normal in that view once its log was accepted in it (again, after a restart).
//! - The crate stores one ballot for a whole log. The view of an entry is the ballot in which this replica accepted it
//!   first. That may be a later ballot than the one in which a leader first proposed it, never an earlier one.
//! - It promises to hold its log up to an index when it sends this to its leader, and, as the leader, when its own
//!   entries are written. It votes when it promises.
//! - Elections depend only on the initial ballots and on the order of messages: the crate draws no random numbers.

use omnipaxos::ballot_leader_election::Ballot;
use omnipaxos::messages::Message;
use omnipaxos::messages::sequence_paxos::PaxosMsg;
use omnipaxos::util::FlexibleQuorum;
use omnipaxos::{ClusterConfig, OmniPaxosConfig, ServerConfig};

use host::{Act, Start, entry_hash};
use sim::{Case, EntryHash, MessageKind, Observation, ReplicaId};

use crate::library::{self, Library};
use crate::links::{Arrival, Links, Place};
use crate::store::{Command, Op, Shared, Store, decode, encode};

/// A message with its position on its link.
#[derive(Clone, Debug)]
pub struct Packet {
    place: Place,
    message: Message<Command>,
}

/// `omnipaxos` as a [`host::Library`]. With `STRICT`, every single replica has to catch up as well.
pub struct Adapter<const STRICT: bool = false> {
    library: Library,
    store: Shared,
    links: Links,
    replicas: u64,
    pid: u64,
    /// The view and the hash of each entry of the log.
    log: Vec<(u64, EntryHash)>,
    promised: u64,
    accepted: u64,
    decided: u64,
    /// Whether it is normal in the view that it promised.
    normal: bool,
    /// Whether its log was just accepted in that view.
    starts: bool,
    /// The commit number that was last reported.
    commit: u64,
    /// Whether the leader's own log has grown.
    grown: bool,
    /// What waits for a write to become durable.
    waits: Vec<Message<Command>>,
}

type Acts = Vec<Act<Packet>>;

impl<const STRICT: bool> Adapter<STRICT> {
    /// A ballot as a view: the order is that of the ballots, and the leader is replica v modulo n.
    fn view(&self, ballot: Ballot) -> u64 {
        if ballot.pid == 0 { 0 } else { (u64::from(ballot.n) + 1) * self.replicas + ballot.pid - 1 }
    }

    fn last(&self) -> u64 {
        self.log.len() as u64
    }

    fn entry(&self, op: u64) -> EntryHash {
        let place = usize::try_from(op).ok().and_then(|op| op.checked_sub(1));
        place.and_then(|place| self.log.get(place)).map_or(0, |entry| entry.1)
    }

    fn leads_now(&self) -> bool {
        self.normal && self.promised % self.replicas == self.pid - 1
    }

    /// Reports what was stored.
    fn report(&mut self, op: &Op, acts: &mut Acts) {
        match op {
            Op::Promise(ballot) => {
                let view = self.view(*ballot);
                if view > self.promised {
                    (self.promised, self.normal) = (view, false);
                    acts.push(Act::Observe(Observation::ViewChangeStarted { view }));
                }
            }
            Op::Accepted(ballot) => {
                self.accepted = self.view(*ballot);
                self.starts |= !self.normal && self.accepted == self.promised;
            }
            Op::Decided(index) => self.decided = *index,
            Op::Append(entries) => self.append(entries, acts),
            Op::Replace(from, entries) => {
                // Entries that are already there stay. The first that differs and everything after it is discarded.
                let mut kept = (*from).min(self.last());
                let mut rest = entries.as_slice();
                while let [Command(bytes), behind @ ..] = rest
                    && let Some((_, held)) = self.log.get(kept as usize)
                    && *held == entry_hash(self.entry(kept), 0, bytes)
                {
                    (kept, rest) = (kept + 1, behind);
                }
                if kept < self.last() {
                    self.log.truncate(kept as usize);
                    acts.push(Act::Observe(Observation::Truncated { op: kept }));
                }
                self.append(rest, acts);
            }
        }
    }

    fn append(&mut self, entries: &[Command], acts: &mut Acts) {
        self.grown |= !entries.is_empty();
        for Command(bytes) in entries {
            let parent = self.entry(self.last());
            let entry = entry_hash(parent, 0, bytes);
            self.log.push((self.accepted, entry));
            let (op, view) = (self.last(), self.accepted);
            acts.push(Act::Observe(Observation::Appended { op, view, entry, parent }));
        }
    }

    /// Reports that the replica is normal in the view that it promised, once its log was accepted in that view. The log
    /// already contains the entries that a leader had waiting.
    fn report_started(&mut self, acts: &mut Acts) {
        if std::mem::take(&mut self.starts) {
            self.normal = true;
            let (view, op, commit, primary) = (self.promised, self.last(), self.commit, self.leads_now());
            acts.push(Act::Observe(Observation::ViewStarted { view, op, commit, primary }));
        }
    }

    /// Reports what a message promises.
    fn report_promise(&self, message: &Message<Command>, acts: &mut Acts) {
        let Message::SequencePaxos(paxos) = message else { return };
        match &paxos.msg {
            PaxosMsg::Accepted(accepted) if accepted.accepted_idx > 0 => {
                let (view, op) = (self.view(accepted.n), accepted.accepted_idx as u64);
                acts.push(Act::Observe(Observation::Acknowledged { view, op, entry: self.entry(op) }));
            }
            PaxosMsg::Promise(promise) => {
                let (view, last_normal) = (self.view(promise.n), self.view(promise.n_accepted));
                let (op, commit) = (promise.accepted_idx as u64, promise.decided_idx as u64);
                acts.push(Act::Observe(Observation::Voted { view, last_normal, op, commit }));
            }
            _ => {}
        }
    }
}

/// Why the liveness rules about single replicas are not checked. The rule that clients are answered is.
const BEHIND: &str = "a quorum serves, but a single replica may stay behind: an AcceptSync that follows another one is ignored, with \
                      the decision in it, until something else is proposed; and a replica that crashes when it has promised its \
                      own ballot, and nobody else has, waits until there is another leader";

/// The rules and invariants that are not checked, with reasons. The first [`SINGLE`] are about single replicas.
const EXEMPT: &[(&str, &str)] = &[
    ("replicas differ in their logs", BEHIND),
    ("replicas are in different views", BEHIND),
    ("a replica is not normal", BEHIND),
    (
        "message_deduplication",
        "the crate puts into its log what is proposed, as often as it is; that a request takes effect once is up to the \
         state machine",
    ),
    ("resource_limits", "the log grows until its user trims it, which the adapter does not"),
    ("availability", "the bound counts timeouts of the reference protocol; the crate promises no time"),
    ("primary_abdication", "a leader without a quorum is replaced, and need not know of it"),
];
const SINGLE: usize = 3;

impl<const STRICT: bool> host::Library for Adapter<STRICT> {
    type Message = Packet;
    const NAME: &'static str = if STRICT { "omnipaxos-strict" } else { crate::NAME };
    const VERSION: &'static str = crate::VERSION;
    const EXEMPT: &'static [(&'static str, &'static str)] = if STRICT { EXEMPT.split_at(SINGLE).1 } else { EXEMPT };

    fn not_applicable(case: &Case) -> Option<&'static str> {
        host::not_applicable(case).or_else(|| {
            let cluster = &case.config.cluster;
            let quorums = 2..=cluster.view_change_quorum;
            (!quorums.contains(&cluster.replication_quorum))
                .then_some("the crate has quorums of at least two, and none for replication that is larger than that for elections")
        })
    }

    fn open(start: &Start<'_>, records: &[Vec<u8>], acts: &mut Acts) -> Self {
        let cluster = start.cluster;
        let (replicas, pid) = (u64::from(cluster.replicas), u64::from(start.id.0) + 1);
        let store = Shared::default();
        let mut found = Vec::new();
        for record in records {
            let ops = decode(record);
            for op in &ops {
                store.0.borrow_mut().apply(op);
            }
            found.extend(ops);
        }
        let quorum = FlexibleQuorum {
            read_quorum_size: cluster.view_change_quorum.into(),
            write_quorum_size: cluster.replication_quorum.into(),
        };
        let ticks = |time: u64| (time / start.tick).max(1);
        let config = OmniPaxosConfig {
            cluster_config: ClusterConfig {
                configuration_id: 1,
                nodes: (1..=replicas).collect(),
                flexible_quorum: Some(quorum),
            },
            server_config: ServerConfig {
                pid,
                // A leader is suspected after one timeout, and replaced after another.
                election_tick_timeout: ticks(cluster.view_change_timeout / 2),
                resend_message_tick_timeout: ticks(2 * cluster.heartbeat),
                ..ServerConfig::default()
            },
        };
        let library = config.build(store.clone()).expect("a valid configuration");
        // Each start writes at least one record, so a later start has a higher session number.
        let links = Links::new((records.len() as u64 + 1) << 20);
        let mut adapter = Adapter {
            library,
            store,
            links,
            replicas,
            pid,
            log: Vec::new(),
            promised: 0,
            accepted: 0,
            decided: 0,
            normal: false,
            starts: false,
            commit: 0,
            grown: false,
            waits: Vec::new(),
        };
        // The observations of earlier runs of the replica are not reported again, except for the log that they resulted
        // in.
        for op in &found {
            adapter.report(op, &mut Vec::new());
            adapter.starts = false;
        }
        let mut parent = 0;
        for (op, (view, entry)) in (1..).zip(&adapter.log) {
            acts.push(Act::Observe(Observation::Appended { op, view: *view, entry: *entry, parent }));
            parent = *entry;
        }
        let (view, last_normal, op) = (adapter.promised, adapter.accepted, adapter.last());
        acts.push(Act::Observe(Observation::Recovered { view, last_normal, op }));
        adapter.grown = false;
        adapter
    }

    fn tick(&mut self) {
        self.library.tick();
    }

    fn receive(&mut self, Packet { place, message }: Packet) {
        let from = message.get_sender();
        match self.links.arrive(from as usize - 1, place) {
            Arrival::Old => return,
            Arrival::Reconnected => self.library.reconnected(from),
            Arrival::Next => {}
        }
        self.library.handle_incoming(message);
    }

    fn propose(&mut self, command: Vec<u8>) {
        // Only a configuration that has ended rejects it, and none ends here.
        let _ = self.library.append(Command(command.into()));
    }

    fn work(&mut self, acts: &mut Acts, _: &mut dyn FnMut() -> u64) -> Option<bool> {
        let written = std::mem::take(&mut self.store.0.borrow_mut().written);
        for ops in &written {
            for op in ops {
                self.report(op, acts);
            }
            acts.push(Act::Write(encode(ops)));
        }
        self.report_started(acts);
        self.waits = library::outgoing(&mut self.library);
        (!written.is_empty() || !self.waits.is_empty()).then_some(!written.is_empty())
    }

    fn durable(&mut self, acts: &mut Acts) {
        if std::mem::take(&mut self.grown) && self.leads_now() {
            let (view, op) = (self.promised, self.last());
            acts.push(Act::Observe(Observation::Acknowledged { view, op, entry: self.entry(op) }));
        }
        for message in std::mem::take(&mut self.waits) {
            self.report_promise(&message, acts);
            // If they know no leader, earlier versions send to pid 0, which does not exist.
            let Some(to) = (message.get_receiver() as usize).checked_sub(1) else { continue };
            let place = self.links.send(to);
            acts.push(Act::Send(ReplicaId(to as u8), Packet { place, message }));
        }
        // If it claims to have decided more than it holds, only the first such op is reported.
        let decided = self.decided.min(self.last() + 1);
        let Store { log, .. } = &*self.store.0.borrow();
        while self.commit < decided {
            let command = log.get(self.commit as usize).map_or_else(Vec::new, |command| command.0.to_vec());
            self.commit += 1;
            acts.push(Act::Execute { op: self.commit, entry: self.entry(self.commit), command });
        }
    }

    fn leads(&self) -> Option<u64> {
        self.leads_now().then_some(self.promised)
    }

    fn kind(packet: &Packet) -> MessageKind {
        match &packet.message {
            Message::BLE(message) => match message.msg {
                omnipaxos::messages::ballot_leader_election::HeartbeatMsg::Request(_) => MessageKind::Ping,
                omnipaxos::messages::ballot_leader_election::HeartbeatMsg::Reply(_) => MessageKind::Pong,
            },
            Message::SequencePaxos(message) => match message.msg {
                PaxosMsg::Prepare(_) => MessageKind::StartViewChange,
                PaxosMsg::Promise(_) => MessageKind::DoViewChange,
                PaxosMsg::AcceptSync(_) => MessageKind::StartView,
                PaxosMsg::AcceptDecide(_) => MessageKind::Prepare,
                PaxosMsg::Accepted(_) => MessageKind::PrepareOk,
                PaxosMsg::Decide(_) => MessageKind::Commit,
                PaxosMsg::ProposalForward(_) => MessageKind::Request,
                PaxosMsg::PrepareReq { .. } => MessageKind::RequestStartView,
                _ => MessageKind::Other,
            },
        }
    }
}
