//! A campaign: what it is to do, what came of it, and what is written down about it.
//!
//! All of it is in the log of the output directory, and a campaign that begins there goes on from it: the corpora are used
//! again, and a finding whose file is still there is not saved once more.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::error::Error;
use crate::base::files::prepare;
use crate::base::terminal::{DOUBTFUL, styled, tell};
use crate::campaigns::campaign_log::{self, Log, Progress, Record};
use crate::campaigns::counts;
use crate::campaigns::finding::Finding;
use crate::campaigns::reached::States;
use crate::cases::kmb::Kmb;
use crate::cases::systems::SystemEntry;
use crate::cases::violation::BrokenRule;
use crate::search::fuzzing::seed_corpus::SeedCorpus;
use crate::search::fuzzing::{Death, SAVED_OF_A_RULE};
use crate::search::targets::Target;

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
    /// How often each invariant was checked, in the order of `sim::invariants::NAMES`.
    pub checks: Vec<u64>,
    /// How many new states its last turn found, and how long that was.
    pub last_turn: (usize, Duration),
    /// When its last turn was over, as a number that grows.
    pub(super) ended: usize,
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
    pub rule: BrokenRule,
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
    pub(super) log: Option<Log>,
}

impl Campaign {
    /// The corpus of a target.
    pub fn corpus(&self, target: &Target) -> PathBuf {
        if self.targets.len() == 1 { self.corpus.clone() } else { self.corpus.join(&target.name) }
    }

    /// Where worker `number` writes libFuzzer's own words.
    pub fn worker_log(&self, target: &Target, number: usize) -> PathBuf {
        self.output_directory.join(format!("fuzz-{}-{number}.log", target.name))
    }

    /// What earlier campaigns in the directory found, with this system and these bugs, as far as the files are still there.
    pub(super) fn known(&self) -> Vec<Known> {
        let lines = campaign_log::read(&self.output_directory).unwrap_or_default();
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
        let violation = kmb.expected.filter(|_| same)?;
        Some(Known { target: String::new(), rule: violation.broken(), file })
    }
}

impl Running<'_> {
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
            checks: counts::by_name(sim::invariants::NAMES, &share.checks),
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
