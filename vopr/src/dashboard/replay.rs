//! A failure, run again in a process of its own: the case is from a stranger, and may be one at which the system under test
//! hangs or dies. What came of it is kept, so it is done once.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::commands::repro::Comparison;
use crate::data::Failure;
use crate::engine::Engine;
use crate::error::Error;
use crate::kmb::{Kmb, ReadError};
use crate::words;

/// A run takes milliseconds; one that takes longer than this hangs.
const TIME_MAX: Duration = Duration::from_secs(10);
/// So many run at a time.
const AT_ONCE: usize = 2;
/// What a process says is not read further than this.
const OUTPUT_BYTES_MAX: u64 = 16 << 20;
/// So many are kept.
const KEPT: usize = 64;
/// So many observations up to the violation are shown.
const AROUND: usize = 40;

/// What a run showed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Replay {
    /// Whether it was the same, in words.
    pub result: String,
    /// Whether it was.
    pub same: bool,
    /// How many events there were.
    pub events: u64,
    /// How long it took, in virtual time.
    pub time: String,
    /// The last notable observations up to the violation, a line each.
    pub around: Vec<String>,
}

impl Replay {
    /// Runs the case in the file here and now; the work of the other process.
    pub fn of_file(path: &Path) -> Result<Replay, Error> {
        let kmb = Kmb::read(path).map_err(|error| match error {
            ReadError::Io(error) => Error::io("read", path, &error, "it may be gone: load the page again"),
            ReadError::Content(error) => Error::usage(error.to_string()),
        })?;
        let mut engine = Engine::for_case(&kmb.case)?;
        let outcome = engine.run(&kmb.case, true);
        let comparison = Comparison::of(&kmb, &outcome);
        let end = kmb.expected.as_ref().map_or(u64::MAX, |expected| expected.event);
        let notable = engine.recorded().iter().filter(|seen| seen.event <= end && words::notable(&seen.what));
        let lines: Vec<String> = notable.map(words::observation).collect();
        let around = lines[lines.len().saturating_sub(AROUND)..].to_vec();
        let (result, same) = (comparison.words().to_string(), comparison == Comparison::Same);
        Ok(Replay { result, same, events: outcome.events, time: words::time(outcome.time), around })
    }
}

/// What came of a replay: what it showed, or in one line why it showed nothing.
type Shown = Arc<Result<Replay, String>>;

/// The replays so far.
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

    /// Runs the smallest case of a failure, or remembers how that went.
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
    let no_process = |error: std::io::Error| format!("no process to replay it in: {error}");
    let mut child = Command::new(std::env::current_exe().map_err(no_process)?)
        .arg("dashboard-replay")
        .arg(path)
        .args(["--color", "never"])
        // As long as it is open, we are there.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(no_process)?;
    let (output, errors) = (drain(child.stdout.take()), drain(child.stderr.take()));
    let deadline = Instant::now() + TIME_MAX;
    let status = loop {
        match child.try_wait().map_err(no_process)? {
            Some(status) => break Some(status),
            None if Instant::now() > deadline => {
                let _ = child.kill();
                let _ = child.wait();
                break None;
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let (output, errors) = (output.join().unwrap_or_default(), errors.join().unwrap_or_default());
    match status {
        None => Err(format!("the replay took longer than {} s and was ended: the system hangs", TIME_MAX.as_secs())),
        Some(status) if status.success() => serde_json::from_slice(&output)
            .map_err(|error| format!("the replay said nothing that is understood: {error}")),
        Some(status) => {
            let errors = String::from_utf8_lossy(&errors);
            let line = errors.lines().rev().find_map(|line| line.strip_prefix("error: "));
            Err(line.map_or_else(|| format!("the replay died ({status})"), ToString::to_string))
        }
    }
}

/// Reads all that comes, so that the other side need not wait.
fn drain(from: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(from) = from {
            let _ = from.take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes);
        }
        bytes
    })
}
