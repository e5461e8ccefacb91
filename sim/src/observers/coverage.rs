//! Protocol-state coverage: which abstract states, transitions, message outcomes and fault effects a run reached.
//!
//! What is counted are abstract states, never raw numbers: tuples of view, op and commit numbers grow for ever and would
//! only reward long runs. Who is who does not count either: a cluster's state is the multiset of its replicas' states.
//! The classes, each with a region of the map of its own:
//!
//! 1. the cluster's states: what there is a replica for that does it (see `groups`), and whether several are down;
//! 2. transitions of single replicas from one coarse word to the next × the phase that the cluster is in;
//! 3. states of single replicas: their fine words (see `fine`);
//! 4. kinds of messages × the receiver's status and role × what became of them, each reason of a rejection by itself;
//! 5. faults × the phase of the protocol that they hit × the role of the replica that they hit; and why they were skipped;
//! 6. lies as they were told × whether a view change was going on;
//! 7. happens-before pairs: one of the last few faults and lies, then what was notable after it;
//! 8. how far: counters of views, view changes, repairs and so on, each step by itself up to 15, then in buckets.
//!
//! The work for an observation is constant: a few nanoseconds for a message, about twenty for a step of a replica. Only
//! where the committed log or the highest view grows, all replicas' words are made anew.

use crate::base::ids::{REPLICAS_MAX, ReplicaId, ReplicaSet};
use crate::config::spec::Config;
use crate::observers::cluster_view::ClusterView;
use crate::protocol::kinds;
use crate::protocol::observation::{
    DropReason, MessageKind, OBSERVATION_KINDS, Observation, RejectReason, Seen, Status,
};

use words::{DOWN, GROUPS, coarse, fine, groups, phase};

mod words;

/// How many slots the map has.
pub const MAP_SIZE: usize = 65_536;

/// The region of a class: its first slot, and how many it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The class, for people.
    pub name: &'static str,
    /// The first slot.
    pub start: u32,
    /// How many slots there are.
    pub size: u32,
    /// Whether keys are hashed into it, so that two may share a slot.
    pub hashed: bool,
}

const fn region(name: &'static str, start: u32, end: u32) -> Region {
    Region { name, start, size: end - start, hashed: true }
}

const CLUSTERS: Region = Region { hashed: false, ..region("cluster states", 0, 16_384) };
const TRANSITIONS: Region = region("replica transitions", 16_384, 27_648);
const REPLICAS: Region = region("replica states", 27_648, 35_840);
const OUTCOMES: Region = Region { hashed: false, ..region("message outcomes", 35_840, 39_936) };
const FAULTS: Region = region("faults by phase", 39_936, 44_032);
const LIES: Region = region("lies told", 44_032, 48_128);
const EFFECTS: Region = region("cause and effect", 48_128, 64_512);
const DEPTHS: Region = Region { hashed: false, ..region("how far", 64_512, 65_536) };

/// The regions of the map, in order and without gaps.
pub const REGIONS: [Region; 8] = [CLUSTERS, TRANSITIONS, REPLICAS, OUTCOMES, FAULTS, LIES, EFFECTS, DEPTHS];

/// The slots of each counter of class 8.
const DEPTH_SLOTS: u32 = 64;
/// How many counters of class 8 there may be.
pub const DEPTHS_MAX: usize = (DEPTHS.size / DEPTH_SLOTS) as usize;

/// Which counter of class 8 a slot belongs to, and how far it stands there.
pub fn depth(slot: u32) -> Option<(usize, u32)> {
    let place = slot.checked_sub(DEPTHS.start)?;
    (place < DEPTHS.size).then_some(((place / DEPTH_SLOTS) as usize, place % DEPTH_SLOTS))
}

/// The kinds of observations that reach nothing.
const IGNORED: u128 = kinds::SENT
    | kinds::SKIPPED
    | kinds::HEALED
    | kinds::INVOKED
    | kinds::ANSWERED
    | kinds::ACKNOWLEDGED
    | kinds::EXECUTED
    | kinds::VOTED
    | kinds::CLIENT_CRASHED
    | kinds::HOLDING
    | kinds::CLOCK_SET
    | kinds::CLOCK_SYNCHRONIZED
    | kinds::TIMESTAMP_ASSIGNED
    | kinds::TIMESTAMPED
    | kinds::LOADED
    | kinds::SCRUB_TOUR_STARTED
    | kinds::SCRUB_TOUR_COVERS
    | kinds::SCRUB_READ
    | kinds::SCRUB_READ_DONE
    | kinds::CONDITIONS
    | kinds::REPAIR_ENDED
    | kinds::RECONFIGURATION_ASKED;

/// So many of the last faults and lies are causes of what happens next.
const CAUSES: usize = 4;
/// A replica's word that has not been made yet.
const NO_WORD: u32 = u32::MAX;
/// The rejections' place among the effects; the other effects use the kinds of observations.
const EFFECT_REJECTED: u32 = OBSERVATION_KINDS as u32;
/// The outcomes of a message: delivered, dropped for a reason, rejected for a reason.
const OUTCOME_DROPPED: u32 = 1;
const OUTCOME_REJECTED: u32 = 6;
const OUTCOME_COUNT: u32 = OUTCOME_REJECTED + RejectReason::ReconfigurationUnderWay as u32 + 1;

/// What the counters of class 8 count.
#[derive(Clone, Copy)]
enum Depth {
    Views,
    ViewChanges,
    Log,
    Committed,
    Lag,
    Crashes,
    Recoveries,
    Truncations,
    Truncated,
    Repairs,
    RepairRange,
    Damaged,
    Retries,
    Rejections,
    CrashesInARow,
    Count,
}

/// A fault or a lie, and which notable observations have followed it, one bit each.
#[derive(Clone, Copy, Debug, Default)]
struct Cause {
    code: u32,
    followed: u128,
}

/// What one run reached: a set of slots of the map.
#[derive(Debug)]
pub struct Coverage {
    reached: Vec<u32>,
    bits: Box<[u64; MAP_SIZE / 64]>,
    liars: ReplicaSet,
    /// Whether the replicas' words have been made.
    started: bool,
    /// The replicas' fine words.
    words: [u32; REPLICAS_MAX],
    /// How many replicas are in each group, and what that makes of the cluster: a bit for each group.
    members: [u8; GROUPS],
    cluster: u32,
    /// The lowest op at which a replica's log differs from the committed one; `u64::MAX` if at none.
    diverged: [u64; REPLICAS_MAX],
    /// As of the last time that all words were made.
    view_max: u64,
    committed: usize,
    causes: [Cause; CAUSES],
    cause_next: usize,
    depths: [u64; Depth::Count as usize],
    /// How often in a row each replica has crashed since it was last normal.
    crashes_in_a_row: [u64; REPLICAS_MAX],
}

impl Default for Coverage {
    fn default() -> Self {
        Coverage {
            reached: Vec::new(),
            bits: Box::new([0; MAP_SIZE / 64]),
            liars: ReplicaSet::default(),
            started: false,
            words: [NO_WORD; REPLICAS_MAX],
            members: [0; GROUPS],
            cluster: 0,
            diverged: [u64::MAX; REPLICAS_MAX],
            view_max: 0,
            committed: 0,
            causes: [Cause::default(); CAUSES],
            cause_next: 0,
            depths: [0; Depth::Count as usize],
            crashes_in_a_row: [0; REPLICAS_MAX],
        }
    }
}

impl Coverage {
    /// Forgets everything; a new run begins.
    pub fn reset(&mut self, config: &Config, liars: ReplicaSet) {
        debug_assert!(usize::from(config.cluster.replicas) <= REPLICAS_MAX);
        for slot in self.reached.drain(..) {
            self.bits[slot as usize / 64] = 0;
        }
        self.liars = liars;
        self.started = false;
        self.words = [NO_WORD; REPLICAS_MAX];
        self.members = [0; GROUPS];
        self.cluster = 0;
        self.diverged = [u64::MAX; REPLICAS_MAX];
        self.view_max = 0;
        self.committed = 0;
        self.causes = [Cause::default(); CAUSES];
        self.cause_next = 0;
        self.depths = [0; Depth::Count as usize];
        self.crashes_in_a_row = [0; REPLICAS_MAX];
    }

    /// Takes in one observation; `cluster_view` has taken it in already.
    #[inline]
    pub fn observe(&mut self, seen: &Seen, cluster_view: &ClusterView) {
        if IGNORED >> seen.what.kind() & 1 == 0 {
            self.take_in(seen, cluster_view);
        }
    }

    fn take_in(&mut self, seen: &Seen, cluster_view: &ClusterView) {
        use Observation as O;
        match seen.what {
            O::Delivered { kind, .. } => {
                if let Some(id) = seen.who.replica() {
                    self.outcome(kind, id, 0, cluster_view);
                }
            }
            O::Dropped { to, kind, why } => {
                if why != DropReason::Silenced {
                    self.outcome(kind, to, OUTCOME_DROPPED + why as u32, cluster_view);
                }
            }
            O::Rejected { kind, why } => {
                if let Some(id) = seen.who.replica() {
                    self.outcome(kind, id, OUTCOME_REJECTED + why as u32, cluster_view);
                    if cluster_view.correct(id) {
                        self.effect(EFFECT_REJECTED + why as u32);
                        self.deeper(Depth::Rejections);
                    }
                }
            }
            O::Injected { fault } => {
                let role = self.fault(fault as u32, seen, cluster_view);
                self.cause((1 + fault as u32) << 4 | role);
                self.step(seen, cluster_view);
            }
            O::Lied { kind, field, how, class } => {
                let lie = (class as u32) << 24 | (kind as u32) << 16 | (field as u32) << 8 | how as u32;
                let during = cluster_view.replicas.iter().any(|replica| replica.status == Status::ViewChange);
                self.hashed(LIES, u64::from(lie) << 1 | u64::from(during));
                // Each field and way by itself would fill the map with pairs that differ in nothing else.
                self.cause(1 << 31 | lie >> 16);
            }
            O::Retried { .. } => {
                self.deeper(Depth::Retries);
                self.effect(seen.what.kind() as u32);
            }
            O::Appended { op, .. } => {
                if let Some(id) = seen.who.replica() {
                    self.appended(id, op, cluster_view);
                    self.step(seen, cluster_view);
                }
            }
            O::Committed { .. } => self.step(seen, cluster_view),
            _ => self.notable(seen, cluster_view),
        }
    }

    /// The slots that the run reached, each once, in the order of discovery.
    pub fn reached(&self) -> &[u32] {
        &self.reached
    }

    /// A rarer observation: it steps the replica, and is the effect of what went before.
    fn notable(&mut self, seen: &Seen, cluster_view: &ClusterView) {
        use Observation as O;
        let depth = match seen.what {
            O::ViewChangeStarted { .. } => Some(Depth::ViewChanges),
            O::Crashed => Some(Depth::Crashes),
            O::Recovered { .. } => Some(Depth::Recoveries),
            O::Truncated { .. } => Some(Depth::Truncations),
            O::Repaired { .. } => Some(Depth::Repairs),
            O::Damaged { .. } => Some(Depth::Damaged),
            O::RepairRequested { from, to, .. } => {
                self.deep(Depth::RepairRange, to.saturating_sub(from).saturating_add(1));
                None
            }
            _ => None,
        };
        if let Some(depth) = depth {
            self.deeper(depth);
        }
        if let Some(id) = seen.who.replica() {
            match seen.what {
                O::Truncated { op } => {
                    if self.diverged[id.index()] > op {
                        self.diverged[id.index()] = u64::MAX;
                    }
                    self.deep(Depth::Truncated, (cluster_view.committed.len() as u64).saturating_sub(op));
                }
                O::Loading => self.diverged[id.index()] = u64::MAX,
                O::Crashed => {
                    self.crashes_in_a_row[id.index()] += 1;
                    self.deep(Depth::CrashesInARow, self.crashes_in_a_row[id.index()]);
                }
                O::StatusChanged { status: Status::Normal, .. } => self.crashes_in_a_row[id.index()] = 0,
                _ => {}
            }
            self.step(seen, cluster_view);
            // That a replica starts a view, or that its status changes otherwise, is in the cluster's state.
            if cluster_view.correct(id) && !matches!(seen.what, O::StatusChanged { .. } | O::Repaired { .. }) {
                self.effect(seen.what.kind() as u32);
            }
        }
    }

    fn appended(&mut self, id: ReplicaId, op: u64, cluster_view: &ClusterView) {
        self.deep(Depth::Log, op);
        let replica = &cluster_view.replicas[id.index()];
        if let (Some(own), Some(committed)) = (replica.entry(op), cluster_view.committed_at(op))
            && own.entry != committed.entry
        {
            let diverged = &mut self.diverged[id.index()];
            *diverged = (*diverged).min(op);
        }
    }

    /// A replica's state may have changed.
    fn step(&mut self, seen: &Seen, cluster_view: &ClusterView) {
        let before = self.cluster;
        if !self.started || cluster_view.view_max != self.view_max || cluster_view.committed.len() != self.committed {
            self.step_all(cluster_view);
        } else if let Some(id) = seen.who.replica() {
            self.make_words(id, cluster_view);
        }
        if self.cluster != before {
            self.mark(CLUSTERS.start + self.cluster);
        }
    }

    /// The committed log or the highest view has grown: all replicas' words may have changed.
    fn step_all(&mut self, cluster_view: &ClusterView) {
        for (index, replica) in cluster_view.replicas.iter().enumerate() {
            for op in self.committed as u64 + 1..=cluster_view.committed.len() as u64 {
                if let (Some(own), Some(committed)) = (replica.entry(op), cluster_view.committed_at(op))
                    && own.entry != committed.entry
                {
                    self.diverged[index] = self.diverged[index].min(op);
                }
            }
        }
        self.started = true;
        self.committed = cluster_view.committed.len();
        self.view_max = cluster_view.view_max;
        self.deep(Depth::Views, cluster_view.view_max);
        self.deep(Depth::Committed, cluster_view.committed.len() as u64);
        for index in 0..cluster_view.replicas.len() {
            self.make_words(ReplicaId(index as u8), cluster_view);
        }
    }

    fn make_words(&mut self, id: ReplicaId, cluster_view: &ClusterView) {
        let replica = &cluster_view.replicas[id.index()];
        let diverged = self.diverged[id.index()] != u64::MAX;
        let lag = (cluster_view.committed.len() as u64).saturating_sub(replica.commit);
        let fine = fine(id, cluster_view, diverged, lag, self.liars.has(id));
        let old_fine = std::mem::replace(&mut self.words[id.index()], fine);
        if old_fine != fine {
            self.hashed(REPLICAS, u64::from(fine));
        }
        if replica.up && !replica.loading {
            self.deep(Depth::Lag, lag);
        }
        if old_fine == fine {
            return;
        }
        let (mut left, mut joined) = (0, groups(fine));
        if old_fine != NO_WORD {
            let (old, new) = (coarse(old_fine), coarse(fine));
            if old != new {
                self.hashed(TRANSITIONS, u64::from(old) << 32 | u64::from(new) << 8 | u64::from(phase(cluster_view)));
            }
            left = groups(old_fine);
        }
        (left, joined) = (left & !joined, joined & !left);
        if left | joined != 0 {
            for (group, members) in self.members.iter_mut().enumerate() {
                *members = *members + (joined >> group & 1) as u8 - (left >> group & 1) as u8;
            }
            self.cluster =
                (0..).zip(&self.members).fold(0, |key, (group, members)| key | u32::from(*members > 0) << group);
            self.cluster |= u32::from(self.members[DOWN] > 1) << GROUPS;
        }
    }

    fn outcome(&mut self, kind: MessageKind, receiver: ReplicaId, outcome: u32, cluster_view: &ClusterView) {
        let Some(replica) = cluster_view.replicas.get(receiver.index()) else { return };
        let status = if replica.up { replica.status as u32 } else { 3 };
        let role = status << 1 | u32::from(replica.primary);
        self.mark(OUTCOMES.start + (role * OUTCOME_COUNT + outcome) * MessageKind::ALL.len() as u32 + kind as u32);
    }

    /// A fault was injected; what the replica that it hit was doing.
    fn fault(&mut self, fault: u32, seen: &Seen, cluster_view: &ClusterView) -> u32 {
        let phase = phase(cluster_view);
        let hit = seen.who.replica().and_then(|id| cluster_view.replicas.get(id.index()));
        let role = match hit {
            None => 0,
            Some(replica) if !replica.up => 1,
            Some(replica) if replica.primary => 2,
            Some(replica) => 3 + replica.status as u32,
        };
        self.hashed(FAULTS, u64::from(fault << 16 | role << 8 | phase));
        role
    }

    fn cause(&mut self, code: u32) {
        // A lie told again and again is one cause, not all of them.
        if self.causes.iter().all(|cause| cause.code != code) {
            self.causes[self.cause_next] = Cause { code, followed: 0 };
            self.cause_next = (self.cause_next + 1) % CAUSES;
        }
    }

    fn effect(&mut self, effect: u32) {
        for index in 0..CAUSES {
            let Cause { code, followed } = self.causes[index];
            if code != 0 && followed >> effect & 1 == 0 {
                self.causes[index].followed |= 1 << effect;
                self.hashed(EFFECTS, u64::from(code) << 8 | u64::from(effect));
            }
        }
    }

    /// One more of what the counter counts.
    fn deeper(&mut self, depth: Depth) {
        self.deep(depth, self.depths[depth as usize] + 1);
    }

    /// The counter stands at `value`.
    fn deep(&mut self, depth: Depth, value: u64) {
        if value > self.depths[depth as usize] {
            self.depths[depth as usize] = value;
            self.mark(DEPTHS.start + depth as u32 * DEPTH_SLOTS + bucket(value));
        }
    }

    fn hashed(&mut self, region: Region, key: u64) {
        self.mark(region.start + (((mix(key) >> 32) * u64::from(region.size)) >> 32) as u32);
    }

    #[inline]
    fn mark(&mut self, slot: u32) {
        let (word, bit) = (slot as usize / 64, 1 << (slot % 64));
        if self.bits[word] & bit == 0 {
            self.bits[word] |= bit;
            self.reached.push(slot);
        }
    }
}

/// 0 to 15 as they are, since each step up is one to climb on from, then two buckets an octave; what is beyond the last is
/// cut off.
fn bucket(value: u64) -> u32 {
    if value < 16 {
        return value as u32;
    }
    let octave = value.ilog2();
    (8 + octave * 2 + (value >> (octave - 1) & 1) as u32).min(DEPTH_SLOTS - 1)
}

/// A bijection in which every input bit reaches every output bit.
fn mix(mut word: u64) -> u64 {
    word = word.wrapping_add(0x9E37_79B9_7F4A_7C15);
    word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ word >> 31
}

#[cfg(test)]
#[path = "coverage_tests.rs"]
mod tests;
