//! The `.kmb` file: a case, where it came from, and what happened when it was run. docs/kmb.md has the bytes.
//!
//! Reading one is reading untrusted input: its size is bounded before a byte is read, nothing is allocated on the word of
//! a length field, and each way to be malformed has its own one-line error.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sim::{Case, Outcome, Verdict};

use crate::base::files;
use crate::cases::limits;
use crate::cases::violation::Violation;

/// The first bytes of every file.
pub const MAGIC: [u8; 8] = *b"VOPRKMB\0";
/// The version of the format.
pub const FORMAT_VERSION: u16 = 2;
/// No file is larger than this.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// Magic, version, length, CRC-32, BLAKE3.
pub const HEADER_BYTES: usize = 8 + 2 + 4 + 4 + 32;

/// No raw input in a file is longer than this.
const INPUT_BYTES_MAX: usize = 1 << 16;
const CODEC: bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<FILE_BYTES_MAX>,
> = bincode::config::standard().with_limit::<FILE_BYTES_MAX>();

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kmb {
    /// The version of vopr that wrote it.
    pub vopr_version: String,
    /// The version of the system under test.
    pub system_version: String,
    /// All that the run depends on.
    pub case: Case,
    /// Where the case came from.
    pub origin: Origin,
    /// The violation that was found; `None` for an input at which vopr itself died.
    pub expected: Option<Violation>,
    /// The digest of the trace; `None` likewise.
    pub digest: Option<u64>,
}

/// Where a case came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// `vopr run` drew it.
    Run {
        /// From this seed.
        seed: u64,
        /// In this scenario.
        scenario: String,
    },
    /// A fuzzer wrote it.
    Fuzz {
        /// The fuzz target, or the scenario that stood for one.
        target: String,
        /// The input itself.
        input: Vec<u8>,
    },
}

/// Why bytes are not a `.kmb` file that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KmbError {
    /// More than [`FILE_BYTES_MAX`].
    TooLarge,
    /// The file ends before its header does.
    TooShort(usize),
    /// The magic is missing.
    NotAKmb,
    /// A version that this vopr does not know.
    Version(u16),
    /// The stated length is not the length.
    Length {
        /// The stated length of the body.
        stated: u64,
        /// The length that is there.
        found: u64,
    },
    /// The CRC-32 does not fit.
    Damaged,
    /// The body does not decode.
    Malformed(String),
    /// The body ends before the file does.
    TrailingBytes(usize),
    /// The BLAKE3 in the header is not that of the case.
    WrongCase,
    /// It decodes to a case that cannot be run.
    OutOfBounds(String),
}

impl fmt::Display for KmbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KmbError::TooLarge => write!(f, "larger than {FILE_BYTES_MAX} bytes, so not a .kmb file"),
            KmbError::TooShort(length) => {
                write!(f, "cut off: {length} bytes, and the header alone has {HEADER_BYTES}; copy it again")
            }
            KmbError::NotAKmb => {
                write!(f, "not a .kmb file (for a raw fuzzer input, say of which target: --target NAME)")
            }
            KmbError::Version(version) if *version > FORMAT_VERSION => {
                write!(f, ".kmb version {version}; this vopr reads version {FORMAT_VERSION}, use a newer one")
            }
            KmbError::Version(version) => {
                write!(f, ".kmb version {version}, older than all that vopr reads; find the failure again")
            }
            KmbError::Length { stated, found } => {
                write!(f, "cut off or overlong: the body has {found} bytes instead of {stated}; copy it again")
            }
            KmbError::Damaged => write!(f, "damaged: the checksum does not fit the content; copy it again"),
            KmbError::Malformed(why) => write!(f, "malformed: {why}; it was not written by vopr"),
            KmbError::TrailingBytes(count) => {
                write!(f, "malformed: {count} bytes after the end; it was not written by vopr")
            }
            KmbError::WrongCase => write!(f, "the case is not the one named in the header; it was edited"),
            KmbError::OutOfBounds(why) => write!(f, "cannot be run: {why}"),
        }
    }
}

impl std::error::Error for KmbError {}

/// Why a file could not be read.
#[derive(Debug)]
pub enum ReadError {
    /// The file system said no.
    Io(std::io::Error),
    /// The content is not good.
    Content(KmbError),
}

impl Kmb {
    /// A file about the violation in `outcome`, or about no violation if there is none in it.
    pub fn new(case: Case, system_version: &str, origin: Origin, outcome: Option<&Outcome>) -> Self {
        let violation = outcome.and_then(|outcome| match &outcome.verdict {
            Verdict::Violated(violation) => Some(violation),
            Verdict::Passed | Verdict::Vacuous(_) => None,
        });
        Kmb {
            vopr_version: env!("CARGO_PKG_VERSION").to_string(),
            system_version: system_version.to_string(),
            case,
            origin,
            expected: violation.map(Violation::from),
            digest: outcome.map(|outcome| outcome.digest),
        }
    }

    /// The case's name in every list: the first twelve digits of its BLAKE3.
    pub fn name(&self) -> String {
        blake3::Hash::from_bytes(case_hash(&self.case)).to_hex()[..12].to_string()
    }

    /// The bytes of the file.
    pub fn encode(&self) -> Result<Vec<u8>, KmbError> {
        let body =
            bincode::serde::encode_to_vec(self, CODEC).map_err(|error| KmbError::Malformed(error.to_string()))?;
        if HEADER_BYTES + body.len() > FILE_BYTES_MAX {
            return Err(KmbError::TooLarge);
        }
        let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
        bytes.extend_from_slice(&case_hash(&self.case));
        bytes.extend_from_slice(&body);
        Ok(bytes)
    }

    /// What the bytes of a file mean.
    pub fn decode(bytes: &[u8]) -> Result<Self, KmbError> {
        if bytes.len() > FILE_BYTES_MAX {
            return Err(KmbError::TooLarge);
        }
        if !bytes.starts_with(&MAGIC[..bytes.len().min(MAGIC.len())]) || bytes.is_empty() {
            return Err(KmbError::NotAKmb);
        }
        let Some((header, body)) = bytes.split_at_checked(HEADER_BYTES) else {
            return Err(KmbError::TooShort(bytes.len()));
        };
        // A reader for each version that is known.
        let read = match u16::from_le_bytes([header[8], header[9]]) {
            2 => Kmb::read_body_2,
            version => return Err(KmbError::Version(version)),
        };
        let stated = u32::from_le_bytes([header[10], header[11], header[12], header[13]]);
        if stated as usize != body.len() {
            return Err(KmbError::Length { stated: stated.into(), found: body.len() as u64 });
        }
        if u32::from_le_bytes([header[14], header[15], header[16], header[17]]) != crc32fast::hash(body) {
            return Err(KmbError::Damaged);
        }
        let (kmb, case) = read(body)?;
        kmb.check()?;
        if case.is_none_or(|case| header[18..] != *blake3::hash(case).as_bytes()) {
            return Err(KmbError::WrongCase);
        }
        Ok(kmb)
    }

    /// Reads a body of version 2. Also returns the bytes of the case in it, as [`Kmb::case_bytes`] does: the hash in the header
    /// is over them.
    fn read_body_2(body: &[u8]) -> Result<(Self, Option<&[u8]>), KmbError> {
        let (kmb, length): (Kmb, usize) = bincode::serde::decode_from_slice(body, CODEC)
            .map_err(|error| KmbError::Malformed(error.to_string().escape_debug().to_string()))?;
        if length != body.len() {
            return Err(KmbError::TrailingBytes(body.len() - length));
        }
        let case = kmb.case_bytes(body);
        Ok((kmb, case))
    }

    /// The case as it stands in the body that this was read from: an older file names fewer settings than would be written
    /// now, and its hash is over what it has. `None` if the rest does not stand there as it would be written.
    fn case_bytes<'a>(&self, body: &'a [u8]) -> Option<&'a [u8]> {
        let Kmb { vopr_version, system_version, case: _, origin, expected, digest } = self;
        let before = bincode::serde::encode_to_vec((vopr_version, system_version), CODEC).ok()?;
        let after = bincode::serde::encode_to_vec((origin, expected, digest), CODEC).ok()?;
        body.strip_prefix(before.as_slice())?.strip_suffix(after.as_slice())
    }

    /// Whether [`Kmb::decode`] would accept the file.
    pub fn is_readable(&self) -> bool {
        self.check().is_ok()
    }

    /// Whether all names and numbers are in bounds.
    fn check(&self) -> Result<(), KmbError> {
        let check = || {
            limits::check(&self.case)?;
            limits::check_name("vopr version", &self.vopr_version)?;
            limits::check_name("system version", &self.system_version)?;
            match &self.origin {
                Origin::Run { scenario, .. } => limits::check_name("scenario", scenario)?,
                Origin::Fuzz { target, input } => {
                    limits::check_name("target", target)?;
                    if input.len() > INPUT_BYTES_MAX {
                        return Err(format!("an input of {} bytes; at most {INPUT_BYTES_MAX}", input.len()));
                    }
                }
            }
            Ok(())
        };
        check().map_err(KmbError::OutOfBounds)
    }

    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        Kmb::decode(&read_bounded(path).map_err(ReadError::Io)?).map_err(ReadError::Content)
    }

    /// Writes a new file `failure-YYYYMMDD-HHMMSS.kmb` (UTC) into `directory`, which is created if it is missing; never
    /// over another. When this returns, the file is on the disk, whole, under the path returned.
    pub fn write_new(&self, directory: &Path) -> std::io::Result<PathBuf> {
        let bytes = self.encode().map_err(|error| std::io::Error::other(error.to_string()))?;
        let stem = format!("failure-{}", jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S"));
        files::write_new(directory, &stem, "kmb", &bytes)
    }
}

/// The content of a file, but never more than just above the largest `.kmb`.
pub fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn case_hash(case: &Case) -> [u8; 32] {
    // A case that was decoded, or that runs, can be encoded: it is plain data, far below the limit.
    let bytes = bincode::serde::encode_to_vec(case, CODEC).unwrap_or_default();
    *blake3::hash(&bytes).as_bytes()
}

#[cfg(test)]
mod tests;
