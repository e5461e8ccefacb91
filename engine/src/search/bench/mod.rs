//! The benchmark behind `vopr bench bugs`. It measures whether coverage guidance finds planted bugs faster than random
//! search.
//!
//! A trial is one search in a separate process, on one core, with a fixed budget of CPU time or runs. The result of
//! each trial is one line in a file, so an interrupted benchmark continues where it stopped.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use sim::Bug;

use crate::base::error::Error;
use crate::cases::seeds;
use crate::cases::systems::SystemEntry;
use crate::search::mutator::Change;
use trial::{Arm, Found};

pub mod plot;
pub mod report;
pub mod statistics;
pub mod trial;

/// What to measure.
pub struct Benchmark {
    /// The system under test.
    pub system: &'static SystemEntry,
    /// The bugs to look for.
    pub bugs: Vec<&'static Bug>,
    /// The ways to search.
    pub arms: Vec<Arm>,
    /// The number of trials for each pair of bug and arm.
    pub trials: u32,
    /// The settings that must be the same when a benchmark is continued.
    pub settings: Settings,
    /// The directory of the results.
    pub directory: PathBuf,
    /// The number of trials that run at the same time.
    pub jobs: usize,
}

/// The parameters of all trials, except bug, arm and number. The first line of the file of trials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The version of the file.
    pub version: u32,
    /// The system under test.
    pub system: String,
    /// Its version.
    pub system_version: String,
    /// The seed from which the seeds of all trials are derived.
    #[serde(with = "crate::search::bench::text")]
    pub seed: u64,
    /// The CPU time of a trial, in milliseconds.
    pub cpu_milliseconds: Option<u64>,
    /// The runs of a trial.
    pub runs: Option<u64>,
    /// The fuzz target, if all bugs are searched for in the same one.
    pub target: Option<String>,
    /// The changes that are switched off in the mutator.
    #[serde(default)]
    pub without: Vec<Change>,
}

/// One trial and its result: one line in the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The bug.
    pub bug: String,
    /// How it was searched for.
    pub arm: Arm,
    /// The index of the trial, from 0.
    #[serde(rename = "trial")]
    pub number: u32,
    /// The result.
    #[serde(flatten)]
    pub found: Found,
}

/// Serializes seeds as text, because not every JSON reader preserves 64-bit integers.
mod text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    pub fn serialize<S: Serializer>(seed: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&seed.to_string())
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<u64, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// The name of the file of trials in the directory.
const TRIALS: &str = "trials.jsonl";

type Key = (String, Arm, u32);

impl Benchmark {
    /// Runs the missing trials until all are complete or `stop` is set. Returns all trials in order.
    pub fn run(&self, stop: &AtomicBool, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<Vec<Trial>, Error> {
        let path = self.directory.join(TRIALS);
        let (known, file) = self.open(&path)?;
        let wanted = self.wanted();
        let missing: Vec<&Key> = wanted.iter().filter(|key| !known.contains_key(key)).collect();
        let state = Mutex::new((known, file, None::<Error>));
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(wanted.len() - missing.len()));
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.clamp(1, missing.len().max(1)) {
                scope.spawn(|| {
                    while let Some(key) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if stop.load(Ordering::Relaxed) {
                            return;
                        }
                        let result = self.trial(key);
                        let Ok(mut state) = state.lock() else { return };
                        let (known, file, failure) = &mut *state;
                        // Ctrl-C reaches the trial process as well, so a result that arrives after it is discarded.
                        if stop.load(Ordering::Relaxed) || failure.is_some() {
                            return;
                        }
                        match result.and_then(|trial| append(file, &path, &trial).map(|()| trial)) {
                            Ok(trial) => drop(known.insert((*key).clone(), trial)),
                            Err(error) => {
                                failure.get_or_insert(error);
                                return;
                            }
                        }
                        progress(done.fetch_add(1, Ordering::Relaxed) + 1, wanted.len());
                    }
                });
            }
        });
        let (mut known, _, failure) = state.into_inner().map_err(|_| Error::Internal("a thread died".to_string()))?;
        if let Some(error) = failure {
            return Err(error);
        }
        Ok(wanted.iter().filter_map(|key| known.remove(key)).collect())
    }

    /// The trials in order of their number, so that a benchmark which is stopped early has some trials of every bug.
    fn wanted(&self) -> Vec<Key> {
        let mut wanted = Vec::new();
        for trial in 0..self.trials {
            for bug in &self.bugs {
                wanted.extend(self.arms.iter().map(|arm| (bug.name.to_string(), *arm, trial)));
            }
        }
        wanted
    }

    /// Reads the trials of earlier runs, and opens the file to append to.
    fn open(&self, path: &Path) -> Result<(BTreeMap<Key, Trial>, File), Error> {
        let next = "choose another directory with --output-dir";
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Error::io("read", path, &error, next)),
        };
        let file = File::options().create(true).append(true).open(path);
        let mut file = file.map_err(|error| Error::io("write", path, &error, next))?;
        let mut lines = text.lines();
        match lines.next() {
            None => append(&mut file, path, &self.settings)?,
            Some(line) => {
                let settings: Option<Settings> = serde_json::from_str(line).ok();
                if settings.as_ref() != Some(&self.settings) {
                    let path = path.display();
                    let message =
                        format!("{path} is of a benchmark with other settings; go on with the same, or {next}");
                    return Err(Error::usage(message));
                }
            }
        }
        // A truncated line is not a trial. The first appended line must not continue it.
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n").map_err(|error| Error::io("write", path, &error, next))?;
        }
        let trials = lines.filter_map(|line| serde_json::from_str(line).ok());
        let known = trials.map(|trial: Trial| ((trial.bug.clone(), trial.arm, trial.number), trial)).collect();
        Ok((known, file))
    }

    /// Runs a trial in a separate process.
    fn trial(&self, (bug, arm, number): &Key) -> Result<Trial, Error> {
        let cannot = |error: std::io::Error| Error::Io(format!("cannot run a trial: {error}; try again"));
        let settings = &self.settings;
        // The inputs that libFuzzer keeps are deleted after the trial.
        let corpus = tempfile::tempdir().map_err(cannot)?;
        let target = match (&settings.target, self.bugs.iter().find(|entry| entry.name == bug)) {
            (Some(target), _) => target.as_str(),
            (None, entry) => entry.map_or("combined", |entry| entry.target),
        };
        let mut command = Command::new(std::env::current_exe().map_err(cannot)?);
        command.args(["bench-trial", target, "--system", &settings.system, "--bug", bug, "--arm", arm.name()]);
        command.arg("--corpus").arg(corpus.path());
        let mut option = |name: &str, value: String| {
            command.args([name.to_string(), value]);
        };
        option("--seed", seeds::mix(settings.seed, bug, u64::from(*number)).to_string());
        if let Some(time) = settings.cpu_milliseconds {
            option("--cpu-milliseconds", time.to_string());
        }
        if let Some(runs) = settings.runs {
            option("--runs", runs.to_string());
        }
        for change in &settings.without {
            option("--without", change.name().to_string());
        }
        let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().map_err(cannot)?;
        let line = String::from_utf8_lossy(&output.stdout);
        let found = line.lines().next().and_then(|line| serde_json::from_str(line).ok());
        let found = found.ok_or_else(|| {
            let status = output.status;
            Error::Internal(format!("a trial of {bug} ({}, number {number}) died with {status}", arm.name()))
        })?;
        Ok(Trial { bug: bug.clone(), arm: *arm, number: *number, found })
    }
}

/// Appends a line to the file and syncs it to the disk.
fn append(file: &mut File, path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let mut line = serde_json::to_string(value).map_err(|error| Error::Internal(format!("no JSON: {error}")))?;
    line.push('\n');
    let written = file.write_all(line.as_bytes()).and_then(|()| file.sync_data());
    written.map_err(|error| Error::io("write", path, &error, "make room and start the benchmark again"))
}
