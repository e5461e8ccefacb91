//! The classes of faults that `--faults` knows.

use sim::protocol::observation::Fault;
use sim::{Case, ReplicaSet};

/// A class of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum FaultClass {
    /// Partitions, cuts, clogs, loss, delay, duplication, reordering, damage of messages.
    Network,
    /// Damage, errors, slowness and lack of space on disks.
    Storage,
    /// Crashes and pauses of replicas.
    Crash,
    /// Steps, drift and freezes of clocks; no time service, or a false one.
    Clock,
    /// Lies.
    Byzantine,
}

impl FaultClass {
    /// The class of a fault; what clients and the administrator do is in none.
    fn of(fault: Fault) -> Option<FaultClass> {
        match fault {
            Fault::Partition
            | Fault::Cut
            | Fault::Clog
            | Fault::Loss
            | Fault::Delay
            | Fault::Duplication
            | Fault::Reordering
            | Fault::Garbling => Some(FaultClass::Network),
            Fault::BitFlip
            | Fault::LostWrite
            | Fault::MisdirectedWrite
            | Fault::DiskError
            | Fault::DiskSlow
            | Fault::DiskFull
            | Fault::FlippedBits
            | Fault::TruncatedRecord
            | Fault::ShiftedRecord
            | Fault::StaleRead => Some(FaultClass::Storage),
            Fault::Crash | Fault::PowerLoss | Fault::Pause => Some(FaultClass::Crash),
            Fault::ClockStep | Fault::ClockDrift | Fault::ClockFreeze | Fault::NoNtp | Fault::WrongNtp => {
                Some(FaultClass::Clock)
            }
            Fault::Lie => Some(FaultClass::Byzantine),
            Fault::Burst | Fault::ClientCrash | Fault::DuplicateRequest | Fault::Reconfiguration => None,
        }
    }
}

/// Takes the actions of all other classes out of a case. The rest of the run's decisions stay as they were.
pub fn restrict(case: &mut Case, classes: &[FaultClass]) {
    case.actions.retain(|action| FaultClass::of(action.what.fault()).is_none_or(|class| classes.contains(&class)));
    if !classes.contains(&FaultClass::Byzantine) {
        case.liars = ReplicaSet::default();
    }
}
