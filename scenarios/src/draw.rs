//! Random decisions about the content of a case, as a pure function of a seed and a purpose.
//!
//! Nothing draws from here during a run: a case contains the decisions themselves.

use sim::Time;

/// A small deterministic random number generator (`SplitMix64`), one for each purpose.
#[derive(Clone, Debug)]
pub struct Draw(u64);

impl Draw {
    /// The generator for this purpose.
    pub fn new(seed: u64, purpose: &str) -> Draw {
        let mut draw = Draw(seed);
        for byte in purpose.bytes() {
            draw.0 = draw.next() ^ u64::from(byte);
        }
        draw
    }

    /// The next 64 bits.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ word >> 31
    }

    /// A number below `end`, which is more than 0.
    pub fn below(&mut self, end: u64) -> u64 {
        debug_assert!(end > 0);
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    /// A number from `min` to `max`, both included.
    pub fn between(&mut self, min: Time, max: Time) -> Time {
        min + self.below(max - min + 1)
    }

    /// True with a probability of `percent` %.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A random element.
    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize]
    }

    /// Brings the list into a random order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for end in (1..list.len()).rev() {
            list.swap(end, self.below(end as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_depend_on_seed_and_purpose_and_stay_in_range() {
        let numbers = |seed, purpose| {
            let mut draw = Draw::new(seed, purpose);
            [(); 50].map(|()| draw.between(3, 9))
        };
        assert_eq!(numbers(1, "a"), numbers(1, "a"));
        assert_ne!(numbers(1, "a"), numbers(2, "a"));
        assert_ne!(numbers(1, "a"), numbers(1, "b"));
        for number in 3..=9 {
            assert!(numbers(1, "a").contains(&number));
        }
        let mut list = [0, 1, 2, 3, 4];
        Draw::new(5, "").shuffle(&mut list);
        list.sort_unstable();
        assert_eq!(list, [0, 1, 2, 3, 4]);
    }
}
