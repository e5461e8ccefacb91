//! The inputs that got furthest: for each counter of how far a run went (views, crashes in a row, repairs ...), the one that
//! took it highest.
//!
//! libFuzzer keeps thousands of inputs and changes each of them a few times; what is at the end of a chain of steps is
//! reached by going on, many times, from the one input that is nearest to the end.

use sim::observers::coverage::{DEPTHS_MAX, depth};

/// By counter, how far it went and with which input.
#[derive(Debug, Default)]
pub struct Furthest {
    best: [Option<(u32, Vec<u8>)>; DEPTHS_MAX],
}

impl Furthest {
    /// An input reached these slots of the map. Of two that got equally far the later one stays, unless it is longer: what is
    /// not needed falls off in time, and a search does not get stuck at one plan that cannot be taken any further.
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

    /// One of the inputs, by any number.
    pub fn pick(&self, number: u64) -> Option<&[u8]> {
        let known = || self.best.iter().flatten();
        let count = known().count() as u64;
        let (_, input) = known().nth(number.checked_rem(count)? as usize)?;
        Some(input)
    }
}
