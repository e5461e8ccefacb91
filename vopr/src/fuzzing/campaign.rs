//! A campaign: starts the workers, adds up what they say, and ends when it is time.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use super::process::{Event, Process, Start};
use super::{Finding, Message};
use crate::engine::SystemEntry;
use crate::error::Error;
use crate::kmb::{Kmb, Origin, read_bounded};
use crate::output::{BAD, DOUBTFUL, Progress, grouped, rate, styled};
use crate::selection::Target;
use crate::tally::Slots;

/// A worker that was asked to leave, and has not after this long, hangs.
const PATIENCE: Duration = Duration::from_secs(5);
/// A worker that dies is started again, but not for ever.
const DEATHS_MAX: usize = 10;
/// How often the files of the corpus are counted.
const COUNT_EVERY: Duration = Duration::from_secs(2);

/// What to do.
pub struct Campaign {
    /// The system under test.
    pub system: &'static SystemEntry,
    /// The planted bugs that are switched on.
    pub bugs: Vec<String>,
    /// What the inputs are decoded for.
    pub target: Target,
    /// The file that the target was read from, if it was.
    pub scenario_file: Option<PathBuf>,
    /// For how long.
    pub time: Option<Duration>,
    /// How many inputs, all workers together.
    pub runs: Option<u64>,
    /// How many workers.
    pub jobs: usize,
    /// The corpus.
    pub corpus: PathBuf,
    /// Where findings go.
    pub output_directory: PathBuf,
    /// Whether the first finding ends it.
    pub stop_on_first: bool,
    /// A finding under one of these invariants ends it.
    pub stop_on: Vec<String>,
    /// The seed of libFuzzer's decisions.
    pub seed: u64,
}

/// A worker that died.
pub struct Death {
    /// How.
    pub status: String,
    /// The input at which it did, if libFuzzer could leave it.
    pub input: Option<PathBuf>,
    /// The same as a `.kmb` file.
    pub file: Option<PathBuf>,
}

/// What came of it.
pub struct Summary {
    /// How long it took.
    pub elapsed: Duration,
    /// How many inputs were run.
    pub runs: u64,
    /// How many of them broke an invariant.
    pub violated: u64,
    /// How many coverage slots were reached.
    pub states: usize,
    /// How many inputs the corpus has.
    pub corpus: usize,
    /// One finding for each rule that was broken, in the order of discovery.
    pub findings: Vec<Finding>,
    /// The same rules, found by other workers at the same time.
    pub duplicates: Vec<Finding>,
    /// The workers that died.
    pub deaths: Vec<Death>,
    /// Whether Ctrl-C ended it.
    pub interrupted: bool,
}

struct Slot {
    process: Option<Process>,
    /// What earlier processes in this place had done.
    runs_before: u64,
    violated_before: u64,
    runs: u64,
    violated: u64,
    done: bool,
}

struct Running<'a> {
    campaign: &'a Campaign,
    started: Instant,
    workers: Vec<Slot>,
    events: Sender<(usize, Event)>,
    slots: Slots,
    last_new: Instant,
    corpus: usize,
    counted: Option<Instant>,
    leaving: Option<Instant>,
    summary: Summary,
}

impl Campaign {
    /// Runs it until its time is over, its inputs are used up, or `stop` is set.
    pub fn run(&self, stop: &AtomicBool) -> Result<Summary, Error> {
        let (events, received) = channel();
        let started = Instant::now();
        let mut running = Running {
            campaign: self,
            started,
            workers: Vec::new(),
            events,
            slots: Slots::default(),
            last_new: started,
            corpus: 0,
            counted: None,
            leaving: None,
            summary: Summary {
                elapsed: Duration::ZERO,
                runs: 0,
                violated: 0,
                states: 0,
                corpus: 0,
                findings: Vec::new(),
                duplicates: Vec::new(),
                deaths: Vec::new(),
                interrupted: false,
            },
        };
        for number in 0..self.jobs.max(1) {
            running.workers.push(Slot {
                process: None,
                runs_before: 0,
                violated_before: 0,
                runs: 0,
                violated: 0,
                done: false,
            });
            running.start(number)?;
        }
        running.follow(&received, stop)?;
        Ok(running.finish())
    }

    /// The inputs that worker `number` may run: all together have as many as were asked for.
    fn share(&self, number: usize) -> Option<u64> {
        let jobs = self.jobs.max(1) as u64;
        self.runs.map(|runs| runs / jobs + u64::from((number as u64) < runs % jobs))
    }

    /// Where worker `number` writes libFuzzer's own words.
    pub fn log(&self, number: usize) -> PathBuf {
        self.output_directory.join(format!("fuzz-{}-{number}.log", self.target.name))
    }
}

impl Running<'_> {
    /// Starts a worker, or the next in its place.
    fn start(&mut self, number: usize) -> Result<(), Error> {
        let campaign = self.campaign;
        let left = campaign.share(number).map(|runs| runs.saturating_sub(self.workers[number].runs_before));
        let time_left = campaign.time.map(|time| time.saturating_sub(self.started.elapsed()));
        if left == Some(0) || time_left == Some(Duration::ZERO) {
            self.workers[number].done = true;
            return Ok(());
        }
        let attempt = self.summary.deaths.len();
        let prefix = format!("died-{}-{number}-{attempt}-", std::process::id());
        let artifact_prefix = campaign.output_directory.join(prefix).display().to_string();
        let seed = crate::seeds::mix(campaign.seed, &campaign.target.name, (attempt * 1_000 + number) as u64) as u32;
        let path = |path: &Path| path.display().to_string();
        let mut arguments = vec![campaign.target.name.clone()];
        let mut option = |name: &str, value: String| arguments.extend([format!("--{name}"), value]);
        option("system", campaign.system.name.to_string());
        for bug in &campaign.bugs {
            option("bug", bug.clone());
        }
        if let Some(file) = &campaign.scenario_file {
            option("scenario-file", path(file));
        }
        option("output-dir", path(&campaign.output_directory));
        option("corpus", path(&campaign.corpus));
        option("artifact-prefix", artifact_prefix.clone());
        // 0 would mean "choose one" to libFuzzer.
        option("seed", seed.max(1).to_string());
        if let Some(runs) = left {
            option("runs", runs.to_string());
        }
        if let Some(time) = time_left {
            option("milliseconds", time.as_millis().to_string());
        }
        if campaign.jobs > 1 {
            arguments.push("--shared".to_string());
        }
        let start = Start { arguments, log: &campaign.log(number), artifact_prefix };
        self.workers[number].process = Some(Process::start(start, number, self.events.clone())?);
        Ok(())
    }

    fn follow(&mut self, received: &Receiver<(usize, Event)>, stop: &AtomicBool) -> Result<(), Error> {
        let mut progress = Progress::new(0);
        while self.workers.iter().any(|worker| worker.process.is_some()) {
            if let Ok((number, event)) = received.recv_timeout(Duration::from_millis(100)) {
                match event {
                    Event::Said(message) => self.hear(number, message, &progress)?,
                    Event::Ended => self.bury(number, &progress)?,
                }
            }
            if stop.load(Ordering::Relaxed) && self.leaving.is_none() {
                self.summary.interrupted = true;
                self.ask_to_leave();
            }
            let over = self.campaign.time.is_some_and(|time| self.started.elapsed() > time + PATIENCE);
            if over || self.leaving.is_some_and(|asked| asked.elapsed() > PATIENCE) {
                self.ask_to_leave();
                self.workers.iter_mut().filter_map(|worker| worker.process.as_mut()).for_each(Process::kill);
            }
            self.count_corpus(COUNT_EVERY);
            progress.set(0, || self.line());
        }
        Ok(())
    }

    fn hear(&mut self, number: usize, message: Message, progress: &Progress) -> Result<(), Error> {
        let worker = &mut self.workers[number];
        match message {
            Message::Status { runs, violated, slots } => {
                (worker.runs, worker.violated) = (runs, violated);
                for slot in slots {
                    if self.slots.insert(slot) {
                        self.last_new = Instant::now();
                    }
                }
            }
            Message::Found(finding) => {
                let wanted = self.campaign.stop_on.contains(&finding.invariant);
                let same = |known: &Finding| known.invariant == finding.invariant && known.rule == finding.rule;
                if self.summary.findings.iter().any(same) {
                    self.summary.duplicates.push(finding);
                } else {
                    progress.tell(&announcement(&finding));
                    self.summary.findings.push(finding);
                }
                if self.campaign.stop_on_first || wanted {
                    self.ask_to_leave();
                }
            }
            Message::NotSaved { error } => {
                return Err(Error::Io(format!("{error}; make room or choose another --output-dir")));
            }
            Message::Done => worker.done = true,
        }
        Ok(())
    }

    /// A worker's output has ended. If it was not done, it died: say at which input, and start another.
    fn bury(&mut self, number: usize, progress: &Progress) -> Result<(), Error> {
        let worker = &mut self.workers[number];
        let Some(mut process) = worker.process.take() else { return Ok(()) };
        let status = process.wait();
        worker.runs_before += std::mem::take(&mut worker.runs);
        worker.violated_before += std::mem::take(&mut worker.violated);
        if worker.done || self.leaving.is_some_and(|asked| asked.elapsed() > PATIENCE) {
            return Ok(());
        }
        let status = status.map_or("in an unknown way".to_string(), |status| format!("with {status}"));
        let input = process.artifacts().into_iter().next();
        let known = input.as_deref().is_some_and(|input| self.died_before_at(input));
        let file = input.as_deref().filter(|_| !known).and_then(|input| self.rebuild(input));
        progress.tell(&format!(
            "{} a worker died {status}: {} (see {})",
            styled(DOUBTFUL, "warning:"),
            input.as_ref().map_or("no input was left".to_string(), |input| input.display().to_string()),
            self.campaign.log(number).display()
        ));
        self.summary.deaths.push(Death { status, input, file });
        if self.campaign.stop_on_first {
            self.ask_to_leave();
        }
        // At the same input as before, the next would die there, too.
        let again = !known && self.summary.deaths.len() < DEATHS_MAX && self.leaving.is_none();
        if again { self.start(number) } else { Ok(()) }
    }

    /// Whether a worker died at the same input before: libFuzzer names what it leaves by a hash of the content.
    fn died_before_at(&self, input: &Path) -> bool {
        let hash = |path: &Path| path.to_str().and_then(|path| path.rsplit('-').next().map(str::to_string));
        let before = self.summary.deaths.iter().filter_map(|death| death.input.as_deref());
        before.into_iter().any(|before| hash(before) == hash(input))
    }

    /// The `.kmb` file of the input at which a worker died. The case is not run here: it would take the parent along.
    fn rebuild(&self, input: &Path) -> Option<PathBuf> {
        let campaign = self.campaign;
        let bytes = read_bounded(input).ok()?;
        let target = &campaign.target;
        let case = std::panic::catch_unwind(|| target.case(&campaign.bugs, &bytes)).ok()?;
        let origin = Origin::Fuzz { target: target.name.clone(), input: bytes };
        Kmb::new(case, campaign.system.version, origin, None).write_new(&campaign.output_directory).ok()
    }

    fn ask_to_leave(&mut self) {
        self.leaving.get_or_insert_with(Instant::now);
        self.workers.iter_mut().filter_map(|worker| worker.process.as_mut()).for_each(Process::ask_to_leave);
    }

    fn count_corpus(&mut self, every: Duration) {
        if self.counted.is_none_or(|counted| counted.elapsed() >= every) {
            self.corpus = self.campaign.corpus.read_dir().map_or(0, Iterator::count);
            self.counted = Some(Instant::now());
        }
    }

    fn runs(&self) -> u64 {
        self.workers.iter().map(|worker| worker.runs_before + worker.runs).sum()
    }

    fn line(&self) -> String {
        let (runs, elapsed) = (self.runs(), self.started.elapsed());
        let findings = match self.summary.findings.len() {
            0 => "no finding".to_string(),
            1 => styled(BAD, "1 finding"),
            count => styled(BAD, format_args!("{count} findings")),
        };
        format!(
            "{}  {} s: {} runs, {}/s, {} states (the last new one {} s ago), corpus {}, {findings}",
            self.campaign.target.name,
            elapsed.as_secs(),
            grouped(runs),
            grouped(rate(runs, elapsed)),
            grouped(self.slots.count() as u64),
            self.last_new.elapsed().as_secs(),
            grouped(self.corpus as u64)
        )
    }

    fn finish(mut self) -> Summary {
        self.count_corpus(Duration::ZERO);
        self.summary.elapsed = self.started.elapsed();
        self.summary.runs = self.runs();
        self.summary.violated = self.workers.iter().map(|worker| worker.violated_before + worker.violated).sum();
        self.summary.states = self.slots.count();
        self.summary.corpus = self.corpus;
        self.summary
    }
}

fn announcement(finding: &Finding) -> String {
    let again = if finding.reproduced { "" } else { " (NOT the same when run again)" };
    format!(
        "{} {}: {} in {}{again}: {}",
        styled(BAD, "found"),
        styled(BAD, &finding.invariant),
        finding.rule,
        finding.scenario,
        finding.file.display()
    )
}
