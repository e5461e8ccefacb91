//! The plan: what a fuzzer writes. A list of actions, each one *when* and *what*.
//!
//! `plan/codec.rs` turns bytes into plans and back; a scenario lays a plan over its own baseline.

pub mod codec;

use serde::{Deserialize, Serialize};

use crate::base::ids::{ClientId, ReplicaId, ReplicaSet};
use crate::base::time::Time;
use crate::config::spec::Config;
use crate::protocol::lie::Lie;
use crate::protocol::observation::{Fault, MessageKind};

/// More actions than this are cut off when a plan is decoded, and refused in a `.kmb`.
pub const ACTIONS_MAX: usize = 256;

/// A decoded input: which scenario, which seed, and the actions to lay over it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Picks the scenario among those of the fuzz target (modulo their number).
    pub scenario: u8,
    /// Whether the scenario's own faults are left out, so that the actions stand alone.
    pub bare: bool,
    /// The seed of all random decisions of the run.
    pub seed: u32,
    /// Which replica lies (modulo the number of replicas), where the scenario has a liar.
    pub liar: u8,
    /// What happens to the cluster.
    pub actions: Vec<Action>,
}

/// One action: when, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// When it is carried out.
    pub when: When,
    /// What is done.
    pub what: ActionKind,
}

impl Action {
    /// The same action in the terms of a run with this configuration: numbers of replicas and clients that do not exist
    /// become those that stand for them.
    #[must_use]
    pub fn resolved(mut self, config: &Config) -> Action {
        let replicas = config.cluster.replicas.max(1);
        let wrap = |id: &mut ReplicaId| id.0 %= replicas;
        if let When::After { replica: Some(replica), .. } = &mut self.when {
            wrap(replica);
        }
        if let Some(Target::Replica(target)) = self.what.target_mut() {
            wrap(target);
        }
        match &mut self.what {
            ActionKind::Lie(Lie { to: Some(to), .. }) => wrap(to),
            ActionKind::Partition { side: set, .. }
            | ActionKind::NoNtp { side: set, .. }
            | ActionKind::Reconfigure { members: set } => {
                *set = set.and(ReplicaSet::first(replicas));
            }
            ActionKind::Burst { client, .. }
            | ActionKind::ClientCrash { client }
            | ActionKind::DuplicateRequest { client } => {
                client.0 %= config.workload.clients.max(1);
            }
            _ => {}
        }
        self
    }
}

/// When an action is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum When {
    /// At a point in time.
    At(Time),
    /// A while after something was observed for the n-th time.
    After {
        /// What is waited for.
        watch: Trigger,
        /// At which replica; at any if `None`.
        replica: Option<ReplicaId>,
        /// The how manieth time, from 1.
        count: u8,
        /// How long after it.
        delay: Time,
    },
}

/// What a trigger waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Trigger {
    /// A message of this kind left the replica.
    Sent(MessageKind),
    /// A message of this kind reached the replica.
    Delivered(MessageKind),
    /// The replica appended an entry to its log.
    Appended,
    /// The replica promised that an entry is durable.
    Acknowledged,
    /// The replica committed an entry.
    Committed,
    /// The replica executed an entry.
    Executed,
    /// The replica left its view for a higher one.
    ViewChangeStarted,
    /// The replica is normal in a new view.
    ViewStarted,
    /// The replica crashed.
    Crashed,
    /// The replica has read its disk after a restart.
    Recovered,
    /// The replica refused a message.
    Rejected,
    /// The replica asked for missing entries.
    RepairRequested,
    /// The replica discarded the end of its log.
    Truncated,
    /// The replica has made a checkpoint durable.
    Checkpointed,
    /// The replica asked for a whole state.
    StateTransferStarted,
    /// The replica installed a state.
    StateInstalled,
    /// The replica, a primary, began to change the membership.
    ReconfigurationStarted,
    /// The replica appended a configuration to its log.
    ConfigurationAppended,
    /// The replica knows that a new configuration is committed.
    Reconfigured,
}

impl Trigger {
    /// All watches, in the order of their numbers in an encoded plan.
    pub const ALL: [Trigger; 36] = [
        Trigger::Sent(MessageKind::Prepare),
        Trigger::Sent(MessageKind::PrepareOk),
        Trigger::Sent(MessageKind::Commit),
        Trigger::Sent(MessageKind::StartViewChange),
        Trigger::Sent(MessageKind::DoViewChange),
        Trigger::Sent(MessageKind::StartView),
        Trigger::Sent(MessageKind::RequestStartView),
        Trigger::Sent(MessageKind::RequestRepair),
        Trigger::Sent(MessageKind::Repair),
        Trigger::Delivered(MessageKind::Prepare),
        Trigger::Delivered(MessageKind::PrepareOk),
        Trigger::Delivered(MessageKind::Commit),
        Trigger::Delivered(MessageKind::StartViewChange),
        Trigger::Delivered(MessageKind::DoViewChange),
        Trigger::Delivered(MessageKind::StartView),
        Trigger::Delivered(MessageKind::RequestStartView),
        Trigger::Delivered(MessageKind::RequestRepair),
        Trigger::Delivered(MessageKind::Repair),
        Trigger::Appended,
        Trigger::Acknowledged,
        Trigger::Committed,
        Trigger::Executed,
        Trigger::ViewChangeStarted,
        Trigger::ViewStarted,
        Trigger::Crashed,
        Trigger::Recovered,
        Trigger::Rejected,
        Trigger::RepairRequested,
        Trigger::Truncated,
        Trigger::Delivered(MessageKind::Request),
        Trigger::Checkpointed,
        Trigger::StateTransferStarted,
        Trigger::StateInstalled,
        Trigger::ReconfigurationStarted,
        Trigger::ConfigurationAppended,
        Trigger::Reconfigured,
    ];
}

/// Which replica an action is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// This one (modulo the number of replicas).
    Replica(ReplicaId),
    /// The primary of the highest view that has started.
    Primary,
    /// The one at which the trigger's observation was made; without such a trigger, the primary.
    Subject,
}

/// What an action does. Durations count from the moment it is carried out; the heal phase ends them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActionKind {
    /// Cuts the replicas of `side` off from the others, both ways.
    Partition {
        /// One side (the bits of replicas that do not exist are ignored).
        side: ReplicaSet,
        /// For how long.
        duration: Time,
    },
    /// Cuts the target off from all others, both ways.
    Isolate {
        /// Which replica.
        target: Target,
        /// For how long.
        duration: Time,
    },
    /// Cuts the links from the target (`outgoing`) or to it, in that direction only.
    Cut {
        /// Which replica.
        target: Target,
        /// What it sends, or what is sent to it.
        outgoing: bool,
        /// For how long.
        duration: Time,
    },
    /// Holds back all that the target sends (`outgoing`) or is sent, until the clog ends.
    Clog {
        /// Which replica.
        target: Target,
        /// What it sends, or what is sent to it.
        outgoing: bool,
        /// For how long.
        duration: Time,
    },
    /// Loses messages.
    Loss {
        /// Per thousand messages.
        per_mille: u16,
        /// For how long.
        duration: Time,
    },
    /// Adds up to `extra` to the delay of each message of the target, both ways.
    Delay {
        /// Which replica.
        target: Target,
        /// The longest additional delay.
        extra: Time,
        /// For how long.
        duration: Time,
    },
    /// Delivers messages twice, the second time up to a second later.
    Duplicate {
        /// Per thousand messages.
        per_mille: u16,
        /// For how long.
        duration: Time,
    },
    /// Lets messages overtake earlier ones, and adds up to 20 ms to the delays.
    Reorder {
        /// Per thousand messages.
        per_mille: u16,
        /// For how long.
        duration: Time,
    },
    /// Crashes the target.
    Crash {
        /// Which replica.
        target: Target,
        /// It restarts after this long.
        down: Time,
    },
    /// Crashes all replicas.
    PowerLoss {
        /// They restart after this long, each up to 50 ms later than that.
        down: Time,
    },
    /// Stops the target; what was meant for it waits.
    Pause {
        /// Which replica.
        target: Target,
        /// For how long.
        duration: Time,
    },
    /// Flips a bit of what is durable on the target's disk.
    BitFlip {
        /// Which replica.
        target: Target,
        /// Which zone of the disk (modulo their number).
        zone: u8,
        /// Which record of the zone, counted back from the one written last (modulo their number).
        record: u16,
        /// Which bit of the record (modulo their number).
        bit: u16,
    },
    /// Undoes the last write of a record: a write was reported as finished and never happened.
    LostWrite {
        /// Which replica.
        target: Target,
        /// Which zone of the disk.
        zone: u8,
        /// Which record, counted back from the one written last.
        record: u16,
    },
    /// Puts the record's content over another record: a write went astray, and its own place holds the older data.
    MisdirectedWrite {
        /// Which replica.
        target: Target,
        /// Which zone of the disk.
        zone: u8,
        /// Which record, counted back from the one written last.
        record: u16,
        /// Where it went instead: so many records before it (modulo their number).
        away: u16,
    },
    /// Lets the target's syncs and reads fail.
    DiskError {
        /// Which replica.
        target: Target,
        /// Per thousand syncs and reads.
        per_mille: u16,
        /// For how long.
        duration: Time,
    },
    /// Adds up to `extra` to each sync and read of the target.
    DiskSlow {
        /// Which replica.
        target: Target,
        /// The longest additional time.
        extra: Time,
        /// For how long.
        duration: Time,
    },
    /// Lets the target's writes find no space.
    DiskFull {
        /// Which replica.
        target: Target,
        /// For how long.
        duration: Time,
    },
    /// Sets the target's wall clock forward or back.
    ClockStep {
        /// Which replica.
        target: Target,
        /// By so many microseconds.
        micros: i32,
    },
    /// Lets the target's clocks run too slow or too fast.
    ClockDrift {
        /// Which replica.
        target: Target,
        /// By so many parts per million.
        ppm: i32,
        /// For how long.
        duration: Time,
    },
    /// Stops the target's clocks: time stands still for it and its timers wait.
    ClockFreeze {
        /// Which replica.
        target: Target,
        /// For how long.
        duration: Time,
    },
    /// Lets a client send its next requests without pausing.
    Burst {
        /// Which client (modulo their number).
        client: ClientId,
        /// How many requests.
        requests: u8,
    },
    /// Crashes a client; it comes back at once with a new session and forgets what it asked.
    ClientCrash {
        /// Which client.
        client: ClientId,
    },
    /// Lets a client send its current request once more, to every replica.
    DuplicateRequest {
        /// Which client.
        client: ClientId,
    },
    /// Tells the liar to lie.
    Lie(Lie),
    /// Keeps the time service out of the reach of the replicas of `side`; of all, if there are none of its replicas.
    NoNtp {
        /// Which replicas.
        side: ReplicaSet,
        /// For how long.
        duration: Time,
    },
    /// Lets the time service tell the target a false time.
    WrongNtp {
        /// Which replica.
        target: Target,
        /// Off by so many microseconds.
        micros: i32,
        /// For how long.
        duration: Time,
    },
    /// Flips several bits of one durable record.
    FlippedBits {
        /// Which replica.
        target: Target,
        /// Which zone of the disk.
        zone: u8,
        /// Which record, counted back from the one written last.
        record: u16,
        /// The first bit (modulo their number).
        bit: u16,
        /// How many; at least 1.
        count: u8,
    },
    /// Cuts the end of a durable record off.
    TruncatedRecord {
        /// Which replica.
        target: Target,
        /// Which zone of the disk.
        zone: u8,
        /// Which record, counted back from the one written last.
        record: u16,
        /// How many of its bytes are kept (modulo their number).
        keep: u16,
    },
    /// Pushes bytes into a durable record, so that the ones after them stand in the wrong place.
    ShiftedRecord {
        /// Which replica.
        target: Target,
        /// Which zone of the disk.
        zone: u8,
        /// Which record, counted back from the one written last.
        record: u16,
        /// Before which byte (modulo their number).
        from: u16,
        /// How many; at least 1.
        by: u8,
    },
    /// Lets the target's reads bring older content or another record now and then, though the disk holds the right one.
    StaleRead {
        /// Which replica.
        target: Target,
        /// Which zone of the disk.
        zone: u8,
        /// 0: what the record held before its last write; else what stands so many records before it.
        away: u8,
        /// Per thousand records that are read.
        per_mille: u16,
        /// For how long.
        duration: Time,
    },
    /// Asks for other members. The administrator asks the primary again and again until they are in force or refused.
    Reconfigure {
        /// The members that there are to be (the bits of replicas that do not exist are ignored).
        members: ReplicaSet,
    },
    /// Flips bits in messages that the target sends or is sent: up to 32 adjoining ones in each that it hits.
    Garble {
        /// Which replica.
        target: Target,
        /// Per thousand messages.
        per_mille: u16,
        /// For how long.
        duration: Time,
    },
}

impl ActionKind {
    /// The fault's name in observations and in a scenario's palette.
    pub fn fault(&self) -> Fault {
        match self {
            ActionKind::Partition { .. } | ActionKind::Isolate { .. } => Fault::Partition,
            ActionKind::Cut { .. } => Fault::Cut,
            ActionKind::Clog { .. } => Fault::Clog,
            ActionKind::Loss { .. } => Fault::Loss,
            ActionKind::Delay { .. } => Fault::Delay,
            ActionKind::Duplicate { .. } => Fault::Duplication,
            ActionKind::Reorder { .. } => Fault::Reordering,
            ActionKind::Crash { .. } => Fault::Crash,
            ActionKind::PowerLoss { .. } => Fault::PowerLoss,
            ActionKind::Pause { .. } => Fault::Pause,
            ActionKind::BitFlip { .. } => Fault::BitFlip,
            ActionKind::LostWrite { .. } => Fault::LostWrite,
            ActionKind::MisdirectedWrite { .. } => Fault::MisdirectedWrite,
            ActionKind::DiskError { .. } => Fault::DiskError,
            ActionKind::DiskSlow { .. } => Fault::DiskSlow,
            ActionKind::DiskFull { .. } => Fault::DiskFull,
            ActionKind::ClockStep { .. } => Fault::ClockStep,
            ActionKind::ClockDrift { .. } => Fault::ClockDrift,
            ActionKind::ClockFreeze { .. } => Fault::ClockFreeze,
            ActionKind::Burst { .. } => Fault::Burst,
            ActionKind::ClientCrash { .. } => Fault::ClientCrash,
            ActionKind::DuplicateRequest { .. } => Fault::DuplicateRequest,
            ActionKind::Lie(_) => Fault::Lie,
            ActionKind::Reconfigure { .. } => Fault::Reconfiguration,
            ActionKind::NoNtp { .. } => Fault::NoNtp,
            ActionKind::WrongNtp { .. } => Fault::WrongNtp,
            ActionKind::FlippedBits { .. } => Fault::FlippedBits,
            ActionKind::TruncatedRecord { .. } => Fault::TruncatedRecord,
            ActionKind::ShiftedRecord { .. } => Fault::ShiftedRecord,
            ActionKind::StaleRead { .. } => Fault::StaleRead,
            ActionKind::Garble { .. } => Fault::Garbling,
        }
    }

    /// The replica that it is about, if it is about one.
    pub fn target(&self) -> Option<Target> {
        let mut what = *self;
        what.target_mut().map(|target| *target)
    }

    /// The same, to be changed.
    pub fn target_mut(&mut self) -> Option<&mut Target> {
        match self {
            ActionKind::Isolate { target, .. }
            | ActionKind::Cut { target, .. }
            | ActionKind::Clog { target, .. }
            | ActionKind::Delay { target, .. }
            | ActionKind::Crash { target, .. }
            | ActionKind::Pause { target, .. }
            | ActionKind::BitFlip { target, .. }
            | ActionKind::LostWrite { target, .. }
            | ActionKind::MisdirectedWrite { target, .. }
            | ActionKind::DiskError { target, .. }
            | ActionKind::DiskSlow { target, .. }
            | ActionKind::DiskFull { target, .. }
            | ActionKind::ClockStep { target, .. }
            | ActionKind::ClockDrift { target, .. }
            | ActionKind::ClockFreeze { target, .. }
            | ActionKind::WrongNtp { target, .. }
            | ActionKind::FlippedBits { target, .. }
            | ActionKind::TruncatedRecord { target, .. }
            | ActionKind::ShiftedRecord { target, .. }
            | ActionKind::StaleRead { target, .. }
            | ActionKind::Garble { target, .. } => Some(target),
            _ => None,
        }
    }

    /// How long it lasts, if it does.
    pub fn duration(&self) -> Option<Time> {
        let mut what = *self;
        what.duration_mut().map(|duration| *duration)
    }

    /// The same, to be changed.
    pub fn duration_mut(&mut self) -> Option<&mut Time> {
        match self {
            ActionKind::Partition { duration, .. }
            | ActionKind::Isolate { duration, .. }
            | ActionKind::Cut { duration, .. }
            | ActionKind::Clog { duration, .. }
            | ActionKind::Loss { duration, .. }
            | ActionKind::Delay { duration, .. }
            | ActionKind::Duplicate { duration, .. }
            | ActionKind::Reorder { duration, .. }
            | ActionKind::Crash { down: duration, .. }
            | ActionKind::PowerLoss { down: duration }
            | ActionKind::Pause { duration, .. }
            | ActionKind::DiskError { duration, .. }
            | ActionKind::DiskSlow { duration, .. }
            | ActionKind::DiskFull { duration, .. }
            | ActionKind::ClockDrift { duration, .. }
            | ActionKind::ClockFreeze { duration, .. }
            | ActionKind::NoNtp { duration, .. }
            | ActionKind::WrongNtp { duration, .. }
            | ActionKind::StaleRead { duration, .. }
            | ActionKind::Garble { duration, .. } => Some(duration),
            _ => None,
        }
    }
}
