//! The fuzz targets without a cluster: readers of untrusted bytes.

use sim::plan::codec;
use vsr::log::Base;
use vsr::log::entry::{Entry as LogEntry, HEADER_BYTES};
use vsr::messages::wire;
use vsr::state::checkpoint::Checkpoint;
use vsr::state::sessions::Sessions;
use vsr::storage::layout::{SUPERBLOCK_BYTES, Superblock};

use crate::cases::kmb::{Kmb, KmbError};
use crate::search::packed::{self, Packed};

/// Reads an input, and panics if a check fails.
pub type Reader = fn(&[u8]);

/// The targets without a cluster, by name.
const FORMATS: [(&str, Reader); 5] = [
    ("kmb_reader", read_kmb),
    ("corpus_reader", read_packed),
    ("plan_decoder", round_trip_plan),
    ("disk_records", read_disk_records),
    ("message_codec", read_message),
];

/// Whether a target reads a format and runs no cluster.
pub fn is_format(target: &str) -> bool {
    reader(target).is_some()
}

/// The function that reads the inputs of a format's target.
pub fn reader(target: &str) -> Option<Reader> {
    FORMATS.iter().find(|(name, _)| *name == target).map(|(_, read)| *read)
}

/// Reads an input as a `.kmb` file. The reader must return for every input, and must be able to write again what it
/// accepts.
///
/// # Panics
/// If one of these conditions does not hold.
pub fn read_kmb(input: &[u8]) {
    if let Ok(kmb) = Kmb::decode(input) {
        let again = kmb.encode().and_then(|bytes| Kmb::decode(&bytes));
        assert_eq!(again.as_ref(), Ok::<&Kmb, &KmbError>(&kmb), "what was read can be written and read again");
    }
}

/// Reads an input as a packed corpus: as it is, and as the body of a corpus with a valid header. The reader must return
/// for every input, and what it accepts must encode to the same bytes.
///
/// # Panics
/// If one of these conditions does not hold.
pub fn read_packed(input: &[u8]) {
    let length = (input.len() as u32).to_le_bytes();
    let (magic, version, checksum) = (packed::MAGIC, packed::FORMAT_VERSION, crc32fast::hash(input).to_le_bytes());
    let fitting = [&magic[..], &version.to_le_bytes(), &length, &checksum, input].concat();
    for bytes in [input, &fitting] {
        if let Ok(packed) = Packed::decode(bytes) {
            assert!(packed.inputs.keys().all(|name| packed::is_plain_name(name)), "no name leads out of a folder");
            assert_eq!(packed.encode().as_deref(), Ok(bytes), "a corpus has one encoding");
        }
    }
}

/// Decodes an input as a plan, encodes the plan, and decodes it again. Both plans must be equal.
///
/// # Panics
/// If they are not.
pub fn round_trip_plan(input: &[u8]) {
    let plan = codec::decode(input);
    assert_eq!(codec::decode(&codec::encode(&plan)), plan, "what was decoded can be encoded and decoded again");
}

/// Reads an input as each kind of record that a replica of the reference protocol stores on its disk. A damaged disk
/// may return any bytes, and the replica has to distinguish them from what it wrote.
///
/// Records are read in their full length, so missing bytes are zeros here. Each record is read as it is, and with a
/// valid checksum. Hardly any input would contain a valid checksum, and the code behind the check has to be tested as
/// well.
///
/// # Panics
/// If reading panics, or if an accepted record does not survive a round trip.
pub fn read_disk_records(input: &[u8]) {
    let mut again = Vec::new();
    for copy in unchanged_and_with_valid_checksum(input, SUPERBLOCK_BYTES as usize, SUPERBLOCK_CHECKSUM) {
        if let Some(superblock) = Superblock::decode(&copy) {
            superblock.encode(&mut again);
            assert_eq!(again.len(), SUPERBLOCK_CHECKSUM + 4, "the checksum is where it is looked for");
            assert_eq!(Superblock::decode(&again), Some(superblock), "a superblock comes back");
        }
    }
    for header in unchanged_and_with_valid_checksum(input, HEADER_BYTES, HEADER_BYTES - 4) {
        if let Some(entry) = LogEntry::decode_header(&header) {
            entry.encode_header(&mut again);
            let back = LogEntry::decode_header(&again).expect("a header comes back");
            assert_eq!((back.hash, back.is_hole(), back.place()), (entry.hash, entry.is_hole(), entry.place()));
        }
    }
    // A replica also checks the hash of an entry's content. This read skips the check, so that all of the entry is
    // parsed.
    if let Some(entry) = LogEntry::read(input, false) {
        entry.encode(&mut again);
        assert!(input.starts_with(&again[..again.len() - 4]), "an entry comes back, all but its checksum");
        assert_eq!(LogEntry::decode(&again).is_some(), entry.content() == Some(entry.hash), "a hash is checked");
    }
    let checkpoint = Checkpoint::new(Base::default(), input.to_vec());
    let _ = checkpoint.decode(&Sessions::default());
}

/// Reads an input as a message of the reference protocol, as it may arrive after damage in transit. An accepted message
/// must encode to the same bytes, and a message damaged by a burst of bits must be rejected.
///
/// The input is read as it is, and with a valid checksum.
///
/// # Panics
/// If reading panics, or if one of these conditions does not hold.
pub fn read_message(input: &[u8]) {
    let fitting = [input, &crc32fast::hash(input).to_le_bytes()].concat();
    for bytes in [input, &fitting] {
        let Some(message) = wire::decode(bytes, true) else { continue };
        let mut again = Vec::new();
        wire::encode(&message, &mut again);
        assert_eq!(again, bytes, "a message has one encoding");
        // A receiver calls these on every message before it looks at the content.
        let _ = (message.body.size(), message.body.statement(message.from));
    }
    // The position and the pattern of the burst are derived from the input.
    let draw = crc32fast::hash(&fitting);
    let bytes = draw as usize % (fitting.len() - 3);
    let mut damaged = fitting;
    for (byte, pattern) in damaged[bytes..bytes + 4].iter_mut().zip((draw | 1).to_le_bytes()) {
        *byte ^= pattern;
    }
    assert!(wire::decode(&damaged, true).is_none(), "a damaged message is not accepted");
}

/// The offset of the checksum of a superblock: after sixteen words.
const SUPERBLOCK_CHECKSUM: usize = 16 * 8;

/// The first `length` bytes of an input, padded with zeros, and the same bytes with a valid checksum at `at` of all
/// bytes before it.
fn unchanged_and_with_valid_checksum(input: &[u8], length: usize, at: usize) -> [Vec<u8>; 2] {
    let mut bytes = input.to_vec();
    bytes.resize(length, 0);
    let mut fitting = bytes.clone();
    fitting[at..at + 4].copy_from_slice(&crc32fast::hash(&bytes[..at]).to_le_bytes());
    [bytes, fitting]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that look random and are the same in every run.
    fn noise(length: usize, seed: u32) -> Vec<u8> {
        let mut bytes = vec![0; length];
        blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
        bytes
    }

    #[test]
    fn readers_return_for_inputs_of_every_length() {
        for (name, read) in FORMATS {
            for length in (0..400).chain([1 << 12, 1 << 20, (1 << 20) + 1]) {
                // The panic is caught so that a failure reports the name.
                let input = if length % 2 == 0 { noise(length, length as u32) } else { vec![length as u8; length] };
                let ended = std::panic::catch_unwind(|| read(&input));
                assert!(ended.is_ok(), "{name} with {length} bytes");
            }
        }
    }

    #[test]
    fn records_with_a_valid_checksum_are_read_completely() {
        let [superblock, fitting] = unchanged_and_with_valid_checksum(&noise(300, 1), 256, SUPERBLOCK_CHECKSUM);
        assert!(Superblock::decode(&superblock).is_none() && Superblock::decode(&fitting).is_some());
        let [header, fitting] = unchanged_and_with_valid_checksum(&noise(300, 1), HEADER_BYTES, HEADER_BYTES - 4);
        assert!(LogEntry::decode_header(&header).is_none() && LogEntry::decode_header(&fitting).is_some());
    }
}
