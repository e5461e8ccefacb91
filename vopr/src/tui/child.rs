//! The campaign that was started here: `vopr fuzz` in a process of its own. It ends, as at Ctrl-C, when its standard input
//! does, so none is left behind whatever happens to this one.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// Who was asked to stop and has not after so long is killed.
const PATIENCE: Duration = Duration::from_secs(15);
/// No line is longer.
const LINE_BYTES_MAX: u64 = 1 << 12;

/// The campaign.
pub struct Campaign {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    asked: Option<Instant>,
}

impl Campaign {
    /// Starts it in the data directory.
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

    /// What it has said since the last time.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.lines.try_iter()
    }

    /// Asks it to stop.
    pub fn stop(&mut self) {
        self.stdin = None;
        self.asked.get_or_insert_with(Instant::now);
    }

    /// How it ended, once it has.
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

    /// Stops it and waits for the end.
    pub fn close(mut self) {
        self.stop();
        while self.ended().is_none() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Passes the lines of a pipe on; where nobody takes them any more, they are read all the same, so that it never gets full.
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
