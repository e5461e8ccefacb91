//! A keyed hash with the part of ed25519-dalek's interface that kimberlite-crypto uses. For simulation only.
//!
//! In a simulation, a liar cannot forge signatures because it gets only its own key. So a signature need not be hard to
//! compute, only different for each key and message. Anyone who knows a public key could sign with it here; the crate
//! under test never does.
#![forbid(unsafe_code)]

use std::fmt;

use rand_core::RngCore;

/// The length of a secret key in bytes.
pub const SECRET_KEY_LENGTH: usize = 32;
/// The length of a public key in bytes.
pub const PUBLIC_KEY_LENGTH: usize = 32;
/// The length of a signature in bytes.
pub const SIGNATURE_LENGTH: usize = 64;

/// A signature: the hash over the message, keyed by the public key, twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature([u8; SIGNATURE_LENGTH]);

impl Signature {
    /// Creates it from its bytes.
    pub fn from_bytes(bytes: &[u8; SIGNATURE_LENGTH]) -> Self {
        Signature(*bytes)
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> [u8; SIGNATURE_LENGTH] {
        self.0
    }
}

/// An invalid signature.
#[derive(Debug)]
pub struct SignatureError;

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signature does not fit")
    }
}

impl std::error::Error for SignatureError {}

/// A key that can sign.
pub trait Signer {
    /// Signs a message.
    fn sign(&self, message: &[u8]) -> Signature;
}

/// A secret key.
#[derive(Clone)]
pub struct SigningKey {
    secret: [u8; SECRET_KEY_LENGTH],
    public: VerifyingKey,
}

impl SigningKey {
    /// Creates it from its bytes.
    pub fn from_bytes(secret: &[u8; SECRET_KEY_LENGTH]) -> Self {
        SigningKey { secret: *secret, public: VerifyingKey(*blake3::hash(secret).as_bytes()) }
    }

    /// Generates a new one.
    pub fn generate<R: RngCore + ?Sized>(random: &mut R) -> Self {
        let mut secret = [0; SECRET_KEY_LENGTH];
        random.fill_bytes(&mut secret);
        SigningKey::from_bytes(&secret)
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> [u8; SECRET_KEY_LENGTH] {
        self.secret
    }

    /// The public key.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.public
    }
}

impl Signer for SigningKey {
    fn sign(&self, message: &[u8]) -> Signature {
        self.public.signature(message)
    }
}

// Nothing here is secret, but kimberlite-crypto requires the trait.
impl zeroize::ZeroizeOnDrop for SigningKey {}

/// A public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyingKey([u8; PUBLIC_KEY_LENGTH]);

impl VerifyingKey {
    /// Creates it from its bytes.
    ///
    /// # Errors
    /// None. The real implementation rejects bytes that are not a point of its curve.
    pub fn from_bytes(bytes: &[u8; PUBLIC_KEY_LENGTH]) -> Result<Self, SignatureError> {
        Ok(VerifyingKey(*bytes))
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> [u8; PUBLIC_KEY_LENGTH] {
        self.0
    }

    fn signature(&self, message: &[u8]) -> Signature {
        let hash = blake3::keyed_hash(&self.0, message);
        let mut signature = [0; SIGNATURE_LENGTH];
        signature[..32].copy_from_slice(hash.as_bytes());
        signature[32..].copy_from_slice(hash.as_bytes());
        Signature(signature)
    }

    /// Checks that the signature is that of the message.
    ///
    /// # Errors
    /// If it is not.
    pub fn verify_strict(&self, message: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        if self.signature(message) == *signature { Ok(()) } else { Err(SignatureError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_fits_its_own_key_and_message_only() {
        let [mine, yours] = [1, 2].map(|byte| SigningKey::from_bytes(&[byte; 32]));
        let signature = mine.sign(b"message");
        assert!(mine.verifying_key().verify_strict(b"message", &signature).is_ok());
        assert!(mine.verifying_key().verify_strict(b"another", &signature).is_err());
        assert!(yours.verifying_key().verify_strict(b"message", &signature).is_err());
    }
}
