//! `vopr dashboard`: serves web pages about a data directory. This file also has the entry point of the process that
//! replays a failure for it.

use std::net::TcpListener;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::arguments::{Common, DataDirectory, Format, at_interrupt};
use crate::dashboard;
use crate::dashboard::sources::replay::Replay;
use engine::base::error::Error;
use engine::base::terminal::{DOUBTFUL, styled, tell};
use engine::base::{exit, terminal};
use engine::campaigns::data_dir::Data;
use engine::cases::subprocess;

/// The arguments of `vopr dashboard`.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    data: DataDirectory,
    /// The port; 0 for any that is free
    #[arg(long, value_name = "N", default_value_t = 8080)]
    port: u16,
    /// The address or name to listen at; everybody who can reach it can read the pages
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    host: String,
}

/// The arguments of the process that runs a failure again.
#[derive(Args)]
pub(crate) struct ReplayArguments {
    /// The .kmb file
    file: PathBuf,
}

/// Runs the command.
pub(crate) fn run(common: &Common, arguments: &Arguments) -> Result<u8, Error> {
    // Reports an unreadable directory before a page is opened.
    Data::read(&arguments.data.path)?;
    let host = arguments.host.trim_start_matches('[').trim_end_matches(']');
    let port = arguments.port;
    let cannot = |error: std::io::Error| {
        Error::Io(format!("cannot listen at {host} port {port}: {error}; choose another with --port or --host"))
    };
    let listener = TcpListener::bind((host, port)).map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let url = format!("http://{address}/");
    match common.format {
        Format::Human | Format::Compact => terminal::print(&format!("{url}\n"))?,
        Format::Json => terminal::print_json(&json!({
            "version": terminal::JSON_VERSION, "command": "dashboard", "url": url,
        }))?,
    }
    if !address.ip().to_canonical().is_loopback() {
        let warning = "everybody who can reach this address can read the pages";
        tell(&format!("{} {warning}", styled(DOUBTFUL, "open to others:")));
    }
    dashboard::serve(listener, host, arguments.data.path.clone(), at_interrupt)?;
    Ok(exit::CLEAN)
}

/// Runs a failure again, for the dashboard.
pub(crate) fn replay(arguments: &ReplayArguments) -> Result<u8, Error> {
    // The result is not needed after the dashboard has exited.
    subprocess::end_with_parent();
    terminal::print_json(&Replay::of_file(&arguments.file)?)?;
    Ok(exit::CLEAN)
}
