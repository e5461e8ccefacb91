//! For each depth counter (views, crashes in a row, repairs ...), the input that reached its highest value.
//!
//! libFuzzer keeps thousands of inputs and mutates each of them a few times. The end of a long chain of steps is
//! reached only by mutating, many times, the one input that is closest to it.

use sim::observers::coverage::{DEPTHS_MAX, depth};

/// The highest value of each counter, with the input that reached it.
#[derive(Debug, Default)]
pub struct Furthest {
    best: [Option<(u32, Vec<u8>)>; DEPTHS_MAX],
}

impl Furthest {
    /// Records that an input reached these slots of the map. Of two inputs that reached the same value, the later one
    /// is kept unless it is longer. This removes unnecessary actions over time, and keeps the search from being stuck
    /// at a plan that cannot be extended.
    pub fn saw(&mut self, input: &[u8], reached: &[u32]) {
        let mut highest = [0; DEPTHS_MAX];
        for (counter, far) in reached.iter().filter_map(|slot| depth(*slot)) {
            highest[counter] = highest[counter].max(far);
        }
        for (best, far) in self.best.iter_mut().zip(highest).filter(|(_, far)| *far > 0) {
            let better =
                best.as_ref().is_none_or(|(known, kept)| far > *known || far == *known && input.len() <= kept.len());
            if better {
                let (_, mut kept) = best.take().unwrap_or_default();
                kept.clear();
                kept.extend_from_slice(input);
                *best = Some((far, kept));
            }
        }
    }

    /// One of the inputs, selected by `number`.
    pub fn pick(&self, number: u64) -> Option<&[u8]> {
        let known = || self.best.iter().flatten();
        let count = known().count() as u64;
        let (_, input) = known().nth(number.checked_rem(count)? as usize)?;
        Some(input)
    }
}
