//! Carries out the actions of a plan: finds the target, begins and ends faults, and reports what was done and what was
//! skipped.
//!
//! No action begins in the heal phase. This phase begins at `heal_at`, or earlier when nothing is left to wait for:
//! all requests are answered, all changes of the membership are done or refused, all actions with a fixed time (and
//! those whose trigger has fired) are carried out, and a short grace period has passed. Faults that are still active
//! then end early.

use crate::base::ids::{ReplicaId, ReplicaSet};
use crate::base::random::Domain;
use crate::base::time::{MILLISECOND, Time};
use crate::devices::client;
use crate::devices::disk::{Disk, NothingWritten};
use crate::observers::outcomes::ActionOutcome;
use crate::plan::{ActionKind, Target};
use crate::protocol::observation::{Observation, SkipReason, Status, Who};
use crate::world::core::{Core, Event};
use crate::world::system::System;

/// How long after the last answer and the last action the heal phase begins at the earliest.
const GRACE: Time = 100 * MILLISECOND;
/// After a power loss replicas restart up to this much apart.
const POWER_LOSS_SPREAD: Time = 50 * MILLISECOND;

/// What is left for the world to do, which has the replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing.
    Done,
    /// A replica crashes, and is back at this time.
    Crash { target: ReplicaId, back: Time },
    /// All replicas crash, and are back this much later, each a little later than that.
    PowerLoss { down: Time },
}

impl<S: System> Core<S> {
    /// Queues the next action with a fixed time.
    pub(crate) fn next_planned(&mut self) {
        if let Some((at, action)) = self.planned.last() {
            self.queue.push(*at, Event::Act { action: *action, subject: None });
        }
    }

    /// Carries out an action, which is due now; `subject` is where its trigger was observed.
    pub(crate) fn act(&mut self, action: u16, subject: Option<ReplicaId>) -> Effect {
        if self.healed {
            return Effect::Done;
        }
        if subject.is_some() {
            self.triggered -= 1;
        } else {
            self.planned.pop();
            self.next_planned();
        }
        self.activity = self.now;
        if self.planless {
            self.heal_when_quiescent();
            return Effect::Done;
        }
        let what = self.actions[usize::from(action)].what;
        let (at, event, target) = (self.now, self.event, self.target(&what, subject));
        let effect = match self.attempt(action, what, subject) {
            Ok(effect) => {
                self.actions_done += 1;
                self.outcomes.acted(action, ActionOutcome::Done { at, event, target });
                effect
            }
            Err((who, why)) => {
                self.actions_skipped += 1;
                self.outcomes.acted(action, ActionOutcome::Skipped { at, event, target, why });
                self.observe(who, Observation::Skipped { fault: what.fault(), why });
                Effect::Done
            }
        };
        self.heal_when_quiescent();
        effect
    }

    fn attempt(
        &mut self,
        action: u16,
        what: ActionKind,
        subject: Option<ReplicaId>,
    ) -> Result<Effect, (Who, SkipReason)> {
        let all = ReplicaSet::first(self.replicas());
        let injected = Observation::Injected { fault: what.fault() };
        let target = self.target(&what, subject);
        let who = if let Some(target) = target { Who::Replica(target) } else { Who::World };
        self.may(&what, target).map_err(|why| (who, why))?;
        match what {
            ActionKind::Crash { down, .. } => {
                self.observe(who, injected);
                let back = self.now.saturating_add(down.max(MILLISECOND));
                return Ok(target.map_or(Effect::Done, |target| Effect::Crash { target, back }));
            }
            ActionKind::PowerLoss { down } => {
                self.observe(who, injected);
                return Ok(Effect::PowerLoss { down: down.max(MILLISECOND) });
            }
            ActionKind::BitFlip { zone, record, bit, .. } => {
                self.damage(target, zone, |disk, zone| disk.flip_bits(zone, record, bit, 1), injected)?;
            }
            ActionKind::FlippedBits { zone, record, bit, count, .. } => {
                self.damage(target, zone, |disk, zone| disk.flip_bits(zone, record, bit, count), injected)?;
            }
            ActionKind::TruncatedRecord { zone, record, keep, .. } => {
                self.damage(target, zone, |disk, zone| disk.cut_off(zone, record, keep), injected)?;
            }
            ActionKind::ShiftedRecord { zone, record, from, by, .. } => {
                self.damage(target, zone, |disk, zone| disk.push_in(zone, record, from, by), injected)?;
            }
            ActionKind::LostWrite { zone, record, .. } => {
                self.damage(target, zone, |disk, zone| disk.lose_write(zone, record), injected)?;
            }
            ActionKind::MisdirectedWrite { zone, record, away, .. } => {
                self.damage(target, zone, |disk, zone| disk.misdirect(zone, record, away), injected)?;
            }
            ActionKind::ClockStep { micros, .. } => {
                self.observe(who, injected);
                let target = target.unwrap_or(ReplicaId(0));
                self.clocks[target.index()].step(micros);
                self.clock_changed(target);
            }
            ActionKind::Burst { client, requests } => {
                let client = self.clients.wrap(client);
                self.observe(Who::Client(client), injected);
                self.clients.burst(client, requests);
                self.think(client);
            }
            ActionKind::ClientCrash { client } => {
                let client = self.clients.wrap(client);
                self.observe(Who::Client(client), injected);
                self.clients.crash(client);
                self.observe(Who::Client(client), Observation::ClientCrashed { client });
                self.think(client);
            }
            ActionKind::DuplicateRequest { client } => {
                let client = self.clients.wrap(client);
                if !self.request_all(client) {
                    return Err((Who::Client(client), SkipReason::NoTarget));
                }
                self.observe(Who::Client(client), injected);
            }
            ActionKind::Lie(lie) => {
                if self.lies.liars().next().is_none() {
                    return Err((Who::World, SkipReason::NoLiar));
                }
                for liar in self.liars.iter().filter(|liar| all.has(*liar)) {
                    self.observe(Who::Replica(liar), injected);
                }
                self.lies.arm(lie);
            }
            ActionKind::Reconfigure { members } => {
                let members = members.and(all);
                self.damage_budget.reconfigured(members);
                self.observe(who, injected);
                self.reconfigure(members);
            }
            ActionKind::StaleRead { zone, .. } => {
                let target = target.unwrap_or(ReplicaId(0));
                let zone = self.damageable(target, zone).map_err(|why| (who, why))?;
                self.damage_budget.misreading(target, zone);
                self.begin(action, what, target, who);
            }
            _ if what.lasts() => self.begin(action, what, target.unwrap_or(ReplicaId(0)), who),
            _ => unreachable!("{what:?} has no effect"),
        }
        Ok(Effect::Done)
    }

    /// Whether an action can be carried out now; what depends on a disk, a client or a liar is asked later.
    fn may(&self, what: &ActionKind, target: Option<ReplicaId>) -> Result<(), SkipReason> {
        let all = ReplicaSet::first(self.replicas());
        let is_down = || target.is_none_or(|id| !self.nodes[id.index()].up);
        match *what {
            ActionKind::Partition { side, .. } if side.and(all).is_empty() || side.and(all) == all => {
                Err(SkipReason::NoTarget)
            }
            ActionKind::Crash { .. } | ActionKind::Pause { .. } if is_down() => Err(SkipReason::NoTarget),
            ActionKind::Crash { .. } if !self.survives(1, target) => Err(SkipReason::NotAllowed),
            ActionKind::PowerLoss { .. } if !self.survives(self.replicas(), None) => Err(SkipReason::NotAllowed),
            ActionKind::PowerLoss { .. } if self.nodes.iter().all(|node| !node.up) => Err(SkipReason::NoTarget),
            ActionKind::Reconfigure { members } if members.and(all).is_empty() => Err(SkipReason::NoTarget),
            ActionKind::Reconfigure { .. }
                if self.config.cluster.byzantine > 0 || !self.config.cluster.reconfigures() =>
            {
                Err(SkipReason::NotAllowed)
            }
            ActionKind::Reconfigure { members } if !self.damage_budget.may_reconfigure(members.and(all)) => {
                Err(SkipReason::TooMuchDamage)
            }
            _ => Ok(()),
        }
    }

    /// Begins a fault that lasts.
    fn begin(&mut self, action: u16, what: ActionKind, target: ReplicaId, who: Who) {
        self.observe(who, Observation::Injected { fault: what.fault() });
        self.faults.begin(action, what, target);
        self.faults_changed();
        self.queue.push(self.now.saturating_add(what.duration().unwrap_or(0)), Event::ActEnd(action));
    }

    /// Whether the system promises to survive so many more crashes now, the target's among them.
    fn survives(&self, more: u8, target: Option<ReplicaId>) -> bool {
        let most = S::crashes_max(&self.config.cluster);
        let unwell = |id: &ReplicaId| {
            let replica = &self.cluster_view.replicas[id.index()];
            Some(*id) != target && (!replica.up || replica.status == Status::Recovering)
        };
        let down = (0..self.replicas()).map(ReplicaId).filter(unwell).count() as u8;
        down.saturating_add(more) <= most
    }

    /// Damages a disk, if the damage budget allows it.
    fn damage(
        &mut self,
        target: Option<ReplicaId>,
        zone: u8,
        harm: impl FnOnce(&mut Disk, usize) -> Result<(), NothingWritten>,
        injected: Observation,
    ) -> Result<(), (Who, SkipReason)> {
        let who = target.map_or(Who::World, Who::Replica);
        let target = target.unwrap_or(ReplicaId(0));
        let zone = self.damageable(target, zone).map_err(|why| (who, why))?;
        let disk = &mut self.nodes[target.index()].device.disk;
        harm(disk, zone).map_err(|_| (who, SkipReason::NothingWritten))?;
        self.damage_budget.damaged(target, zone);
        self.cluster_view.replicas[target.index()].damaged = true;
        self.observe(who, injected);
        Ok(())
    }

    /// The zone (modulo their number), if everything is still owed after damage in it.
    fn damageable(&self, target: ReplicaId, zone: u8) -> Result<usize, SkipReason> {
        let zone = usize::from(zone).checked_rem(self.zones.len()).ok_or(SkipReason::NothingWritten)?;
        if self.damage_budget.may_damage(target, zone) { Ok(zone) } else { Err(SkipReason::TooMuchDamage) }
    }

    /// The replica that an action is about, if it is about one.
    fn target(&self, what: &ActionKind, subject: Option<ReplicaId>) -> Option<ReplicaId> {
        let target = what.target()?;
        Some(match target {
            Target::Replica(id) => ReplicaId(id.0 % self.replicas()),
            Target::Primary => self.believed_primary(),
            Target::Subject => subject.unwrap_or_else(|| self.believed_primary()),
        })
    }

    /// The primary, as far as an onlooker can tell.
    pub(crate) fn believed_primary(&self) -> ReplicaId {
        self.cluster_view.primary.unwrap_or(client::primary_of(self.cluster_view.view_max, self.replicas()))
    }

    /// The fault of an action ends.
    pub(crate) fn act_ends(&mut self, action: u16) {
        if let Some((ActionKind::StaleRead { .. }, target)) = self.faults.end(action) {
            self.damage_budget.reads_right(target);
        }
        self.faults_changed();
    }

    /// Gives the changed faults their effect on clocks, clogged links and paused replicas; the others ask when it matters.
    pub(crate) fn faults_changed(&mut self) {
        for id in (0..self.replicas()).map(ReplicaId) {
            let effects = self.faults.effects();
            let (drift, frozen) = (effects.drift[id.index()], effects.frozen.has(id));
            if self.clocks[id.index()].set_rate(self.now, drift, frozen) {
                self.queue_timers(id);
                self.clock_changed(id);
            }
            let (paused, node) = (self.faults.effects().paused.has(id), &mut self.nodes[id.index()]);
            if node.paused == paused {
                continue;
            }
            node.paused = paused;
            if paused {
                self.observe(Who::Replica(id), Observation::Paused);
            } else {
                for event in node.deferred.drain(..) {
                    self.queue.push(self.now, event);
                }
                self.observe(Who::Replica(id), Observation::Resumed);
            }
        }
        self.observe_conditions();
        // What a clog has held arrives now, in order, before anything that is sent from now on.
        let Core { held, faults, queue, now, .. } = self;
        let free =
            |(from, to, ..): &mut (ReplicaId, ReplicaId, u32, _)| !faults.effects().clogged[from.index()].has(*to);
        for (from, to, number, message) in held.extract_if(.., free) {
            queue.push(*now, Event::Deliver { from, to, number, message });
        }
    }

    /// Says of each replica whose links or devices have changed what they are like now.
    pub(crate) fn observe_conditions(&mut self) {
        for id in (0..self.replicas()).map(ReplicaId) {
            let effects = self.faults.effects();
            let mut hears = ReplicaSet::default();
            for other in (0..self.replicas()).map(ReplicaId).filter(|other| !effects.cut[other.index()].has(id)) {
                hears.insert(other);
            }
            let sound = !effects.impaired.has(id) && !self.nodes[id.index()].device.held_up(self.now);
            let now = (hears, sound, effects.delay[id.index()]);
            if std::mem::replace(&mut self.conditions[id.index()], now) != now {
                let (hears, sound, delay) = now;
                self.observe(Who::Replica(id), Observation::Conditions { hears, sound, delay });
            }
        }
    }

    /// How much later than the first ones a replica restarts after a power loss.
    pub(crate) fn power_loss_spread(&self, id: ReplicaId) -> Time {
        self.keys.uniform(Domain::PowerLoss, (id.0.into(), self.now, 0), 0, POWER_LOSS_SPREAD)
    }

    /// If there is nothing left to wait for, the heal phase begins soon.
    pub(crate) fn heal_when_quiescent(&mut self) {
        if self.is_quiescent() && !self.settling && !self.healed {
            self.settling = true;
            self.queue.push(self.activity + GRACE, Event::Settle);
        }
    }

    /// The grace may have passed: whether the heal phase begins now.
    pub(crate) fn grace_has_passed(&mut self) -> bool {
        self.settling = false;
        let over = self.is_quiescent() && !self.healed && self.activity + GRACE <= self.now;
        if !over {
            self.heal_when_quiescent();
        }
        over
    }

    fn is_quiescent(&self) -> bool {
        self.clients.finished() && self.cluster_view.asked.is_empty() && self.planned.is_empty() && self.triggered == 0
    }
}
