//! Seeds: a pure function of the base seed, the scenario and the number of the run, so that each run can be had alone.

/// The seed of a scenario's `iteration`, from 0. The first run has the base seed itself: a failure's seed, given as the
/// base seed of a single run, is that failure again.
pub fn of_iteration(base: u64, scenario: &str, iteration: u64) -> u64 {
    if iteration == 0 { base } else { mix(base, scenario, iteration) }
}

/// Mixes three things into one number (`SplitMix64` over an FNV-1a of the text).
pub fn mix(base: u64, text: &str, number: u64) -> u64 {
    let text = text
        .bytes()
        .fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3));
    scramble(scramble(scramble(base) ^ text) ^ number)
}

fn scramble(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ value >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ value >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ value >> 31
}

/// A seed that nobody chose; it is printed, so that the runs can be repeated.
pub fn fresh() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_differ_and_never_change() {
        let mut seeds: Vec<u64> = (0..1_000).map(|iteration| of_iteration(1, "baseline", iteration)).collect();
        seeds.extend((1..1_000).map(|iteration| of_iteration(1, "combined", iteration)));
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), 1_999);
        assert_eq!(of_iteration(7, "baseline", 0), 7);
        // Published seeds must go on meaning the same runs.
        assert_eq!(mix(1, "baseline", 1), 0xC0D4_5D08_35F9_EA0D);
    }
}
