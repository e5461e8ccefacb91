//! The entry of the targets in `fuzz/`, for cargo-fuzz, AFL++ and others that bring a fuzzer of their own.
//!
//! A violation is saved as a `.kmb` file in `$VOPR_DATA_DIR` (or `./failures/`), then the target panics, so that the fuzzer
//! leaves its own artifact, too. `VOPR_BUGS=name,name` switches planted bugs on, `VOPR_SYSTEM=name` picks the system.
//!
//! Where the system dies itself, or hangs, nothing is left to save anything: the fuzzer keeps the input, and
//! `vopr repro --target NAME` makes a `.kmb` file of it.

use std::cell::RefCell;
use std::path::PathBuf;

use sim::{Case, Verdict, Violation, plan::codec};
use vsr::log::Base;
use vsr::log::entry::{Entry as LogEntry, HEADER_BYTES};
use vsr::messages::wire;
use vsr::state::checkpoint::Checkpoint;
use vsr::state::sessions::Sessions;
use vsr::storage::layout::{SUPERBLOCK_BYTES, Superblock};

use crate::counters;
use crate::engine::{Engine, SYSTEMS, SystemEntry};
use crate::error::Error;
use crate::fuzzing::SAVED_OF_A_RULE;
use crate::kmb::{Kmb, KmbError, Origin};
use crate::mutator::{MutateBytes, Mutator};
use crate::packed::{self, Packed};
use crate::selection::Target;

struct Entry {
    engine: Engine,
    target: Target,
    bugs: Vec<String>,
    output_directory: PathBuf,
}

thread_local! {
    static ENTRY: RefCell<Option<Entry>> = const { RefCell::new(None) };
    static MUTATOR: RefCell<Option<Mutator>> = const { RefCell::new(None) };
}

/// Runs one input of a target, and tells libFuzzer which states it reached.
///
/// # Panics
/// When the input breaks an invariant that is owed, and when the target or a variable names something unknown.
pub fn run(target: &str, input: &[u8]) {
    let ran = with_entry(target, |entry| {
        entry.run(input, counters::publish);
        MUTATOR.with_borrow_mut(|mutator| {
            if let Some(mutator) = mutator {
                mutator.saw(input, entry.engine.reached());
            }
        });
    });
    ran.unwrap_or_else(|error| panic!("{error}"));
}

/// Runs one input of a target, or of one of the formats, and hands the slots of the coverage map that it reached to
/// `publish`: for fuzzers that do not know libFuzzer's counters.
///
/// # Panics
/// When the input breaks an invariant or a format, and when the target or a variable names something unknown.
pub fn test(target: &str, input: &[u8], publish: fn(&[u32])) {
    match FORMATS.iter().find(|(name, _)| *name == target) {
        Some((_, read)) => read(input),
        None => with_entry(target, |entry| entry.run(input, publish)).unwrap_or_else(|error| panic!("{error}")),
    }
}

/// Looks up the target, the system and the bugs before the first input, so that a wrong name is not taken for a crash.
///
/// # Errors
/// One line that says what is unknown.
pub fn prepare(target: &str) -> Result<(), Error> {
    if is_format(target) { Ok(()) } else { with_entry(target, |_| ()) }
}

type Reader = fn(&[u8]);

/// The targets that know no simulator: readers of bytes that anybody may have written.
const FORMATS: [(&str, Reader); 5] = [
    ("kmb_reader", read_kmb),
    ("corpus_reader", read_packed),
    ("plan_decoder", round_trip_plan),
    ("disk_records", read_disk_records),
    ("message_codec", read_message),
];

/// Whether a target is a format's: it knows no simulator.
pub(crate) fn is_format(target: &str) -> bool {
    FORMATS.iter().any(|(name, _)| *name == target)
}

fn with_entry<T>(target: &str, body: impl FnOnce(&mut Entry) -> T) -> Result<T, Error> {
    ENTRY.with_borrow_mut(|entry| {
        if entry.is_none() {
            *entry = Some(Entry::new(target)?);
        }
        Ok(body(entry.as_mut().expect("it was just made")))
    })
}

/// Changes an input of a target, for `fuzz_mutator!`: with `bytes`, libFuzzer's own mutations, for a part of the calls.
///
/// # Panics
/// When the target or a variable names something unknown.
pub fn mutate(target: &str, data: &mut [u8], size: usize, max_size: usize, seed: u32, bytes: MutateBytes) -> usize {
    with_mutator(target, |mutator| mutator.mutate(data, size, max_size, seed, bytes))
}

/// Crosses two inputs of a target, for `fuzz_crossover!`.
///
/// # Panics
/// When the target or a variable names something unknown.
pub fn cross_over(target: &str, first: &[u8], second: &[u8], out: &mut [u8], seed: u32) -> usize {
    with_mutator(target, |mutator| mutator.cross_over(first, second, out, seed))
}

fn with_mutator<T>(target: &str, body: impl FnOnce(&mut Mutator) -> T) -> T {
    MUTATOR.with_borrow_mut(|mutator| {
        body(mutator.get_or_insert_with(|| {
            let target = system().and_then(|system| Target::find(system, target, None));
            Mutator::new(&target.unwrap_or_else(|error| panic!("{error}")).choice)
        }))
    })
}

/// The system that the variable names.
fn system() -> Result<&'static SystemEntry, Error> {
    std::env::var("VOPR_SYSTEM").map_or(Ok(&SYSTEMS[0]), |name| SystemEntry::find(&name))
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

impl Entry {
    fn new(target: &str) -> Result<Self, Error> {
        let system = system()?;
        let bugs: Vec<String> = std::env::var("VOPR_BUGS")
            .unwrap_or_default()
            .split(',')
            .map(|name| name.trim().to_string())
            .filter(|name| !name.is_empty())
            .collect();
        Ok(Entry {
            engine: Engine::new(system),
            target: Target::find(system, target, None)?,
            bugs: system.normalized_bugs(&bugs)?,
            output_directory: std::env::var_os("VOPR_DATA_DIR").unwrap_or_else(|| "./failures/".into()).into(),
        })
    }

    fn run(&mut self, input: &[u8], publish: fn(&[u32])) {
        let system = self.engine.system();
        let case = self.target.case(&self.bugs, input);
        let outcome = self.engine.run(&case, false);
        publish(self.engine.reached());
        let Verdict::Violated(violation) = &outcome.verdict else { return };
        let (invariant, rule) = (violation.invariant, violation.rule);
        if let Some(file) = self.known(&case, violation) {
            panic!("{invariant} ({rule}) broken, as in {}", file.display());
        }
        let origin = Origin::Fuzz { target: self.target.name.clone(), input: input.to_vec() };
        let saved = Kmb::new(case, system.version, origin, Some(&outcome)).write_new(&self.output_directory);
        let saved = saved.map_or_else(|error| format!("not saved: {error}"), |path| path.display().to_string());
        panic!("{invariant} ({rule}) broken: {saved}");
    }

    /// The file that tells of the same already, as `vopr fuzz` counts: of a rule there are a few, each of another scenario.
    /// AFL++ runs what crashes many times over, each time in another process.
    fn known(&self, case: &Case, violation: &Violation) -> Option<PathBuf> {
        let mut known = Vec::new();
        for path in self.output_directory.read_dir().ok()?.filter_map(|entry| Some(entry.ok()?.path())) {
            if path.extension().is_none_or(|extension| extension != "kmb") {
                continue;
            }
            let Ok(kmb) = Kmb::read(&path) else { continue };
            let same_system = (&kmb.case.system, &kmb.case.bugs) == (&case.system, &case.bugs)
                && kmb.system_version == self.engine.system().version;
            if same_system && kmb.expected.is_some_and(|it| it.matches(violation)) {
                known.push((kmb.case.scenario != case.scenario, path));
            }
        }
        // That of the same scenario, if there is one.
        known.sort();
        let enough = known.len() >= SAVED_OF_A_RULE;
        known.into_iter().next().filter(|(other, _)| enough || !other).map(|(_, path)| path)
    }
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

    /// AFL++ runs a crash again and again.
    #[test]
    fn a_violation_is_saved_once_for_a_scenario() {
        let directory = tempfile::tempdir().unwrap();
        let mut entry = Entry::new("byzantine_dvc").unwrap();
        entry.bugs = vec!["dvc-inflated-commit".to_string()];
        entry.output_directory = directory.path().to_path_buf();
        let mut run = |scenario: u8| {
            let input = codec::encode(&sim::Plan { scenario, ..sim::Plan::default() });
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| entry.run(&input, |_| ())));
            (
                ended.expect_err("it breaks").downcast::<String>().expect("words"),
                directory.path().read_dir().unwrap().count(),
            )
        };
        let (first, files) = run(0);
        assert!(first.contains("broken: ") && files == 1, "{first}");
        let (second, files) = run(0);
        assert!(second.contains("broken, as in ") && files == 1, "{second}");
    }

    #[test]
    fn records_with_a_checksum_that_fits_are_read_to_their_end() {
        let [superblock, fitting] = as_it_is_and_with_its_checksum(&noise(300, 1), 256, SUPERBLOCK_CHECKSUM);
        assert!(Superblock::decode(&superblock).is_none() && Superblock::decode(&fitting).is_some());
        let [header, fitting] = as_it_is_and_with_its_checksum(&noise(300, 1), HEADER_BYTES, HEADER_BYTES - 4);
        assert!(LogEntry::decode_header(&header).is_none() && LogEntry::decode_header(&fitting).is_some());
    }
}
