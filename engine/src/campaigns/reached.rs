//! Which coverage slots a campaign reached, and how often: what is new, how full the map is, and an estimate of what is
//! left to discover.

use serde::{Deserialize, Serialize};
use sim::observers::coverage::{MAP_SIZE, REGIONS, Region};

use crate::campaigns::counts::{self, Counts};

/// Runs that reached a slot are counted up to this many: the estimates need no more than once and twice.
pub const HITS_MAX: u8 = 3;

/// How many runs reached each slot, up to [`HITS_MAX`].
#[derive(Clone, Debug, Default)]
pub struct States {
    hits: Vec<u8>,
    count: usize,
}

/// How many slots were reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// All of them.
    pub states: usize,
    /// Those that one run alone reached.
    pub once: usize,
    /// Those that two runs reached.
    pub twice: usize,
    /// The slots of each region of the map.
    #[serde(deserialize_with = "counts::of_regions")]
    pub regions: Counts,
}

impl States {
    /// A run reached a slot; whether that counts: it is one of the first few that did.
    pub fn hit(&mut self, slot: u32) -> bool {
        if self.hits.is_empty() {
            self.hits = vec![0; MAP_SIZE];
        }
        let hits = &mut self.hits[slot as usize % MAP_SIZE];
        if *hits == HITS_MAX {
            return false;
        }
        self.count += usize::from(*hits == 0);
        *hits += 1;
        true
    }

    /// Whether a slot was ever reached.
    pub fn has(&self, slot: u32) -> bool {
        self.hits.get(slot as usize % MAP_SIZE).is_some_and(|hits| *hits > 0)
    }

    /// How many slots were reached.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The slots that were reached.
    pub fn slots(&self) -> impl Iterator<Item = u32> {
        self.hits.iter().zip(0..).filter(|(hits, _)| **hits > 0).map(|(_, slot)| slot)
    }

    /// The numbers behind it.
    pub fn reached(&self) -> Reached {
        let of = |wanted: u8| self.hits.iter().copied().filter(|hits| *hits == wanted).count();
        let regions = REGIONS.iter().map(|region| {
            let slots = region.start as usize..(region.start + region.size) as usize;
            let reached = self.hits.get(slots).map_or(0, |hits| hits.iter().filter(|it| **it > 0).count());
            (region.name.to_string(), reached as u64)
        });
        Reached { states: self.count, once: of(1), twice: of(2), regions: regions.collect() }
    }
}

impl Reached {
    /// How many slots of a region were reached.
    pub fn of_region(&self, region: &Region) -> u64 {
        self.regions.get(region.name).copied().unwrap_or(0)
    }

    /// How many slots there may be to reach, at least: Chao1, bias-corrected (Chao 1984), from the slots that one run and
    /// those that two runs reached. An estimate: guided runs are no independent samples.
    pub fn estimated(&self) -> usize {
        let (once, twice) = (self.once as u64, self.twice as u64);
        let unseen = once * once.saturating_sub(1) / (2 * (twice + 1));
        (self.states + unseen as usize).min(MAP_SIZE)
    }

    /// In how many runs a new slot is to be expected, by Good and Turing's estimate of what was not seen; `None` where nothing
    /// speaks for any.
    pub fn runs_to_a_new_one(&self, runs: u64) -> Option<u64> {
        (self.once > 0).then(|| runs.div_ceil(self.once as u64))
    }

    /// How many of the states that were told apart share a slot with another, by the number that so many balls in so many
    /// bins would: most regions are filled by a hash.
    pub fn collisions(&self) -> u64 {
        let of_region = |region: &Region| {
            let (reached, size) = (self.of_region(region) as f64, f64::from(region.size));
            // Of m states in n slots, n (1 - (1 - 1/n)^m) slots are reached.
            let free = (1.0 - reached / size).max(1.0 / size);
            (free.ln() / (1.0 - 1.0 / size).ln() - reached).max(0.0)
        };
        REGIONS.iter().filter(|region| region.hashed).map(of_region).sum::<f64>() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(hits: &[u32]) -> States {
        let mut states = States::default();
        for slot in hits {
            states.hit(*slot);
        }
        states
    }

    #[test]
    fn the_first_three_runs_count() {
        let mut states = States::default();
        let counted: Vec<_> = (0..5).map(|_| states.hit(7)).collect();
        assert_eq!(counted, [true, true, true, false, false]);
        assert_eq!(states.count(), 1);
        assert!(states.has(7) && !states.has(8));
    }

    #[test]
    fn what_is_left_is_estimated_from_what_was_seen_once() {
        let reached = states(&[1, 1, 2, 3, 40_000]).reached();
        assert_eq!((reached.states, reached.once, reached.twice), (4, 3, 1));
        assert_eq!(reached.regions.values().sum::<u64>(), 4);
        assert_eq!(reached.estimated(), 4 + 3 * 2 / 4);
        assert_eq!(reached.runs_to_a_new_one(300), Some(100));
        assert_eq!(states(&[1, 1, 2, 2]).reached().runs_to_a_new_one(10), None);
        assert_eq!(States::default().reached().estimated(), 0);
    }

    #[test]
    fn a_full_region_hides_states() {
        let collisions = |hashed, parts: u32| {
            let region = REGIONS.iter().find(|region| region.hashed == hashed).expect("there are both sorts");
            let slots: Vec<_> = (region.start..region.start + region.size / parts).collect();
            (states(&slots).reached().collisions(), u64::from(region.size))
        };
        let (full, size) = collisions(true, 1);
        assert!(full > size);
        let (hundredth, size) = collisions(true, 100);
        assert!(hundredth < size / 1_000);
        assert_eq!(collisions(false, 1).0, 0, "where each state has a slot of its own, none shares one");
    }
}
