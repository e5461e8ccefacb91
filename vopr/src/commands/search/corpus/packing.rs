//! `vopr corpus pack` and `vopr corpus unpack`: convert between a folder of inputs and a packed file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use engine::base::error::Error;
use engine::base::files::{self, prepare};
use engine::base::terminal::{self, grouped};
use engine::cases::kmb::read_bounded;
use engine::cases::systems::SYSTEMS;
use engine::search::corpus::{self, Input, seeds_of};
use engine::search::packed::{self, INPUT_BYTES_MAX, Packed};
use engine::search::targets::Target;

use crate::arguments::{Common, Format, OutputDirectory};

/// The arguments of `vopr corpus pack`.
#[derive(Args)]
pub(crate) struct Pack {
    /// A folder of inputs, or a fuzz target, which stands for <output-dir>/corpus/<target>
    #[arg(value_name = "DIR|TARGET")]
    from: PathBuf,
    /// The packed file, NAME.corpus
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// The fuzz target that the inputs of the folder are of: each is written in its canonical form, which means the same case
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    #[command(flatten)]
    output_directory: OutputDirectory,
}

/// The arguments of `vopr corpus unpack`.
#[derive(Args)]
pub(crate) struct Unpack {
    /// A packed file, or a fuzz target, which stands for ./corpus/<target>.corpus
    #[arg(value_name = "FILE|TARGET")]
    from: PathBuf,
    /// The folder that the inputs are written to, one a file; what is there already stays
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
}

/// Whether the user named a target and not a path.
fn is_name(path: &Path) -> bool {
    path.components().count() == 1 && path.extension().is_none() && !path.is_file()
}

impl Pack {
    /// The location of the inputs, and their target if it is known.
    fn resolve(&self) -> Result<(PathBuf, Option<Target>), Error> {
        let find = |name: &str| Target::find(&SYSTEMS[0], name, None);
        let target = self.target.as_deref().map(find).transpose()?;
        if self.from.is_dir() || !is_name(&self.from) {
            return Ok((self.from.clone(), target));
        }
        let named = find(&self.from.to_string_lossy())?;
        let folder = self.output_directory.path.join("corpus").join(&named.name);
        Ok((folder, target.or(Some(named))))
    }
}

impl Unpack {
    fn resolve(&self) -> Result<PathBuf, Error> {
        if !is_name(&self.from) {
            return Ok(self.from.clone());
        }
        let target = Target::find(&SYSTEMS[0], &self.from.to_string_lossy(), None)?;
        Ok(seeds_of(&target.name))
    }
}

/// The number of inputs that were changed or left out.
#[derive(Default)]
struct Counts {
    /// Converted to canonical form.
    changed: usize,
    /// Equal to another input.
    merged: usize,
    /// Too long.
    left_out: usize,
}

pub(super) fn pack(common: &Common, arguments: &Pack) -> Result<(), Error> {
    let output = &arguments.output;
    if output.extension().is_none_or(|extension| extension != packed::EXTENSION) {
        return Err(Error::usage(format!("{}: name it NAME.corpus, as others find it", output.display())));
    }
    let (from, target) = arguments.resolve()?;
    let inputs = super::read(std::slice::from_ref(&from))?;
    let (packed, counts) = collect(inputs, target.as_ref());
    if packed.inputs.is_empty() {
        return Err(Error::usage(format!("{}: no input to pack", from.display())));
    }
    let bytes = packed.encode().map_err(|error| Error::usage(format!("{}: {error}", from.display())))?;
    let written = files::write_named(output, &bytes);
    written.map_err(|error| Error::io("write", output, &error, "choose another with --output"))?;
    let (inputs, input_bytes, file) = (packed.inputs.len(), packed.input_bytes(), output.display());
    let Counts { changed, merged, left_out } = counts;
    match common.format {
        Format::Human => terminal::print(&format!(
            "{file}: {} inputs, {} bytes; {changed} brought into canonical form, {merged} equal to others, {left_out} left out\n",
            grouped(inputs as u64),
            grouped(input_bytes as u64),
        )),
        Format::Compact => terminal::print(&format!("{file} {inputs} {input_bytes}\n")),
        Format::Json => terminal::print_json(&json!({
            "version": terminal::JSON_VERSION, "command": "corpus pack", "file": file.to_string(),
            "target": target.map(|target| target.name), "inputs": inputs, "bytes": input_bytes, "changed": changed,
            "merged": merged, "left_out": left_out,
        })),
    }
}

/// The inputs to pack, without duplicates. Each is under the name that a person gave it, or else under a hash.
fn collect(mut inputs: Vec<Input>, target: Option<&Target>) -> (Packed, Counts) {
    let (mut packed, mut counts) = (Packed::default(), Counts::default());
    let mut contents = BTreeSet::new();
    // Named inputs come first: of two equal inputs, the name is kept and not the hash.
    inputs.sort_by_key(|input| plain_name(input).is_none());
    for input in inputs {
        let bytes = target.map_or_else(|| input.bytes.clone(), |target| target.canonical(&input.bytes));
        if bytes.len() > INPUT_BYTES_MAX {
            super::leave_out(&format!("{}: longer than {INPUT_BYTES_MAX} bytes", input.path.display()));
            counts.left_out += 1;
            continue;
        }
        counts.changed += usize::from(bytes != input.bytes);
        let is_new = contents.insert(bytes.clone());
        let free = |name: &&str| packed.inputs.get(*name).is_none_or(|there| *there == bytes);
        let name = plain_name(&input).filter(free).map(str::to_string);
        if name.is_none() && !is_new {
            counts.merged += 1;
            continue;
        }
        packed.inputs.insert(name.unwrap_or_else(|| corpus::hash_name(&bytes)), bytes);
    }
    (packed, counts)
}

/// The name that a person gave an input, if it is valid in a packed corpus.
fn plain_name(input: &Input) -> Option<&str> {
    input.given_name().filter(|name| packed::is_plain_name(name))
}

pub(super) fn unpack(common: &Common, arguments: &Unpack) -> Result<(), Error> {
    let file = arguments.resolve()?;
    let packed = Packed::read(&file)?;
    let folder = &arguments.output;
    // All existing files are checked before the first one is written.
    for (name, bytes) in &packed.inputs {
        is_there(&folder.join(name), bytes)?;
    }
    prepare(folder, "choose another with --output")?;
    let (mut added, mut known) = (0, 0);
    for (name, bytes) in &packed.inputs {
        let path = folder.join(name);
        if is_there(&path, bytes)? {
            known += 1;
            continue;
        }
        let written = files::write_absent(&path, bytes);
        let written = written.map_err(|error| Error::io("write", &path, &error, "choose another with --output"))?;
        if !written {
            return Err(other_content(&path));
        }
        added += 1;
    }
    let (file, folder) = (file.display(), folder.display());
    match common.format {
        Format::Human => {
            terminal::print(&format!("{added} inputs of {file} written to {folder}, {known} were there\n"))
        }
        Format::Compact => terminal::print(&format!("{folder} {added} {known}\n")),
        Format::Json => terminal::print_json(&json!({
            "version": terminal::JSON_VERSION, "command": "corpus unpack", "file": file.to_string(),
            "output": folder.to_string(), "added": added, "known": known,
        })),
    }
}

/// Whether this input is already there. A file with other content is an error.
fn is_there(path: &Path, bytes: &[u8]) -> Result<bool, Error> {
    match path.symlink_metadata() {
        Err(_) => Ok(false),
        Ok(metadata) if metadata.is_file() && read_bounded(path).is_ok_and(|there| there == bytes) => Ok(true),
        Ok(_) => Err(other_content(path)),
    }
}

fn other_content(path: &Path) -> Error {
    Error::usage(format!("{} is there with other content; choose another folder with --output", path.display()))
}
