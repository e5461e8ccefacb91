//! The core: every part of a run except the replicas. Replicas reach it through `Env`, and it has the one stream of
//! observations.
//!
//! It is separate from the replicas so that a replica can be called while it has access to everything else. Everything
//! that happens is an event in one queue; `world/mod.rs` takes events out and calls the replicas.
//!
//! Timers are armed lazily: a timer has one deadline and at most one queued event, and an event that is earlier than
//! the deadline goes back into the queue. Most timers are postponed repeatedly and never run out; postponing costs
//! nothing.
//!
//! Left out: processing time (a replica handles an event in no time), and crashes while a replica handles an event.

use std::ops::Range;

use crate::base::ids::{ClientId, REPLICAS_MAX, ReplicaId, ReplicaSet, TIMERS_MAX, TimerId};
use crate::base::queue::Queue;
use crate::base::random::{Domain, Keys};
use crate::base::storage::{IoId, Zone};
use crate::base::time::Time;
use crate::config::spec::Config;
use crate::config::workload::{Reply, Request};
use crate::devices::client::Clients;
use crate::devices::clock::Clock;
use crate::devices::device::{Device, Sync};
use crate::devices::network::Network;
use crate::faults::active::Faults;
use crate::faults::damage_budget::DamageBudget;
use crate::faults::liars::Lies;
use crate::invariants::guarantees::{self, Guarantees};
use crate::invariants::{Checkers, Violation};
use crate::observers::cluster_view::ClusterView;
use crate::observers::coverage::Coverage;
use crate::observers::mark::Marks;
use crate::observers::outcomes::Outcomes;
use crate::observers::trace::Trace;
use crate::observers::triggers::{Fired, Triggers};
use crate::plan::{Action, ActionKind, When};
use crate::protocol::lie::{How, LieClass};
use crate::protocol::observation::{Observation, Seen, Who};
use crate::world::case::Case;
use crate::world::system::{BugSet, System};

/// No time: later than every run.
const NEVER: Time = Time::MAX;

/// One thing that is going to happen.
#[derive(Clone, Debug)]
pub(crate) enum Event<M> {
    /// A message between replicas arrives; `number` is its place in `Outcomes`.
    Deliver { from: ReplicaId, to: ReplicaId, number: u32, message: M },
    /// A request arrives at a replica.
    Request { to: ReplicaId, request: Request },
    /// A reply arrives at its client.
    Reply(Reply),
    /// A client is told that its session is over.
    SessionOver { client: ClientId, session: u32 },
    /// A timer may have run out.
    Timer { id: ReplicaId, timer: TimerId, generation: u32 },
    /// A sync ends.
    Sync { id: ReplicaId, io: IoId, incarnation: u32, sync: Sync },
    /// A read ends.
    Read { id: ReplicaId, io: IoId, incarnation: u32, offset: u64, length: u32 },
    /// A client asks its next thing.
    Ask(ClientId),
    /// A client may have waited too long.
    Deadline(ClientId),
    /// An action is carried out.
    Act { action: u16, subject: Option<ReplicaId> },
    /// The fault of an action ends.
    ActEnd(u16),
    /// A replica starts.
    Boot(ReplicaId),
    /// The administrator asks for these members, if need be.
    Admin(ReplicaSet),
    /// The time service sets a wall clock.
    Ntp(ReplicaId),
    /// Nothing may be left to do before the heal phase.
    Settle,
    /// The heal phase begins.
    Heal,
    /// The clients ask nothing more.
    Stop,
    /// The cluster may have converged.
    Check,
    /// The heal phase is over.
    End,
}

/// A timer of a replica.
#[derive(Clone, Copy, Debug)]
struct Timer {
    /// When it runs out, in the replica's monotonic time.
    deadline: Time,
    /// The deadline for which an event is queued.
    queued: Time,
    /// Tells that event from outdated ones.
    generation: u32,
}

/// What a replica has of its own in the world.
#[derive(Debug)]
pub(crate) struct Node<M> {
    pub(crate) up: bool,
    pub(crate) paused: bool,
    /// How often it has crashed.
    pub(crate) incarnation: u32,
    timers: [Timer; TIMERS_MAX],
    /// How many random numbers it drew since it started.
    draws: u64,
    /// What was meant for it while it was paused.
    pub(crate) deferred: Vec<Event<M>>,
    pub(crate) device: Device,
    /// How many messages it sent to each client.
    pub(crate) replies: Vec<u64>,
}

/// The world without the replicas: what they reach through `Env`.
#[allow(clippy::struct_excessive_bools, reason = "independent facts about a run")]
pub struct Core<S: System> {
    pub(crate) now: Time,
    pub(crate) event: u64,
    pub(crate) config: Config,
    pub(crate) keys: Keys,
    pub(crate) queue: Queue<Event<S::Message>>,
    pub(crate) nodes: Vec<Node<S::Message>>,
    pub(crate) clocks: [Clock; REPLICAS_MAX],
    pub(crate) network: Network,
    /// The planted bugs, for the decoder of messages.
    pub(crate) bugs: BugSet,
    /// A message in bytes.
    pub(crate) bytes: Vec<u8>,
    /// Messages that wait for the end of a clog.
    pub(crate) held: Vec<(ReplicaId, ReplicaId, u32, S::Message)>,
    pub(crate) clients: Clients,
    pub(crate) zones: Vec<Zone>,
    pub(crate) damage_budget: DamageBudget,
    pub(crate) actions: Vec<Action>,
    /// The actions with a fixed time that are still to come, last first.
    pub(crate) planned: Vec<(Time, u16)>,
    /// How many triggered actions wait for their delay to pass.
    pub(crate) triggered: u32,
    pub(crate) faults: Faults,
    /// Per replica what was last said of its conditions: whom it hears, whether it is sound, how slow its links are.
    pub(crate) conditions: [(ReplicaSet, bool, Time); REPLICAS_MAX],
    pub(crate) triggers: Triggers,
    pub(crate) liars: ReplicaSet,
    pub(crate) lies: Lies<S::Message>,
    pub(crate) cluster_view: ClusterView,
    pub(crate) checkers: Checkers,
    pub(crate) marks: Marks,
    pub(crate) coverage: Coverage,
    pub(crate) trace: Trace,
    pub(crate) outcomes: Outcomes,
    pub(crate) actions_done: u32,
    pub(crate) actions_skipped: u32,
    /// The liars that made a well-formed false claim, and whether one of them equivocated.
    deceivers: ReplicaSet,
    equivocated: bool,
    /// What is owed after the lies so far.
    owed: Guarantees,
    pub(crate) violation: Option<Violation>,
    pub(crate) beyond: Option<Violation>,
    pub(crate) healed: bool,
    /// Whether the rest of the plan is left out (`world/branch.rs`).
    pub(crate) planless: bool,
    /// Whether something happened that may complete convergence.
    pub(crate) progress: bool,
    /// When the last answer came or the last action was carried out.
    pub(crate) activity: Time,
    pub(crate) settling: bool,
    /// The records that the read which ends now found other than they were written.
    wrong: Vec<(usize, u32)>,
    /// Which replica is being called, and whether control is in an observer: whose panic would it be?
    pub(crate) running: Option<ReplicaId>,
    pub(crate) observing: bool,
}

impl<M> Node<M> {
    fn new() -> Self {
        Node {
            up: false,
            paused: false,
            incarnation: 0,
            timers: [Timer { deadline: NEVER, queued: NEVER, generation: 0 }; TIMERS_MAX],
            draws: 0,
            deferred: Vec::new(),
            device: Device::default(),
            replies: Vec::new(),
        }
    }

    fn reset(&mut self, zones: &[Zone], clients: u16) {
        let mut fresh = Node::new();
        std::mem::swap(&mut fresh.deferred, &mut self.deferred);
        std::mem::swap(&mut fresh.device, &mut self.device);
        std::mem::swap(&mut fresh.replies, &mut self.replies);
        *self = fresh;
        self.deferred.clear();
        self.device.reset(zones);
        self.replies.clear();
        self.replies.resize(clients.into(), 0);
    }
}

impl<S: System> Core<S> {
    pub(crate) fn new() -> Self {
        Core {
            now: 0,
            event: 0,
            config: Config::default(),
            keys: Keys::new(0),
            queue: Queue::default(),
            nodes: Vec::new(),
            clocks: [Clock::default(); REPLICAS_MAX],
            network: Network::default(),
            bugs: BugSet::default(),
            bytes: Vec::new(),
            held: Vec::new(),
            clients: Clients::default(),
            zones: Vec::new(),
            damage_budget: DamageBudget::default(),
            actions: Vec::new(),
            planned: Vec::new(),
            triggered: 0,
            faults: Faults::default(),
            conditions: [(ReplicaSet::default(), true, 0); REPLICAS_MAX],
            triggers: Triggers::default(),
            liars: ReplicaSet::default(),
            lies: Lies::default(),
            cluster_view: ClusterView::default(),
            checkers: Checkers::default(),
            marks: Marks::default(),
            coverage: Coverage::default(),
            trace: Trace::default(),
            outcomes: Outcomes::default(),
            actions_done: 0,
            actions_skipped: 0,
            deceivers: ReplicaSet::default(),
            equivocated: false,
            owed: Guarantees { safety: true, liveness: true },
            violation: None,
            beyond: None,
            healed: false,
            planless: false,
            progress: false,
            activity: 0,
            settling: false,
            wrong: Vec::new(),
            running: None,
            observing: false,
        }
    }

    /// Forgets the last run and prepares this one; keeps the allocations.
    pub(crate) fn reset(&mut self, case: &Case, record: bool) {
        let replicas = case.config.cluster.replicas;
        (self.now, self.event, self.activity) = (0, 0, 0);
        self.config.clone_from(&case.config);
        self.keys = Keys::new(case.seed);
        self.queue.clear();
        self.zones = S::zones(&self.config.cluster);
        self.nodes.resize_with(replicas.into(), Node::new);
        for node in &mut self.nodes {
            node.reset(&self.zones, self.config.workload.clients);
        }
        let (offset_max, drift_max) = (self.config.clock.offset_max, u64::from(self.config.clock.drift_max));
        for (id, clock) in self.clocks.iter_mut().enumerate() {
            let draw = |domain, max: u64| self.keys.uniform(domain, (id as u64, 0, 0), 0, 2 * max) as i64 - max as i64;
            *clock = Clock::new(draw(Domain::ClockOffset, offset_max), draw(Domain::ClockDrift, drift_max));
        }
        self.network = Network::new(&self.config.network);
        self.held.clear();
        self.clients.reset(&self.config);
        self.damage_budget.reset(&self.config);
        self.faults.reset(replicas);
        self.conditions = [(ReplicaSet::first(replicas), true, 0); REPLICAS_MAX];
        self.liars = case.liars;
        self.cluster_view.reset(&self.config, case.liars);
        self.checkers.reset(&self.config, case.liars, S::EXEMPT);
        self.marks.reset(&case.marks);
        self.coverage.reset(&self.config, case.liars);
        self.trace.reset(record);
        self.outcomes.reset(record, case.actions.len());
        (self.actions_done, self.actions_skipped, self.triggered) = (0, 0, 0);
        (self.deceivers, self.equivocated) = (ReplicaSet::default(), false);
        self.owed = guarantees::owed(&self.config.cluster, 0, false, false);
        (self.violation, self.beyond) = (None, None);
        (self.healed, self.planless, self.progress, self.settling) = (false, false, false, false);
        (self.running, self.observing) = (None, false);
        self.plan(case);
    }

    fn plan(&mut self, case: &Case) {
        self.actions.clone_from(&case.actions);
        self.planned.clear();
        self.triggers.clear();
        let mut replays = false;
        for (index, action) in (0_u16..).zip(&case.actions) {
            match action.when {
                When::At(at) if at < self.config.heal_at => self.planned.push((at, index)),
                When::At(_) => {}
                When::After { watch, replica, count, delay } => {
                    let replica = replica.map(|id| ReplicaId(id.0 % self.config.cluster.replicas));
                    self.triggers.arm(index, watch, replica, count, delay);
                }
            }
            replays |= matches!(action.what, ActionKind::Lie(lie) if lie.how == How::Replay);
        }
        self.planned.sort_unstable_by_key(|planned| std::cmp::Reverse(*planned));
        self.lies.reset(&self.keys, self.config.cluster.replicas, case.liars, replays);
    }

    /// Puts something that happened into the stream, where everybody sees it.
    pub(crate) fn observe(&mut self, who: Who, what: Observation) {
        let seen = Seen { at: self.now, event: self.event, who, what };
        self.observing = true;
        self.trace.observe(&seen);
        if self.violation.is_none()
            && let Some(violation) = self.checkers.observe(&seen, &self.cluster_view)
        {
            self.broken(*violation);
        }
        self.marks.observe(&seen, &self.cluster_view);
        self.cluster_view.apply(&seen);
        self.coverage.observe(&seen, &self.cluster_view);
        self.observing = false;
        if !self.liars.is_empty() {
            self.lies.observe(&seen);
        }
        if self.healed {
            self.progress |= matches!(
                what,
                Observation::Answered { .. }
                    | Observation::Committed { .. }
                    | Observation::Executed { .. }
                    | Observation::StatusChanged { .. }
                    | Observation::Recovered { .. }
                    | Observation::Reconfigured { .. }
            );
        } else if self.triggers.care(&what) {
            self.trigger(&seen);
        }
    }

    #[cold]
    fn trigger(&mut self, seen: &Seen) {
        let Core { triggers, queue, now, config, triggered, .. } = self;
        triggers.observe(seen, |Fired { action, delay, subject }| {
            let at = now.saturating_add(delay);
            if at < config.heal_at {
                queue.push(at, Event::Act { action, subject: Some(subject) });
                *triggered += 1;
            }
        });
    }

    /// An invariant was broken: a finding where it is owed, otherwise beyond the promise, and only the first of each.
    #[cold]
    pub(crate) fn broken(&mut self, violation: Violation) {
        if S::EXEMPT.iter().any(|(name, _)| *name == violation.invariant || *name == violation.rule) {
            return;
        }
        let enforced = guarantees::enforced(violation.invariant, self.owed);
        let place = if enforced { &mut self.violation } else { &mut self.beyond };
        place.get_or_insert(violation);
    }

    /// A liar lied: less may be owed from now on. Damage is no reason to owe less: the damage budget bounds it.
    pub(crate) fn lied(&mut self, liar: ReplicaId, class: LieClass) {
        if class != LieClass::Contradiction {
            self.deceivers.insert(liar);
            self.equivocated |= class == LieClass::Equivocation;
            self.owed = guarantees::owed(&self.config.cluster, self.deceivers.len(), self.equivocated, false);
        }
    }

    pub(crate) fn wall_clock(&self, id: ReplicaId) -> Time {
        self.clocks[id.index()].wall(self.now)
    }

    pub(crate) fn monotonic(&self, id: ReplicaId) -> Time {
        self.clocks[id.index()].monotonic(self.now)
    }

    pub(crate) fn replicas(&self) -> u8 {
        self.config.cluster.replicas
    }

    pub(crate) fn clients(&self) -> ClientId {
        ClientId(self.clients.len())
    }

    pub(crate) fn random(&mut self, id: ReplicaId) -> u64 {
        let node = &mut self.nodes[id.index()];
        node.draws += 1;
        self.keys.draw(Domain::Replica, id.0.into(), node.incarnation.into(), node.draws)
    }

    /// The replica's own state in the world ends with a crash, but for what survives on its disk.
    pub(crate) fn fall(&mut self, id: ReplicaId) {
        let node = &mut self.nodes[id.index()];
        node.up = false;
        node.paused = false;
        node.incarnation += 1;
        node.draws = 0;
        for timer in &mut node.timers {
            *timer = Timer { deadline: NEVER, queued: NEVER, generation: timer.generation + 1 };
        }
        node.device.crash(&self.keys, id);
        self.faults.end_pauses(id);
    }

    pub(crate) fn set_timer(&mut self, id: ReplicaId, timer: TimerId, span: Time) {
        let clock = &self.clocks[id.index()];
        let slot = &mut self.nodes[id.index()].timers[usize::from(timer.0)];
        slot.deadline = clock.monotonic(self.now).saturating_add(span).min(NEVER - 1);
        if slot.queued > slot.deadline {
            self.queue_timer(id, timer);
        }
    }

    pub(crate) fn cancel_timer(&mut self, id: ReplicaId, timer: TimerId) {
        self.nodes[id.index()].timers[usize::from(timer.0)].deadline = NEVER;
    }

    pub(crate) fn write(&mut self, id: ReplicaId, offset: u64, bytes: &[u8]) {
        let full = self.faults.effects().disk_full.has(id);
        self.nodes[id.index()].device.write(full, offset, bytes);
    }

    pub(crate) fn sync(&mut self, id: ReplicaId) -> IoId {
        let node = &mut self.nodes[id.index()];
        let world = (&self.keys, self.faults.effects());
        let (io, end) = node.device.begin(world, &self.config.disk, id, self.now);
        let (incarnation, sync) = (node.incarnation, node.device.sync());
        self.queue.push(end, Event::Sync { id, io, incarnation, sync });
        io
    }

    pub(crate) fn read(&mut self, id: ReplicaId, offset: u64, length: usize) -> IoId {
        let node = &mut self.nodes[id.index()];
        let world = (&self.keys, self.faults.effects());
        let (io, end) = node.device.begin(world, &self.config.disk, id, self.now);
        let (incarnation, length) = (node.incarnation, length as u32);
        self.queue.push(end, Event::Read { id, io, incarnation, offset, length });
        io
    }

    /// A sync or read of a replica ends: what a slow disk held up may have been the last that kept it from being sound.
    pub(crate) fn io_ends(&mut self, id: ReplicaId) {
        if !self.conditions[id.index()].1 && !self.faults.effects().impaired.has(id) {
            self.observe_conditions();
        }
    }

    /// A sync ends: whether what it covers is durable now.
    pub(crate) fn sync_ends(&mut self, id: ReplicaId, io: IoId, sync: Sync) -> bool {
        let fails = Device::fails(&self.keys, self.faults.effects(), id, io);
        let done = self.nodes[id.index()].device.synced(sync, fails);
        if !done {
            self.observe(Who::Replica(id), Observation::DiskFailed);
        }
        done
    }

    /// A read ends: whether `into` holds what it found.
    pub(crate) fn read_ends(&mut self, id: ReplicaId, io: IoId, range: Range<u64>, into: &mut Vec<u8>) -> bool {
        let done = !Device::fails(&self.keys, self.faults.effects(), id, io);
        if done {
            self.nodes[id.index()].device.read(range.clone(), into);
            let mut wrong = std::mem::take(&mut self.wrong);
            let how = (&self.keys, self.faults.effects().misread[id.index()]);
            self.nodes[id.index()].device.corrupt(how, (id, io), &range, into, &mut wrong);
            if !wrong.is_empty() {
                self.damage_budget.misread(id);
            }
            for (zone, record) in wrong.drain(..) {
                self.observe(Who::Replica(id), Observation::Misread { zone: zone as u8, record });
            }
            self.wrong = wrong;
        } else {
            self.observe(Who::Replica(id), Observation::DiskFailed);
        }
        done
    }

    /// Queues an event for a timer's deadline, in place of the one that may be queued; none while its clock is frozen.
    fn queue_timer(&mut self, id: ReplicaId, timer: TimerId) {
        let slot = &mut self.nodes[id.index()].timers[usize::from(timer.0)];
        slot.generation = slot.generation.wrapping_add(1);
        slot.queued = NEVER;
        if let Some(due) = self.clocks[id.index()].due(self.now, slot.deadline) {
            slot.queued = slot.deadline;
            self.queue.push(due, Event::Timer { id, timer, generation: slot.generation });
        }
    }

    /// The clock of a replica has changed its rate: its timers are due at other times now.
    pub(crate) fn queue_timers(&mut self, id: ReplicaId) {
        for timer in 0..TIMERS_MAX {
            if self.nodes[id.index()].timers[timer].deadline != NEVER {
                self.queue_timer(id, TimerId(timer as u8));
            }
        }
    }

    /// Whether the timer has run out; if it has merely been pushed back, its event goes back into the queue.
    pub(crate) fn timer_ran_out(&mut self, id: ReplicaId, timer: TimerId, generation: u32) -> bool {
        let now = self.clocks[id.index()].monotonic(self.now);
        let slot = &mut self.nodes[id.index()].timers[usize::from(timer.0)];
        if slot.generation != generation {
            return false;
        }
        slot.queued = NEVER;
        if slot.deadline > now {
            if slot.deadline != NEVER {
                self.queue_timer(id, timer);
            }
            return false;
        }
        slot.deadline = NEVER;
        true
    }
}
