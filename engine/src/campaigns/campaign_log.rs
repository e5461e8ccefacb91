//! The log of the campaigns in a data directory: a line of JSON for each thing that happened, in [`NAME`]. `vopr fuzz` adds to
//! it and goes on from it; `vopr stats` and whatever watches a campaign read it. docs/campaign-log.md has the fields.
//!
//! Several campaigns may write at the same time, so each has a name, which is in all of its lines.
//!
//! What is read is untrusted: the length of the file and of a line are bounded, and a line that is not understood is left out.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::campaigns::counts::{self, Counts};
use crate::campaigns::finding::Finding;
use crate::campaigns::reached::Reached;

/// The name of the file.
pub const NAME: &str = "campaign.jsonl";
/// Of a longer file, only the last part is read.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// A longer line is none of ours.
const LINE_BYTES_MAX: u64 = 1 << 16;
/// A campaign's name has no more letters.
const NAME_LETTERS_MAX: usize = 40;

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When, in seconds since 1970.
    pub at: u64,
    /// Whose campaign's line it is; older logs do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// What.
    #[serde(flatten)]
    pub record: Record,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    /// `vopr fuzz` began.
    Started(Started),
    /// How far it is with a target, all since it began.
    Progress(Progress),
    /// It found something that it had not found before.
    Found {
        /// For which target.
        target: String,
        /// What.
        finding: Finding,
    },
    /// A worker died.
    Died {
        /// For which target.
        target: String,
        /// How.
        status: String,
        /// The input at which it did.
        input: Option<PathBuf>,
        /// The same as a `.kmb` file.
        file: Option<PathBuf>,
    },
    /// It ended.
    Ended {
        /// By Ctrl-C.
        interrupted: bool,
    },
}

/// What a campaign is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Started {
    /// The version of vopr.
    pub version: String,
    /// The system under test.
    pub system: String,
    /// Its version.
    pub system_version: String,
    /// The planted bugs that are switched on.
    pub bugs: Vec<String>,
    /// The targets.
    pub targets: Vec<String>,
    /// The workers.
    pub jobs: usize,
    /// The seed, as text: JSON numbers lose digits.
    pub seed: String,
}

/// How far a campaign is with a target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The target.
    pub target: String,
    /// The time spent on it.
    pub milliseconds: u64,
    /// The runs.
    pub runs: u64,
    /// Those that broke an invariant.
    pub violated: u64,
    /// The coverage slots reached.
    #[serde(flatten)]
    pub reached: Reached,
    /// The inputs in its corpus.
    pub corpus: usize,
    /// How often each invariant was checked.
    #[serde(deserialize_with = "counts::of_invariants")]
    pub checks: Counts,
}

/// A log that is written to.
pub struct Log {
    file: File,
    path: PathBuf,
    campaign: String,
}

/// A name for a campaign that nobody has named.
pub fn fresh_name() -> String {
    format!("{:08x}", crate::cases::seeds::fresh() >> 32)
}

/// A name for a campaign: something that can be typed and found again.
///
/// # Errors
/// What it should be.
pub fn parse_name(text: &str) -> Result<String, String> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if text.is_empty() || text.len() > NAME_LETTERS_MAX || !text.chars().all(plain) {
        return Err(format!("a name of at most {NAME_LETTERS_MAX} letters, digits, `-`, `_` and `.` is needed"));
    }
    Ok(text.to_string())
}

impl Log {
    /// The log of this directory, to be continued by the campaign of this name.
    pub fn open(directory: &Path, campaign: &str) -> io::Result<Log> {
        let path = directory.join(NAME);
        let mut file = File::options().read(true).append(true).create(true).open(&path)?;
        // Who was killed in the middle of a line has left no end of it.
        let mut last = [b'\n'];
        if file.seek(SeekFrom::End(0))? > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
        Ok(Log { file, path, campaign: campaign.to_string() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line, in one write: several campaigns may share a directory.
    pub fn write(&mut self, record: Record) -> io::Result<()> {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |span| span.as_secs());
        let mut line = serde_json::to_vec(&Line { at, campaign: Some(self.campaign.clone()), record })?;
        line.push(b'\n');
        self.file.write_all(&line)
    }
}

/// What can be read of the log in this directory, first line first; nothing if there is none.
pub fn read(directory: &Path) -> io::Result<Vec<Line>> {
    let mut file = match File::open(directory.join(NAME)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let length = file.metadata()?.len();
    // From the middle of a line, which then is not understood.
    file.seek(SeekFrom::Start(length.saturating_sub(FILE_BYTES_MAX)))?;
    let mut reader = BufReader::new(file.take(FILE_BYTES_MAX));
    let mut lines = Vec::new();
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        if reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(lines);
        }
        lines.extend(serde_json::from_slice::<Line>(&bytes).ok());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(runs: u64) -> Record {
        Record::Progress(Progress { target: "combined".to_string(), runs, ..Progress::default() })
    }

    #[test]
    fn what_was_written_is_read_and_a_torn_or_foreign_line_is_left_out() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(read(directory.path()).unwrap(), []);
        Log::open(directory.path(), "first").unwrap().write(progress(1)).unwrap();
        let path = directory.path().join(NAME);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend_from_slice(b"{\"kind\":\"progress\",\"runs\":");
        std::fs::write(&path, &bytes).unwrap();
        let mut log = Log::open(directory.path(), "second").unwrap();
        log.write(progress(2)).unwrap();
        log.file.write_all(b"\xff\xfe\n[]\n\n").unwrap();
        log.file.write_all(&vec![b'x'; 3 * LINE_BYTES_MAX as usize]).unwrap();
        log.file.write_all(b"\n").unwrap();
        log.write(Record::Ended { interrupted: true }).unwrap();
        // A line of an older vopr.
        log.file.write_all(b"{\"at\":7,\"kind\":\"ended\",\"interrupted\":false}\n").unwrap();
        let lines = read(directory.path()).unwrap();
        let records: Vec<_> = lines.iter().map(|line| line.record.clone()).collect();
        let ended = |interrupted| Record::Ended { interrupted };
        assert_eq!(records, [progress(1), progress(2), ended(true), ended(false)]);
        let names: Vec<_> = lines.iter().map(|line| line.campaign.as_deref()).collect();
        assert_eq!(names, [Some("first"), Some("second"), Some("second"), None]);
    }

    #[test]
    fn the_page_has_every_field_of_a_line() {
        let page = include_str!("../../../docs/campaign-log.md");
        for record in [progress(1), Record::Started(Started::default())] {
            let line = serde_json::to_value(&record).unwrap();
            for field in line.as_object().unwrap().keys() {
                assert!(page.contains(&format!("`{field}`")), "docs/campaign-log.md has no `{field}`");
            }
        }
    }

    #[test]
    fn a_name_is_plain_and_short() {
        for name in ["nightly", "a", "2026-11-28_b.c", &fresh_name()] {
            assert_eq!(parse_name(name).as_deref(), Ok(name));
        }
        for wrong in ["", "two words", "<b>", "\u{1b}[2J", "\u{e4}", &"x".repeat(NAME_LETTERS_MAX + 1)] {
            assert!(parse_name(wrong).is_err(), "{wrong}");
        }
        assert_ne!(fresh_name(), fresh_name());
    }
}
