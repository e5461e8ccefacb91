//! A command in a process of its own, for the run of a case at which the system under test may abort, hang or take all
//! memory: this process survives it and says what happened. Whoever else starts a process for a case from a file (the
//! dashboard, the terminal interface, the minimizer beside a finding) watches it by the same measure.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::base::error::Error;

/// A run takes milliseconds; one that takes this long hangs.
pub const TIME_MAX: Duration = Duration::from_secs(10);
/// An engine takes some ten megabytes; a process that takes so many never stops.
pub const MEGABYTES_MAX: u64 = 1024;
/// How often the process is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How the process ended.
pub enum Ending {
    /// With an exit code of its own.
    Exited(u8),
    /// Not by itself; how, in words.
    Died(String),
}

/// Runs vopr again with these arguments. It writes where this process does.
pub fn run(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Ending, Error> {
    let cannot = |error: std::io::Error| Error::Io(format!("cannot start a process: {error}; try again"));
    let started = Instant::now();
    let mut child = Command::new(std::env::current_exe().map_err(cannot)?)
        .args(arguments)
        .stdin(Stdio::piped())
        .spawn()
        .map_err(cannot)?;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(cannot)? {
            break status;
        }
        if let Some(why) = too_much(&child, started, TIME_MAX, MEGABYTES_MAX) {
            child.kill().and_then(|()| child.wait()).map_err(cannot)?;
            return Ok(Ending::Died(why));
        }
        std::thread::sleep(LOOK_EVERY);
    };
    // Codes that vopr never exits with are the system's doing, like a signal.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(match code.filter(|code| crate::base::exit::ALL.contains(code)) {
        Some(code) => Ending::Exited(code),
        None => Ending::Died(status.to_string()),
    })
}

/// Why a process that was started then is to be ended, if it is: it takes too long, or too much memory.
pub fn too_much(child: &Child, started: Instant, time_max: Duration, megabytes_max: u64) -> Option<String> {
    if started.elapsed() > time_max {
        return Some(format!("no end after {} s", time_max.as_secs()));
    }
    let much = megabytes(child).is_some_and(|megabytes| megabytes > megabytes_max);
    much.then(|| format!("more than {megabytes_max} megabytes of memory"))
}

/// Ends this process when the one that started it is gone: nobody is left to stop a run that hangs.
pub fn end_with_parent() {
    std::thread::spawn(|| {
        let mut byte = [0];
        while matches!(std::io::stdin().read(&mut byte), Ok(1)) {}
        std::process::exit(i32::from(crate::base::exit::INTERNAL));
    });
}

/// The memory of a process; unknown on other systems than Linux.
fn megabytes(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? / 1024)
}
