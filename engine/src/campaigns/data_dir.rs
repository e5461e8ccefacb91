//! A data directory: the failure files in it, and the log of its campaigns. Whatever is in it is untrusted: a file that cannot be
//! read is listed with the reason, and never more than so many are.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::base::error::Error;
use crate::campaigns::campaign_log;
use crate::campaigns::campaign_log::{Line, Progress, Record, Started};
use crate::campaigns::causes::shape;
use crate::campaigns::counts::{self, Counts};
use crate::cases::kmb::{Kmb, ReadError};

/// Files after these are not looked at.
pub const FILES_MAX: usize = 10_000;
/// What the smaller case beside a finding ends with.
const MINIMIZED: &str = ".min.kmb";

/// A failure file.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its name in the directory.
    pub file: String,
    /// What is in it.
    pub kmb: Kmb,
    /// The smaller case beside it.
    pub minimized: Option<(String, Kmb)>,
}

impl Failure {
    /// The smallest case there is.
    pub fn smallest(&self) -> &Kmb {
        self.minimized.as_ref().map_or(&self.kmb, |(_, kmb)| kmb)
    }

    /// Whether this is the name of its case, or of the smaller one.
    pub fn is_called(&self, name: &str) -> bool {
        self.kmb.name() == name || self.minimized.as_ref().is_some_and(|(_, kmb)| kmb.name() == name)
    }

    /// The file with the smallest case.
    pub fn smallest_file(&self) -> &str {
        self.minimized.as_ref().map_or(&self.file, |(file, _)| file)
    }
}

/// Failures with one cause, as far as one can tell: they break one invariant by the same kinds of actions.
#[derive(Clone, Debug)]
pub struct Cause {
    /// The invariant; "died" where vopr itself did.
    pub invariant: String,
    /// The kinds of actions.
    pub shape: String,
    /// The failures, as numbers of [`Data::failures`].
    pub failures: Vec<usize>,
}

/// The sums over some targets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    /// The runs.
    pub runs: u64,
    /// Those that broke an invariant.
    pub violated: u64,
    /// The time spent.
    pub elapsed: Duration,
}

impl Sums {
    /// Adds up how far each of them came.
    pub fn of<'a>(all: impl Iterator<Item = &'a Progress>) -> Sums {
        all.fold(Sums::default(), |sums, progress| Sums {
            runs: sums.runs.saturating_add(progress.runs),
            violated: sums.violated.saturating_add(progress.violated),
            elapsed: sums.elapsed.saturating_add(Duration::from_millis(progress.milliseconds)),
        })
    }
}

/// A campaign, as its log says.
#[derive(Clone, Debug)]
pub struct Past {
    /// Its name; `None` in older logs.
    pub name: Option<String>,
    /// What it was about.
    pub started: Started,
    /// When it began, in seconds since 1970.
    pub at: u64,
    /// When it was last heard of.
    pub last: u64,
    /// Whether it said that it ended.
    pub ended: bool,
    /// How far it was with each target, over time.
    pub progress: BTreeMap<String, Vec<(u64, Progress)>>,
    /// How many findings it told of.
    pub found: usize,
    /// How many workers died.
    pub died: usize,
}

impl Past {
    /// What it is called where people read it.
    pub fn called(&self) -> String {
        self.name.as_deref().map_or("-".to_string(), crate::base::format::printable)
    }

    /// How far it came with each target.
    pub fn latest(&self) -> impl Iterator<Item = &Progress> {
        self.progress.values().filter_map(|series| Some(&series.last()?.1))
    }
}

/// What is in a data directory.
#[derive(Clone, Debug, Default)]
pub struct Data {
    /// The failure files that can be read, by name.
    pub failures: Vec<Failure>,
    /// Those that cannot, and why.
    pub unreadable: Vec<(String, String)>,
    /// Whether there are more files than were looked at.
    pub more: bool,
    /// The campaigns, the oldest first.
    pub campaigns: Vec<Past>,
}

impl Data {
    /// Reads a directory.
    ///
    /// # Errors
    /// Where it cannot be read at all.
    pub fn read(directory: &Path) -> Result<Data, Error> {
        let cannot = |error: std::io::Error| Error::io("read the directory", directory, &error, "check the path");
        let entries = directory.read_dir().map_err(cannot)?;
        let mut names: Vec<String> = entries
            // No link, which may lead anywhere, and no pipe, which would never end.
            .filter_map(|entry| entry.ok().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file())))
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "kmb"))
            .take(FILES_MAX + 1)
            .collect();
        names.sort();
        let mut data = Data { more: names.len() > FILES_MAX, ..Data::default() };
        names.truncate(FILES_MAX);
        let mut smaller = BTreeMap::new();
        for name in names {
            match (Kmb::read(&directory.join(&name)), name.strip_suffix(MINIMIZED)) {
                (Ok(kmb), Some(stem)) => {
                    smaller.insert(format!("{stem}.kmb"), (name, kmb));
                }
                (Ok(kmb), None) => data.failures.push(Failure { file: name, kmb, minimized: None }),
                (Err(error), _) => data.unreadable.push((name, reason(&error))),
            }
        }
        for failure in &mut data.failures {
            failure.minimized = smaller.remove(&failure.file);
        }
        // One whose original is gone stands for itself.
        data.failures.extend(smaller.into_values().map(|(file, kmb)| Failure { file, kmb, minimized: None }));
        data.failures.sort_by(|a, b| a.file.cmp(&b.file));
        data.campaigns = campaigns(campaign_log::read(directory).map_err(cannot)?);
        Ok(data)
    }

    /// The failures by cause, those with the most files first.
    pub fn causes(&self) -> Vec<Cause> {
        let mut causes: Vec<Cause> = Vec::new();
        for (number, failure) in self.failures.iter().enumerate() {
            let kmb = failure.smallest();
            let invariant = kmb.expected.as_ref().map_or("died", |expected| &expected.invariant).to_string();
            let shape = shape(&kmb.case.actions);
            match causes.iter_mut().find(|cause| cause.invariant == invariant && cause.shape == shape) {
                Some(cause) => cause.failures.push(number),
                None => causes.push(Cause { invariant, shape, failures: vec![number] }),
            }
        }
        causes.sort_by_key(|cause| std::cmp::Reverse(cause.failures.len()));
        causes
    }

    /// How far each campaign came with each of its targets.
    pub fn latest(&self) -> impl Iterator<Item = &Progress> {
        self.campaigns.iter().flat_map(Past::latest)
    }

    /// The failures that break this invariant.
    pub fn failures_of<'a>(&'a self, invariant: &'a str) -> impl Iterator<Item = &'a Failure> {
        let broken = move |it: &&Failure| it.kmb.expected.as_ref().is_some_and(|it| it.invariant == invariant);
        self.failures.iter().filter(broken)
    }

    /// How often each invariant was checked by all campaigns.
    pub fn checks(&self) -> Counts {
        let mut sums = Counts::new();
        for progress in self.latest() {
            counts::add(&mut sums, &progress.checks);
        }
        sums
    }
}

fn reason(error: &ReadError) -> String {
    match error {
        ReadError::Io(error) => error.to_string(),
        ReadError::Content(error) => error.to_string(),
    }
}

fn campaigns(lines: Vec<Line>) -> Vec<Past> {
    let mut all: Vec<Past> = Vec::new();
    for Line { at, campaign: name, record } in lines {
        if let Record::Started(started) = record {
            let progress = BTreeMap::new();
            all.push(Past { name, started, at, last: at, ended: false, progress, found: 0, died: 0 });
            continue;
        }
        // Of two with one name the later; what has no beginning is of one that was cut off. Where lines have no names, as an
        // older vopr writes them, campaigns that ran side by side cannot be told apart.
        let Some(past) = all.iter_mut().rev().find(|past| past.name == name) else { continue };
        past.last = past.last.max(at);
        match record {
            Record::Progress(progress) => {
                let series = past.progress.entry(progress.target.clone()).or_default();
                // Of the earlier ones only the sums are asked for, and a log may have many lines.
                if let Some((_, earlier)) = series.last_mut() {
                    (earlier.checks, earlier.reached.regions) = Default::default();
                }
                series.push((at, progress));
            }
            Record::Found { .. } => past.found += 1,
            Record::Died { .. } => past.died += 1,
            Record::Ended { .. } => past.ended = true,
            Record::Started(_) => {}
        }
    }
    all
}

/// A point in time for people: `2026-11-23 07:31:38`, in UTC.
pub fn date(at: u64) -> String {
    let at = i64::try_from(at).ok().and_then(|at| jiff::Timestamp::from_second(at).ok());
    at.map_or("?".to_string(), |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_lies_there_is_listed_or_left_out() {
        let here = tempfile::tempdir().unwrap();
        let regression = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/regressions/view-led-twice.kmb");
        std::fs::copy(&regression, here.path().join("a.kmb")).unwrap();
        std::fs::copy(&regression, here.path().join("a.min.kmb")).unwrap();
        std::fs::copy(&regression, here.path().join("orphan.min.kmb")).unwrap();
        std::fs::write(here.path().join("bad.kmb"), "nonsense").unwrap();
        std::fs::create_dir(here.path().join("directory.kmb")).unwrap();
        std::fs::write(
            here.path().join(campaign_log::NAME),
            "{}\n{\"at\":1,\"kind\":\"ended\",\"interrupted\":true}\n",
        )
        .unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("/dev/zero", here.path().join("link.kmb")).unwrap();
        let data = Data::read(here.path()).unwrap();
        let files: Vec<_> = data.failures.iter().map(|failure| (&*failure.file, failure.smallest_file())).collect();
        assert_eq!(files, [("a.kmb", "a.min.kmb"), ("orphan.min.kmb", "orphan.min.kmb")]);
        assert_eq!(data.unreadable.iter().map(|(file, _)| &**file).collect::<Vec<_>>(), ["bad.kmb"]);
        assert_eq!(data.causes().len(), 1);
        assert!(data.campaigns.is_empty(), "an end without a beginning is none");
        assert!(Data::read(&here.path().join("nowhere")).is_err());
    }

    #[test]
    fn campaigns_side_by_side_are_told_apart() {
        let line = |name: Option<&str>, at, record| Line { at, campaign: name.map(str::to_string), record };
        let started = |seed: &str| Record::Started(Started { seed: seed.to_string(), ..Started::default() });
        let progress =
            |runs| Record::Progress(Progress { target: "combined".to_string(), runs, ..Progress::default() });
        let ended = Record::Ended { interrupted: false };
        let all = campaigns(vec![
            line(Some("lost"), 0, progress(1)),
            line(None, 1, started("1")),
            line(Some("a"), 2, started("2")),
            line(Some("b"), 3, started("3")),
            line(Some("a"), 4, progress(40)),
            line(None, 5, progress(50)),
            line(Some("b"), 6, progress(60)),
            line(Some("a"), 7, ended.clone()),
            line(Some("b"), 8, progress(80)),
            // The name once more, which is a campaign of its own.
            line(Some("a"), 9, started("4")),
            line(Some("a"), 10, progress(100)),
        ]);
        let told: Vec<_> = all
            .iter()
            .map(|past| {
                (past.called(), past.started.seed.as_str(), past.last, past.ended, Sums::of(past.latest()).runs)
            })
            .collect();
        let called = |name: &str| name.to_string();
        assert_eq!(
            told,
            [
                (called("-"), "1", 5, false, 50),
                (called("a"), "2", 7, true, 40),
                (called("b"), "3", 8, false, 80),
                (called("a"), "4", 10, false, 100),
            ]
        );
    }

    #[test]
    fn dates_are_read_by_people() {
        assert_eq!(date(0), "1970-01-01 00:00:00");
        assert_eq!(date(1_795_420_190), "2026-11-23 07:49:50");
        assert_eq!(date(u64::MAX), "?");
    }
}
