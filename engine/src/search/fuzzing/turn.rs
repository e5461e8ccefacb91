//! One turn of a target in a campaign: starts the workers, adds up their results, and ends the turn.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use crate::base::error::Error;
use crate::base::files::try_to_write;
use crate::base::terminal::{BAD, DOUBTFUL, Progress, grouped, rate, styled};
use crate::campaigns::campaign_log::Record;
use crate::campaigns::finding::Finding;
use crate::cases::kmb::{Kmb, Origin, read_bounded};
use crate::search::fuzzing::campaign::{Campaign, Known, Running, files_in};
use crate::search::fuzzing::process::{Event, Process, Start};
use crate::search::fuzzing::{Death, Message};
use crate::search::targets::Target;

/// A worker that has not exited this long after it was asked to counts as hanging.
const PATIENCE: Duration = Duration::from_secs(5);
/// The number of deaths after which dead workers are no longer restarted.
const DEATHS_MAX: usize = 10;
/// The interval at which the files of the corpus are counted.
const COUNT_EVERY: Duration = Duration::from_secs(2);
/// The interval at which progress is written to the log.
const NOTE_EVERY: Duration = Duration::from_secs(10);

/// The parameters of a turn.
#[derive(Clone, Copy)]
pub struct Turn {
    /// The index of the turn in the campaign.
    pub number: usize,
    /// The index of the target.
    pub index: usize,
    /// The time limit.
    pub time: Option<Duration>,
    /// The number of inputs for all workers together.
    pub runs: Option<u64>,
}

struct Slot {
    process: Option<Process>,
    /// The totals of the earlier processes of this slot.
    runs_before: u64,
    violated_before: u64,
    runs: u64,
    violated: u64,
    done: bool,
}

struct Workers<'r, 'c> {
    turn: Turn,
    running: &'r mut Running<'c>,
    target: &'c Target,
    corpus: PathBuf,
    started: Instant,
    /// The totals of the target at the start of the turn.
    before: (Duration, u64, u64),
    slots: Vec<Slot>,
    events: Sender<(usize, Event)>,
    last_new: Instant,
    counted: Option<Instant>,
    /// When the corpus was last tested for being writable.
    corpus_checked: Option<Instant>,
    /// Whether the corpus is no longer writable. The warning is printed once.
    corpus_unwritable: bool,
    noted: Option<Instant>,
    leaving: Option<Instant>,
    deaths: usize,
}

impl Turn {
    /// Runs the turn until its time is over, its inputs are used up, or `stop` is set.
    pub fn run(self, running: &mut Running<'_>, stop: &AtomicBool) -> Result<(), Error> {
        let campaign = running.campaign;
        let target = &campaign.targets[self.index];
        let (events, received) = channel();
        let started = Instant::now();
        let share = &running.summary.shares[self.index];
        let before = (share.elapsed, share.runs, share.violated);
        let mut workers = Workers {
            turn: self,
            running,
            target,
            corpus: campaign.corpus(target),
            started,
            before,
            slots: Vec::new(),
            events,
            last_new: started,
            counted: None,
            corpus_checked: None,
            corpus_unwritable: false,
            noted: None,
            leaving: None,
            deaths: 0,
        };
        for number in 0..campaign.jobs.max(1) {
            workers.slots.push(Slot {
                process: None,
                runs_before: 0,
                violated_before: 0,
                runs: 0,
                violated: 0,
                done: false,
            });
            workers.start(number)?;
        }
        workers.follow(&received, stop)
    }

    /// The number of inputs for worker `number`. The shares of all workers add up to the total.
    fn share(&self, campaign: &Campaign, number: usize) -> Option<u64> {
        let jobs = campaign.jobs.max(1) as u64;
        self.runs.map(|runs| runs / jobs + u64::from((number as u64) < runs % jobs))
    }
}

impl Workers<'_, '_> {
    /// Starts a worker, or restarts it after its process died.
    fn start(&mut self, number: usize) -> Result<(), Error> {
        let campaign = self.running.campaign;
        let left = self.turn.share(campaign, number).map(|runs| runs.saturating_sub(self.slots[number].runs_before));
        let time_left = self.turn.time.map(|time| time.saturating_sub(self.started.elapsed()));
        if left == Some(0) || time_left == Some(Duration::ZERO) {
            self.slots[number].done = true;
            return Ok(());
        }
        let attempt = self.running.summary.deaths.len();
        let prefix = format!("died-{}-{}-{number}-{attempt}-", std::process::id(), self.turn.number);
        let artifact_prefix = campaign.output_directory.join(prefix).display().to_string();
        let process = ((self.turn.number * 1_000 + attempt) * 1_000 + number) as u64;
        let seed = crate::cases::seeds::mix(campaign.seed, &self.target.name, process) as u32;
        let path = |path: &Path| path.display().to_string();
        let mut arguments = vec![self.target.name.clone()];
        let mut option = |name: &str, value: String| arguments.extend([format!("--{name}"), value]);
        option("system", campaign.system.name.to_string());
        for bug in &campaign.bugs {
            option("bug", bug.clone());
        }
        if let Some(file) = &campaign.scenario_file {
            option("scenario-file", path(file));
        }
        option("output-dir", path(&campaign.output_directory));
        option("corpus", path(&self.corpus));
        for folder in self.running.seeds[self.turn.index].folders() {
            option("seeds", path(folder));
        }
        option("artifact-prefix", artifact_prefix.clone());
        // libFuzzer chooses a seed itself if the seed is 0.
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
        let found = self.running.summary.findings.iter().map(|finding| &finding.rule);
        for rule in found.chain(self.running.known.iter().map(|known| &known.rule)) {
            arguments.extend(["--known".to_string(), rule.to_string()]);
        }
        let log = campaign.worker_log(self.target, number);
        let start = Start { arguments, log: &log, artifact_prefix };
        self.slots[number].process = Some(Process::start(start, number, self.events.clone())?);
        Ok(())
    }

    fn follow(&mut self, received: &Receiver<(usize, Event)>, stop: &AtomicBool) -> Result<(), Error> {
        let mut progress = Progress::new(0);
        while self.slots.iter().any(|worker| worker.process.is_some()) {
            if let Ok((number, event)) = received.recv_timeout(Duration::from_millis(100)) {
                match event {
                    Event::Said(message) => self.handle_message(number, *message, &progress)?,
                    Event::Ended => self.handle_end(number, &progress)?,
                }
            }
            if stop.load(Ordering::Relaxed) && self.leaving.is_none() {
                self.running.summary.interrupted = true;
                self.ask_to_leave();
            }
            let over = self.turn.time.is_some_and(|time| self.started.elapsed() > time + PATIENCE);
            if over || self.leaving.is_some_and(|asked| asked.elapsed() > PATIENCE) {
                self.ask_to_leave();
                self.slots.iter_mut().filter_map(|worker| worker.process.as_mut()).for_each(Process::kill);
            }
            self.add_up(COUNT_EVERY);
            self.check_corpus_is_writable(&progress);
            if self.noted.is_none_or(|noted| noted.elapsed() >= NOTE_EVERY) {
                self.note();
            }
            progress.set(0, || self.line());
        }
        self.add_up(Duration::ZERO);
        self.note();
        Ok(())
    }

    fn handle_message(&mut self, number: usize, message: Message, progress: &Progress) -> Result<(), Error> {
        let worker = &mut self.slots[number];
        match message {
            Message::Status { runs, violated, slots, slots_of_corpus, checks } => {
                (worker.runs, worker.violated) = (runs, violated);
                let share = &mut self.running.summary.shares[self.turn.index];
                let before = share.states.count();
                for slot in slots_of_corpus {
                    if !share.states.has(slot) {
                        share.states.hit(slot);
                    }
                }
                for slot in slots {
                    share.states.hit(slot);
                }
                if share.states.count() > before {
                    self.last_new = Instant::now();
                }
                share.checks.resize(sim::invariants::NAMES.len(), 0);
                for (sum, checks) in share.checks.iter_mut().zip(checks) {
                    *sum += checks;
                }
            }
            Message::Found(finding) => {
                let wanted = self.running.campaign.stop_on.contains(&finding.rule.invariant);
                let line = announcement(&finding);
                if self.running.found(finding) {
                    progress.tell(&line);
                }
                if self.running.campaign.stop_on_first || wanted {
                    self.ask_to_leave();
                }
            }
            Message::Again(rule) => {
                let wanted = self.running.campaign.stop_on.contains(&rule.invariant);
                let again = self.running.summary.again.iter().any(|known| known.rule == rule);
                let known = self.running.known.iter().find(|known| !again && known.rule == rule);
                if let Some(known) = known.cloned() {
                    progress.tell(&format!("{} {rule}: {}", styled(BAD, "again"), known.file.display()));
                    self.running.summary.again.push(Known { target: self.target.name.clone(), ..known });
                    if self.running.campaign.stop_on_first || wanted {
                        self.ask_to_leave();
                    }
                }
            }
            Message::NotSaved { error } => {
                return Err(Error::Io(format!("{error}; make room or choose another --output-dir")));
            }
            Message::Done => worker.done = true,
        }
        Ok(())
    }

    /// Handles the end of a worker's output. If the worker was not done, it died: this reports the input and starts
    /// another process.
    fn handle_end(&mut self, number: usize, progress: &Progress) -> Result<(), Error> {
        let worker = &mut self.slots[number];
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
            self.running.campaign.worker_log(self.target, number).display()
        ));
        let target = self.target.name.clone();
        let (input_noted, file_noted) = (input.clone(), file.clone());
        let died =
            Record::Died { target: target.clone(), status: status.clone(), input: input_noted, file: file_noted };
        self.running.note(died);
        self.running.summary.deaths.push(Death { target, status, input, file });
        self.deaths += 1;
        if self.running.campaign.stop_on_first {
            self.ask_to_leave();
        }
        // If it died at the same input as before, the next process would die there as well.
        let again = !known && self.deaths < DEATHS_MAX && self.leaving.is_none();
        if again { self.start(number) } else { Ok(()) }
    }

    /// Whether a worker died at the same input before. libFuzzer names artifacts by a hash of their content.
    fn died_before_at(&self, input: &Path) -> bool {
        let hash = |path: &Path| path.to_str().and_then(|path| path.rsplit('-').next().map(str::to_string));
        let mut before = self.running.summary.deaths.iter().filter_map(|death| death.input.as_deref());
        before.any(|before| hash(before) == hash(input))
    }

    /// Writes the `.kmb` file of the input at which a worker died. It does not run the case, because that would kill
    /// the parent.
    fn rebuild(&self, input: &Path) -> Option<PathBuf> {
        let campaign = self.running.campaign;
        let bytes = read_bounded(input).ok()?;
        let target = self.target;
        let case = std::panic::catch_unwind(|| target.case(&campaign.bugs, &bytes)).ok()?;
        let origin = Origin::Fuzz { target: target.name.clone(), input: bytes };
        Kmb::new(case, campaign.system.version, origin, None).write_new(&campaign.output_directory).ok()
    }

    fn ask_to_leave(&mut self) {
        self.leaving.get_or_insert_with(Instant::now);
        self.slots.iter_mut().filter_map(|worker| worker.process.as_mut()).for_each(Process::ask_to_leave);
    }

    /// Updates the totals of the target, and counts the files of its corpus if `count_every` has passed.
    fn add_up(&mut self, count_every: Duration) {
        let share = &mut self.running.summary.shares[self.turn.index];
        let sum = |of: fn(&Slot) -> u64| self.slots.iter().map(of).sum::<u64>();
        share.elapsed = self.before.0 + self.started.elapsed();
        share.runs = self.before.1 + sum(|worker| worker.runs_before + worker.runs);
        share.violated = self.before.2 + sum(|worker| worker.violated_before + worker.violated);
        if self.counted.is_none_or(|counted| counted.elapsed() >= count_every) {
            share.corpus = files_in(&self.corpus);
            self.counted = Some(Instant::now());
        }
    }

    /// Tests whether the corpus is writable. libFuzzer does not report when it cannot write an input, and leaves an
    /// empty file on a full disk.
    fn check_corpus_is_writable(&mut self, progress: &Progress) {
        if self.corpus_unwritable
            || self.corpus_checked.is_some_and(|corpus_checked| corpus_checked.elapsed() < COUNT_EVERY)
        {
            return;
        }
        self.corpus_checked = Some(Instant::now());
        if let Err(error) = try_to_write(&self.corpus) {
            let corpus = self.corpus.display();
            progress.tell(&format!(
                "{} no more inputs are kept in {corpus}: {error}; the search goes on, but the next begins without them",
                styled(DOUBTFUL, "warning:")
            ));
            self.corpus_unwritable = true;
        }
    }

    fn note(&mut self) {
        self.noted = Some(Instant::now());
        let progress = self.running.progress(self.turn.index);
        self.running.note(Record::Progress(progress));
    }

    fn line(&self) -> String {
        let share = &self.running.summary.shares[self.turn.index];
        let summary = &self.running.summary;
        let findings = match summary.findings.len() + summary.again.len() {
            0 => "no finding".to_string(),
            1 => styled(BAD, "1 finding"),
            count => styled(BAD, format_args!("{count} findings")),
        };
        format!(
            "{}  {} s: {} runs, {}/s, {} states (the last new one {} s ago), corpus {}, {findings}",
            self.target.name,
            share.elapsed.as_secs(),
            grouped(share.runs),
            grouped(rate(share.runs, share.elapsed)),
            grouped(share.states.count() as u64),
            self.last_new.elapsed().as_secs(),
            grouped(share.corpus as u64)
        )
    }
}

fn announcement(finding: &Finding) -> String {
    let again = if finding.reproduced { "" } else { " (NOT the same when run again)" };
    format!(
        "{} {}: {} in {}{again}: {}",
        styled(BAD, "found"),
        styled(BAD, &finding.rule.invariant),
        finding.rule.rule,
        finding.scenario,
        finding.file.display()
    )
}
