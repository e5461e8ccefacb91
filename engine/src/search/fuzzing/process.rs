//! A worker as its parent sees it: a child process, what it says, and what it leaves behind when it dies.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::Sender;

use crate::base::error::Error;
use crate::search::fuzzing::Message;

/// What comes from a worker.
pub enum Event {
    /// It said something.
    Said(Box<Message>),
    /// Its output ended: it is gone, or will be in a moment.
    Ended,
}

/// How to start a worker.
pub struct Start<'a> {
    /// The arguments after `fuzz-worker`.
    pub arguments: Vec<String>,
    /// Where libFuzzer's own words go.
    pub log: &'a Path,
    /// What inputs that it leaves behind begin with.
    pub artifact_prefix: String,
}

/// A running worker.
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    artifact_prefix: String,
}

impl Process {
    /// Starts a worker; what it says goes to `events`, with its number.
    pub fn start(start: Start<'_>, number: usize, events: Sender<(usize, Event)>) -> Result<Self, Error> {
        let log = File::options().create(true).append(true).open(start.log);
        let log = log.map_err(|error| Error::io("write", start.log, &error, "choose another --output-dir"))?;
        let cannot = |error: std::io::Error| Error::Io(format!("cannot start a worker process: {error}; try again"));
        let mut child = Command::new(std::env::current_exe().map_err(cannot)?)
            .arg("fuzz-worker")
            .args(&start.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(cannot)?;
        let stdin = child.stdin.take();
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    // A line cut off by a crash is no message.
                    if let Ok(message) = serde_json::from_str(&line) {
                        let _ = events.send((number, Event::Said(Box::new(message))));
                    }
                }
                let _ = events.send((number, Event::Ended));
            });
        }
        Ok(Process { child, stdin, artifact_prefix: start.artifact_prefix })
    }

    /// Asks the worker to leave after the input that it is at.
    pub fn ask_to_leave(&mut self) {
        self.stdin = None;
    }

    /// Ends a worker that does not leave.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
    }

    /// Waits for a worker whose output has ended.
    pub fn wait(&mut self) -> Option<ExitStatus> {
        self.child.wait().ok()
    }

    /// The inputs that libFuzzer left behind when the worker died.
    pub fn artifacts(&self) -> Vec<PathBuf> {
        let prefix = Path::new(&self.artifact_prefix);
        let (Some(directory), Some(name)) = (prefix.parent(), prefix.file_name().and_then(|name| name.to_str())) else {
            return Vec::new();
        };
        let Ok(entries) = directory.read_dir() else { return Vec::new() };
        let mut paths: Vec<_> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.file_name().and_then(|file| file.to_str()).is_some_and(|file| file.starts_with(name)))
            .collect();
        paths.sort();
        paths
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.wait();
    }
}
