//! The classes of faults that `--faults` knows.

use sim::protocol::fault::{Fault, FaultFamily};
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
        match fault.family() {
            FaultFamily::Network => Some(FaultClass::Network),
            FaultFamily::Storage => Some(FaultClass::Storage),
            FaultFamily::Crash => Some(FaultClass::Crash),
            FaultFamily::Clock => Some(FaultClass::Clock),
            FaultFamily::Byzantine => Some(FaultClass::Byzantine),
            FaultFamily::Client | FaultFamily::Administration => None,
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
