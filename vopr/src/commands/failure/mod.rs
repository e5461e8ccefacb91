//! Commands about one failure file.

pub(crate) mod bisect;
pub(crate) mod explain;
pub(crate) mod minimize;
pub(crate) mod repro;
pub(crate) mod show;
pub(crate) mod timeline;

use std::path::Path;

use engine::base::error::Error;
use engine::cases::kmb::{Kmb, ReadError};

/// Reads the failure file that the user named.
pub(crate) fn read_kmb(path: &Path) -> Result<Kmb, Error> {
    Kmb::read(path).map_err(|error| match error {
        ReadError::Io(error) => Error::io("read", path, &error, "check the path"),
        ReadError::Content(error) => Error::usage(format!("{}: {error}", path.display())),
    })
}
