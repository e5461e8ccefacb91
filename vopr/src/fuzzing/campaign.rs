//! A campaign: whose turn it is, what came of it, and what is written down about it.
//!
//! With one target, the campaign is one turn. With several, they take turns: every other turn goes to the target that has
//! waited longest, the one between to the target that found the most new states in its last turn, for its time. All of it
//! is in the log of the output directory, and a campaign that begins there goes on from it: the corpora are used again, and a finding
//! whose file is still there is not saved once more.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::log::{Log, Progress, Record, Started};
use super::seed_corpus::SeedCorpus;
use super::states::States;
use super::turn::Turn;
use super::{Death, Finding, Rule, SAVED_OF_A_RULE, log};
use crate::arguments::prepare;
use crate::engine::SystemEntry;
use crate::error::Error;
use crate::kmb::Kmb;
use crate::output::{DOUBTFUL, styled, tell};
use crate::selection::Target;

/// A turn lasts so long, unless the whole time is too short for one each.
const TURN_MIN: Duration = Duration::from_secs(10);
/// Longer turns would keep the others waiting.
const TURN_MAX: Duration = Duration::from_secs(300);
/// Where no end is given.
const TURN_ENDLESS: Duration = Duration::from_secs(60);
/// So many turns each, where there is time for them.
const TURNS_EACH: u32 = 4;

/// What to do.
pub struct Campaign {
    /// What it is called in the log, where others may write at the same time.
    pub name: String,
    /// The system under test.
    pub system: &'static SystemEntry,
    /// The planted bugs that are switched on.
    pub bugs: Vec<String>,
    /// What the inputs are decoded for.
    pub targets: Vec<Target>,
    /// The file that the one target was read from, if it was.
    pub scenario_file: Option<PathBuf>,
    /// For how long, all targets together.
    pub time: Option<Duration>,
    /// How many inputs, all workers and targets together.
    pub runs: Option<u64>,
    /// How many workers.
    pub jobs: usize,
    /// The corpus of the one target, or the directory of several corpora.
    pub corpus: PathBuf,
    /// Where findings and the log go.
    pub output_directory: PathBuf,
    /// Whether the first finding ends it.
    pub stop_on_first: bool,
    /// A finding under one of these invariants ends it.
    pub stop_on: Vec<String>,
    /// The seed of libFuzzer's decisions.
    pub seed: u64,
}

/// What came of one target.
#[derive(Default)]
pub struct Share {
    /// How long it took.
    pub elapsed: Duration,
    /// How many turns it had.
    pub turns: u64,
    /// How many inputs were run.
    pub runs: u64,
    /// How many of them broke an invariant.
    pub violated: u64,
    /// The coverage slots that were reached.
    pub states: States,
    /// How many inputs its corpus has.
    pub corpus: usize,
    /// How often each invariant was checked.
    pub checks: Vec<u64>,
    /// How many new states its last turn found, and how long that was.
    pub last_turn: (usize, Duration),
    /// When its last turn was over, as a number that grows.
    ended: usize,
}

/// What came of all.
#[derive(Default)]
pub struct Summary {
    /// How long it took.
    pub elapsed: Duration,
    /// What came of each target, in their order.
    pub shares: Vec<Share>,
    /// What was found, in the order of discovery.
    pub findings: Vec<Finding>,
    /// The same in the same scenarios, found by other workers at the same time.
    pub duplicates: Vec<Finding>,
    /// What earlier campaigns in the directory had found, and this one as well.
    pub again: Vec<Known>,
    /// The workers that died.
    pub deaths: Vec<Death>,
    /// Whether Ctrl-C ended it.
    pub interrupted: bool,
}

/// A finding of an earlier campaign.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Known {
    /// For which target.
    pub target: String,
    /// What was broken.
    #[serde(flatten)]
    pub rule: Rule,
    /// Its file.
    pub file: PathBuf,
}

impl Share {
    /// Whether its last turn found no new state.
    pub fn saturated(&self) -> bool {
        self.turns > 0 && self.last_turn.0 == 0
    }
}

impl Summary {
    /// How many inputs were run.
    pub fn runs(&self) -> u64 {
        self.shares.iter().map(|share| share.runs).sum()
    }

    /// How many of them broke an invariant.
    pub fn violated(&self) -> u64 {
        self.shares.iter().map(|share| share.violated).sum()
    }

    /// How many coverage slots were reached, by all targets together.
    pub fn states(&self) -> usize {
        let mut all = States::default();
        self.shares.iter().flat_map(|share| share.states.slots()).for_each(|slot| {
            all.hit(slot);
        });
        all.count()
    }

    /// How many inputs the corpora have.
    pub fn corpus(&self) -> usize {
        self.shares.iter().map(|share| share.corpus).sum()
    }

    /// Whether the command fails.
    pub fn fails(&self) -> bool {
        !self.findings.is_empty() || !self.again.is_empty() || !self.deaths.is_empty()
    }
}

/// A campaign under way: what its turns share.
pub struct Running<'a> {
    /// What to do.
    pub campaign: &'a Campaign,
    /// What earlier campaigns found.
    pub known: Vec<Known>,
    /// The seeds of each target.
    pub seeds: Vec<SeedCorpus>,
    /// What came of it so far.
    pub summary: Summary,
    log: Option<Log>,
}

impl Campaign {
    /// Runs it until its time is over, its inputs are used up, or `stop` is set.
    pub fn run(&self, stop: &AtomicBool) -> Result<Summary, Error> {
        let directory = &self.output_directory;
        let seeds = self.targets.iter().map(|target| SeedCorpus::find(&target.name, &self.corpus(target)));
        let seeds = seeds.collect::<Result<Vec<_>, _>>()?;
        let opened = Log::open(directory, &self.name)
            .map_err(|error| Error::io("write the log in", directory, &error, OTHER))?;
        let mut running =
            Running { campaign: self, known: self.known(), seeds, summary: Summary::default(), log: Some(opened) };
        running.summary.shares = self.targets.iter().map(|_| Share::default()).collect();
        running.note(Record::Started(Started {
            version: env!("CARGO_PKG_VERSION").to_string(),
            system: self.system.name.to_string(),
            system_version: self.system.version.to_string(),
            bugs: self.bugs.clone(),
            targets: self.targets.iter().map(|target| target.name.clone()).collect(),
            jobs: self.jobs,
            seed: self.seed.to_string(),
        }));
        let started = Instant::now();
        let result = running.take_turns(started, stop);
        running.summary.elapsed = started.elapsed();
        running.note(Record::Ended { interrupted: running.summary.interrupted });
        result.map(|()| running.summary)
    }

    /// The corpus of a target.
    pub fn corpus(&self, target: &Target) -> PathBuf {
        if self.targets.len() == 1 { self.corpus.clone() } else { self.corpus.join(&target.name) }
    }

    /// Where worker `number` writes libFuzzer's own words.
    pub fn worker_log(&self, target: &Target, number: usize) -> PathBuf {
        self.output_directory.join(format!("fuzz-{}-{number}.log", target.name))
    }

    /// What earlier campaigns in the directory found, with this system and these bugs, as far as the files are still there.
    fn known(&self) -> Vec<Known> {
        let lines = log::read(&self.output_directory).unwrap_or_default();
        let mut seen = BTreeSet::new();
        let files = lines.into_iter().filter_map(|line| match line.record {
            Record::Found { finding, .. } => Some(finding.file),
            _ => None,
        });
        files.filter(|file| seen.insert(file.clone())).filter_map(|file| self.known_in(&file)).collect()
    }

    fn known_in(&self, file: &Path) -> Option<Known> {
        // The log is a file like any other: whatever it names is looked at in the output directory alone.
        let file = self.output_directory.join(file.file_name()?);
        let kmb = Kmb::read(&file).ok()?;
        let same = kmb.case.system == self.system.name
            && kmb.system_version == self.system.version
            && kmb.case.bugs == self.bugs;
        let expected = kmb.expected.filter(|_| same)?;
        let rule = Rule { invariant: expected.invariant, rule: expected.rule };
        Some(Known { target: String::new(), rule, file })
    }
}

const OTHER: &str = "choose another with --output-dir";

impl Running<'_> {
    fn take_turns(&mut self, started: Instant, stop: &AtomicBool) -> Result<(), Error> {
        let campaign = self.campaign;
        for number in 0.. {
            let left = campaign.time.map(|time| time.saturating_sub(started.elapsed()));
            let runs_left = campaign.runs.map(|runs| runs.saturating_sub(self.summary.runs()));
            if number > 0 && (left == Some(Duration::ZERO) || runs_left == Some(0) || self.is_over(stop)) {
                break;
            }
            let index = next(&self.summary.shares, number);
            let (time, runs) = match (campaign.targets.len(), campaign.runs) {
                (1, _) => (left, runs_left),
                // Each target has an equal part of them, in one turn.
                (count, Some(runs)) => {
                    if number == count {
                        break;
                    }
                    let runs = runs / count as u64 + u64::from((number as u64) < runs % count as u64);
                    if runs == 0 {
                        continue;
                    }
                    (left, Some(runs))
                }
                (count, None) => (Some(turn_time(campaign.time, left, count)), None),
            };
            let before = (self.summary.shares[index].states.count(), self.summary.shares[index].elapsed);
            Turn { number, index, time, runs }.run(self, stop)?;
            let share = &mut self.summary.shares[index];
            share.turns += 1;
            share.ended = number + 1;
            share.last_turn = (share.states.count() - before.0, share.elapsed.saturating_sub(before.1));
            if campaign.targets.len() == 1 {
                break;
            }
        }
        Ok(())
    }

    fn is_over(&self, stop: &AtomicBool) -> bool {
        let wanted = |invariant: &String| self.campaign.stop_on.contains(invariant);
        let found = self.summary.findings.iter().map(|finding| &finding.rule.invariant);
        let mut broken = found.chain(self.summary.again.iter().map(|known| &known.rule.invariant));
        stop.load(Ordering::Relaxed)
            || if self.campaign.stop_on_first {
                broken.next().is_some() || !self.summary.deaths.is_empty()
            } else {
                broken.any(wanted)
            }
    }

    /// Writes something into the log. A campaign goes on without one: what it found is on the disk in its own file.
    pub fn note(&mut self, record: Record) {
        let Some(log) = &mut self.log else { return };
        if let Err(error) = log.write(record) {
            let path = log.path().display().to_string();
            tell(&format!("{} no more is written to {path}: {error}", styled(DOUBTFUL, "warning:")));
            self.log = None;
        }
    }

    /// How far it is with a target, for the log.
    pub fn progress(&self, index: usize) -> Progress {
        let share = &self.summary.shares[index];
        Progress {
            target: self.campaign.targets[index].name.clone(),
            milliseconds: share.elapsed.as_millis() as u64,
            runs: share.runs,
            violated: share.violated,
            reached: share.states.reached(),
            corpus: share.corpus,
            checks: share.checks.clone(),
        }
    }

    /// Takes in a finding; whether it is the first of its kind.
    pub fn found(&mut self, finding: Finding) -> bool {
        let same: Vec<_> = self.summary.findings.iter().filter(|known| known.rule == finding.rule).collect();
        if same.len() >= SAVED_OF_A_RULE || same.iter().any(|known| known.scenario == finding.scenario) {
            self.summary.duplicates.push(finding);
            return false;
        }
        self.note(Record::Found { target: finding.target.clone(), finding: finding.clone() });
        self.summary.findings.push(finding);
        true
    }
}

/// Whose turn is number `number`.
fn next(shares: &[Share], number: usize) -> usize {
    let yield_of = |share: &Share| {
        let (states, time) = share.last_turn;
        states as u64 * 1_000_000 / (time.as_millis() as u64).max(1)
    };
    let indices = 0..shares.len();
    let longest = indices.clone().min_by_key(|index| (shares[*index].ended, *index)).unwrap_or_default();
    if shares[longest].turns == 0 || number.is_multiple_of(2) {
        return longest;
    }
    // The first of equals.
    indices.rev().max_by_key(|index| yield_of(&shares[*index])).unwrap_or(longest)
}

/// How long a turn is, of so many targets.
fn turn_time(time: Option<Duration>, left: Option<Duration>, targets: usize) -> Duration {
    let (Some(time), Some(left)) = (time, left) else { return TURN_ENDLESS };
    let targets = targets as u32;
    let turn = (time / (targets * TURNS_EACH)).clamp(TURN_MIN, TURN_MAX).min(time / targets);
    // What would be left is too short for another.
    if left < turn + turn / 2 { left } else { turn }
}

/// Creates the corpora, before hours of work.
pub fn create_corpora(campaign: &Campaign) -> Result<(), Error> {
    for target in &campaign.targets {
        prepare(&campaign.corpus(target), "choose another with --corpus")?;
    }
    Ok(())
}

/// How many files a corpus has.
pub fn files_in(corpus: &Path) -> usize {
    corpus.read_dir().map_or(0, Iterator::count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_alternate_between_who_waited_longest_and_who_finds_most() {
        let mut shares: Vec<Share> = (0..3).map(|_| Share::default()).collect();
        let finds = [5, 100, 0];
        let mut order = Vec::new();
        for number in 0..9 {
            let index = next(&shares, number);
            order.push(index);
            let share = &mut shares[index];
            (share.turns, share.ended) = (share.turns + 1, number + 1);
            share.last_turn = (finds[index], Duration::from_secs(10));
        }
        assert_eq!(order, [0, 1, 2, 1, 0, 1, 2, 1, 0]);
    }

    #[test]
    fn turns_fit_the_time() {
        let seconds = Duration::from_secs;
        assert_eq!(turn_time(Some(seconds(3_600)), Some(seconds(3_600)), 15), seconds(60));
        assert_eq!(turn_time(Some(seconds(30)), Some(seconds(30)), 15), seconds(2), "one each, at least");
        assert_eq!(turn_time(Some(seconds(3_600)), Some(seconds(80)), 15), seconds(80), "no short last turn");
        assert_eq!(turn_time(None, None, 15), TURN_ENDLESS);
    }
}
