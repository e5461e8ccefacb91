//! The commands, one a file.

pub(crate) mod bench;
pub(crate) mod bisect;
pub(crate) mod bugs;
pub(crate) mod corpus;
#[cfg(feature = "dashboard")]
pub(crate) mod dashboard;
pub(crate) mod digests;
pub(crate) mod explain;
pub(crate) mod fuzz;
pub(crate) mod matrix;
pub(crate) mod minimize;
pub(crate) mod repro;
pub(crate) mod run;
pub(crate) mod scenarios;
pub(crate) mod show;
pub(crate) mod stats;
pub(crate) mod timeline;
#[cfg(feature = "tui")]
pub(crate) mod tui;

use std::path::Path;

use crate::error::Error;
use crate::kmb::{Kmb, ReadError};

/// Reads the failure file that the user named.
fn read_kmb(path: &Path) -> Result<Kmb, Error> {
    Kmb::read(path).map_err(|error| match error {
        ReadError::Io(error) => Error::io("read", path, &error, "check the path"),
        ReadError::Content(error) => Error::usage(format!("{}: {error}", path.display())),
    })
}
