//! `vopr tui` in a pseudo-terminal, with an emulator that interprets its output.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use predicates::prelude::*;
use pty_process::blocking::{Command, Pty};

use crate::support::{Failing, directory, failing, vopr};

/// The time limit of a wait. It is generous, because the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(90);

/// A terminal that runs `vopr tui`.
pub struct Terminal {
    pty: Arc<Pty>,
    screen: Arc<Mutex<vt100::Parser>>,
    shell: Child,
}

impl Terminal {
    /// Starts `vopr tui` in a shell that afterwards prints the exit code and the state of the terminal.
    fn start(directory: &Path, arguments: &str, rows: u16, columns: u16) -> Terminal {
        Terminal::of(Path::new(env!("CARGO_BIN_EXE_vopr")), directory, arguments, rows, columns)
    }

    /// The same for another program.
    pub fn of(program: &Path, directory: &Path, arguments: &str, rows: u16, columns: u16) -> Terminal {
        let (pty, pts) = pty_process::blocking::open().expect("a pseudo-terminal");
        pty.resize(pty_process::Size::new(rows, columns)).expect("a size");
        let vopr = program.display();
        let script = format!("sh -c 'echo $$ > pid; exec {vopr} tui {arguments}'; echo ended with $?; stty -a");
        let shell = Command::new("sh")
            .args(["-c", &script])
            .current_dir(directory)
            .env("TERM", "xterm-256color")
            .env_remove("VOPR_DATA_DIR")
            .env_remove("NO_COLOR")
            .env_remove("VOPR_NO_COLOR")
            .spawn(pts)
            .expect("it starts");
        let size = |length| NonZeroU16::new(length).expect("some room");
        let screen = Arc::new(Mutex::new(vt100::Parser::new(size(rows), size(columns), 0)));
        let pty = Arc::new(pty);
        let (reader, parser) = (pty.clone(), screen.clone());
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // After the program has ended, reading returns an error.
            while let Ok(count @ 1..) = (&*reader).read(&mut bytes) {
                parser.lock().expect("no panic").process(&bytes[..count]);
            }
        });
        Terminal { pty, screen, shell }
    }

    fn contents(&self) -> String {
        self.screen.lock().expect("no panic").screen().contents()
    }

    pub fn press(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).expect("it listens");
    }

    /// Waits until the screen shows this text.
    pub fn wait_for(&self, text: &str) {
        self.wait(text, |screen| screen.contents().contains(text));
    }

    fn wait(&self, what: &str, until: impl Fn(&vt100::Screen) -> bool) {
        let began = Instant::now();
        while !until(self.screen.lock().expect("no panic").screen()) {
            assert!(began.elapsed() < PATIENCE, "no {what} in\n{}", self.contents());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for the end, and checks that the state of the terminal is restored.
    pub fn ended_with(mut self, code: u8) {
        self.wait_for(&format!("ended with {code}"));
        assert!(self.shell.wait().expect("an end").success());
        self.wait("state of the terminal", |screen| screen.contents().contains("icanon"));
        let text = self.contents();
        for setting in ["icanon", "echo", "isig"] {
            assert!(!text.contains(&format!("-{setting} ")), "{setting} is off in\n{text}");
        }
        let parser = self.screen.lock().expect("no panic");
        assert!(!parser.screen().alternate_screen() && !parser.screen().hide_cursor());
    }
}

/// A data directory with failures and with files that are not failures.
fn failures() -> (tempfile::TempDir, PathBuf) {
    let here = directory();
    let data = here.path().join("failures");
    std::fs::create_dir(&data).expect("a directory");
    std::fs::copy(&failing().files[0], data.join("failure-1.kmb")).expect("a copy");
    std::fs::write(data.join("evil\u{1b}]0;owned\u{7}.kmb"), "nonsense").expect("a file");
    std::fs::write(data.join("campaign.jsonl"), "{\"at\":1,\"kind\":\"started\"}\nnonsense\n").expect("a file");
    (here, data)
}

#[test]
fn a_failure_is_found_opened_and_stepped_through() {
    let (here, _) = failures();
    let terminal = Terminal::start(here.path(), "", 24, 80);
    terminal.wait_for("byzantine_dvc");
    terminal.press("?");
    terminal.wait_for("start a campaign with the chosen target");
    terminal.press("?3");
    terminal.wait_for("failure-1.kmb");
    terminal.wait_for("unreadable");
    terminal.press("\r");
    terminal.wait_for("After event ");
    terminal.wait_for("Step 1 of");
    terminal.press("\x1b[B");
    terminal.wait_for("Step 2 of");
    terminal.press("x");
    terminal.wait_for("expected");
    terminal.press("q");
    terminal.ended_with(0);
}

#[test]
fn a_campaign_is_started_watched_and_stopped() {
    let here = directory();
    let Failing { bug, scenario, .. } = failing();
    let terminal = Terminal::start(here.path(), &format!("--bug {bug} --jobs 1 --data-dir data"), 30, 130);
    terminal.wait_for("byzantine_dvc");
    terminal.press(&format!("/{scenario}\r"));
    terminal.wait_for(&format!("with `{scenario}`"));
    terminal.press("\r");
    terminal.wait_for("running");
    terminal.wait_for("states, estimated at least");
    terminal.press("s");
    terminal.wait_for("the campaign ended");
    terminal.wait_for("ended 20");
    terminal.press("q");
    terminal.ended_with(0);
    let log = std::fs::read_to_string(here.path().join("data/campaign.jsonl")).expect("a log");
    assert!(log.contains("\"kind\":\"ended\",\"interrupted\":true"), "{log}");
}

#[test]
fn leaving_stops_the_campaign_also_in_a_narrow_terminal() {
    let here = directory();
    let terminal = Terminal::start(here.path(), "--jobs 1 --data-dir data", 8, 20);
    terminal.wait_for("vopr");
    terminal.press("\r");
    let log = here.path().join("data/campaign.jsonl");
    let began = Instant::now();
    while !log.exists() {
        assert!(began.elapsed() < PATIENCE, "no log");
        std::thread::sleep(Duration::from_millis(20));
    }
    terminal.press("\u{3}");
    terminal.wait("end", |screen| !screen.alternate_screen());
    let began = Instant::now();
    while !std::fs::read_to_string(&log).expect("a log").contains("\"ended\"") {
        assert!(began.elapsed() < PATIENCE, "it goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_signal_restores_the_terminal() {
    let here = directory();
    let terminal = Terminal::start(here.path(), "", 40, 120);
    terminal.wait_for("byzantine_dvc");
    let pid = std::fs::read_to_string(here.path().join("pid")).expect("a process id");
    let kill = std::process::Command::new("kill").args(["-TERM", pid.trim()]).status();
    assert!(kill.expect("kill runs").success());
    terminal.ended_with(0);
}

#[test]
fn the_interface_ends_when_its_terminal_is_closed() {
    let here = directory();
    let (pty, pts) = pty_process::blocking::open().expect("a pseudo-terminal");
    pty.resize(pty_process::Size::new(24, 80)).expect("a size");
    let vopr = Command::new(env!("CARGO_BIN_EXE_vopr"));
    let mut child = vopr.arg("tui").current_dir(&here).env("TERM", "xterm-256color").spawn(pts).expect("it starts");
    let (mut drawn, mut bytes) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&drawn).contains("byzantine_dvc") {
        let count = (&pty).read(&mut bytes).expect("it draws");
        drawn.extend_from_slice(&bytes[..count]);
    }
    drop(pty);
    let began = Instant::now();
    while child.try_wait().expect("a state").is_none() {
        if began.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("it goes on without a terminal");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn without_a_terminal_the_interface_reports_an_error() {
    let here = directory();
    vopr(here.path(), "tui").assert().code(2).stderr(predicate::str::contains("needs a terminal")).stdout("");
    std::fs::write(here.path().join("file"), "").expect("a file");
    vopr(here.path(), "tui --data-dir file").assert().code(3);
}
