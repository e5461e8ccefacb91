//! A log entry: a request with its position (view, op), its timestamp, the hash of its parent and its own hash, signed
//! by the primary of its view. Because of the hash chain, the hash of an entry identifies the whole log before it.
//!
//! The disk holds each entry twice: complete in the log zone, and as a short header in the header zone. A header
//! without its entry distinguishes a damaged entry from one that was never written (Protocol-Aware Recovery, Alagappan
//! et al. 2018, section 3). In memory such an entry is a *hole*: everything is known but the request. The header of a
//! configuration contains the members as well, because a replica must know its configuration even if its log is
//! damaged.

use std::cell::Cell;
use std::rc::Rc;

use sim::config::membership::Configuration;
use sim::{ClientId, EntryHash, ReplicaId, ReplicaSet, Request, Time};

use crate::log::configuration;
use crate::log::signature::{Keyring, Signature, halves, hash};

/// A log entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The view whose primary assigned the position.
    pub view: u64,
    /// The position in the log, from 1.
    pub op: u64,
    /// The hash of the previous entry; 0 for the first.
    pub parent: EntryHash,
    /// The hash of all other fields but the signature.
    pub hash: EntryHash,
    /// The signature of the view's primary over the hash.
    pub signature: Signature,
    /// When the primary created it, by its synchronized clock. Later than the timestamp of the previous entry
    /// (`state/clock.rs`).
    pub timestamp: Time,
    /// The request to execute; `None` in a hole.
    pub request: Option<Request>,
    /// Whether hash and signature were verified. Entries are shared and immutable, so one verification suffices.
    pub(crate) checked: Cell<bool>,
}

/// The position of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The view whose primary assigns this position.
    pub view: u64,
    /// The position in the log, from 1.
    pub op: u64,
    /// The hash of the previous entry; 0 for the first.
    pub parent: EntryHash,
}

/// The size of the common prefix of an entry and its header on disk: view, op, parent, hash, signature, timestamp.
const START_BYTES: usize = 8 + 8 + 16 + 16 + 16 + 8;
/// The size of an entry on disk without its payload.
const FIXED_BYTES: usize = START_BYTES + 2 + 4 + 4 + 2 + 4;
/// The size of a header on disk.
pub const HEADER_BYTES: usize = START_BYTES + 2 + 4;

/// The size of an entry on disk with a payload of `request_bytes_max`, rounded up to a multiple of 64.
pub fn entry_bytes(request_bytes_max: u16) -> usize {
    (FIXED_BYTES + usize::from(request_bytes_max)).next_multiple_of(64)
}

impl Entry {
    /// A new entry, created and signed by `primary`.
    pub fn new(place: Place, timestamp: Time, request: Request, primary: ReplicaId, keys: &Keyring) -> Self {
        let Place { view, op, parent } = place;
        let hash = content_hash(place, timestamp, &request);
        let signature = keys.sign(primary, &statement(hash));
        Entry { view, op, parent, hash, signature, timestamp, request: Some(request), checked: Cell::new(true) }
    }

    /// An entry that a liar creates: arbitrary content, signed with the liar's key.
    pub fn forged(place: Place, timestamp: Time, request: Request, key: &[u8; 32]) -> Self {
        let Place { view, op, parent } = place;
        let hash = content_hash(place, timestamp, &request);
        let signature = crate::log::signature::sign(key, &statement(hash));
        Entry { view, op, parent, hash, signature, timestamp, request: Some(request), checked: Cell::new(false) }
    }

    /// The same entry with another hash, which then does not match the content.
    #[must_use]
    pub fn with_hash(&self, hash: EntryHash) -> Self {
        Entry { hash, checked: Cell::new(false), ..self.clone() }
    }

    /// The same entry with a later timestamp and an unchanged hash. Only a planted bug does this.
    #[must_use]
    pub fn restamped(&self) -> Self {
        Entry { timestamp: self.timestamp + 1, ..self.clone() }
    }

    /// Its position.
    pub fn place(&self) -> Place {
        Place { view: self.view, op: self.op, parent: self.parent }
    }

    /// Whether the request is missing.
    pub fn is_hole(&self) -> bool {
        self.request.is_none()
    }

    /// The approximate size on the wire in bytes.
    pub fn size(&self) -> u64 {
        (FIXED_BYTES + self.request.as_ref().map_or(0, |request| request.payload.len())) as u64
    }

    /// Whether the hash matches the content and the signature is that of the view's primary. Views are led by
    /// `replicas` replicas in turn.
    pub fn verify(&self, replicas: u8, keys: &Keyring) -> bool {
        if self.checked.get() {
            return true;
        }
        let fits = self
            .request
            .as_ref()
            .is_none_or(|request| content_hash(self.place(), self.timestamp, request) == self.hash)
            && keys.verify(ReplicaId((self.view % u64::from(replicas)) as u8), &statement(self.hash), self.signature);
        self.checked.set(fits);
        fits
    }

    /// The configuration, if the entry is one.
    pub fn configuration(&self) -> Option<Configuration> {
        let (old, new) = configuration::sets(self.request.as_ref()?)?;
        Some(Configuration { op: self.op, old, new })
    }

    /// The common prefix of an entry and its header on disk.
    fn encode_start(&self) -> [u8; START_BYTES] {
        let mut bytes = [0; START_BYTES];
        bytes[0..8].copy_from_slice(&self.view.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.op.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.parent.to_le_bytes());
        bytes[32..48].copy_from_slice(&self.hash.to_le_bytes());
        bytes[48..64].copy_from_slice(&self.signature.to_le_bytes());
        bytes[64..72].copy_from_slice(&self.timestamp.to_le_bytes());
        bytes
    }

    /// Encodes the entry for the log zone.
    pub fn encode(&self, into: &mut Vec<u8>) {
        let request = self.request.as_ref().expect("holes are not written");
        let mut fixed = [0; START_BYTES + 12];
        fixed[..START_BYTES].copy_from_slice(&self.encode_start());
        fixed[72..74].copy_from_slice(&request.client.0.to_le_bytes());
        fixed[74..78].copy_from_slice(&request.session.to_le_bytes());
        fixed[78..82].copy_from_slice(&request.number.to_le_bytes());
        fixed[82..84].copy_from_slice(&(request.payload.len() as u16).to_le_bytes());
        into.clear();
        into.extend_from_slice(&fixed);
        into.extend_from_slice(&request.payload);
        let checksum = crc32fast::hash(into);
        into.extend_from_slice(&checksum.to_le_bytes());
    }

    /// Encodes the header for the header zone.
    pub fn encode_header(&self, into: &mut Vec<u8>) {
        let configuration = self.configuration();
        into.clear();
        into.extend_from_slice(&self.encode_start());
        into.extend_from_slice(
            &configuration.map_or([0; 2], |configuration| [configuration.old.0, configuration.new.0]),
        );
        let checksum = crc32fast::hash(into);
        into.extend_from_slice(&checksum.to_le_bytes());
    }

    /// The hash of the content, computed anew; `None` in a hole.
    pub fn content(&self) -> Option<EntryHash> {
        self.request.as_ref().map(|request| content_hash(self.place(), self.timestamp, request))
    }

    /// Decodes an entry, if its checksum and its hash match.
    pub fn decode(bytes: &[u8]) -> Option<Entry> {
        Entry::read(bytes, true)
    }

    /// Decodes an entry. Checks its checksum and its hash only if `checked`.
    pub fn read(bytes: &[u8], checked: bool) -> Option<Entry> {
        let payload_bytes = usize::from(u16::from_le_bytes(bytes.get(82..84)?.try_into().ok()?));
        let body = bytes.get(..84 + payload_bytes)?;
        let mut at = Reader { bytes: bytes.get(..84 + payload_bytes + 4)?, at: 0 };
        let place = Place { view: at.u64(), op: at.u64(), parent: at.u128() };
        let (hash, signature, timestamp) = (at.u128(), at.u128(), at.u64());
        let (client, session, number, _) = (at.u16(), at.u32(), at.u32(), at.u16());
        let payload: Rc<[u8]> = Rc::from(&body[84..]);
        at.at = body.len();
        if place.op == 0 || checked && at.u32() != crc32fast::hash(body) {
            return None;
        }
        let request = Request { client: ClientId(client), session, number, payload };
        if checked && content_hash(place, timestamp, &request) != hash {
            return None;
        }
        let Place { view, op, parent } = place;
        Some(Entry { view, op, parent, hash, signature, timestamp, request: Some(request), checked: Cell::new(true) })
    }

    /// Decodes a header to a hole, if its checksum matches; the header of a configuration to the whole entry.
    pub fn decode_header(bytes: &[u8]) -> Option<Entry> {
        let mut at = Reader { bytes: bytes.get(..HEADER_BYTES)?, at: 0 };
        let (view, op, parent, hash, signature) = (at.u64(), at.u64(), at.u128(), at.u128(), at.u128());
        let timestamp = at.u64();
        let [old, new] = at.take();
        let fits = op > 0 && at.u32() == crc32fast::hash(&bytes[..HEADER_BYTES - 4]);
        let request = (new != 0).then(|| configuration::request(ReplicaSet(old), ReplicaSet(new)));
        fits.then(|| Entry { view, op, parent, hash, signature, timestamp, request, checked: Cell::new(true) })
    }
}

/// The words of an entry that its primary signs.
fn statement(hash: EntryHash) -> [u64; 3] {
    let [low, high] = halves(hash);
    [u64::from(b'E'), low, high]
}

fn content_hash(Place { view, op, parent }: Place, timestamp: Time, request: &Request) -> EntryHash {
    const FIXED: usize = 8 + 8 + 16 + 2 + 4 + 4 + 8;
    let mut bytes = [0u8; 256];
    let length = FIXED + request.payload.len();
    let mut long;
    let buffer = if length <= bytes.len() {
        &mut bytes[..length]
    } else {
        long = vec![0; length];
        &mut long[..]
    };
    buffer[0..8].copy_from_slice(&view.to_le_bytes());
    buffer[8..16].copy_from_slice(&op.to_le_bytes());
    buffer[16..32].copy_from_slice(&parent.to_le_bytes());
    buffer[32..34].copy_from_slice(&request.client.0.to_le_bytes());
    buffer[34..38].copy_from_slice(&request.session.to_le_bytes());
    buffer[38..42].copy_from_slice(&request.number.to_le_bytes());
    buffer[42..50].copy_from_slice(&timestamp.to_le_bytes());
    buffer[50..].copy_from_slice(&request.payload);
    hash(buffer)
}

/// Reads little-endian numbers.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader that starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, at: 0 }
    }

    /// The number of bytes left.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The next number, if enough bytes are left.
    pub fn try_u32(&mut self) -> Option<u32> {
        (self.left() >= 4).then(|| self.u32())
    }

    /// The next number, if enough bytes are left.
    pub fn try_u64(&mut self) -> Option<u64> {
        (self.left() >= 8).then(|| self.u64())
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let bytes = self.bytes[self.at..self.at + N].try_into().expect("N bytes");
        self.at += N;
        bytes
    }
    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }
    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }
    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
    fn u128(&mut self) -> u128 {
        u128::from_le_bytes(self.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(view: u64, op: u64, parent: EntryHash) -> Place {
        Place { view, op, parent }
    }

    #[test]
    fn an_entry_is_decoded_to_itself_and_a_flipped_bit_is_detected() {
        let keys = Keyring::new([[7; 32]; 8], true);
        let request = Request { client: ClientId(3), session: 1, number: 9, payload: Rc::from(&[5u8; 64][..]) };
        let entry = Entry::new(place(2, 11, 77), 5, request, ReplicaId(2), &keys);
        let (mut bytes, mut header) = (Vec::new(), Vec::new());
        entry.encode(&mut bytes);
        entry.encode_header(&mut header);
        assert!(bytes.len() <= entry_bytes(64));
        let back = Entry::decode(&bytes).expect("it is intact");
        assert_eq!((back.hash, back.op, back.request.clone()), (entry.hash, 11, entry.request.clone()));
        let hole = Entry::decode_header(&header).expect("it is intact");
        assert_eq!((hole.hash, hole.parent, hole.timestamp, hole.is_hole()), (entry.hash, 77, 5, true));
        assert_eq!(back.timestamp, 5);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Entry::decode(&damaged).is_none(), "bit {bit} of the entry");
        }
        for bit in 0..header.len() * 8 {
            let mut damaged = header.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Entry::decode_header(&damaged).is_none(), "bit {bit} of the header");
        }
    }

    #[test]
    fn a_configuration_is_decoded_from_its_header() {
        let keys = Keyring::new([[7; 32]; 8], false);
        let request = configuration::request(ReplicaSet(7), ReplicaSet(31));
        let entry = Entry::new(Place { view: 2, op: 11, parent: 77 }, 5, request, ReplicaId(2), &keys);
        let mut header = Vec::new();
        entry.encode_header(&mut header);
        assert_eq!(header.len(), HEADER_BYTES);
        let back = Entry::decode_header(&header).expect("it is intact");
        assert_eq!((back.hash, &back.request), (entry.hash, &entry.request));
        assert_eq!(back.configuration(), entry.configuration());
    }

    #[test]
    fn verification_rejects_forged_entries() {
        let keys = Keyring::new(std::array::from_fn(|i| [i as u8; 32]), true);
        let request = Request { client: ClientId(0), session: 0, number: 1, payload: Rc::from(&[0u8; 32][..]) };
        assert!(Entry::new(place(1, 1, 0), 1, request.clone(), ReplicaId(1), &keys).verify(5, &keys));
        assert!(Entry::forged(place(1, 1, 0), 1, request.clone(), &[1; 32]).verify(5, &keys), "it led view 1 itself");
        assert!(
            !Entry::forged(place(1, 1, 0), 1, request.clone(), &[2; 32]).verify(5, &keys),
            "replica 2 does not lead view 1"
        );
        let real = Entry::new(place(1, 1, 0), 1, request, ReplicaId(1), &keys);
        assert!(!real.with_hash(real.hash ^ 1).verify(5, &keys));
    }
}
