//! The packed corpus: all inputs of a fuzz target in one file. docs/packed-corpus.md specifies the format.
//!
//! A packed corpus is untrusted input. Its size is limited before it is read, and no allocation depends on an unchecked
//! length field. Each kind of malformed file has its own one-line error, and no name can leave the folder into which
//! the file is unpacked. The encoding is deterministic: the same inputs with the same names give the same bytes.

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
/// The extension of the file name.
pub const EXTENSION: &str = "corpus";
/// The maximum size of a file.
pub const FILE_BYTES_MAX: usize = 1 << 26;
/// The maximum number of inputs in a file.
pub const INPUTS_MAX: usize = 1 << 17;
/// The maximum length of an input.
pub const INPUT_BYTES_MAX: usize = 1 << 16;
/// The maximum length of a name.
pub const NAME_BYTES_MAX: usize = 100;
/// Magic, version, length, CRC-32.
pub const HEADER_BYTES: usize = 8 + 2 + 4 + 4;

/// The content of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// The inputs by name.
    pub inputs: BTreeMap<String, Vec<u8>>,
}

/// The reason why bytes are not a packed corpus, or why inputs cannot be packed.
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
    /// A version that this version of vopr cannot read.
    Version(u16),
    /// The stated length of the body differs from its actual length.
    Length {
        /// The stated length of the body.
        stated: u64,
        /// The actual length of the body.
        found: u64,
    },
    /// The CRC-32 does not match.
    Damaged,
    /// The input with this number, from 1, is malformed.
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

/// Whether a name is valid for an input: 1 to [`NAME_BYTES_MAX`] ASCII letters, digits, `-`, `_` and `.`, and the first
/// is a letter or digit. Such a name is a file in the folder into which it is unpacked, and it is neither hidden nor a
/// command-line option.
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
    /// Encodes the file.
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

    /// Decodes a file.
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
            // The names are in ascending order, so a set of inputs has one encoding and no name occurs twice.
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

    /// The total length of the inputs in bytes.
    pub fn input_bytes(&self) -> usize {
        self.inputs.values().map(Vec::len).sum()
    }
}

/// The body after the header, once the header has been checked against it.
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

/// Removes the next input with its name from the front of `body`, or returns what is wrong with it.
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
