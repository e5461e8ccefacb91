//! A worker from the view of its parent: a child process, its messages, and the artifacts that it leaves when it dies.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::Sender;

use crate::base::error::Error;
use crate::search::fuzzing::Message;

/// An event from a worker.
pub enum Event {
    /// The worker sent a message.
    Said(Box<Message>),
    /// The worker's output ended, so it has exited or is about to exit.
    Ended,
}

/// The parameters of a worker process.
pub struct Start<'a> {
    /// The arguments after `fuzz-worker`.
    pub arguments: Vec<String>,
    /// The log file for libFuzzer's output.
    pub log: &'a Path,
    /// The prefix of the names of artifacts.
    pub artifact_prefix: String,
}

/// A running worker.
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    artifact_prefix: String,
}

impl Process {
    /// Starts a worker. Its messages go to `events`, with its number.
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
                    // A line truncated by a crash is not a message.
                    if let Ok(message) = serde_json::from_str(&line) {
                        let _ = events.send((number, Event::Said(Box::new(message))));
                    }
                }
                let _ = events.send((number, Event::Ended));
            });
        }
        Ok(Process { child, stdin, artifact_prefix: start.artifact_prefix })
    }

    /// Asks the worker to exit after the current input.
    pub fn ask_to_leave(&mut self) {
        self.stdin = None;
    }

    /// Kills a worker that does not exit.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
    }

    /// Waits for a worker whose output has ended.
    pub fn wait(&mut self) -> Option<ExitStatus> {
        self.child.wait().ok()
    }

    /// The inputs that libFuzzer saved when the worker died.
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
