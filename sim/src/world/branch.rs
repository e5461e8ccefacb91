//! Branches: a run that equals another run from its boot up to some event, and then continues differently.
//!
//! A bisection asks of an event: given everything that has happened so far, how likely is the failure? It continues
//! from there many times, with other random decisions and without the remaining actions of the plan
//! (`Onward::Reseeded`). A world cannot be copied, and a system need not be: the run is replayed up to the event
//! instead. All decisions are keyed functions of what they decide, so these first events are exactly those of the
//! other run.
//!
//! What has been decided before stays decided: messages in transit arrive at the time that was drawn for them, a
//! crashed replica restarts and a fault ends at their times. Everything that is drawn later is drawn with the new
//! keys: what later messages meet, what clients ask next, the latencies of disks. The configuration stays the same,
//! including its rates of lost and duplicated messages. The heal phase does not begin earlier: the world waits as if
//! the actions of the plan were still there, since otherwise a slow failure would be healed before it shows.
//!
//! Left out: random numbers that a system draws by itself instead of through `Env`; these stay those of the case's
//! seed.

use crate::world::core::Core;
use crate::world::system::System;

/// Where a run becomes another one, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branch {
    /// The last event that is as it was; 0 for none.
    pub after: u64,
    /// What is different from then on.
    pub onward: Onward,
}

/// What is different after the branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onward {
    /// Actions of the plan that have not begun are left out. Those that have begun go on: a fault until it ends, a liar
    /// until it has told the lies that it was ordered to tell.
    Planless,
    /// The same, with all random decisions from this seed; and liars tell no more lies, since a lie has not happened
    /// until it is told.
    Reseeded(u64),
}

impl<S: System> Core<S> {
    /// From now on, the run is another one.
    #[cold]
    pub(crate) fn branch(&mut self, onward: Onward) {
        self.planless = true;
        if let Onward::Reseeded(seed) = onward {
            self.keys.reseed(seed);
            self.lies.heal();
        }
    }
}
