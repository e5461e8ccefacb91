//! The packed corpus: all inputs of a fuzz target in one file. docs/packed-corpus.md has the bytes.
//!
//! Reading one is reading untrusted input: its size is bounded before a byte is read, nothing is allocated on the word of
//! a length field, each way to be malformed has its own one-line error, and no name in it can leave the folder that it is
//! unpacked into. The same inputs under the same names are always the same bytes.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::base::error::Error;

/// The first bytes of every file.
pub const MAGIC: [u8; 8] = *b"VOPRCRP\0";
/// The version of the format.
pub const FORMAT_VERSION: u16 = 1;
/// What the names of the files end with.
pub const EXTENSION: &str = "corpus";
/// No file is larger than this.
pub const FILE_BYTES_MAX: usize = 1 << 26;
/// No file has more inputs than this.
pub const INPUTS_MAX: usize = 1 << 17;
/// No input is longer than this.
pub const INPUT_BYTES_MAX: usize = 1 << 16;
/// No name is longer than this.
pub const NAME_BYTES_MAX: usize = 100;
/// Magic, version, length, CRC-32.
pub const HEADER_BYTES: usize = 8 + 2 + 4 + 4;

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// The inputs by name.
    pub inputs: BTreeMap<String, Vec<u8>>,
}

/// Why bytes are not a packed corpus, or inputs cannot become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackedError {
    /// More than [`FILE_BYTES_MAX`].
    TooLarge,
    /// More than [`INPUTS_MAX`].
    TooMany,
    /// The file ends before its header does.
    TooShort(usize),
    /// The magic is missing.
    NotPacked,
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
    /// The input with this number, from 1 on, is not as it has to be.
    Input(usize, &'static str),
}

impl fmt::Display for PackedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PackedError::TooLarge => write!(f, "larger than {FILE_BYTES_MAX} bytes; minimize the corpus first"),
            PackedError::TooMany => write!(f, "more than {INPUTS_MAX} inputs; minimize the corpus first"),
            PackedError::TooShort(length) => {
                write!(f, "cut off: {length} bytes, and the header alone has {HEADER_BYTES}; copy it again")
            }
            PackedError::NotPacked => write!(f, "not a packed corpus; `vopr corpus pack` writes one"),
            PackedError::Version(version) => {
                write!(
                    f,
                    "packed corpus of version {version}; this vopr reads version {FORMAT_VERSION}, use a newer one"
                )
            }
            PackedError::Length { stated, found } => {
                write!(f, "cut off or overlong: the body has {found} bytes instead of {stated}; copy it again")
            }
            PackedError::Damaged => write!(f, "damaged: the checksum does not fit the content; copy it again"),
            PackedError::Input(number, why) => {
                write!(f, "malformed: input {number} {why}; it was not written by vopr")
            }
        }
    }
}

impl std::error::Error for PackedError {}

const CUT_OFF: &str = "does not end within the file";
const NAME: &str = "has a name that is no plain file name";
const TOO_LONG: &str = "is longer than an input may be";
const ORDER: &str = "is not in the order of the names";

/// Whether a name can be that of an input: 1 to [`NAME_BYTES_MAX`] letters, digits, `-`, `_` and `.` of ASCII, the first one
/// a letter or digit. So it names a file in the folder that it is unpacked into, which is neither hidden nor an option.
pub fn is_plain_name(name: &str) -> bool {
    name.len() <= NAME_BYTES_MAX
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Whether a path names a packed corpus.
pub fn is_packed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == EXTENSION) && !path.is_dir()
}

impl Packed {
    /// The bytes of the file.
    pub fn encode(&self) -> Result<Vec<u8>, PackedError> {
        if self.inputs.len() > INPUTS_MAX {
            return Err(PackedError::TooMany);
        }
        let mut body = Vec::new();
        for (number, (name, input)) in (1..).zip(&self.inputs) {
            if !is_plain_name(name) {
                return Err(PackedError::Input(number, NAME));
            }
            if input.len() > INPUT_BYTES_MAX {
                return Err(PackedError::Input(number, TOO_LONG));
            }
            body.push(name.len() as u8);
            body.extend_from_slice(name.as_bytes());
            body.extend_from_slice(&(input.len() as u32).to_le_bytes());
            body.extend_from_slice(input);
            if HEADER_BYTES + body.len() > FILE_BYTES_MAX {
                return Err(PackedError::TooLarge);
            }
        }
        let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
        bytes.extend_from_slice(&body);
        Ok(bytes)
    }

    /// What the bytes of a file mean.
    pub fn decode(bytes: &[u8]) -> Result<Self, PackedError> {
        let mut body = checked_body(bytes)?;
        let mut inputs = BTreeMap::new();
        let mut last = "";
        while !body.is_empty() {
            let number = inputs.len() + 1;
            if number > INPUTS_MAX {
                return Err(PackedError::TooMany);
            }
            let (name, input) = take_input(&mut body).map_err(|why| PackedError::Input(number, why))?;
            // The names grow, so that a set of inputs has one encoding and no name comes twice.
            if name <= last {
                return Err(PackedError::Input(number, ORDER));
            }
            last = name;
            inputs.insert(name.to_string(), input.to_vec());
        }
        Ok(Packed { inputs })
    }

    /// Reads the file that the user named.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes));
        read.map_err(|error| Error::io("read", path, &error, "check the path"))?;
        Packed::decode(&bytes).map_err(|error| Error::usage(format!("{}: {error}", path.display())))
    }

    /// How many bytes the inputs have.
    pub fn input_bytes(&self) -> usize {
        self.inputs.values().map(Vec::len).sum()
    }
}

/// What follows the header, once all that the header says of it is true.
fn checked_body(bytes: &[u8]) -> Result<&[u8], PackedError> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(PackedError::TooLarge);
    }
    if !bytes.starts_with(&MAGIC[..bytes.len().min(MAGIC.len())]) || bytes.is_empty() {
        return Err(PackedError::NotPacked);
    }
    let Some((header, body)) = bytes.split_at_checked(HEADER_BYTES) else {
        return Err(PackedError::TooShort(bytes.len()));
    };
    let version = u16::from_le_bytes([header[8], header[9]]);
    if version != FORMAT_VERSION {
        return Err(PackedError::Version(version));
    }
    let stated = u32::from_le_bytes([header[10], header[11], header[12], header[13]]);
    if stated as usize != body.len() {
        return Err(PackedError::Length { stated: stated.into(), found: body.len() as u64 });
    }
    if u32::from_le_bytes([header[14], header[15], header[16], header[17]]) != crc32fast::hash(body) {
        return Err(PackedError::Damaged);
    }
    Ok(body)
}

/// The next input with its name, taken from the front of `body`; else what is wrong with it.
fn take_input<'a>(body: &mut &'a [u8]) -> Result<(&'a str, &'a [u8]), &'static str> {
    let length = take(body, 1)?[0];
    let name = str::from_utf8(take(body, length.into())?).ok().filter(|name| is_plain_name(name)).ok_or(NAME)?;
    let length = take(body, 4)?;
    let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize;
    if length > INPUT_BYTES_MAX {
        return Err(TOO_LONG);
    }
    Ok((name, take(body, length)?))
}

fn take<'a>(body: &mut &'a [u8], length: usize) -> Result<&'a [u8], &'static str> {
    let (taken, rest) = body.split_at_checked(length).ok_or(CUT_OFF)?;
    *body = rest;
    Ok(taken)
}

#[cfg(test)]
mod tests;
