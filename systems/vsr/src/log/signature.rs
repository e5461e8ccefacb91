//! Signatures: keyed blake3 hashes of the signed words.
//!
//! They replace public-key signatures, because in a simulation a liar does not get the keys of other replicas. In a
//! cluster that tolerates no liars (b = 0) nothing is signed.

use sim::ReplicaId;
use sim::base::ids::REPLICAS_MAX;

/// A signature; 0 if nothing is signed.
pub type Signature = u128;

/// The first 16 bytes of a blake3 hash, as a number.
fn first_half(hash: &blake3::Hash) -> u128 {
    let bytes = hash.as_bytes();
    u128::from_le_bytes(bytes[..16].try_into().expect("a hash has 32 bytes"))
}

/// The hash of `bytes`.
pub fn hash(bytes: &[u8]) -> u128 {
    first_half(&blake3::hash(bytes))
}

/// Signs `words` with `key`. The first word states the kind of statement, so no signature is valid for another kind.
pub fn sign(key: &[u8; 32], words: &[u64]) -> Signature {
    let mut bytes = [0u8; 8 * WORDS_MAX];
    for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    assert!(words.len() <= WORDS_MAX, "a statement of {} words", words.len());
    first_half(&blake3::keyed_hash(key, &bytes[..8 * words.len()]))
}

/// The maximum length of a signed statement, in words.
const WORDS_MAX: usize = 14;

/// The keys of all replicas, and whether this cluster signs at all.
#[derive(Clone, Debug)]
pub struct Keyring {
    keys: [[u8; 32]; REPLICAS_MAX],
    signing: bool,
}

impl Keyring {
    /// The keys of a cluster. If `signing` is false, every signature is 0 and valid.
    pub fn new(keys: [[u8; 32]; REPLICAS_MAX], signing: bool) -> Self {
        Keyring { keys, signing }
    }

    /// Whether this cluster signs.
    pub fn signing(&self) -> bool {
        self.signing
    }

    /// The signature of `words` by `by`. A replica calls this for itself only.
    pub fn sign(&self, by: ReplicaId, words: &[u64]) -> Signature {
        if self.signing { sign(&self.keys[by.index()], words) } else { 0 }
    }

    /// Whether `signature` is that of `words` by `by`.
    pub fn verify(&self, by: ReplicaId, words: &[u64], signature: Signature) -> bool {
        !self.signing || by.index() < REPLICAS_MAX && sign(&self.keys[by.index()], words) == signature
    }
}

/// A 128-bit number as two words of a statement, low half first.
pub fn halves(number: u128) -> [u64; 2] {
    [number as u64, (number >> 64) as u64]
}
