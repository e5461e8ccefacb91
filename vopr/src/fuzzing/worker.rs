//! One process of a campaign: libFuzzer, an engine, and what is told to the parent.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use sim::{Case, Outcome, Verdict, Violation};

use super::{Driver, Finding, Harness, Message, Next};
use crate::arguments::SystemArguments;
use crate::counters;
use crate::engine::Engine;
use crate::error::Error;
use crate::kmb::{Kmb, Origin};
use crate::mutator::{MutateBytes, Mutator};
use crate::selection::Target;
use crate::tally::Slots;

/// How often the parent is told how far it is.
const STATUS_EVERY: Duration = Duration::from_millis(500);
/// A header and 127 actions. Plans that find something have a handful.
const INPUT_BYTES_MAX: usize = 2048;
/// A run takes milliseconds; one that takes this many seconds hangs.
const TIMEOUT_SECONDS: u32 = 30;
/// An engine takes some ten megabytes.
const MEMORY_MEGABYTES_MAX: u32 = 2048;

/// The arguments of a worker; the campaign fills them in.
#[derive(Args, Clone)]
pub struct Arguments {
    /// The fuzz target
    pub target: String,
    /// The file that it is read from
    #[arg(long)]
    pub scenario_file: Option<PathBuf>,
    /// Which system, with which bugs
    #[command(flatten)]
    pub system: SystemArguments,
    /// Where findings go
    #[arg(long)]
    pub output_dir: PathBuf,
    /// The corpus that all workers share
    #[arg(long)]
    pub corpus: PathBuf,
    /// How libFuzzer names the inputs that it leaves when the process dies
    #[arg(long)]
    pub artifact_prefix: String,
    /// The seed of libFuzzer's own decisions
    #[arg(long)]
    pub seed: u32,
    /// End after so many inputs
    #[arg(long)]
    pub runs: Option<u64>,
    /// End after so many milliseconds
    #[arg(long)]
    pub milliseconds: Option<u64>,
    /// Whether others add to the corpus at the same time
    #[arg(long)]
    pub shared: bool,
}

struct Worker {
    engine: Engine,
    target: Target,
    mutator: Mutator,
    bugs: Vec<String>,
    output_directory: PathBuf,
    runs_max: u64,
    deadline: Option<Instant>,
    stop: Arc<AtomicBool>,
    runs: u64,
    violated: u64,
    slots: Slots,
    slots_new: Vec<u32>,
    known: BTreeSet<(&'static str, &'static str)>,
    told: Instant,
}

/// Runs a worker.
pub fn run(arguments: &Arguments, driver: Driver) -> Result<u8, Error> {
    // Ctrl-C reaches every process of the terminal. What it means is for the parent to say.
    ctrlc::set_handler(|| ()).map_err(|error| Error::Internal(format!("no handler for Ctrl-C: {error}")))?;
    let (system, bugs) = arguments.system.resolve()?;
    let stop = Arc::new(AtomicBool::new(false));
    stop_when_input_ends(stop.clone());
    let target = match &arguments.scenario_file {
        Some(path) => Target::of_file(system, path)?,
        None => Target::find(system, &arguments.target, None)?,
    };
    let worker = Worker {
        engine: Engine::new(system),
        mutator: Mutator::new(&target.scenarios),
        target,
        bugs,
        output_directory: arguments.output_dir.clone(),
        runs_max: arguments.runs.unwrap_or(u64::MAX),
        deadline: arguments.milliseconds.map(|span| Instant::now() + Duration::from_millis(span)),
        stop,
        runs: 0,
        violated: 0,
        slots: Slots::default(),
        slots_new: Vec::new(),
        known: BTreeSet::new(),
        told: Instant::now(),
    };
    let code = driver(&libfuzzer_arguments(arguments), Box::new(worker));
    Ok(code as u8)
}

fn libfuzzer_arguments(arguments: &Arguments) -> Vec<String> {
    let mut flags = libfuzzer_flags(arguments.seed);
    flags.extend([
        format!("-artifact_prefix={}", arguments.artifact_prefix),
        format!("-reload={}", u8::from(arguments.shared)),
        // Absolute, so that no name looks like one of libFuzzer's flags.
        std::path::absolute(&arguments.corpus).unwrap_or_else(|_| arguments.corpus.clone()).display().to_string(),
    ]);
    let seeds = Path::new("corpus").join(&arguments.target);
    if seeds.is_dir() && seeds != arguments.corpus {
        flags.push(seeds.display().to_string());
    }
    flags
}

/// The name of the program and libFuzzer's flags, as every search with it has them.
pub(crate) fn libfuzzer_flags(seed: u32) -> Vec<String> {
    vec![
        "vopr".to_string(),
        format!("-seed={seed}"),
        format!("-max_len={INPUT_BYTES_MAX}"),
        // Inputs are whole actions of 16 bytes: growing from a byte up would only waste time.
        "-len_control=0".to_string(),
        format!("-timeout={TIMEOUT_SECONDS}"),
        format!("-rss_limit_mb={MEMORY_MEGABYTES_MAX}"),
        // The parent decides when the campaign ends.
        "-handle_int=0".to_string(),
        "-handle_term=0".to_string(),
        "-detect_leaks=0".to_string(),
        "-use_value_profile=0".to_string(),
        "-print_final_stats=1".to_string(),
    ]
}

fn stop_when_input_ends(stop: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let mut byte = [0];
        while matches!(std::io::stdin().read(&mut byte), Ok(1)) {}
        stop.store(true, Ordering::Relaxed);
    });
}

impl Harness for Worker {
    fn mutate(&mut self, data: &mut [u8], size: usize, max_size: usize, seed: u32, bytes: MutateBytes) -> usize {
        self.mutator.mutate(data, size, max_size, seed, bytes)
    }

    fn cross_over(&mut self, first: &[u8], second: &[u8], out: &mut [u8], seed: u32) -> usize {
        self.mutator.cross_over(first, second, out, seed)
    }

    fn test(&mut self, input: &[u8]) -> Next {
        let case = self.target.case(&self.bugs, input);
        let outcome = self.engine.run(&case, false);
        self.runs += 1;
        counters::publish(self.engine.reached());
        for slot in self.engine.reached() {
            if self.slots.insert(*slot) {
                self.slots_new.push(*slot);
            }
        }
        if let Verdict::Violated(violation) = &outcome.verdict {
            self.violated += 1;
            if self.known.insert((violation.invariant, violation.rule)) {
                match self.save(&case, input, violation, &outcome) {
                    Ok(finding) => send(&Message::Found(finding)),
                    Err(error) => {
                        let directory = self.output_directory.display();
                        send(&Message::NotSaved { error: format!("cannot write to {directory}: {error}") });
                        return Next::Leave(i32::from(crate::exit::IO));
                    }
                }
            }
        }
        let over = self.runs >= self.runs_max
            || self.stop.load(Ordering::Relaxed)
            || self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if over || self.told.elapsed() >= STATUS_EVERY {
            self.told = Instant::now();
            let slots = std::mem::take(&mut self.slots_new);
            send(&Message::Status { runs: self.runs, violated: self.violated, slots });
        }
        if over {
            send(&Message::Done);
            return Next::Leave(0);
        }
        Next::Continue
    }
}

impl Worker {
    /// Writes a violation to the disk, and only then looks whether it happens again.
    fn save(&self, case: &Case, input: &[u8], violation: &Violation, outcome: &Outcome) -> std::io::Result<Finding> {
        let system = self.engine.system();
        let origin = Origin::Fuzz { target: self.target.name.clone(), input: input.to_vec() };
        let kmb = Kmb::new(case.clone(), system.version, origin, Some(outcome));
        let file = kmb.write_new(&self.output_directory)?;
        // In a new engine: what this one keeps between runs must not matter.
        let again = Engine::new(system).run(case, false);
        Ok(Finding {
            file,
            name: kmb.name(),
            scenario: case.scenario.clone(),
            invariant: violation.invariant.to_string(),
            rule: violation.rule.to_string(),
            reproduced: again.digest == outcome.digest && again.verdict == outcome.verdict,
            runs: self.runs,
            minimized: None,
        })
    }
}

/// Tells the parent something. If it is gone, the end of the standard input says so.
fn send(message: &Message) {
    if let Ok(mut line) = serde_json::to_string(message) {
        line.push('\n');
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush());
    }
}
