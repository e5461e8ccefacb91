//! The errors that are shown to the user. Each is one line: what failed, where, and what to do next.

use std::fmt;
use std::path::Path;

use crate::base::exit;

/// The reason why a command failed.
#[derive(Debug)]
pub enum Error {
    /// Wrong arguments, an unknown name, or an invalid file.
    Usage(String),
    /// A file could not be read or written.
    Io(String),
    /// The reader closed the pipe (`vopr ... | head`). It is not reported.
    BrokenPipe,
    /// A bug of vopr itself.
    Internal(String),
}

impl Error {
    /// A usage error.
    pub fn usage(message: impl Into<String>) -> Self {
        Error::Usage(message.into())
    }

    /// An error while doing `what` with the file or directory at `path`. `next` suggests what to do about it.
    pub fn io(what: &str, path: &Path, error: &std::io::Error, next: &str) -> Self {
        Error::Io(format!("cannot {what} {}: {error}; {next}", path.display()))
    }

    /// An error while writing to standard output.
    pub fn output(error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            Error::BrokenPipe
        } else {
            Error::Io(format!("cannot write to the standard output: {error}; send it somewhere with room"))
        }
    }

    /// The exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Usage(_) => exit::USAGE,
            Error::Io(_) => exit::IO,
            Error::BrokenPipe => exit::CLEAN,
            Error::Internal(_) => exit::INTERNAL,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(message) | Error::Io(message) => f.write_str(message),
            Error::BrokenPipe => f.write_str("nobody reads the output"),
            Error::Internal(message) => write!(f, "{message}; this is a bug in vopr, please report it"),
        }
    }
}

impl std::error::Error for Error {}

/// The end of an error message about an unknown name: `did you mean ...?` with the nearest known name, or `otherwise`.
pub fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>, otherwise: &str) -> String {
    let nearest = known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .max_by(|one, other| one.0.total_cmp(&other.0));
    match nearest {
        Some((likeness, candidate)) if likeness > 0.7 => format!("did you mean `{candidate}`?"),
        _ => otherwise.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_if_it_is_similar() {
        let names = ["baseline", "combined", "gray_failures"];
        assert_eq!(suggestion("basline", names, "see the list"), "did you mean `baseline`?");
        assert_eq!(suggestion("gray_failure", names, "see the list"), "did you mean `gray_failures`?");
        assert_eq!(suggestion("zzz", names, "see the list"), "see the list");
    }
}
