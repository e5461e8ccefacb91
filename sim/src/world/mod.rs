//! The world: runs a case, event by event, from the boot of the replicas to the end of the heal phase.
//!
//! 1. All replicas boot at time 0 and the clients begin. Actions are carried out at their times or when their triggers fire.
//! 2. The heal phase begins at `heal_at`, or earlier when nothing is left to wait for (`world/inject.rs`). All faults end,
//!    including the configured loss of the network; crashed replicas restart; liars stop lying; waiting clients ask all
//!    replicas again.
//! 3. In the second half of the heal phase clients send no new requests, so that every request has at least that long.
//! 4. The run ends when the cluster has converged, when an invariant that is owed is broken, or when the heal phase is over;
//!    only the last is a violation of liveness.
//!
//! A panic of a correct replica is a violation. A panic of a liar also ends the run, since the call cannot be resumed: it is
//! reported as beyond the promise, liveness is not judged, and the verdict depends on what was observed until then.

mod admin;
pub mod branch;
pub mod case;
mod core;
mod inject;
mod ntp;
mod requests;
pub mod system;
mod transport;

pub use self::core::Core;

use crate::base::ids::{ClientId, ReplicaId, ReplicaSet};
use crate::base::panics;
use crate::base::storage::IoResult;
use crate::base::time::{MILLISECOND, Time};
use crate::config::spec::{Cluster, Config};
use crate::invariants::process::{no_panic, resource_limits};
use crate::invariants::{Checkers, Violation};
use crate::observers::coverage::Coverage;
use crate::observers::mark::Mark;
use crate::observers::outcomes::Outcomes;
use crate::observers::trace::Trace;
use crate::protocol::observation::{Observation, Who};
use crate::world::branch::Branch;
use crate::world::case::{Case, Outcome, Verdict};
use crate::world::core::Event;
use crate::world::inject::Effect;
use crate::world::system::{BugSet, ClusterSpec, Env, System};

/// In the heal phase, convergence is asked for at least this often.
const CHECK_INTERVAL: Time = 50 * MILLISECOND;
/// More waiting events than this are a runaway cluster.
const QUEUE_MAX: usize = 1 << 20;

/// Runs cases of one system, one after another; keeps its allocations in between.
pub struct World<S: System> {
    core: Core<S>,
    replicas: Vec<Option<S>>,
    /// What crashed replicas left behind.
    left: Vec<Option<S::Durable>>,
    spec: ClusterSpec,
    /// What a read found.
    buffer: Vec<u8>,
}

/// Why the event loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// The cluster converged, or ran out of time for it.
    Healed,
    /// An invariant that is owed was broken.
    Broken,
}

impl<S: System> World<S> {
    /// An empty world.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        let core = Core::new();
        let spec =
            ClusterSpec { cluster: core.config.cluster.clone(), keys: *core.keys.replicas(), bugs: BugSet::default() };
        World { core, replicas: Vec::new(), left: Vec::new(), spec, buffer: Vec::new() }
    }

    /// Runs a case; with `record`, the trace keeps every observation. The case has passed [`Case::check`], and planted bugs
    /// that the system does not know are ignored.
    pub fn run(&mut self, case: &Case, record: bool) -> Outcome {
        self.run_branch(case, None, record)
    }

    /// Like [`World::run`], but from an event on, the run is another one.
    pub fn run_branch(&mut self, case: &Case, branch: Option<Branch>, record: bool) -> Outcome {
        self.reset(case, record);
        match panics::caught(|| self.live(branch)) {
            Ok(Ending::Healed) => {
                let Core { now, event, checkers, cluster_view, .. } = &mut self.core;
                if let Some(violation) = checkers.finish(*now, *event, cluster_view) {
                    self.core.broken(*violation);
                }
            }
            Ok(Ending::Broken) => {}
            Err(payload) => {
                // A panic of an observer or of the world itself is nobody's finding.
                let culprit = if self.core.observing { None } else { self.core.running };
                let Some(culprit) = culprit else { std::panic::resume_unwind(payload) };
                self.panicked(culprit, panics::words(&*payload));
            }
        }
        self.outcome()
    }

    /// The coverage of the last run.
    pub fn coverage(&self) -> &Coverage {
        &self.core.coverage
    }

    /// The trace of the last run.
    pub fn trace(&self) -> &Trace {
        &self.core.trace
    }

    /// What became of the last run's actions and, if it was recorded, of its messages.
    pub fn outcomes(&self) -> &Outcomes {
        &self.core.outcomes
    }
    /// The invariants of the last run.
    pub fn checkers(&self) -> &Checkers {
        &self.core.checkers
    }

    fn reset(&mut self, case: &Case, record: bool) {
        self.core.reset(case, record);
        let replicas = usize::from(case.config.cluster.replicas);
        self.replicas.clear();
        self.replicas.resize_with(replicas, || None);
        self.left.clear();
        self.left.resize_with(replicas, || None);
        let bugs = S::BUGS.iter().enumerate().filter(|(_, bug)| case.bugs.iter().any(|name| name == bug.name));
        self.core.bugs = BugSet(bugs.fold(0, |bits, (index, _)| bits | 1 << index));
        self.spec = ClusterSpec {
            cluster: case.config.cluster.clone(),
            keys: *self.core.keys.replicas(),
            bugs: self.core.bugs,
        };
    }

    fn live(&mut self, branch: Option<Branch>) -> Ending {
        for id in 0..self.core.replicas() {
            self.core.queue.push(0, Event::Boot(ReplicaId(id)));
        }
        self.core.clocks_begin();
        for client in 0..self.core.clients().0 {
            self.core.think(ClientId(client));
        }
        self.core.next_planned();
        self.core.queue.push(self.core.config.heal_at, Event::Heal);
        let events_max = events_max(&self.core.config);
        // The next event at which there is more to do than to go on: one comparison an event for both reasons.
        let mut stop = events_max + 1;
        match branch {
            Some(Branch { after: 0, onward }) => self.core.branch(onward),
            Some(Branch { after, .. }) => stop = stop.min(after),
            None => {}
        }
        while let Some((now, event)) = self.core.queue.pop() {
            debug_assert!(self.core.now <= now, "time goes forward");
            self.core.now = now;
            self.core.event += 1;
            self.core.running = None;
            if matches!(event, Event::End) {
                break;
            }
            let check = matches!(event, Event::Check);
            self.dispatch(event);
            if self.core.event >= stop || self.core.queue.len() > QUEUE_MAX {
                if self.core.event > events_max || self.core.queue.len() > QUEUE_MAX {
                    self.runaway(events_max);
                } else if let Some(Branch { onward, .. }) = branch {
                    self.core.branch(onward);
                    stop = events_max + 1;
                }
            }
            if self.core.violation.is_some() {
                return Ending::Broken;
            }
            if (check || std::mem::take(&mut self.core.progress))
                && self.core.clients.finished()
                && self.core.checkers.converged(&self.core.cluster_view)
            {
                break;
            }
        }
        Ending::Healed
    }

    #[inline]
    fn dispatch(&mut self, event: Event<S::Message>) {
        match event {
            Event::Deliver { from, to, number, message } => {
                if let Some(message) = self.core.arrive(from, to, number, message) {
                    self.call(to, |replica, env| replica.deliver(env, from, message));
                }
            }
            Event::Request { to, request } => {
                if let Some(request) = self.core.request_arrives(to, request) {
                    self.call(to, |replica, env| replica.request(env, request));
                }
            }
            Event::Reply(reply) => self.core.reply_arrives(&reply),
            Event::SessionOver { client, session } => self.core.session_over_arrives(client, session),
            Event::Timer { id, timer, generation } => {
                if self.core.nodes[id.index()].paused {
                    self.core.nodes[id.index()].deferred.push(Event::Timer { id, timer, generation });
                } else if self.core.timer_ran_out(id, timer, generation) {
                    self.call(id, |replica, env| replica.timer(env, timer));
                }
            }
            Event::Sync { .. } | Event::Read { .. } => self.disk_done(event),
            Event::Ask(client) => self.core.ask(client),
            Event::Deadline(client) => self.core.deadline(client),
            Event::Act { action, subject } => {
                let effect = self.core.act(action, subject);
                self.carry_out(effect);
            }
            Event::ActEnd(action) => self.core.act_ends(action),
            Event::Admin(members) => {
                if let Some((primary, command)) = self.core.admin(members) {
                    self.call(primary, |replica, env| replica.admin(env, command));
                }
            }
            Event::Boot(id) => self.boot(id),
            Event::Ntp(id) => self.core.ntp_sets(id),
            Event::Settle => {
                if self.core.grace_has_passed() {
                    self.heal();
                }
            }
            Event::Heal => self.heal(),
            Event::Stop => self.core.clients.stop(),
            Event::Check => self.core.queue.push(self.core.now + CHECK_INTERVAL, Event::Check),
            Event::End => {}
        }
    }

    /// Calls a replica that is up.
    #[inline]
    fn call(&mut self, id: ReplicaId, call: impl FnOnce(&mut S, &mut Env<'_, S>)) {
        if let Some(replica) = &mut self.replicas[id.index()] {
            self.core.running = Some(id);
            call(replica, &mut Env { id, core: &mut self.core });
            self.core.running = None;
        }
    }

    fn disk_done(&mut self, event: Event<S::Message>) {
        let (Event::Sync { id, incarnation, .. } | Event::Read { id, incarnation, .. }) = event else { return };
        let node = &mut self.core.nodes[id.index()];
        if node.incarnation != incarnation {
            return;
        }
        if node.paused {
            node.deferred.push(event);
            return;
        }
        self.core.io_ends(id);
        match event {
            Event::Sync { io, sync, .. } => {
                let done = self.core.sync_ends(id, io, sync);
                let result = if done { IoResult::Synced } else { IoResult::Failed };
                self.call(id, |replica, env| replica.disk_done(env, io, result));
            }
            Event::Read { io, offset, length, .. } => {
                let mut buffer = std::mem::take(&mut self.buffer);
                let range = offset..offset.saturating_add(length.into());
                let done = self.core.read_ends(id, io, range, &mut buffer);
                let result = if done { IoResult::Read(&buffer) } else { IoResult::Failed };
                self.call(id, |replica, env| replica.disk_done(env, io, result));
                self.buffer = buffer;
            }
            _ => {}
        }
    }

    fn boot(&mut self, id: ReplicaId) {
        let node = &mut self.core.nodes[id.index()];
        if node.up {
            return;
        }
        node.up = true;
        if node.incarnation > 0 {
            self.core.observe(Who::Replica(id), Observation::Restarted);
        }
        let left = self.left[id.index()].take().unwrap_or_default();
        self.core.running = Some(id);
        let replica = S::boot(&mut Env { id, core: &mut self.core }, id, &self.spec, left);
        self.core.running = None;
        self.replicas[id.index()] = Some(replica);
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Done => {}
            Effect::Crash { target, back } => self.crash(target, back),
            Effect::PowerLoss { down } => {
                for id in (0..self.core.replicas()).map(ReplicaId) {
                    if self.core.nodes[id.index()].up {
                        let back = self.core.now.saturating_add(down).saturating_add(self.core.power_loss_spread(id));
                        self.crash(id, back);
                    }
                }
            }
        }
    }

    fn crash(&mut self, id: ReplicaId, back: Time) {
        if let Some(replica) = self.replicas[id.index()].take() {
            self.core.running = Some(id);
            self.left[id.index()] = Some(replica.crash());
            self.core.running = None;
        }
        self.core.fall(id);
        self.core.observe(Who::Replica(id), Observation::Crashed);
        self.core.observe_conditions();
        // What a pause has held back now finds nobody.
        let Core { nodes, queue, now, .. } = &mut self.core;
        for event in nodes[id.index()].deferred.drain(..) {
            queue.push(*now, event);
        }
        queue.push(back, Event::Boot(id));
    }

    /// The heal phase begins.
    fn heal(&mut self) {
        if self.core.healed {
            return;
        }
        let core = &mut self.core;
        core.healed = true;
        core.triggers.clear();
        core.lies.heal();
        core.network.heal(core.now);
        core.faults.end_all();
        core.faults_changed();
        for (node, clock) in core.nodes.iter_mut().zip(&mut core.clocks) {
            node.device.heal();
            clock.set_right(core.now);
        }
        for id in (0..core.replicas()).map(ReplicaId) {
            core.clock_changed(id);
        }
        core.observe(Who::World, Observation::Healed);
        for id in (0..core.replicas()).map(ReplicaId).filter(|id| !core.nodes[id.index()].up) {
            core.queue.push(core.now, Event::Boot(id));
        }
        core.retry_now();
        core.queue.push(core.now, Event::Check);
        core.queue.push(core.now + core.config.heal_max / 2, Event::Stop);
        core.queue.push(core.now + core.config.heal_max, Event::End);
    }

    #[cold]
    fn runaway(&mut self, events_max: u64) {
        let (at, event, waiting) = (self.core.now, self.core.event, self.core.queue.len());
        // Nobody is exempt from this: the run could go on for ever.
        self.core.violation.get_or_insert(Violation {
            invariant: resource_limits::NAME,
            rule: "too many events",
            at,
            event,
            replicas: ReplicaSet::default(),
            expected: format!("at most {events_max} events, at most {QUEUE_MAX} of them waiting"),
            seen: format!("{event} events, {waiting} waiting"),
        });
    }

    #[cold]
    fn panicked(&mut self, id: ReplicaId, seen: String) {
        let mut replicas = ReplicaSet::default();
        replicas.insert(id);
        let violation = Violation {
            invariant: no_panic::NAME,
            rule: "panicked",
            at: self.core.now,
            event: self.core.event,
            replicas,
            expected: "a replica that goes on whatever it receives".to_owned(),
            seen,
        };
        if self.core.liars.has(id) {
            self.core.beyond.get_or_insert(violation);
        } else {
            self.core.broken(violation);
        }
        self.core.observe(Who::Replica(id), Observation::Panicked);
    }

    fn outcome(&mut self) -> Outcome {
        let core = &mut self.core;
        let committed = core.cluster_view.committed.len() as u64;
        let verdict = if let Some(violation) = core.violation.clone() {
            Verdict::Violated(violation)
        } else {
            let mut missing = core.marks.missing();
            if committed == 0 && !missing.contains(&Mark::Committed(1)) {
                missing.push(Mark::Committed(1));
            }
            if missing.is_empty() { Verdict::Passed } else { Verdict::Vacuous(missing) }
        };
        Outcome {
            verdict,
            digest: core.trace.digest(),
            events: core.event,
            observations: core.trace.len(),
            time: core.now,
            committed,
            actions_done: core.actions_done,
            actions_skipped: core.actions_skipped,
            beyond_the_promise: core.beyond.clone(),
        }
    }
}

/// More events than this are a runaway cluster: far more than the requests, and heartbeats and clock probes from everybody
/// to everybody until the end of the run, can explain.
fn events_max(config: &Config) -> u64 {
    let replicas = u64::from(config.cluster.replicas);
    let Cluster { heartbeat, clock_ping, .. } = config.cluster;
    let often = if clock_ping > 0 { heartbeat.min(clock_ping) } else { heartbeat };
    let rounds = (config.heal_at + config.heal_max) / often;
    2_000_000 + 8 * replicas * replicas * (rounds + u64::from(config.workload.requests) * 4)
}

#[cfg(test)]
#[path = "world_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "world_passes_tests.rs"]
mod passes;
