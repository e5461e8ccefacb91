//! Replays a failure in a separate process. The case is untrusted, and the system under test may hang or die on it.
//! Results are cached, so a case is replayed once.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use engine::analysis::timeline;
use engine::base::error::Error;
use engine::base::format;
use engine::campaigns::data_dir::Failure;
use engine::cases::comparison::Comparison;
use engine::cases::description;
use engine::cases::kmb::{Kmb, ReadError};
use engine::cases::subprocess;
use engine::cases::subprocess::{MEGABYTES_MAX, TIME_MAX};
use engine::cases::systems::Engine;

/// The maximum number of concurrent replays.
const AT_ONCE: usize = 2;
/// The maximum number of bytes read from a process.
const OUTPUT_BYTES_MAX: u64 = 16 << 20;
/// The maximum number of cached results.
const KEPT: usize = 64;
/// The number of observations shown up to the violation.
const AROUND: usize = 40;

/// The result of a replay.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Replay {
    /// Whether the result is the expected one, as text.
    pub result: String,
    /// Whether the result is the expected one.
    pub same: bool,
    /// The number of events.
    pub events: u64,
    /// The duration in virtual time.
    pub time: String,
    /// The actions as text, with the outcome of those that were not carried out.
    pub plan: Vec<String>,
    /// The timeline as a drawing.
    pub timeline: String,
    /// The last notable observations up to the violation, one line each.
    pub around: Vec<String>,
    /// The output of `vopr explain`.
    #[serde(skip)]
    pub explanation: Option<Explanation>,
}

/// An explanation, parsed from the output of `vopr explain`.
#[derive(Debug, Deserialize)]
pub struct Explanation {
    /// The sentences, in order.
    pub steps: Vec<Step>,
    /// The number of facts that were left out.
    pub left_out: usize,
}

/// A sentence of an explanation.
#[derive(Debug, Deserialize)]
pub struct Step {
    /// The virtual time.
    pub at: u64,
    /// The sentence.
    pub text: String,
}

impl Replay {
    /// Runs the case in the file in this process. Called in the replay process.
    pub fn of_file(path: &Path) -> Result<Replay, Error> {
        let kmb = Kmb::read(path).map_err(|error| match error {
            ReadError::Io(error) => Error::io("read", path, &error, "it may be gone: load the page again"),
            ReadError::Content(error) => Error::usage(error.to_string()),
        })?;
        let mut engine = Engine::for_case(&kmb.case)?;
        let outcome = engine.run(&kmb.case, true);
        let comparison = Comparison::of(&kmb, &outcome);
        let end = kmb.expected.as_ref().map_or(u64::MAX, |expected| expected.event);
        let notable = engine.recorded().iter().filter(|seen| seen.event <= end && format::notable(&seen.what));
        let lines: Vec<String> = notable.map(format::observation).collect();
        let around = lines[lines.len().saturating_sub(AROUND)..].to_vec();
        let system = format!("{} {}", engine.system().name, engine.system().version);
        let mut timeline =
            timeline::build::timeline(kmb.name(), system, &kmb.case, &outcome, engine.recorded(), engine.outcomes());
        timeline.thin(timeline::downsample::TOLD_APART);
        Ok(Replay {
            result: comparison.words().to_string(),
            same: comparison == Comparison::Same,
            events: outcome.events,
            time: format::time(outcome.time),
            plan: description::actions(&kmb.case, Some(&engine)),
            timeline: timeline::page::figure(&timeline, "timeline").into_string(),
            around,
            explanation: None,
        })
    }
}

/// A replay result, or one line with the reason why there is none.
type Shown = Arc<Result<Replay, String>>;

/// The cached replays.
pub struct Replays {
    directory: PathBuf,
    /// By the file and the name of the case in it.
    kept: Mutex<BTreeMap<(String, String), Shown>>,
    turns: Semaphore,
}

impl Replays {
    pub fn new(directory: PathBuf) -> Self {
        Replays { directory, kept: Mutex::new(BTreeMap::new()), turns: Semaphore::new(AT_ONCE) }
    }

    /// Replays the smallest case of a failure, or returns the cached result.
    pub async fn of(&self, failure: &Failure) -> Shown {
        let key = (failure.smallest_file().to_string(), failure.smallest().name());
        let Ok(_turn) = self.turns.acquire().await else { return Arc::new(Err("the dashboard ends".to_string())) };
        if let Some(known) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return known.clone();
        }
        let path = self.directory.join(&key.0);
        let shown = tokio::task::spawn_blocking(move || in_another_process(&path)).await;
        let shown = Arc::new(shown.unwrap_or_else(|_| Err("the replay was given up".to_string())));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(key, shown.clone());
        shown
    }
}

fn in_another_process(path: &Path) -> Result<Replay, String> {
    let us = std::env::current_exe().map_err(|error| no_process(&error))?;
    let command_of = |command: &str| {
        let mut process = Command::new(&us);
        process.arg(command).arg(path).args(["--format", "json", "--color", "never"]);
        process
    };
    let mut replay: Replay = json_output(&mut command_of("dashboard-replay"), TIME_MAX)?;
    // The replay has shown that the case ends. A case without a violation has no explanation.
    replay.explanation = json_output(&mut command_of("explain"), TIME_MAX).ok();
    Ok(replay)
}

fn no_process(error: &std::io::Error) -> String {
    format!("no process to replay it in: {error}")
}

/// The JSON output of a process, if it ends in time.
fn json_output<T: DeserializeOwned>(process: &mut Command, time_max: Duration) -> Result<T, String> {
    // The process ends when its standard input closes.
    let process = process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = process.spawn().map_err(|error| no_process(&error))?;
    let (output, errors) = (read_output(child.stdout.take()), read_output(child.stderr.take()));
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().map_err(|error| no_process(&error))? {
            break Ok(status);
        }
        if let Some(why) = subprocess::too_much(&child, began, time_max, MEGABYTES_MAX) {
            let _ = child.kill();
            let _ = child.wait();
            break Err(why);
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let (output, errors) = (output.join().unwrap_or_default(), errors.join().unwrap_or_default());
    match status {
        Err(why) => Err(format!("the replay was ended: {why}")),
        Ok(status) if status.success() => serde_json::from_slice(&output)
            .map_err(|error| format!("the replay said nothing that is understood: {error}")),
        Ok(status) => {
            let errors = String::from_utf8_lossy(&errors);
            let line = errors.lines().rev().find_map(|line| line.strip_prefix("error: "));
            Err(line.map_or_else(|| format!("the replay died ({status})"), ToString::to_string))
        }
    }
}

/// Reads all output, so that the process does not block.
fn read_output(from: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(from) = from {
            let _ = from.take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes);
        }
        bytes
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn json_output_of_script(script: &str) -> Result<serde_json::Value, String> {
        json_output(Command::new("sh").args(["-c", script]), Duration::from_secs(1))
    }

    #[test]
    fn every_process_gives_a_result_or_an_error() {
        assert_eq!(json_output_of_script("echo '{\"a\": 1}'").unwrap()["a"], 1);
        assert!(json_output_of_script("exec sleep 60").unwrap_err().contains("no end after 1 s"));
        assert!(json_output_of_script("exec yes").is_err(), "what it says is bounded");
        assert!(json_output_of_script("kill -SEGV $$").unwrap_err().contains("died (signal: 11"));
        assert_eq!(
            json_output_of_script("echo note; echo 'error: unknown system' >&2; exit 2").unwrap_err(),
            "unknown system"
        );
        assert!(json_output_of_script("echo nonsense").unwrap_err().contains("understood"));
    }
}
