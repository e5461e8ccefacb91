//! What an action of a plan does: one entry of `action_kinds!` for each fault that can be injected.
//!
//! From an entry follow the variant, its number in encoded plans, the fault's name in observations, the bytes of its
//! details, and its words. Its effect on the cluster is in `faults/active.rs` (what lasts) or `world/inject.rs` (what
//! is done once); a test of each names what is missing there. How it is drawn at random is in the palette of
//! `scenarios`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::ids::{ClientId, ReplicaSet};
use crate::base::time::{MICROSECOND, Time};
use crate::base::words::{replicas, time};
use crate::plan::Target;
use crate::plan::detail::{Detail, Record, decode};
use crate::protocol::lie::Lie;
use crate::protocol::observation::Fault;

/// An entry is `slot lasts Variant { field: type = detail, ... } => fault, words;`, with `once` instead of `lasts` where the
/// action is over when it is carried out. Slots are the numbers in encoded plans: a new entry takes the next one, and stands
/// at the end, since `.kmb` files count the variants. `detail` says what the field is and which bytes it takes ([`Detail`]);
/// the words are the arguments of a `format!`.
macro_rules! action_kinds {
    ($(
        $(#[$doc:meta])*
        $slot:literal $time:ident $name:ident
        $({ $($(#[$field_doc:meta])* $field:ident: $type:ty = $detail:ident,)* })?
        $(($value:ident: $value_type:ty = $value_detail:ident))?
        => $fault:ident, $($words:expr),+;
    )*) => {
        /// What an action does. Durations count from the moment it is carried out; the heal phase ends them all.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum ActionKind {
            $($(#[$doc])* $name $({ $($(#[$field_doc])* $field: $type,)* })? $(($value_type))?,)*
        }

        impl ActionKind {
            /// How many there are.
            pub const COUNT: usize = [$($slot),*].len();

            /// The fault's name in observations and in a scenario's palette.
            pub fn fault(&self) -> Fault {
                match self {
                    $(ActionKind::$name { .. } => Fault::$fault,)*
                }
            }

            /// Whether it lasts, so that `faults/active.rs` has its effect; otherwise it is over at once.
            pub(crate) fn lasts(&self) -> bool {
                match self {
                    $(ActionKind::$name { .. } => action_kinds!(@ $time),)*
                }
            }

            /// Its number in an encoded plan.
            pub(super) fn slot(&self) -> u8 {
                match self {
                    $(ActionKind::$name { .. } => $slot,)*
                }
            }

            /// The one with this number, below [`ActionKind::COUNT`], with the details that a record holds.
            pub(super) fn decode(slot: usize, record: &Record) -> ActionKind {
                match slot {
                    $($slot => ActionKind::$name
                        $({ $($field: decode::$detail(record)),* })?
                        $((decode::$value_detail(record)))?,)*
                    _ => unreachable!("slots are looked up in a table of all kinds"),
                }
            }

            /// Hands out everything that it carries, to be read or changed.
            pub fn details<'a>(&'a mut self, mut each: impl FnMut(Detail<'a>)) {
                match self {
                    $(ActionKind::$name $({ $($field),* })? $(($value))? => {
                        $($(each(Detail::$detail($field));)*)?
                        $(each(Detail::$value_detail($value));)?
                    })*
                }
            }
        }

        impl fmt::Display for ActionKind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {
                    $(ActionKind::$name $({ $($field),* })? $(($value))? => write!(f, $($words),+),)*
                }
            }
        }

        /// The names of all kinds, each with its slot, in the order of the variants.
        #[cfg(test)]
        pub(super) const SLOTS: &[(usize, &str)] = &[$(($slot, stringify!($name))),*];
    };
    (@ lasts) => { true };
    (@ once) => { false };
}

action_kinds! {
    /// Cuts the replicas of `side` off from the others, both ways.
    1 lasts Partition {
        /// One side (the bits of replicas that do not exist are ignored).
        side: ReplicaSet = Replicas,
        /// For how long.
        duration: Time = Duration,
    } => Partition, "cut {} off from the others for {}", replicas(side), time(duration);
    /// Cuts the target off from all others, both ways.
    2 lasts Isolate {
        /// Which replica.
        target: Target = Target,
        /// For how long.
        duration: Time = Duration,
    } => Partition, "isolate {target} for {}", time(duration);
    /// Cuts the links from the target (`outgoing`) or to it, in that direction only.
    3 lasts Cut {
        /// Which replica.
        target: Target = Target,
        /// What it sends, or what is sent to it.
        outgoing: bool = Outgoing,
        /// For how long.
        duration: Time = Duration,
    } => Cut, "lose all that {target} {} for {}", sends(outgoing), time(duration);
    /// Holds back all that the target sends (`outgoing`) or is sent, until the clog ends.
    4 lasts Clog {
        /// Which replica.
        target: Target = Target,
        /// What it sends, or what is sent to it.
        outgoing: bool = Outgoing,
        /// For how long.
        duration: Time = Duration,
    } => Clog, "hold back all that {target} {} for {}", sends(outgoing), time(duration);
    /// Loses messages.
    5 lasts Loss {
        /// Per thousand messages.
        per_mille: u16 = PerMille,
        /// For how long.
        duration: Time = Duration,
    } => Loss, "lose {per_mille} in 1000 messages for {}", time(duration);
    /// Adds up to `extra` to the delay of each message of the target, both ways.
    6 lasts Delay {
        /// Which replica.
        target: Target = Target,
        /// The longest additional delay.
        extra: Time = Extra,
        /// For how long.
        duration: Time = Duration,
    } => Delay, "delay the messages of {target} by up to {} for {}", time(extra), time(duration);
    /// Delivers messages twice, the second time up to a second later.
    7 lasts Duplicate {
        /// Per thousand messages.
        per_mille: u16 = PerMille,
        /// For how long.
        duration: Time = Duration,
    } => Duplication, "deliver {per_mille} in 1000 messages twice for {}", time(duration);
    /// Lets messages overtake earlier ones, and adds up to 20 ms to the delays.
    8 lasts Reorder {
        /// Per thousand messages.
        per_mille: u16 = PerMille,
        /// For how long.
        duration: Time = Duration,
    } => Reordering, "reorder {per_mille} in 1000 messages for {}", time(duration);
    /// Crashes the target.
    9 once Crash {
        /// Which replica.
        target: Target = Target,
        /// It restarts after this long.
        down: Time = Duration,
    } => Crash, "crash {target} for {}", time(down);
    /// Crashes all replicas.
    10 once PowerLoss {
        /// They restart after this long, each up to 50 ms later than that.
        down: Time = Duration,
    } => PowerLoss, "crash all replicas for {}", time(down);
    /// Stops the target; what was meant for it waits.
    11 lasts Pause {
        /// Which replica.
        target: Target = Target,
        /// For how long.
        duration: Time = Duration,
    } => Pause, "pause {target} for {}", time(duration);
    /// Flips a bit of what is durable on the target's disk.
    12 once BitFlip {
        /// Which replica.
        target: Target = Target,
        /// Which zone of the disk (modulo their number).
        zone: u8 = Zone,
        /// Which record of the zone, counted back from the one written last (modulo their number).
        record: u16 = Record,
        /// Which bit of the record (modulo their number).
        bit: u16 = Offset,
    } => BitFlip, "flip bit {bit} of record {record} from the last in zone {zone} of {target}'s disk";
    /// Undoes the last write of a record: a write was reported as finished and never happened.
    13 once LostWrite {
        /// Which replica.
        target: Target = Target,
        /// Which zone of the disk.
        zone: u8 = Zone,
        /// Which record, counted back from the one written last.
        record: u16 = Record,
    } => LostWrite, "undo the last write of record {record} from the last in zone {zone} of {target}'s disk";
    /// Puts the record's content over another record: a write went astray, and its own place holds the older data.
    14 once MisdirectedWrite {
        /// Which replica.
        target: Target = Target,
        /// Which zone of the disk.
        zone: u8 = Zone,
        /// Which record, counted back from the one written last.
        record: u16 = Record,
        /// Where it went instead: so many records before it (modulo their number).
        away: u16 = Offset,
    } => MisdirectedWrite, "put record {record} from the last in zone {zone} of {target}'s disk {away} records before its place";
    /// Lets the target's syncs and reads fail.
    15 lasts DiskError {
        /// Which replica.
        target: Target = Target,
        /// Per thousand syncs and reads.
        per_mille: u16 = PerMille,
        /// For how long.
        duration: Time = Duration,
    } => DiskError, "fail {per_mille} in 1000 syncs and reads of {target} for {}", time(duration);
    /// Adds up to `extra` to each sync and read of the target.
    16 lasts DiskSlow {
        /// Which replica.
        target: Target = Target,
        /// The longest additional time.
        extra: Time = Extra,
        /// For how long.
        duration: Time = Duration,
    } => DiskSlow, "slow the disk of {target} by up to {} for {}", time(extra), time(duration);
    /// Lets the target's writes find no space.
    17 lasts DiskFull {
        /// Which replica.
        target: Target = Target,
        /// For how long.
        duration: Time = Duration,
    } => DiskFull, "fill the disk of {target} for {}", time(duration);
    /// Sets the target's wall clock forward or back.
    18 once ClockStep {
        /// Which replica.
        target: Target = Target,
        /// By so many microseconds.
        micros: i32 = Step,
    } => ClockStep, "set the wall clock of {target} {} by {}", side_of(micros, "back", "forward"), microseconds(micros);
    /// Lets the target's clocks run too slow or too fast.
    19 lasts ClockDrift {
        /// Which replica.
        target: Target = Target,
        /// By so many parts per million.
        ppm: i32 = Drift,
        /// For how long.
        duration: Time = Duration,
    } => ClockDrift, "let the clocks of {target} drift by {ppm} ppm for {}", time(duration);
    /// Stops the target's clocks: time stands still for it and its timers wait.
    20 lasts ClockFreeze {
        /// Which replica.
        target: Target = Target,
        /// For how long.
        duration: Time = Duration,
    } => ClockFreeze, "freeze the clocks of {target} for {}", time(duration);
    /// Lets a client send its next requests without pausing.
    0 once Burst {
        /// Which client (modulo their number).
        client: ClientId = Client,
        /// How many requests.
        requests: u8 = Requests,
    } => Burst, "let client {} send {requests} {} at once", client.0, if requests == 1 { "request" } else { "requests" };
    /// Crashes a client; it comes back at once with a new session and forgets what it asked.
    21 once ClientCrash {
        /// Which client.
        client: ClientId = Client,
    } => ClientCrash, "crash client {}", client.0;
    /// Lets a client send its current request once more, to every replica.
    22 once DuplicateRequest {
        /// Which client.
        client: ClientId = Client,
    } => DuplicateRequest, "let client {} send its request twice", client.0;
    /// Tells the liar to lie.
    23 once Lie (lie: Lie = Lie) => Lie, "{lie}";
    /// Keeps the time service out of the reach of the replicas of `side`; of all, if there are none of its replicas.
    24 lasts NoNtp {
        /// Which replicas.
        side: ReplicaSet = Replicas,
        /// For how long.
        duration: Time = Duration,
    } => NoNtp, "keep the time service from {} for {}", replicas_or_all(side), time(duration);
    /// Lets the time service tell the target a false time.
    25 lasts WrongNtp {
        /// Which replica.
        target: Target = Target,
        /// Off by so many microseconds.
        micros: i32 = Step,
        /// For how long.
        duration: Time = Duration,
    } => WrongNtp, "tell {target} a time that is {} {} for {}", microseconds(micros), side_of(micros, "behind", "ahead"), time(duration);
    /// Flips several bits of one durable record.
    26 once FlippedBits {
        /// Which replica.
        target: Target = Target,
        /// Which zone of the disk.
        zone: u8 = Zone,
        /// Which record, counted back from the one written last.
        record: u16 = Record,
        /// The first bit (modulo their number).
        bit: u16 = Offset,
        /// How many; at least 1.
        count: u8 = Bits,
    } => FlippedBits, "flip {count} bits from {bit} on of record {record} from the last in zone {zone} of {target}'s disk";
    /// Cuts the end of a durable record off.
    27 once TruncatedRecord {
        /// Which replica.
        target: Target = Target,
        /// Which zone of the disk.
        zone: u8 = Zone,
        /// Which record, counted back from the one written last.
        record: u16 = Record,
        /// How many of its bytes are kept (modulo their number).
        keep: u16 = Offset,
    } => TruncatedRecord, "cut record {record} from the last in zone {zone} of {target}'s disk off at byte {keep}";
    /// Pushes bytes into a durable record, so that the ones after them stand in the wrong place.
    28 once ShiftedRecord {
        /// Which replica.
        target: Target = Target,
        /// Which zone of the disk.
        zone: u8 = Zone,
        /// Which record, counted back from the one written last.
        record: u16 = Record,
        /// Before which byte (modulo their number).
        from: u16 = Offset,
        /// How many; at least 1.
        by: u8 = Bytes,
    } => ShiftedRecord, "push {by} bytes in at byte {from} of record {record} from the last in zone {zone} of {target}'s disk";
    /// Lets the target's reads bring older content or another record now and then, though the disk holds the right one.
    29 lasts StaleRead {
        /// Which replica.
        target: Target = Target,
        /// Which zone of the disk.
        zone: u8 = Zone,
        /// 0: what the record held before its last write; else what stands so many records before it.
        away: u8 = Away,
        /// Per thousand records that are read.
        per_mille: u16 = PerMille,
        /// For how long.
        duration: Time = Duration,
    } => StaleRead, "let reads in zone {zone} of {target}'s disk bring {} for {per_mille} in 1000 records for {}", older(away), time(duration);
    /// Asks for other members. The administrator asks the primary again and again until they are in force or refused.
    30 once Reconfigure {
        /// The members that there are to be (the bits of replicas that do not exist are ignored).
        members: ReplicaSet = Replicas,
    } => Reconfiguration, "ask for {} as the members", replicas(members);
    /// Flips bits in messages that the target sends or is sent: up to 32 adjoining ones in each that it hits.
    31 lasts Garble {
        /// Which replica.
        target: Target = Target,
        /// Per thousand messages.
        per_mille: u16 = PerMille,
        /// For how long.
        duration: Time = Duration,
    } => Garbling, "damage {per_mille} in 1000 messages of {target} for {}", time(duration);
}

impl ActionKind {
    /// The replica that it is about, if it is about one.
    pub fn target(&self) -> Option<Target> {
        let mut kind = *self;
        kind.target_mut().map(|target| *target)
    }

    /// The same, to be changed.
    pub fn target_mut(&mut self) -> Option<&mut Target> {
        let mut found = None;
        self.details(|detail| {
            if let Detail::Target(target) = detail {
                found = Some(target);
            }
        });
        found
    }

    /// How long it lasts, if it does.
    pub fn duration(&self) -> Option<Time> {
        let (mut kind, mut found) = (*self, None);
        kind.details(|detail| {
            if let Detail::Duration(duration) = detail {
                found = Some(*duration);
            }
        });
        found
    }
}

fn sends(outgoing: bool) -> &'static str {
    if outgoing { "sends" } else { "is sent" }
}

fn side_of(micros: i32, negative: &'static str, other: &'static str) -> &'static str {
    if micros < 0 { negative } else { other }
}

fn microseconds(micros: i32) -> String {
    time(u64::from(micros.unsigned_abs()) * MICROSECOND)
}

fn older(away: u8) -> String {
    if away == 0 { "its older content".to_string() } else { format!("the record {away} before it") }
}

fn replicas_or_all(side: ReplicaSet) -> String {
    if side.is_empty() { "all replicas".to_string() } else { replicas(side) }
}
