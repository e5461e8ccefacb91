//! What several commands understand: the format, the system with its bugs, the output directory, and Ctrl-C.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::engine::{SYSTEMS, SystemEntry};
use crate::error::Error;
use crate::output::{Color, Format};

/// What every command understands.
#[derive(Args)]
pub(crate) struct Common {
    /// The format of the results
    #[arg(long, global = true, value_enum, default_value = "human")]
    pub format: Format,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: Color,
    /// Say more
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// Which system is tested, and what is wrong with it.
#[derive(Args, Clone)]
pub(crate) struct SystemArguments {
    /// The system under test
    #[arg(long, value_name = "NAME", default_value = SYSTEMS[0].name)]
    pub system: String,
    /// Switch a planted bug on (repeatable; `vopr bugs` lists them)
    #[arg(long = "bug", value_name = "NAME")]
    pub bugs: Vec<String>,
}

impl SystemArguments {
    /// The system and the bugs, if they exist.
    pub fn resolve(&self) -> Result<(&'static SystemEntry, Vec<String>), Error> {
        let system = SystemEntry::find(&self.system)?;
        Ok((system, system.normalized_bugs(&self.bugs)?))
    }
}

/// Where findings go.
#[derive(Args)]
pub(crate) struct OutputDirectory {
    /// Where failure files go
    #[arg(long = "output-dir", env = "VOPR_DATA_DIR", value_name = "DIR", default_value = "./failures/")]
    pub path: PathBuf,
}

impl OutputDirectory {
    /// Makes sure, before hours of work, that a finding could be written there.
    pub fn prepare(&self) -> Result<(), Error> {
        prepare(&self.path, "choose another with --output-dir")
    }
}

/// Creates a folder if it is missing, and makes sure that it can be written to; if not, the error ends with `next`.
pub(crate) fn prepare(folder: &Path, next: &str) -> Result<(), Error> {
    let tried = std::fs::create_dir_all(folder).and_then(|()| try_to_write(folder));
    tried.map_err(|error| Error::io("write to the directory", folder, &error, next))
}

/// Whether a folder takes a file with something in it: on a full disk, empty ones still can be made.
pub(crate) fn try_to_write(folder: &Path) -> std::io::Result<()> {
    tempfile::tempfile_in(folder)?.write_all(&[0])
}

/// Sets a flag at Ctrl-C (and when asked to terminate), instead of dying.
pub(crate) fn stop_at_interrupt() -> Result<std::sync::Arc<std::sync::atomic::AtomicBool>, Error> {
    use std::sync::atomic::{AtomicBool, Ordering};
    let stop = std::sync::Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    at_interrupt(move || flag.store(true, Ordering::Relaxed))?;
    Ok(stop)
}

/// Calls a function at the first Ctrl-C (and when asked to terminate), instead of dying.
pub(crate) fn at_interrupt(stop: impl Fn() + Send + 'static) -> Result<(), Error> {
    let mut patient = true;
    ctrlc::set_handler(move || {
        // The second time, the patience is over.
        if !std::mem::replace(&mut patient, false) {
            std::process::exit(130);
        }
        stop();
    })
    .map_err(|error| Error::Internal(format!("no handler for Ctrl-C: {error}")))
}
