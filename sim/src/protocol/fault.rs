//! The faults that the world injects, as observations name them. `plan/action_kind.rs` has what each of them carries.

use serde::{Deserialize, Serialize};

/// What a fault is a fault of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultFamily {
    /// The network.
    Network,
    /// A disk.
    Storage,
    /// A replica's process.
    Crash,
    /// A clock, or the time service.
    Clock,
    /// A liar.
    Byzantine,
    /// A client; none of these is an error of the cluster's surroundings.
    Client,
    /// What an administrator asks for.
    Administration,
}

/// An entry is `Fault: family, damages disks;` or `keeps disks;`. Digests contain the numbers of the faults: a new one stands
/// at the end.
macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident: $family:ident, $damages:ident disks;)*) => {
        /// A fault, without its details.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum Fault {
            $($(#[$doc])* $name,)*
        }

        impl Fault {
            /// How many faults there are.
            pub const COUNT: usize = [$(Fault::$name),*].len();

            /// What it is a fault of.
            pub fn family(self) -> FaultFamily {
                match self {
                    $(Fault::$name => FaultFamily::$family,)*
                }
            }

            /// Whether a disk then answers otherwise than it was written.
            pub fn damages(self) -> bool {
                match self {
                    $(Fault::$name => faults!(@ $damages),)*
                }
            }
        }
    };
    (@ damages) => { true };
    (@ keeps) => { false };
}

faults! {
    /// Some replicas are cut off from the others.
    Partition: Network, keeps disks;
    /// One direction of one link is cut.
    Cut: Network, keeps disks;
    /// One direction of one link holds its messages back.
    Clog: Network, keeps disks;
    /// Messages are lost.
    Loss: Network, keeps disks;
    /// Messages are slow.
    Delay: Network, keeps disks;
    /// Messages are delivered twice.
    Duplication: Network, keeps disks;
    /// Messages overtake each other.
    Reordering: Network, keeps disks;
    /// A replica crashes, and restarts after a while.
    Crash: Crash, keeps disks;
    /// All replicas crash at once, and restart after a while.
    PowerLoss: Crash, keeps disks;
    /// A replica stops for a while and then goes on as if nothing had happened.
    Pause: Crash, keeps disks;
    /// A bit on a disk flips.
    BitFlip: Storage, damages disks;
    /// A finished write is lost: the disk holds the older data.
    LostWrite: Storage, damages disks;
    /// A finished write went to the place of another record.
    MisdirectedWrite: Storage, damages disks;
    /// Reads and syncs fail.
    DiskError: Storage, keeps disks;
    /// Reads and syncs are slow.
    DiskSlow: Storage, keeps disks;
    /// Writes find no space.
    DiskFull: Storage, keeps disks;
    /// A wall clock jumps.
    ClockStep: Clock, keeps disks;
    /// A clock runs too slow or too fast.
    ClockDrift: Clock, keeps disks;
    /// A clock stands still.
    ClockFreeze: Clock, keeps disks;
    /// A client sends a burst of requests without pausing.
    Burst: Client, keeps disks;
    /// A client crashes and comes back with a new session.
    ClientCrash: Client, keeps disks;
    /// A client sends its request twice.
    DuplicateRequest: Client, keeps disks;
    /// A replica lies.
    Lie: Byzantine, keeps disks;
    /// The time service is out of reach.
    NoNtp: Clock, keeps disks;
    /// The time service tells a false time.
    WrongNtp: Clock, keeps disks;
    /// Several bits of a record flip.
    FlippedBits: Storage, damages disks;
    /// The end of a record is lost.
    TruncatedRecord: Storage, damages disks;
    /// Bytes are pushed into a record.
    ShiftedRecord: Storage, damages disks;
    /// Reads bring older content or another record.
    StaleRead: Storage, damages disks;
    /// The administrator asks for other members.
    Reconfiguration: Administration, keeps disks;
    /// Messages are damaged on the way.
    Garbling: Network, keeps disks;
}
