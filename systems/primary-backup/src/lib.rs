//! Primary-backup replication, the example of `docs/new-system.md`: complete, and small enough to read at once.
//!
//! Replica 0 is always the primary. It assigns each request a position in the log, makes it durable, and only then
//! sends it to the backups, which make it durable as well and acknowledge it. An entry that a quorum holds, including
//! the primary, is committed: it is executed and answered. No replica has an entry that the primary could still lose,
//! so logs never differ, and no entry is ever removed. While the primary is down, no requests are served. It restarts
//! with its log.
//!
//! The planted bug `ship-before-durable` sends an entry to the backups at once. It is faster, and passes every test in
//! which the primary does not crash.
//!
//! Left out: view changes, and so availability; client sessions that are kept or evicted; checkpoints (the log is read
//! completely).

mod record;

use std::collections::BTreeMap;

use sim::base::ids::REPLICAS_MAX;
use sim::config::model::Store;
use sim::config::spec::Cluster;
use sim::protocol::lie::{Liar, Lie, LieClass};
use sim::{
    Answer, Bug, Case, ClientId, ClusterSpec, Env, IoId, IoResult, Mark, MessageKind, Observation, Operation,
    RejectReason, ReplicaId, Reply, Request, Status, System, Time, TimerId, Zone,
};

use record::{Entry, PAYLOAD_BYTES_MAX, RECORD_BYTES};

const PRIMARY: ReplicaId = ReplicaId(0);
/// Timer: the primary sends its commit number, and resends what was not acknowledged.
const HEARTBEAT: TimerId = TimerId(0);
/// Timer: retry a failed read or sync.
const RETRY: TimerId = TimerId(1);
const RETRY_AFTER: Time = 20 * sim::base::time::MILLISECOND;
/// The maximum number of entries that are resent to a backup at a time.
const RESEND_MAX: usize = 16;

/// A message between replicas.
#[derive(Clone, Debug)]
pub enum Message {
    /// Primary: append this entry at `op`. Everything up to `commit` is committed.
    Append {
        /// The position in the log.
        op: u64,
        /// The entry.
        entry: Entry,
        /// The commit number.
        commit: u64,
    },
    /// Backup: my log is durable up to `op`.
    Durable {
        /// The op.
        op: u64,
    },
    /// Primary: a heartbeat. Everything up to `commit` is committed.
    Heartbeat {
        /// The commit number.
        commit: u64,
    },
}

/// The pending I/O.
#[derive(Clone, Copy, Debug)]
enum Io {
    /// The record of this op is being read after a start.
    Load(u64),
    /// A sync that makes the log durable up to this op.
    Sync(u64),
}

/// A replica.
pub struct PrimaryBackup {
    id: ReplicaId,
    cluster: Cluster,
    /// Whether entries are sent before they are durable.
    ships_early: bool,
    /// The log. Op 1 is at index 0.
    log: Vec<Entry>,
    /// Whether the log has been read from the disk.
    loaded: bool,
    io: Option<(IoId, Io)>,
    /// Up to this op, the log is durable on this replica.
    durable: u64,
    commit: u64,
    executed: u64,
    /// Primary: the op up to which each replica's log is durable.
    acknowledged: [u64; REPLICAS_MAX],
    /// Primary: for each client the newest request in the log, as (session, number).
    logged: BTreeMap<ClientId, (u32, u32)>,
    /// For each client the newest executed request with its answer.
    answers: BTreeMap<ClientId, (u32, u32, Answer)>,
    store: Store,
}

impl System for PrimaryBackup {
    type Message = Message;
    /// Everything that survives a crash is on the disk.
    type Durable = ();

    const NAME: &'static str = "primary-backup";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const BUGS: &'static [Bug] = &[Bug {
        name: "ship-before-durable",
        breaks: "the primary sends an entry to the backups before it is durable on its own disk",
        caught_by: &["log_consistency", "vsr_agreement"],
        origin: "the example of docs/new-system.md",
        target: "crash_recovery",
        scenarios: &["crash_during_commit"],
    }];

    fn not_applicable(case: &Case) -> Option<&'static str> {
        let cluster = &case.config.cluster;
        if cluster.byzantine > 0 || !case.liars.is_empty() {
            return Some("it promises nothing where replicas lie");
        }
        if cluster.sessions_max > 0 {
            return Some("clients name their own sessions");
        }
        if cluster.reconfigures() {
            return Some("the members are fixed");
        }
        if cluster.clock_ping > 0 {
            return Some("clocks are not compared");
        }
        if cluster.scrub_iops > 0 {
            return Some("there is no scrubber");
        }
        if cluster.abdicate_timeout + cluster.commit_stall_timeout > 0 {
            return Some("the primary is fixed");
        }
        if usize::from(cluster.request_bytes_max) > PAYLOAD_BYTES_MAX {
            return Some("requests do not fit into its records");
        }
        let can_be_shown = |mark: &Mark| {
            matches!(
                mark,
                Mark::Committed(_)
                    | Mark::Injected(..)
                    | Mark::Dropped(_)
                    | Mark::Tenants(_)
                    | Mark::Retried
                    | Mark::VirtualSeconds(_)
                    | Mark::CrashedWithUncommitted
                    | Mark::RecoveredWith(_)
            )
        };
        (!case.marks.iter().all(can_be_shown)).then_some("it is about parts that this protocol does not have")
    }

    fn boot(env: &mut Env<'_, Self>, id: ReplicaId, spec: &ClusterSpec, (): ()) -> Self {
        env.observe(Observation::Loading);
        let mut replica = PrimaryBackup {
            id,
            cluster: spec.cluster.clone(),
            ships_early: spec.bugs.has(0),
            log: Vec::new(),
            loaded: false,
            io: None,
            durable: 0,
            commit: 0,
            executed: 0,
            acknowledged: [0; REPLICAS_MAX],
            logged: BTreeMap::new(),
            answers: BTreeMap::new(),
            store: Store::default(),
        };
        replica.load(env);
        replica
    }

    fn crash(self) {}

    fn deliver(&mut self, env: &mut Env<'_, Self>, from: ReplicaId, message: Message) {
        if !self.loaded {
            return;
        }
        match message {
            Message::Append { op, entry, commit } => {
                if op == self.log.len() as u64 + 1 {
                    self.append(env, entry);
                } else if self.at(op).is_some_and(|own| own.hash != entry.hash) {
                    env.observe(Observation::Rejected { kind: MessageKind::Prepare, why: RejectReason::BadHash });
                }
                self.commit_to(env, commit);
            }
            Message::Durable { op } => {
                let known = &mut self.acknowledged[from.index()];
                *known = op.max(*known);
                self.commit_what_a_quorum_holds(env);
            }
            Message::Heartbeat { commit } => {
                self.commit_to(env, commit);
                env.send(PRIMARY, Message::Durable { op: self.durable });
            }
        }
    }

    fn request(&mut self, env: &mut Env<'_, Self>, request: Request) {
        let asked = (request.session, request.number);
        if self.id != PRIMARY || !self.loaded || request.payload.len() > PAYLOAD_BYTES_MAX {
            return;
        }
        if let Some((session, number, answer)) = self.answers.get(&request.client)
            && (*session, *number) == asked
        {
            return reply(env, &request, *answer);
        }
        let newest = self.logged.get(&request.client).copied().unwrap_or_default();
        if asked > newest && Operation::decode(&request.payload).is_some() && self.has_room() {
            let parent = self.log.last().map_or(0, |last| last.hash);
            self.append(env, Entry::new(request, parent));
            if self.ships_early {
                self.ship(env, self.log.len() as u64);
            }
        }
    }

    fn timer(&mut self, env: &mut Env<'_, Self>, timer: TimerId) {
        match timer {
            RETRY if self.loaded => self.sync(env),
            RETRY => self.load(env),
            _ => {
                env.set_timer(HEARTBEAT, self.cluster.heartbeat);
                env.broadcast(&Message::Heartbeat { commit: self.commit });
                self.ship_again(env);
            }
        }
    }

    fn disk_done(&mut self, env: &mut Env<'_, Self>, io: IoId, result: IoResult<'_>) {
        let Some((_, io)) = self.io.take_if(|(under_way, _)| *under_way == io) else { return };
        match (io, result) {
            (Io::Load(op), IoResult::Read(bytes)) => self.loaded_record(env, op, bytes),
            (Io::Sync(op), IoResult::Synced) => self.became_durable(env, op),
            (Io::Load(_) | Io::Sync(_), _) => env.set_timer(RETRY, RETRY_AFTER),
        }
    }

    fn kind(message: &Message) -> MessageKind {
        match message {
            Message::Append { .. } => MessageKind::Prepare,
            Message::Durable { .. } => MessageKind::PrepareOk,
            Message::Heartbeat { .. } => MessageKind::Commit,
        }
    }

    /// A replica does not repair its log from other replicas, so the damage budget is empty.
    fn zones(_: &Cluster) -> Vec<Zone> {
        Vec::new()
    }

    fn tamper(_: &Message, _: &Lie, _: &mut Liar) -> Option<(Message, LieClass)> {
        None
    }
}

impl PrimaryBackup {
    /// Reads the next record of the log.
    fn load(&mut self, env: &mut Env<'_, Self>) {
        let op = self.log.len() as u64 + 1;
        let io = env.read((op - 1) * RECORD_BYTES as u64, RECORD_BYTES);
        self.io = Some((io, Io::Load(op)));
    }

    fn loaded_record(&mut self, env: &mut Env<'_, Self>, op: u64, bytes: &[u8]) {
        let parent = self.log.last().map_or(0, |last| last.hash);
        if let Some(entry) = Entry::decode(bytes).filter(|entry| entry.parent == parent) {
            self.note(env, entry);
            return self.load(env);
        }
        // The log ends here. All of it is durable, since it was read from the disk.
        self.loaded = true;
        self.durable = op - 1;
        let primary = self.id == PRIMARY;
        env.observe(Observation::Recovered { view: 0, last_normal: 0, op: self.durable });
        env.observe(Observation::StatusChanged { status: Status::Normal, view: 0, primary });
        env.observe(Observation::ViewStarted { view: 0, op: self.durable, commit: 0, primary });
        if primary {
            env.set_timer(HEARTBEAT, self.cluster.heartbeat);
        }
        self.acknowledge(env);
    }

    /// The entry at `op`.
    fn at(&self, op: u64) -> Option<&Entry> {
        self.log.get(usize::try_from(op.checked_sub(1)?).ok()?)
    }

    /// Adds an entry to the log in memory.
    fn note(&mut self, env: &mut Env<'_, Self>, entry: Entry) {
        let op = self.log.len() as u64 + 1;
        let Entry { ref request, parent, hash } = entry;
        env.observe(Observation::Appended { op, view: 0, entry: hash, parent });
        self.logged.insert(request.client, (request.session, request.number));
        self.log.push(entry);
    }

    /// Adds an entry to the log, and writes it.
    fn append(&mut self, env: &mut Env<'_, Self>, entry: Entry) {
        self.note(env, entry);
        self.sync(env);
    }

    /// Writes what is not durable yet, unless other I/O is pending.
    fn sync(&mut self, env: &mut Env<'_, Self>) {
        let last = self.log.len() as u64;
        if self.io.is_some() || last == self.durable {
            return;
        }
        for (op, entry) in (self.durable..).zip(&self.log[self.durable as usize..]) {
            env.write(op * RECORD_BYTES as u64, &entry.encode());
        }
        self.io = Some((env.sync(), Io::Sync(last)));
    }

    fn became_durable(&mut self, env: &mut Env<'_, Self>, op: u64) {
        let before = std::mem::replace(&mut self.durable, op);
        if self.id == PRIMARY && !self.ships_early {
            (before + 1..=op).for_each(|op| self.ship(env, op));
        }
        self.acknowledge(env);
        self.sync(env);
    }

    /// Acknowledges what is durable.
    fn acknowledge(&mut self, env: &mut Env<'_, Self>) {
        let Some(last) = self.at(self.durable) else { return };
        env.observe(Observation::Acknowledged { view: 0, op: self.durable, entry: last.hash });
        if self.id == PRIMARY {
            self.acknowledged[PRIMARY.index()] = self.durable;
            self.commit_what_a_quorum_holds(env);
        } else {
            env.send(PRIMARY, Message::Durable { op: self.durable });
        }
    }

    /// Primary: sends the entry at `op` to all backups.
    fn ship(&mut self, env: &mut Env<'_, Self>, op: u64) {
        let entry = self.log[op as usize - 1].clone();
        env.broadcast(&Message::Append { op, entry, commit: self.commit });
    }

    /// Primary: resends what each backup has not acknowledged.
    fn ship_again(&mut self, env: &mut Env<'_, Self>) {
        let to_ship = if self.ships_early { self.log.len() as u64 } else { self.durable };
        for to in (1..self.cluster.replicas).map(ReplicaId) {
            let missing = self.acknowledged[to.index()] + 1..=to_ship;
            for op in missing.take(RESEND_MAX) {
                let entry = self.log[op as usize - 1].clone();
                env.send(to, Message::Append { op, entry, commit: self.commit });
            }
        }
    }

    /// Primary: computes the commit number from what a quorum holds. The primary is always part of the quorum.
    fn commit_what_a_quorum_holds(&mut self, env: &mut Env<'_, Self>) {
        let mut held = self.acknowledged[..self.cluster.replicas.into()].to_vec();
        held.sort_unstable_by(|x, y| y.cmp(x));
        let quorum = held[usize::from(self.cluster.replication_quorum) - 1];
        self.commit_to(env, quorum.min(self.durable));
    }

    /// Commits and executes up to `commit`, or to the end of the log.
    fn commit_to(&mut self, env: &mut Env<'_, Self>, commit: u64) {
        while self.commit < commit.min(self.log.len() as u64) {
            self.commit += 1;
            let entry = self.log[self.commit as usize - 1].clone();
            env.observe(Observation::Committed { op: self.commit, entry: entry.hash });
            self.execute(env, &entry.request);
        }
    }

    fn execute(&mut self, env: &mut Env<'_, Self>, request: &Request) {
        self.executed += 1;
        let op = self.executed;
        let Request { client, session, number, .. } = *request;
        // The primary logs each request once, and only well-formed ones.
        let operation = Operation::decode(&request.payload);
        let answer = match &operation {
            Some(operation) => self.store.execute(op, operation),
            None => Answer { position: op, ..Answer::default() },
        };
        env.observe(Observation::Executed { op, client, session, number, operation, answer });
        self.answers.insert(client, (session, number, answer));
        if self.id == PRIMARY {
            reply(env, request, answer);
        }
    }

    fn has_room(&self) -> bool {
        let in_pipeline = self.log.len() as u64 - self.commit;
        self.log.len() < self.cluster.log_slots as usize && in_pipeline < self.cluster.pipeline_max.into()
    }
}

fn reply(env: &mut Env<'_, PrimaryBackup>, request: &Request, answer: Answer) {
    let Request { client, session, number, .. } = *request;
    env.reply(Reply { client, session, number, view: 0, answer });
}
