//! Log entries and their encoding on the disk: one record of a fixed size for each op, in the order of the log.
//!
//! A record contains the hash of the previous entry. So a record of an entry that was never acknowledged, left from
//! before a crash, is not read as the successor of an entry that was written before it since.

use std::rc::Rc;

use sim::{ClientId, EntryHash, Request};

/// The size of a record on the disk.
pub const RECORD_BYTES: usize = 256;
/// Checksum, client, session, number, hash of the previous entry, length of the payload.
const HEADER_BYTES: usize = 4 + 2 + 4 + 4 + 16 + 2;
/// The maximum length of a payload.
pub const PAYLOAD_BYTES_MAX: usize = RECORD_BYTES - HEADER_BYTES;

/// An entry of the log.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The client's request.
    pub request: Request,
    /// The hash of the previous entry; 0 for the first.
    pub parent: EntryHash,
    /// Its own hash, over request and parent.
    pub hash: EntryHash,
}

impl Entry {
    /// The entry that follows the one with the hash `parent`.
    pub fn new(request: Request, parent: EntryHash) -> Self {
        let bytes = encode(&request, parent);
        let hash = blake3::hash(&bytes[4..]);
        let (half, _) = hash.as_bytes().split_at(16);
        let hash = EntryHash::from_le_bytes(half.try_into().unwrap_or_default());
        Entry { request, parent, hash }
    }

    /// Encodes the record.
    pub fn encode(&self) -> [u8; RECORD_BYTES] {
        encode(&self.request, self.parent)
    }

    /// Decodes a record; `None` if there is none, or only part of one.
    pub fn decode(bytes: &[u8]) -> Option<Entry> {
        let (checksum, rest) = bytes.split_first_chunk()?;
        let (client, rest) = rest.split_first_chunk()?;
        let (session, rest) = rest.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (parent, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let payload = rest.get(..u16::from_le_bytes(*length).into())?;
        let request = Request {
            client: ClientId(u16::from_le_bytes(*client)),
            session: u32::from_le_bytes(*session),
            number: u32::from_le_bytes(*number),
            payload: Rc::from(payload),
        };
        let sound = u32::from_le_bytes(*checksum) == crc32fast::hash(&bytes[4..]) && request.number > 0;
        sound.then(|| Entry::new(request, EntryHash::from_le_bytes(*parent)))
    }
}

fn encode(request: &Request, parent: EntryHash) -> [u8; RECORD_BYTES] {
    let mut bytes = [0; RECORD_BYTES];
    bytes[4..6].copy_from_slice(&request.client.0.to_le_bytes());
    bytes[6..10].copy_from_slice(&request.session.to_le_bytes());
    bytes[10..14].copy_from_slice(&request.number.to_le_bytes());
    bytes[14..30].copy_from_slice(&parent.to_le_bytes());
    bytes[30..HEADER_BYTES].copy_from_slice(&(request.payload.len() as u16).to_le_bytes());
    bytes[HEADER_BYTES..][..request.payload.len()].copy_from_slice(&request.payload);
    let checksum = crc32fast::hash(&bytes[4..]);
    bytes[..4].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_decoded_to_itself_and_a_torn_one_is_rejected() {
        let request = Request { client: ClientId(3), session: 2, number: 9, payload: Rc::from([7; 64]) };
        let entry = Entry::new(request, 11);
        let mut bytes = entry.encode();
        let read = Entry::decode(&bytes).expect("it was written whole");
        assert_eq!((read.hash, read.parent, &read.request), (entry.hash, 11, &entry.request));
        bytes[40..].fill(0);
        assert!(Entry::decode(&bytes).is_none());
        assert!(Entry::decode(&[0; RECORD_BYTES]).is_none(), "an empty place is no record");
        assert!(Entry::decode(&bytes[..20]).is_none());
    }
}
