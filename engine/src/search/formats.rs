//! The fuzz targets that run no cluster: readers of bytes that anybody may have written.

use sim::plan::codec;
use vsr::log::Base;
use vsr::log::entry::{Entry as LogEntry, HEADER_BYTES};
use vsr::messages::wire;
use vsr::state::checkpoint::Checkpoint;
use vsr::state::sessions::Sessions;
use vsr::storage::layout::{SUPERBLOCK_BYTES, Superblock};

use crate::cases::kmb::{Kmb, KmbError};
use crate::search::packed::{self, Packed};

/// Reads an input, and panics where something is wrong.
pub type Reader = fn(&[u8]);

/// The targets that know no simulator: readers of bytes that anybody may have written.
const FORMATS: [(&str, Reader); 5] = [
    ("kmb_reader", read_kmb),
    ("corpus_reader", read_packed),
    ("plan_decoder", round_trip_plan),
    ("disk_records", read_disk_records),
    ("message_codec", read_message),
];

/// Whether a target is a format's: it knows no simulator.
pub fn is_format(target: &str) -> bool {
    reader(target).is_some()
}

/// What reads the inputs of a format's target.
pub fn reader(target: &str) -> Option<Reader> {
    FORMATS.iter().find(|(name, _)| *name == target).map(|(_, read)| *read)
}

/// Reads an input as a `.kmb` file: whatever it is, the reader answers, and what it accepts it can write again.
///
/// # Panics
/// When that is not so.
pub fn read_kmb(input: &[u8]) {
    if let Ok(kmb) = Kmb::decode(input) {
        let again = kmb.encode().and_then(|bytes| Kmb::decode(&bytes));
        assert_eq!(again.as_ref(), Ok::<&Kmb, &KmbError>(&kmb), "what was read can be written and read again");
    }
}

/// Reads an input as a packed corpus, as it is and as the body of one, with a header that fits: whatever it is, the reader
/// answers, and what it accepts is encoded to the same bytes.
///
/// # Panics
/// When that is not so.
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

/// Decodes an input as a plan, and what that encodes to once more: it is the same plan.
///
/// # Panics
/// When it is not.
pub fn round_trip_plan(input: &[u8]) {
    let plan = codec::decode(input);
    assert_eq!(codec::decode(&codec::encode(&plan)), plan, "what was decoded can be encoded and decoded again");
}

/// Reads an input as each of the things that a replica of the reference protocol keeps on its disk. Damage may bring
/// anything there: whatever it is, the replica has to tell it from what it wrote.
///
/// Records are read in their whole length, so what is missing of one is zeros here. Each is read as it is, and with a
/// checksum that fits: hardly any input would bring that along, and what stands behind a checksum is read as well.
///
/// # Panics
/// When reading does, or when what was accepted does not come back.
pub fn read_disk_records(input: &[u8]) {
    let mut again = Vec::new();
    for copy in as_it_is_and_with_its_checksum(input, SUPERBLOCK_BYTES as usize, SUPERBLOCK_CHECKSUM) {
        if let Some(superblock) = Superblock::decode(&copy) {
            superblock.encode(&mut again);
            assert_eq!(again.len(), SUPERBLOCK_CHECKSUM + 4, "the checksum is where it is looked for");
            assert_eq!(Superblock::decode(&again), Some(superblock), "a superblock comes back");
        }
    }
    for header in as_it_is_and_with_its_checksum(input, HEADER_BYTES, HEADER_BYTES - 4) {
        if let Some(entry) = LogEntry::decode_header(&header) {
            entry.encode_header(&mut again);
            let back = LogEntry::decode_header(&again).expect("a header comes back");
            assert_eq!((back.hash, back.is_hole(), back.place()), (entry.hash, entry.is_hole(), entry.place()));
        }
    }
    // What a replica believes has a hash of its content, too; without it, everything in the entry is looked at.
    if let Some(entry) = LogEntry::read(input, false) {
        entry.encode(&mut again);
        assert!(input.starts_with(&again[..again.len() - 4]), "an entry comes back, all but its checksum");
        assert_eq!(LogEntry::decode(&again).is_some(), entry.content() == Some(entry.hash), "a hash is checked");
    }
    let checkpoint = Checkpoint::new(Base::default(), input.to_vec());
    let _ = checkpoint.decode(&Sessions::default());
}

/// Reads an input as a message of the reference protocol, as damage on the way may make it: what is accepted is encoded
/// to the same bytes, and what is damaged by a burst of bits is not accepted.
///
/// The input is read as it is, and with a checksum that fits.
///
/// # Panics
/// When reading does, or when that is not so.
pub fn read_message(input: &[u8]) {
    let fitting = [input, &crc32fast::hash(input).to_le_bytes()].concat();
    for bytes in [input, &fitting] {
        let Some(message) = wire::decode(bytes, true) else { continue };
        let mut again = Vec::new();
        wire::encode(&message, &mut again);
        assert_eq!(again, bytes, "a message has one encoding");
        // What a receiver does with every message before it looks at what it says.
        let _ = (message.body.size(), message.body.statement(message.from));
    }
    // Where the burst is, and what it looks like, follows from the input, too.
    let draw = crc32fast::hash(&fitting);
    let bytes = draw as usize % (fitting.len() - 3);
    let mut damaged = fitting;
    for (byte, pattern) in damaged[bytes..bytes + 4].iter_mut().zip((draw | 1).to_le_bytes()) {
        *byte ^= pattern;
    }
    assert!(wire::decode(&damaged, true).is_none(), "a damaged message is not accepted");
}

/// Where the checksum of a superblock stands: after sixteen words.
const SUPERBLOCK_CHECKSUM: usize = 16 * 8;

/// The first `length` bytes of an input, filled up with zeros, and the same with the checksum of all that is before `at`.
fn as_it_is_and_with_its_checksum(input: &[u8], length: usize, at: usize) -> [Vec<u8>; 2] {
    let mut bytes = input.to_vec();
    bytes.resize(length, 0);
    let mut fitting = bytes.clone();
    fitting[at..at + 4].copy_from_slice(&crc32fast::hash(&bytes[..at]).to_le_bytes());
    [bytes, fitting]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that look random, the same in every run.
    fn noise(length: usize, seed: u32) -> Vec<u8> {
        let mut bytes = vec![0; length];
        blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
        bytes
    }

    #[test]
    fn the_formats_answer_to_inputs_of_every_length() {
        for (name, read) in FORMATS {
            for length in (0..400).chain([1 << 12, 1 << 20, (1 << 20) + 1]) {
                // The name, so that a failure says it.
                let input = if length % 2 == 0 { noise(length, length as u32) } else { vec![length as u8; length] };
                let ended = std::panic::catch_unwind(|| read(&input));
                assert!(ended.is_ok(), "{name} with {length} bytes");
            }
        }
    }

    #[test]
    fn records_with_a_checksum_that_fits_are_read_to_their_end() {
        let [superblock, fitting] = as_it_is_and_with_its_checksum(&noise(300, 1), 256, SUPERBLOCK_CHECKSUM);
        assert!(Superblock::decode(&superblock).is_none() && Superblock::decode(&fitting).is_some());
        let [header, fitting] = as_it_is_and_with_its_checksum(&noise(300, 1), HEADER_BYTES, HEADER_BYTES - 4);
        assert!(LogEntry::decode_header(&header).is_none() && LogEntry::decode_header(&fitting).is_some());
    }
}
