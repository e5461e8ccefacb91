//! A worker process of a campaign: runs libFuzzer with an engine, and sends its results to the parent.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sim::{Case, Outcome, Verdict};

use crate::base::error::Error;
use crate::campaigns::finding::Finding;
use crate::campaigns::reached::States;
use crate::cases::kmb::{Kmb, Origin};
use crate::cases::subprocess;
use crate::cases::systems::{Engine, SystemEntry};
use crate::cases::violation::BrokenRule;
use crate::search::counters;
use crate::search::fuzzing::campaign::files_in;
use crate::search::fuzzing::{Driver, Harness, Message, Next, SAVED_OF_A_RULE};
use crate::search::mutator::{MutateBytes, Mutator};
use crate::search::targets::Target;

/// The interval at which the worker reports its progress to the parent.
const STATUS_EVERY: Duration = Duration::from_millis(500);
/// The size of a header and 127 actions. Plans that find a violation have a handful of actions.
const INPUT_BYTES_MAX: usize = 2048;
/// The memory limit of a worker. An engine takes about ten megabytes, and so does libFuzzer with its corpus.
const MEMORY_MEGABYTES_MAX: u32 = 2048;

/// The parameters of a worker, set by the campaign.
#[derive(Clone)]
pub struct Options {
    /// The fuzz target.
    pub target: String,
    /// The scenario file from which the target is read, if there is one.
    pub scenario_file: Option<PathBuf>,
    /// The system under test.
    pub system: &'static SystemEntry,
    /// The planted bugs that are switched on.
    pub bugs: Vec<String>,
    /// The directory of the findings.
    pub output_dir: PathBuf,
    /// The corpus that all workers share.
    pub corpus: PathBuf,
    /// Further directories of inputs to start with.
    pub seeds: Vec<PathBuf>,
    /// The prefix of the names of artifacts that libFuzzer saves when the process dies.
    pub artifact_prefix: String,
    /// The seed of libFuzzer's random decisions.
    pub seed: u32,
    /// The number of inputs after which the worker ends.
    pub runs: Option<u64>,
    /// The number of milliseconds after which the worker ends.
    pub milliseconds: Option<u64>,
    /// Whether other workers add to the corpus at the same time.
    pub shared: bool,
    /// The rules of earlier findings, which are not saved again.
    pub known: Vec<BrokenRule>,
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
    /// The number of inputs in the corpus, which libFuzzer runs before it generates any.
    seeds: u64,
    states: States,
    slots_new: Vec<u32>,
    slots_of_corpus: Vec<u32>,
    checks: Vec<u64>,
    /// The rules that were known before this worker started and that it has not found yet.
    known: BTreeSet<BrokenRule>,
    /// The rules that this worker found, with their scenarios.
    seen: BTreeMap<(&'static str, &'static str), Vec<String>>,
    told: Instant,
}

/// Runs a worker.
pub fn run(options: &Options, driver: Driver) -> Result<u8, Error> {
    // Ctrl-C reaches every process of the terminal. Only the parent handles it.
    ctrlc::set_handler(|| ()).map_err(|error| Error::Internal(format!("no handler for Ctrl-C: {error}")))?;
    let (system, bugs) = (options.system, options.bugs.clone());
    let stop = Arc::new(AtomicBool::new(false));
    stop_when_input_ends(stop.clone());
    let target = match &options.scenario_file {
        Some(path) => Target::of_file(system, path)?,
        None => Target::find(system, &options.target, None)?,
    };
    let seeds = corpora(options).map(|corpus| files_in(corpus) as u64).sum();
    let worker = Worker {
        engine: Engine::new(system),
        mutator: Mutator::new(&target.choice).with_corpus(seeds),
        target,
        bugs,
        output_directory: options.output_dir.clone(),
        runs_max: options.runs.unwrap_or(u64::MAX),
        deadline: options.milliseconds.map(|span| Instant::now() + Duration::from_millis(span)),
        stop,
        runs: 0,
        violated: 0,
        seeds,
        states: States::default(),
        slots_new: Vec::new(),
        slots_of_corpus: Vec::new(),
        checks: vec![0; sim::invariants::NAMES.len()],
        known: options.known.iter().cloned().collect(),
        seen: BTreeMap::new(),
        told: Instant::now(),
    };
    let code = driver(&libfuzzer_arguments(options), Box::new(worker));
    Ok(code as u8)
}

fn libfuzzer_arguments(options: &Options) -> Vec<String> {
    let mut flags = libfuzzer_flags(options.seed);
    flags.extend([
        format!("-artifact_prefix={}", options.artifact_prefix),
        format!("-reload={}", u8::from(options.shared)),
    ]);
    // Absolute paths cannot be mistaken for one of libFuzzer's flags.
    let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string();
    flags.extend(corpora(options).map(absolute));
    flags
}

/// The program name and the libFuzzer flags that every search uses.
pub(crate) fn libfuzzer_flags(seed: u32) -> Vec<String> {
    vec![
        "vopr".to_string(),
        format!("-seed={seed}"),
        format!("-max_len={INPUT_BYTES_MAX}"),
        // Inputs consist of whole actions of 16 bytes, so growing them byte by byte would waste time.
        "-len_control=0".to_string(),
        format!("-timeout={}", subprocess::TIME_MAX.as_secs()),
        format!("-rss_limit_mb={MEMORY_MEGABYTES_MAX}"),
        // The parent decides when the campaign ends.
        "-handle_int=0".to_string(),
        "-handle_term=0".to_string(),
        // If a file exceeds the size limit, the write returns an error, as on a full disk.
        "-handle_xfsz=0".to_string(),
        "-detect_leaks=0".to_string(),
        "-use_value_profile=0".to_string(),
        "-print_final_stats=1".to_string(),
    ]
}

/// The directories from which inputs are read. libFuzzer writes to the first.
fn corpora(options: &Options) -> impl Iterator<Item = &PathBuf> {
    std::iter::once(&options.corpus).chain(&options.seeds)
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
        self.mutator.saw(input, self.engine.reached());
        for slot in self.engine.reached() {
            if self.runs > self.seeds {
                if self.states.hit(*slot) {
                    self.slots_new.push(*slot);
                }
            } else if !self.states.has(*slot) {
                self.states.hit(*slot);
                self.slots_of_corpus.push(*slot);
            }
        }
        for (sum, checks) in self.checks.iter_mut().zip(self.engine.checks()) {
            *sum += checks;
        }
        if let Verdict::Violated(violation) = &outcome.verdict {
            self.violated += 1;
            let seen = self.seen.entry((violation.invariant, violation.rule)).or_default();
            if seen.len() < SAVED_OF_A_RULE && !seen.contains(&case.scenario) {
                seen.push(case.scenario.clone());
                let rule = BrokenRule::from(violation);
                if self.known.remove(&rule) {
                    seen.resize(SAVED_OF_A_RULE, String::new());
                    send(&Message::Again(rule));
                } else if let Some(leave) = self.report(&case, input, rule, &outcome) {
                    return leave;
                }
            }
        }
        let over = self.runs >= self.runs_max
            || self.stop.load(Ordering::Relaxed)
            || self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if over || self.told.elapsed() >= STATUS_EVERY {
            self.told = Instant::now();
            let slots = std::mem::take(&mut self.slots_new);
            let slots_of_corpus = std::mem::take(&mut self.slots_of_corpus);
            let checks = std::mem::replace(&mut self.checks, vec![0; sim::invariants::NAMES.len()]);
            send(&Message::Status { runs: self.runs, violated: self.violated, slots, slots_of_corpus, checks });
        }
        if over {
            send(&Message::Done);
            return Next::Leave(0);
        }
        Next::Continue
    }
}

impl Worker {
    /// Saves a violation and reports it. Returns what to do if it cannot be saved.
    fn report(&self, case: &Case, input: &[u8], rule: BrokenRule, outcome: &Outcome) -> Option<Next> {
        match self.save(case, input, rule, outcome) {
            Ok(finding) => {
                send(&Message::Found(finding));
                None
            }
            Err(error) => {
                let directory = self.output_directory.display();
                send(&Message::NotSaved { error: format!("cannot write to {directory}: {error}") });
                Some(Next::Leave(i32::from(crate::base::exit::IO)))
            }
        }
    }

    /// Writes a violation to the disk before it tests whether the violation is reproducible.
    fn save(&self, case: &Case, input: &[u8], rule: BrokenRule, outcome: &Outcome) -> std::io::Result<Finding> {
        let system = self.engine.system();
        let origin = Origin::Fuzz { target: self.target.name.clone(), input: input.to_vec() };
        let kmb = Kmb::new(case.clone(), system.version, origin, Some(outcome));
        let file = kmb.write_new(&self.output_directory)?;
        // Uses a new engine, so that state which this engine keeps between runs has no effect.
        let again = Engine::new(system).run(case, false);
        Ok(Finding {
            file,
            name: kmb.name(),
            target: self.target.name.clone(),
            scenario: case.scenario.clone(),
            rule,
            reproduced: again.digest == outcome.digest && again.verdict == outcome.verdict,
            runs: self.runs,
            minimized: None,
            shape: None,
        })
    }
}

/// Sends a message to the parent. If the parent is gone, the end of the standard input tells the worker.
fn send(message: &Message) {
    if let Ok(mut line) = serde_json::to_string(message) {
        line.push('\n');
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush());
    }
}
