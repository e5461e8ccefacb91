//! A fuzzing campaign: its parameters, its results, and what it writes to the log.
//!
//! The log is in the output directory. A campaign that starts in the same directory continues the earlier ones: it
//! reuses the corpora, and it does not save a finding again whose file still exists.

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

/// The parameters of a campaign.
pub struct Campaign {
    /// Its name in the log, which several campaigns may write at the same time.
    pub name: String,
    /// The system under test.
    pub system: &'static SystemEntry,
    /// The planted bugs that are switched on.
    pub bugs: Vec<String>,
    /// The fuzz targets.
    pub targets: Vec<Target>,
    /// The scenario file from which the only target was read, if there is one.
    pub scenario_file: Option<PathBuf>,
    /// The time budget for all targets together.
    pub time: Option<Duration>,
    /// The number of inputs for all workers and targets together.
    pub runs: Option<u64>,
    /// The number of workers.
    pub jobs: usize,
    /// The corpus of the only target, or the directory that contains the corpora of several targets.
    pub corpus: PathBuf,
    /// The directory of the findings and the log.
    pub output_directory: PathBuf,
    /// Whether the first finding ends the campaign.
    pub stop_on_first: bool,
    /// A finding under one of these invariants ends the campaign.
    pub stop_on: Vec<String>,
    /// The seed of libFuzzer's random decisions.
    pub seed: u64,
}

/// The results of one target.
#[derive(Default)]
pub struct Share {
    /// The elapsed time.
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
    /// The number of new states that its last turn found, and the duration of that turn.
    pub last_turn: (usize, Duration),
    /// A number that grows with each turn and records when the last turn of this target ended.
    pub(super) ended: usize,
}

/// The results of all targets.
#[derive(Default)]
pub struct Summary {
    /// The elapsed time.
    pub elapsed: Duration,
    /// The results of each target, in the order of the targets.
    pub shares: Vec<Share>,
    /// The findings, in order of discovery.
    pub findings: Vec<Finding>,
    /// Duplicates, found by other workers at the same time: they have the rule and the scenario of an earlier finding,
    /// or their rule already has [`SAVED_OF_A_RULE`] findings.
    pub duplicates: Vec<Finding>,
    /// Findings of earlier campaigns in this directory that this campaign found as well.
    pub again: Vec<Known>,
    /// The workers that died.
    pub deaths: Vec<Death>,
    /// Whether Ctrl-C ended it.
    pub interrupted: bool,
}

/// A finding of an earlier campaign.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Known {
    /// The fuzz target.
    pub target: String,
    /// The broken rule.
    #[serde(flatten)]
    pub rule: BrokenRule,
    /// The path of its file.
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

/// A running campaign: the state that its turns share.
pub struct Running<'a> {
    /// The parameters.
    pub campaign: &'a Campaign,
    /// What earlier campaigns found.
    pub known: Vec<Known>,
    /// The seed corpus of each target.
    pub seeds: Vec<SeedCorpus>,
    /// The results so far.
    pub summary: Summary,
    pub(super) log: Option<Log>,
}

impl Campaign {
    /// The corpus of a target.
    pub fn corpus(&self, target: &Target) -> PathBuf {
        if self.targets.len() == 1 { self.corpus.clone() } else { self.corpus.join(&target.name) }
    }

    /// The log file to which libFuzzer in worker `number` writes its output.
    pub fn worker_log(&self, target: &Target, number: usize) -> PathBuf {
        self.output_directory.join(format!("fuzz-{}-{number}.log", target.name))
    }

    /// The findings of earlier campaigns in this directory with the same system and bugs, if their files still exist.
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
        // The log may contain any path, so the file is looked up in the output directory only.
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
    /// Writes a record to the log. The campaign continues without a log, because each finding is on the disk in its own
    /// file.
    pub fn note(&mut self, record: Record) {
        let Some(log) = &mut self.log else { return };
        if let Err(error) = log.write(record) {
            let path = log.path().display().to_string();
            tell(&format!("{} no more is written to {path}: {error}", styled(DOUBTFUL, "warning:")));
            self.log = None;
        }
    }

    /// The progress of a target, for the log.
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

    /// Adds a finding. Returns false if it is a duplicate.
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

/// Creates the corpus directories. It is called at the start, so that a failure does not surface after hours of work.
pub fn create_corpora(campaign: &Campaign) -> Result<(), Error> {
    for target in &campaign.targets {
        prepare(&campaign.corpus(target), "choose another with --corpus")?;
    }
    Ok(())
}

/// The number of files in a corpus.
pub fn files_in(corpus: &Path) -> usize {
    corpus.read_dir().map_or(0, Iterator::count)
}
