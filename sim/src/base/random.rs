//! Random decisions: keys that are drawn once per run, and a keyed function of what is decided.
//!
//! No decision is drawn from a shared stream. The delay of the 7th message from replica 1 to replica 2 is a function
//! of the key for delays and of (1, 2, 7), whatever else happens in the run. So removing one fault from a plan leaves
//! all other decisions unchanged. Integers only; probabilities are parts per million.
//!
//! Left out: cryptographic strength. The keys come from `ChaCha8`, the function under them is a cheap mixer.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::base::ids::REPLICAS_MAX;

/// A certainty, in parts of a million.
pub const MILLION: u32 = 1_000_000;

/// What a random decision is about; each domain has a key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Domain {
    /// The delay of a message: link, number.
    Delay,
    /// The additional delay of a slow link: link, number.
    ExtraDelay,
    /// Whether a message is lost: link, number.
    Loss,
    /// Whether a message is delivered twice: link, number.
    Duplication,
    /// How much later the second copy comes: link, number.
    DuplicationDelay,
    /// Whether a message may overtake earlier ones: link, number.
    Reordering,
    /// How much later such a message comes: link, number.
    ReorderingDelay,
    /// How long a read or a sync takes: replica, its number.
    DiskLatency,
    /// How much longer it takes on a slow disk: replica, its number.
    DiskExtra,
    /// Whether it fails: replica, its number.
    DiskError,
    /// What becomes of an unsynced write in a crash: replica, the write's number.
    DiskFate,
    /// How long a client thinks: client, session and request number.
    Think,
    /// What a client asks: client, session and request number.
    Operation,
    /// What fills a request up to its size: client, session and request number.
    Filler,
    /// How far off a wall clock starts, or is set: replica, time. When it is set first: replica.
    ClockOffset,
    /// How fast a clock runs: replica.
    ClockDrift,
    /// A replica's own stream: replica, incarnation, number.
    Replica,
    /// How much later a replica restarts after a power loss: replica, time of the loss.
    PowerLoss,
    /// Whether a record is misread: replica, the read's number, record.
    Misread,
    /// Whether a message is damaged: link, number.
    Garbling,
    /// Which of its bits flip: link, number.
    GarbledBits,
}

const DOMAINS: usize = Domain::GarbledBits as usize + 1;

/// The keys of a run.
#[derive(Clone, Debug)]
pub struct Keys {
    words: [u64; DOMAINS],
    replicas: [[u8; 32]; REPLICAS_MAX],
}

impl Keys {
    /// The keys that belong to `seed`.
    pub fn new(seed: u64) -> Self {
        let mut stream = ChaCha8Rng::seed_from_u64(seed);
        let mut words = [0; DOMAINS];
        words.fill_with(|| stream.next_u64());
        let mut replicas = [[0; 32]; REPLICAS_MAX];
        for key in &mut replicas {
            stream.fill_bytes(key);
        }
        Keys { words, replicas }
    }

    /// From now on all decisions are those of another seed; the signing keys stay, since they are known all over the cluster.
    pub(crate) fn reseed(&mut self, seed: u64) {
        self.words = Keys::new(seed).words;
    }

    /// The signing keys of the replicas.
    pub fn replicas(&self) -> &[[u8; 32]; REPLICAS_MAX] {
        &self.replicas
    }

    /// 64 random bits that decide (a, b, c) of the domain.
    #[inline]
    pub fn draw(&self, domain: Domain, a: u64, b: u64, c: u64) -> u64 {
        prf(self.words[domain as usize], a, b, c)
    }

    /// A random number in `min..=max`, which must not be empty.
    #[inline]
    pub fn uniform(&self, domain: Domain, (a, b, c): (u64, u64, u64), min: u64, max: u64) -> u64 {
        debug_assert!(min <= max);
        min + below(self.draw(domain, a, b, c), (max - min).saturating_add(1))
    }

    /// Whether something happens that happens `per_million` times in a million.
    #[inline]
    pub fn chance(&self, domain: Domain, (a, b, c): (u64, u64, u64), per_million: u32) -> bool {
        per_million > 0 && below(self.draw(domain, a, b, c), u64::from(MILLION)) < u64::from(per_million)
    }
}

/// Mixes a key and what is to be decided into 64 random bits.
#[inline]
pub fn prf(key: u64, a: u64, b: u64, c: u64) -> u64 {
    let mut x = (key ^ a).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ x >> 32 ^ b).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    x = (x ^ x >> 32 ^ c).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ x >> 29).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ x >> 32
}

/// Scales 64 random bits down to `0..bound`; 0 when the bound is 0.
#[inline]
pub fn below(draw: u64, bound: u64) -> u64 {
    ((u128::from(draw) * u128::from(bound)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_keys_and_another_seed_gives_others() {
        let (one, same, other) = (Keys::new(1), Keys::new(1), Keys::new(2));
        assert_eq!(one.draw(Domain::Delay, 1, 2, 3), same.draw(Domain::Delay, 1, 2, 3));
        assert_ne!(one.draw(Domain::Delay, 1, 2, 3), other.draw(Domain::Delay, 1, 2, 3));
        assert_ne!(one.draw(Domain::Delay, 1, 2, 3), one.draw(Domain::Loss, 1, 2, 3));
        assert_eq!(one.replicas(), same.replicas());
        assert_ne!(one.replicas()[0], one.replicas()[1]);
    }

    #[test]
    fn draws_of_neighbouring_decisions_fill_their_range_evenly() {
        let keys = Keys::new(7);
        let mut buckets = [0_u32; 16];
        for number in 0..16_000 {
            buckets[keys.uniform(Domain::Delay, (1, number, 0), 100, 115) as usize - 100] += 1;
        }
        assert!(buckets.iter().all(|hits| (850..1150).contains(hits)), "{buckets:?}");
        let hits = (0..100_000).filter(|number| keys.chance(Domain::Loss, (1, *number, 0), 100_000)).count();
        assert!((9_500..10_500).contains(&hits), "{hits}");
        assert!(keys.chance(Domain::Loss, (0, 0, 0), MILLION));
        assert!(!keys.chance(Domain::Loss, (0, 0, 0), 0));
    }

    #[test]
    fn each_input_of_the_mixer_matters() {
        let base = prf(1, 2, 3, 4);
        for other in [prf(2, 2, 3, 4), prf(1, 3, 3, 4), prf(1, 2, 4, 4), prf(1, 2, 3, 5), prf(1, 3, 2, 4)] {
            assert!((base ^ other).count_ones() > 12);
        }
    }
}
