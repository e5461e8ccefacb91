//! The campaign that the interface starts: `vopr fuzz` in a child process. It ends, as after Ctrl-C, when its standard
//! input closes, so it never outlives this process.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// A campaign that has not ended this long after it was asked to stop is killed.
const PATIENCE: Duration = Duration::from_secs(15);
/// The maximum length of a line.
const LINE_BYTES_MAX: u64 = 1 << 12;

/// A running campaign.
pub struct Campaign {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    asked: Option<Instant>,
}

impl Campaign {
    /// Starts a campaign in the data directory.
    pub fn start(arguments: &[String], directory: &Path) -> std::io::Result<Campaign> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .args([OsStr::new("--output-dir"), directory.as_os_str()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (sender, lines) = sync_channel(1_000);
        let stdin = child.stdin.take();
        pass_on(child.stdout.take(), &sender);
        pass_on(child.stderr.take(), &sender);
        Ok(Campaign { child, stdin, lines, asked: None })
    }

    /// The lines of output since the last call.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.lines.try_iter()
    }

    /// Asks it to stop.
    pub fn stop(&mut self) {
        self.stdin = None;
        self.asked.get_or_insert_with(Instant::now);
    }

    /// How it ended, once it has ended.
    pub fn ended(&mut self) -> Option<String> {
        if self.asked.is_some_and(|asked| asked.elapsed() > PATIENCE) {
            let _ = self.child.kill();
        }
        let status = self.child.try_wait().ok()??;
        Some(match status.code() {
            Some(0) => "nothing found".to_string(),
            Some(1) => "something was found, screen 3 shows it".to_string(),
            _ => format!("with {status}"),
        })
    }

    /// Stops the campaign and waits for its end.
    pub fn close(mut self) {
        self.stop();
        while self.ended().is_none() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Forwards the lines of a pipe. If the receiver is full or gone, the lines are still read, so that the pipe does not
/// block the campaign.
fn pass_on(pipe: Option<impl Read + Send + 'static>, sender: &SyncSender<String>) {
    let (Some(pipe), sender) = (pipe, sender.clone()) else { return };
    std::thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        while reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let _ = sender.try_send(String::from_utf8_lossy(&line).trim_end().to_string());
            line.clear();
        }
    });
}
