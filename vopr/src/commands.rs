//! The commands, one a file.

pub(crate) mod bench;
pub(crate) mod bugs;
pub(crate) mod digests;
pub(crate) mod fuzz;
pub(crate) mod matrix;
pub(crate) mod minimize;
pub(crate) mod repro;
pub(crate) mod run;
pub(crate) mod scenarios;
pub(crate) mod show;
pub(crate) mod stats;

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
