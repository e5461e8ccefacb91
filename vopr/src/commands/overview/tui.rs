//! `vopr tui`, and the process that records a run for it.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::arguments::{DataDirectory, SystemArguments};
use crate::commands::failure::read_kmb;
use crate::commands::search::run::{jobs_default, parse_jobs};
use crate::tui;
use crate::tui::Interface;
use crate::tui::steps::Recording;
use engine::base::error::Error;
use engine::base::exit;
use engine::cases::subprocess;

/// The arguments of `vopr tui`.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    data: DataDirectory,
    /// How many processes a campaign has, to begin with
    #[arg(long, value_name = "N", default_value_t = jobs_default(), value_parser = parse_jobs)]
    jobs: usize,
    #[command(flatten)]
    system: SystemArguments,
}

/// Runs the command.
pub(crate) fn run(arguments: Arguments) -> Result<u8, Error> {
    let (system, bugs) = arguments.system.resolve()?;
    let directory = arguments.data.path;
    // A missing directory is not an error: the first campaign creates it.
    if directory.exists() {
        let cannot = |error| Error::io("read the directory", &directory, &error, "choose another with --data-dir");
        directory.read_dir().map_err(cannot)?;
    }
    let colors = anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never;
    tui::run(Interface::new(directory, system, &bugs, arguments.jobs), colors)?;
    Ok(exit::CLEAN)
}

/// The arguments of `vopr tui-steps`.
#[derive(Args)]
pub(crate) struct StepsArguments {
    /// The .kmb file
    file: PathBuf,
}

/// Records a run that the interface steps through.
pub(crate) fn steps(arguments: &StepsArguments) -> Result<u8, Error> {
    // The recording is not needed after the interface has exited.
    subprocess::end_with_parent();
    let recording = Recording::of(&read_kmb(&arguments.file)?)?;
    let mut stdout = std::io::BufWriter::new(std::io::stdout().lock());
    serde_json::to_writer(&mut stdout, &recording).map_err(|error| Error::output(&error.into()))?;
    stdout.flush().map_err(|error| Error::output(&error))?;
    Ok(exit::CLEAN)
}
