//! The entry of the targets in `fuzz/`, for cargo-fuzz, AFL++ and others that bring a fuzzer of their own.
//!
//! A violation is saved as a `.kmb` file in `$VOPR_DATA_DIR` (or `./failures/`), then the target panics, so that the fuzzer
//! leaves its own artifact, too. `VOPR_BUGS=name,name` switches planted bugs on, `VOPR_SYSTEM=name` picks the system.
//!
//! Where the system dies itself, or hangs, nothing is left to save anything: the fuzzer keeps the input, and
//! `vopr repro --target NAME` makes a `.kmb` file of it.

use std::cell::RefCell;
use std::path::PathBuf;

use sim::{Verdict, codec};
use vsr::checkpoint::Checkpoint;
use vsr::layout::Superblock;
use vsr::log::Base;
use vsr::sessions::Sessions;

use crate::counters;
use crate::engine::{Engine, SYSTEMS, SystemEntry};
use crate::error::Error;
use crate::kmb::{Kmb, KmbError, Origin};
use crate::mutator::{MutateBytes, Mutator};
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

/// Runs one input of a target, or of one of the three formats, and hands the slots of the coverage map that it reached to
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
    if FORMATS.iter().any(|(name, _)| *name == target) { Ok(()) } else { with_entry(target, |_| ()) }
}

type Reader = fn(&[u8]);

/// The targets that know no simulator: readers of bytes that anybody may have written.
const FORMATS: [(&str, Reader); 3] =
    [("kmb_reader", read_kmb), ("plan_decoder", round_trip_plan), ("disk_records", read_disk_records)];

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
            Mutator::new(&target.unwrap_or_else(|error| panic!("{error}")).scenarios)
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
/// # Panics
/// When reading does, or when what was accepted does not come back.
pub fn read_disk_records(input: &[u8]) {
    let mut again = Vec::new();
    if let Some(superblock) = Superblock::decode(input) {
        superblock.encode(&mut again);
        assert_eq!(Superblock::decode(&again), Some(superblock), "a superblock comes back");
    }
    if let Some(hole) = vsr::entry::Entry::decode_header(input) {
        hole.encode_header(&mut again);
        assert!(input.starts_with(&again), "a header comes back");
    }
    // Without its checksum, which hardly any input would get past.
    let _ = vsr::entry::Entry::read(input, false);
    let checkpoint = Checkpoint::new(Base::default(), input.to_vec());
    let _ = checkpoint.decode(&Sessions::default());
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
        let origin = Origin::Fuzz { target: self.target.name.clone(), input: input.to_vec() };
        let saved = Kmb::new(case, system.version, origin, Some(&outcome)).write_new(&self.output_directory);
        let saved = saved.map_or_else(|error| format!("not saved: {error}"), |path| path.display().to_string());
        panic!("{} ({}) broken: {saved}", violation.invariant, violation.rule);
    }
}
