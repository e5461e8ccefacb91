//! The entry point of the targets in `fuzz/`, for cargo-fuzz, AFL++ and other external fuzzers.
//!
//! A violation is saved as a `.kmb` file in `$VOPR_DATA_DIR` (or `./failures/`). Then the target panics, so that the
//! fuzzer saves its own artifact as well. `VOPR_BUGS=name,name` switches planted bugs on, and `VOPR_SYSTEM=name`
//! selects the system.
//!
//! If the system kills the process or hangs, this code cannot save anything. The fuzzer keeps the input, and
//! `vopr repro --target NAME` converts it to a `.kmb` file.

use std::cell::RefCell;
use std::path::PathBuf;

use sim::{Case, Verdict, Violation};

use crate::base::error::Error;
use crate::cases::kmb::{Kmb, Origin};
use crate::cases::systems::{Engine, SYSTEMS, SystemEntry};
use crate::search::fuzzing::SAVED_OF_A_RULE;
use crate::search::mutator::{MutateBytes, Mutator};
use crate::search::targets::Target;
use crate::search::{counters, formats};

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

/// Runs one input of a target, and reports to libFuzzer which states it reached.
///
/// # Panics
/// If the input breaks an invariant that is owed, or if the target or an environment variable has an unknown name.
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

/// Runs one input of a target or of a format, and passes the reached slots of the coverage map to `publish`. For
/// fuzzers that do not read libFuzzer's counters.
///
/// # Panics
/// If the input breaks an invariant or a format, or if the target or an environment variable has an unknown name.
pub fn test(target: &str, input: &[u8], publish: fn(&[u32])) {
    match formats::reader(target) {
        Some(read) => read(input),
        None => with_entry(target, |entry| entry.run(input, publish)).unwrap_or_else(|error| panic!("{error}")),
    }
}

/// Looks up the target, the system and the bugs before the first input, so that an unknown name is not mistaken for a
/// crash.
///
/// # Errors
/// One line that says which name is unknown.
pub fn prepare(target: &str) -> Result<(), Error> {
    if formats::is_format(target) { Ok(()) } else { with_entry(target, |_| ()) }
}

fn with_entry<T>(target: &str, body: impl FnOnce(&mut Entry) -> T) -> Result<T, Error> {
    ENTRY.with_borrow_mut(|entry| {
        if entry.is_none() {
            *entry = Some(Entry::new(target)?);
        }
        Ok(body(entry.as_mut().expect("it was just made")))
    })
}

/// Mutates an input of a target, for `fuzz_mutator!`. Some of the calls use `bytes`, libFuzzer's own mutations.
///
/// # Panics
/// If the target or an environment variable has an unknown name.
pub fn mutate(target: &str, data: &mut [u8], size: usize, max_size: usize, seed: u32, bytes: MutateBytes) -> usize {
    with_mutator(target, |mutator| mutator.mutate(data, size, max_size, seed, bytes))
}

/// Crosses two inputs of a target, for `fuzz_crossover!`.
///
/// # Panics
/// If the target or an environment variable has an unknown name.
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

/// The system selected by `VOPR_SYSTEM`.
fn system() -> Result<&'static SystemEntry, Error> {
    std::env::var("VOPR_SYSTEM").map_or(Ok(&SYSTEMS[0]), |name| SystemEntry::find(&name))
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

    /// The saved file of an equivalent violation, if there is one. As in `vopr fuzz`, a few files are saved for each
    /// rule, each of another scenario. AFL++ runs a crashing input many times, each time in another process.
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
        // A file of the same scenario is sorted first.
        known.sort();
        let enough = known.len() >= SAVED_OF_A_RULE;
        known.into_iter().next().filter(|(other, _)| enough || !other).map(|(_, path)| path)
    }
}

#[cfg(test)]
mod tests {
    use sim::plan::codec;

    use super::*;

    /// AFL++ runs a crashing input repeatedly.
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
}
