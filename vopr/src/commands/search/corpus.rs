//! `vopr corpus`: imports and exports the inputs of a fuzz target, minimizes a corpus, and reports what it reaches.

mod packing;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;
use sim::observers::coverage::REGIONS;
use sim::{Plan, plan::codec};

use crate::arguments::{Common, Format, OutputDirectory, SystemArguments};
use engine::base::error::Error;
use engine::base::exit;
use engine::base::files::prepare;
use engine::base::terminal;
use engine::base::terminal::{DOUBTFUL, Progress, grouped, styled, tell};
use engine::cases::kmb::{Kmb, Origin};
use engine::cases::systems::Engine;
use engine::search::corpus;
use engine::search::corpus::{Input, Weighed};
use engine::search::packed::is_packed;
use engine::search::summary::Slots;
use engine::search::targets::Target;

/// What `vopr corpus` does.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Add inputs of other corpora and of failure files; what is there already is not added again
    Import(Import),
    /// Write each input as a failure file, without running it; also what a fuzzer left when a target died
    Export(Export),
    /// Keep few inputs that reach the same protocol states, and those that have a name
    Minimize(Minimize),
    /// Count inputs, bytes, scenarios and the protocol states that are reached
    Stats(Stats),
    /// Write the inputs of a folder into one file, those of a fuzz target in their canonical form
    Pack(packing::Pack),
    /// Write the inputs of a packed file into a folder, as libFuzzer, AFL++ and others read them
    Unpack(packing::Unpack),
}

/// Selects a corpus.
#[derive(Args)]
struct Place {
    /// The fuzz target, or a scenario that stands for one
    target: String,
    /// The corpus, a folder or, to read from, a packed file [default: <output-dir>/corpus/<target>, as for `vopr fuzz`]
    #[arg(long, value_name = "DIR")]
    corpus: Option<PathBuf>,
    #[command(flatten)]
    output_directory: OutputDirectory,
    #[command(flatten)]
    system: SystemArguments,
}

/// The arguments of `vopr corpus import`.
#[derive(Args)]
pub(crate) struct Import {
    #[command(flatten)]
    place: Place,
    /// Inputs, .kmb files, packed corpora, and folders of them, such as the queue of AFL++
    from: Vec<PathBuf>,
    /// An input for each scenario of the target, too, named after it: its own faults alone
    #[arg(long)]
    baselines: bool,
    /// Where no input says what a .kmb file does, take one near to it that still breaks the same invariant
    #[arg(long)]
    nearest: bool,
}

/// The arguments of `vopr corpus export`.
#[derive(Args)]
pub(crate) struct Export {
    #[command(flatten)]
    place: Place,
    /// Inputs and folders of them [default: the corpus]
    from: Vec<PathBuf>,
}

/// The arguments of `vopr corpus minimize`.
#[derive(Args)]
pub(crate) struct Minimize {
    #[command(flatten)]
    place: Place,
    /// Where the few are written [default: all others are removed from the corpus]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// At most so many bytes, those that reach most for their length first; inputs with a name stay in any case
    #[arg(long, value_name = "N")]
    bytes_max: Option<usize>,
}

/// The arguments of `vopr corpus stats`.
#[derive(Args)]
pub(crate) struct Stats {
    #[command(flatten)]
    place: Place,
}

/// Runs the command.
pub(crate) fn run(common: &Common, command: &Command) -> Result<u8, Error> {
    match command {
        Command::Import(arguments) => import(common, arguments)?,
        Command::Export(arguments) => export(common, arguments)?,
        Command::Minimize(arguments) => minimize(common, arguments)?,
        Command::Stats(arguments) => stats(common, arguments)?,
        Command::Pack(arguments) => packing::pack(common, arguments)?,
        Command::Unpack(arguments) => packing::unpack(common, arguments)?,
    }
    Ok(exit::CLEAN)
}

/// A corpus with its target and bugs resolved.
struct Resolved {
    target: Target,
    bugs: Vec<String>,
    folder: PathBuf,
}

impl Place {
    fn resolve(&self) -> Result<Resolved, Error> {
        let (system, bugs) = self.system.resolve()?;
        let target = Target::find(system, &self.target, None)?;
        let folder = self.corpus.clone();
        let folder = folder.unwrap_or_else(|| self.output_directory.path.join("corpus").join(&target.name));
        Ok(Resolved { target, bugs, folder })
    }
}

/// Reads inputs, and reports what was skipped.
fn read(paths: &[PathBuf]) -> Result<Vec<Input>, Error> {
    let found = corpus::read(paths)?;
    found.skipped.iter().for_each(|line| leave_out(line));
    Ok(found.inputs)
}

fn leave_out(line: &str) {
    tell(&format!("{} left out: {}", styled(DOUBTFUL, "warning:"), line.escape_debug()));
}

fn write(folder: &Path, name: Option<&str>, bytes: &[u8]) -> Result<bool, Error> {
    corpus::add(folder, name, bytes)
        .map_err(|error| Error::io("write to", folder, &error, "make room, or choose another"))
}

fn import(common: &Common, arguments: &Import) -> Result<(), Error> {
    let Resolved { target, folder, .. } = arguments.place.resolve()?;
    if arguments.from.is_empty() && !arguments.baselines {
        return Err(Error::usage("nothing to import; name inputs, .kmb files or folders, or --baselines"));
    }
    prepare(&folder, "choose another with --corpus")?;
    let (mut added, mut known, mut left_out) = (0, 0, 0);
    let mut count = |new: bool| *(if new { &mut added } else { &mut known }) += 1;
    if arguments.baselines {
        for (index, scenario) in target.choice.scenarios().iter().enumerate() {
            let input = codec::encode(&Plan { scenario: target.choice.byte(index), ..Plan::default() });
            count(write(&folder, Some(scenario.name), &input)?);
        }
    }
    for Input { path, bytes } in read(&arguments.from)? {
        if path.extension().is_none_or(|extension| extension != "kmb") {
            count(write(&folder, None, &bytes)?);
            continue;
        }
        let expressed = Kmb::decode(&bytes).map_err(|error| error.to_string()).and_then(|kmb| {
            let exactly = corpus::express(&target, &kmb);
            exactly.or_else(|why| if arguments.nearest { corpus::nearest(&target, &kmb) } else { Err(why) })
        });
        match expressed {
            Ok(input) => count(write(&folder, path.file_stem().and_then(|stem| stem.to_str()), &input)?),
            Err(why) => {
                left_out += 1;
                leave_out(&format!("{}: {why}", path.display()));
            }
        }
    }
    let folder = folder.display();
    match common.format {
        Format::Human => {
            terminal::print(&format!("{added} inputs added to {folder}, {known} were there, {left_out} left out\n"))
        }
        Format::Compact => terminal::print(&format!("{} {added} {known} {left_out}\n", target.name)),
        Format::Json => terminal::print_json(&json!({
            "version": terminal::JSON_VERSION, "command": "corpus import", "target": target.name,
            "corpus": folder.to_string(), "added": added, "known": known, "left_out": left_out,
        })),
    }
}

fn export(common: &Common, arguments: &Export) -> Result<(), Error> {
    let Resolved { target, bugs, folder } = arguments.place.resolve()?;
    let output = &arguments.place.output_directory;
    output.prepare()?;
    let from = if arguments.from.is_empty() { vec![folder] } else { arguments.from.clone() };
    let mut written = Vec::new();
    for Input { path, bytes } in read(&from)? {
        let case = target.case(&bugs, &bytes);
        let origin = Origin::Fuzz { target: target.name.clone(), input: bytes };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let plain = |letter: char| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '-' };
        let stem: String = name.chars().map(plain).take(100).collect();
        let kmb = Kmb::new(case, target.system.version, origin, None);
        match kmb.encode() {
            // An input that is too long for a file is not an input of a plan.
            Ok(_) if !kmb.is_readable() => leave_out(&format!("{}: too long for an input", path.display())),
            Ok(bytes) => {
                let file = engine::base::files::write_new(&output.path, &stem, "kmb", &bytes);
                let next = "make room, or choose another with --output-dir";
                written.push(file.map_err(|error| Error::io("write to", &output.path, &error, next))?);
            }
            Err(error) => leave_out(&format!("{}: {error}", path.display())),
        }
    }
    match common.format {
        Format::Json => terminal::print_json(&json!({
            "version": terminal::JSON_VERSION, "command": "corpus export", "target": target.name, "files": written,
        })),
        Format::Compact | Format::Human => {
            let mut text = String::new();
            for file in &written {
                let _ = writeln!(text, "{}", file.display());
            }
            terminal::print(&text)
        }
    }
}

/// Runs all inputs of a corpus. Returns the inputs, and the slots that each reaches.
fn measure(corpus: &Resolved) -> Result<(Vec<Input>, Vec<Vec<u32>>), Error> {
    let mut inputs = read(std::slice::from_ref(&corpus.folder))?;
    // Sorts by content, because the same input may have other names in other corpora.
    inputs.sort_by(|one, other| {
        (one.bytes.len(), &one.bytes, &one.path).cmp(&(other.bytes.len(), &other.bytes, &other.path))
    });
    let mut engine = Engine::new(corpus.target.system);
    let mut progress = Progress::new(inputs.len() as u64);
    let mut reached = Vec::with_capacity(inputs.len());
    for (number, input) in (1..).zip(&inputs) {
        engine.run(&corpus.target.case(&corpus.bugs, &input.bytes), false);
        reached.push(engine.reached().to_vec());
        progress.set(number, || format!("{number} of {} inputs", inputs.len()));
    }
    Ok((inputs, reached))
}

fn slots(reached: &[Vec<u32>]) -> Slots {
    let mut slots = Slots::default();
    reached.iter().flatten().for_each(|slot| {
        slots.insert(*slot);
    });
    slots
}

fn minimize(common: &Common, arguments: &Minimize) -> Result<(), Error> {
    let corpus = arguments.place.resolve()?;
    if arguments.output.is_none() && is_packed(&corpus.folder) {
        let folder = corpus.folder.display();
        return Err(Error::usage(format!(
            "{folder} is packed and stays as it is; write the few elsewhere with --output"
        )));
    }
    let (inputs, reached) = measure(&corpus)?;
    let states = slots(&reached).count();
    let weighed: Vec<_> = inputs
        .iter()
        .zip(reached)
        .map(|(input, slots)| Weighed { slots, bytes: input.bytes.len(), kept: input.is_named() })
        .collect();
    let chosen = corpus::cover(&weighed, arguments.bytes_max.unwrap_or(usize::MAX));
    if let Some(output) = &arguments.output {
        prepare(output, "choose another with --output")?;
        for index in &chosen {
            let input = &inputs[*index];
            write(output, input.given_name(), &input.bytes)?;
        }
    } else {
        // All inputs that stay are known before the first one is removed.
        for (_, input) in (0..).zip(&inputs).filter(|(index, _)| chosen.binary_search(index).is_err()) {
            let removed = std::fs::remove_file(&input.path);
            removed
                .map_err(|error| Error::io("remove", &input.path, &error, "write the few elsewhere with --output"))?;
        }
    }
    let kept: Vec<Vec<u32>> = chosen.iter().map(|index| weighed[*index].slots.clone()).collect();
    let kept_states = slots(&kept).count();
    let bytes_before: usize = weighed.iter().map(|input| input.bytes).sum();
    let bytes: usize = chosen.iter().map(|index| weighed[*index].bytes).sum();
    let folder = arguments.output.as_ref().unwrap_or(&corpus.folder).display();
    match common.format {
        Format::Human => terminal::print(&format!(
            "{}: {} of {} inputs, {} of {} bytes, {} of {} states: {folder}\n",
            corpus.target.name,
            grouped(chosen.len() as u64),
            grouped(inputs.len() as u64),
            grouped(bytes as u64),
            grouped(bytes_before as u64),
            grouped(kept_states as u64),
            grouped(states as u64),
        )),
        Format::Compact => terminal::print(&format!("{} {} {bytes} {kept_states}\n", corpus.target.name, chosen.len())),
        Format::Json => terminal::print_json(&json!({
            "version": terminal::JSON_VERSION, "command": "corpus minimize", "target": corpus.target.name,
            "corpus": folder.to_string(),
            "before": { "inputs": inputs.len(), "bytes": bytes_before, "states": states },
            "after": { "inputs": chosen.len(), "bytes": bytes, "states": kept_states },
        })),
    }
}

fn stats(common: &Common, arguments: &Stats) -> Result<(), Error> {
    let corpus = arguments.place.resolve()?;
    let (inputs, reached) = measure(&corpus)?;
    let (folder, slots) = (corpus.folder.display(), slots(&reached));
    let bytes: usize = inputs.iter().map(|input| input.bytes.len()).sum();
    let regions = REGIONS.map(|region| {
        let reached = (region.start..region.start + region.size).filter(|slot| slots.has(*slot)).count();
        (region.name, reached, region.size)
    });
    let mut scenarios: BTreeMap<_, u64> =
        corpus.target.choice.scenarios().iter().map(|it| (it.name.to_string(), 0)).collect();
    for input in &inputs {
        *scenarios.entry(corpus.target.case(&corpus.bugs, &input.bytes).scenario).or_default() += 1;
    }
    match common.format {
        Format::Json => terminal::print_json(&json!({
            "version": terminal::JSON_VERSION, "command": "corpus stats", "target": corpus.target.name,
            "corpus": folder.to_string(), "inputs": inputs.len(), "bytes": bytes, "states": slots.count(),
            "regions": regions.map(|(name, reached, size)| json!({ "name": name, "reached": reached, "size": size })),
            "scenarios": scenarios,
        })),
        Format::Compact => {
            terminal::print(&format!("{} {} {bytes} {}\n", corpus.target.name, inputs.len(), slots.count()))
        }
        Format::Human => {
            let mut text = format!(
                "{}: {} inputs, {} bytes, {} states in {folder}\n",
                corpus.target.name,
                grouped(inputs.len() as u64),
                grouped(bytes as u64),
                grouped(slots.count() as u64)
            );
            let mut table = terminal::table(&["states", "reached", "slots"]);
            for (name, reached, size) in regions {
                table.add_row([name, &grouped(reached as u64), &grouped(size.into())]);
            }
            let _ = writeln!(text, "{table}");
            let mut table = terminal::table(&["scenario", "inputs"]);
            for (name, count) in scenarios {
                table.add_row([name, grouped(count)]);
            }
            terminal::print(&format!("{text}{table}\n"))
        }
    }
}
