//! The entry of the targets in `fuzz/`, for cargo-fuzz and others that bring a fuzzer of their own.
//!
//! A violation is saved as a `.kmb` file in `$VOPR_DATA_DIR` (or `./failures/`), then the target panics, so that the fuzzer
//! leaves its own artifact, too. `VOPR_BUGS=name,name` switches planted bugs on, `VOPR_SYSTEM=name` picks the system.

use std::cell::RefCell;
use std::path::PathBuf;

use sim::Verdict;

use crate::counters;
use crate::engine::{Engine, SYSTEMS, SystemEntry};
use crate::error::Error;
use crate::kmb::{Kmb, KmbError, Origin};
use crate::selection::Target;

struct Entry {
    engine: Engine,
    target: Target,
    bugs: Vec<String>,
    output_directory: PathBuf,
}

thread_local! {
    static ENTRY: RefCell<Option<Entry>> = const { RefCell::new(None) };
}

/// Runs one input of a target.
///
/// # Panics
/// When the input breaks an invariant that is owed, and when the target or a variable names something unknown.
pub fn run(target: &str, input: &[u8]) {
    ENTRY.with_borrow_mut(|entry| {
        let entry = entry.get_or_insert_with(|| Entry::new(target).unwrap_or_else(|error| panic!("{error}")));
        entry.run(input);
    });
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

impl Entry {
    fn new(target: &str) -> Result<Self, Error> {
        let system = match std::env::var("VOPR_SYSTEM") {
            Ok(name) => SystemEntry::find(&name)?,
            Err(_) => &SYSTEMS[0],
        };
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

    fn run(&mut self, input: &[u8]) {
        let system = self.engine.system();
        let case = self.target.case(&self.bugs, input);
        let outcome = self.engine.run(&case, false);
        counters::publish(self.engine.reached());
        let Verdict::Violated(violation) = &outcome.verdict else { return };
        let origin = Origin::Fuzz { target: self.target.name.clone(), input: input.to_vec() };
        let saved = Kmb::new(case, system.version, origin, Some(&outcome)).write_new(&self.output_directory);
        let saved = saved.map_or_else(|error| format!("not saved: {error}"), |path| path.display().to_string());
        panic!("{} ({}) broken: {saved}", violation.invariant, violation.rule);
    }
}
