//! The trace: a rolling digest of every observation, and the observations themselves if the run is recorded.
//!
//! The digest covers every field of every observation, so two runs with one digest are the same run. It is computed
//! from integers, the same on every machine: each observation becomes a few words (the first contains its kind, so
//! that no two kinds can be confused), and the words alternate between two lanes. For a given word, a lane's step is a
//! bijection of the lane, so a difference that has entered a lane never disappears by itself.

use crate::protocol::observation::{Seen, Who};

const LANE_A: u64 = 0x9E37_79B9_7F4A_7C15;
const LANE_B: u64 = 0xC2B2_AE3D_27D4_EB4F;

/// The trace of a run.
#[derive(Debug)]
pub struct Trace {
    a: u64,
    b: u64,
    len: u64,
    record: bool,
    recorded: Vec<Seen>,
}

impl Default for Trace {
    fn default() -> Self {
        Trace { a: LANE_A, b: LANE_B, len: 0, record: false, recorded: Vec::new() }
    }
}

impl Trace {
    /// Forgets everything; a new run begins, whose observations are kept if `record` is true.
    pub fn reset(&mut self, record: bool) {
        let mut recorded = std::mem::take(&mut self.recorded);
        recorded.clear();
        *self = Trace { record, recorded, ..Trace::default() };
    }

    /// Takes in one observation: every field of it.
    pub fn observe(&mut self, seen: &Seen) {
        self.len += 1;
        if self.record {
            self.recorded.push(*seen);
        }
        self.pair(seen.at, seen.event);
        let who = match seen.who {
            Who::World => 0,
            Who::Replica(id) => 1 << 16 | u64::from(id.0),
            Who::Client(id) => 2 << 16 | u64::from(id.0),
        };
        // The kind in the lowest 8 bits, and who it is about in the next 18.
        seen.what.digest(seen.what.kind() as u64 | who << 8, &mut |x, y| self.pair(x, y));
    }

    /// The digest so far.
    pub fn digest(&self) -> u64 {
        finish(self.a ^ finish(self.b ^ self.len))
    }

    /// How many observations were made.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether none was made.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The observations, if they were recorded.
    pub fn recorded(&self) -> &[Seen] {
        &self.recorded
    }

    #[inline]
    fn pair(&mut self, x: u64, y: u64) {
        self.a = (self.a.rotate_left(23) ^ x).wrapping_mul(LANE_A);
        self.b = (self.b.rotate_left(29) ^ y).wrapping_mul(LANE_B);
    }
}

/// A bijection in which every input bit reaches every output bit (the finalizer of `SplitMix64`).
fn finish(mut word: u64) -> u64 {
    word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ word >> 31
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{ClientId, ReplicaId};
    use crate::protocol::observation::{Observation, samples};

    fn digest(seen: &[Seen]) -> u64 {
        let mut trace = Trace::default();
        trace.reset(false);
        for seen in seen {
            trace.observe(seen);
        }
        trace.digest()
    }

    #[test]
    fn every_field_counts() {
        let (at, event, who) = (5, 7, Who::Replica(ReplicaId(1)));
        let mut all: Vec<Seen> = samples().into_iter().map(|what| Seen { at, event, who, what }).collect();
        let base = all[0];
        all.push(Seen { at: 6, ..base });
        all.push(Seen { event: 8, ..base });
        all.push(Seen { who: Who::World, ..base });
        all.push(Seen { who: Who::Client(ClientId(1)), ..base });
        all.push(Seen { who: Who::Replica(ReplicaId(2)), ..base });
        let mut digests: Vec<u64> = all.iter().map(|seen| digest(&[*seen])).collect();
        digests.push(digest(&[base, base]));
        digests.push(digest(&[base, all[1]]));
        digests.push(digest(&[all[1], base]));
        digests.push(digest(&[]));
        let count = digests.len();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), count);
    }

    #[test]
    fn a_reset_forgets_and_recording_is_optional() {
        let seen = Seen { at: 1, event: 1, who: Who::World, what: Observation::Healed };
        let mut trace = Trace::default();
        let empty = trace.digest();
        trace.reset(true);
        trace.observe(&seen);
        assert_eq!((trace.len(), trace.recorded()), (1, &[seen][..]));
        let digest = trace.digest();
        trace.reset(false);
        assert!(trace.is_empty());
        assert_eq!(trace.digest(), empty);
        trace.observe(&seen);
        assert!(trace.recorded().is_empty());
        assert_eq!(trace.digest(), digest);
    }

    #[test]
    fn the_digest_is_the_same_everywhere() {
        let who = Who::Replica(ReplicaId(1));
        let seen: Vec<Seen> = samples().into_iter().map(|what| Seen { at: 3, event: 4, who, what }).collect();
        expect_test::expect!["1398acdb90977c46"].assert_eq(&format!("{:016x}", digest(&seen)));
    }
}
