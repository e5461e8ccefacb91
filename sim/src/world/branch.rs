//! Branches: a run that is another's from its boot up to some event, and goes on in its own way.
//!
//! A bisection asks of an event: given all that has happened up to here, how likely is the failure? It goes on from
//! there many times, with other random choices and without what the plan still has in store (`Onward::Reseeded`). A
//! world cannot be copied, and a system need not be: the run is played again up to the event instead. All decisions are
//! keyed functions of what they decide, so those first events are exactly the other run's.
//!
//! What has been decided before stays decided: messages are on their way until the time that was drawn for them, a
//! crashed replica restarts and a fault ends when it was to. Whatever is drawn afterwards is drawn with the new keys:
//! what messages that are sent from now on meet, what clients ask next, how long disks take. The configuration stays,
//! its baseline of lost and doubled messages included. Nor does the heal phase begin earlier: the plan is waited for as
//! if its actions were still there, or a failure that takes its time would be healed away.
//!
//! Left out: random numbers that a system draws by itself, past its `Env`; they stay those of the case's seed.

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
