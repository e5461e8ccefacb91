//! Corpora: folders of inputs, one file each, in the format of libFuzzer and AFL++, and packed corpora. Converts `.kmb`
//! files to inputs, and selects the inputs to keep.
//!
//! An input is the byte string that a fuzzer passes in; any bytes are valid. A `.kmb` file can express more than an
//! input (a smaller cluster, times in nanoseconds), so it is converted only if an input with the same meaning exists.

use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};

use sim::{Case, Plan, Verdict, plan::codec};

use crate::base::error::Error;
use crate::base::files;
use crate::cases::kmb::{FILE_BYTES_MAX, Kmb, Origin, read_bounded};
use crate::cases::systems::Engine;
use crate::search::packed::{self, Packed, is_packed};
use crate::search::summary::Slots;
use crate::search::targets::Target;

/// A file of a corpus.
pub struct Input {
    /// The path of the file. For an input in a packed corpus, the path of the corpus followed by the name of the input.
    pub path: PathBuf,
    /// The content of the file.
    pub bytes: Vec<u8>,
}

impl Input {
    /// The name that a person gave the input, if it is text.
    pub fn given_name(&self) -> Option<&str> {
        self.path.file_name().and_then(|name| name.to_str()).filter(|_| self.is_named())
    }

    /// Whether a person named the file. Fuzzers name inputs by a hash of their content, AFL++ by a number
    /// (`id:000000,...`).
    pub fn is_named(&self) -> bool {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let is_hash = name.len() >= 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        !is_hash && !name.starts_with("id:")
    }
}

/// The inputs found in files and folders, sorted by path, and the files that were skipped.
pub struct Found {
    /// The inputs.
    pub inputs: Vec<Input>,
    /// One line with the reason for each skipped file.
    pub skipped: Vec<String>,
}

impl Found {
    /// Adds the inputs of a packed corpus.
    fn add_packed(&mut self, path: &Path, packed: Packed) {
        let inputs = packed.inputs.into_iter();
        self.inputs.extend(inputs.map(|(name, bytes)| Input { path: path.join(name), bytes }));
    }

    /// Adds a file as one input.
    fn add_file(&mut self, path: PathBuf) {
        match read_bounded(&path) {
            Ok(bytes) if bytes.len() > FILE_BYTES_MAX => {
                self.skipped.push(format!("{}: larger than {FILE_BYTES_MAX} bytes", path.display()));
            }
            Ok(bytes) => self.inputs.push(Input { path, bytes }),
            Err(error) => self.skipped.push(format!("{}: {error}", path.display())),
        }
    }
}

/// Reads these files and the files in these folders. Does not descend into subfolders, and skips hidden files and
/// AFL++'s `README.txt`. For a packed corpus, reads the inputs in it.
pub fn read(paths: &[PathBuf]) -> Result<Found, Error> {
    let failed = |path: &Path, error: &std::io::Error| Error::io("read", path, error, "check the path");
    let mut found = Found { inputs: Vec::new(), skipped: Vec::new() };
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let entries = path.read_dir().and_then(Iterator::collect::<Result<Vec<_>, _>>);
            let entries = entries.map_err(|error| failed(path, &error))?;
            let kept = |name: &std::ffi::OsStr| !name.as_encoded_bytes().starts_with(b".") && name != "README.txt";
            files.extend(entries.iter().filter(|entry| kept(&entry.file_name())).map(std::fs::DirEntry::path));
        } else if is_packed(path) {
            found.add_packed(path, Packed::read(path)?);
        } else {
            // A path that the user gave must exist.
            path.metadata().map_err(|error| failed(path, &error))?;
            files.push(path.clone());
        }
    }
    files.sort();
    files.dedup();
    for path in files {
        // Reading a pipe or a device in a folder would not terminate.
        if path.is_dir() || path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            continue;
        }
        if is_packed(&path) {
            match Packed::read(&path) {
                Ok(packed) => found.add_packed(&path, packed),
                Err(error) => found.skipped.push(error.to_string()),
            }
        } else {
            found.add_file(path);
        }
    }
    found.inputs.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

/// The path of a target's packed seed corpus, relative to the root of the repository.
pub fn seeds_of(target: &str) -> PathBuf {
    Path::new("corpus").join(format!("{target}.{}", packed::EXTENSION))
}

/// The name of an input that has no other name: a hash of its content.
pub fn hash_name(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..40].to_string()
}

/// Writes an input into a corpus, under this name or else under a hash of its content, as libFuzzer does. Returns
/// whether it is new there.
pub fn add(corpus: &Path, name: Option<&str>, bytes: &[u8]) -> std::io::Result<bool> {
    let path = corpus.join(name.map_or_else(|| hash_name(bytes), str::to_string));
    if read_bounded(&path).is_ok_and(|there| there == bytes) {
        return Ok(false);
    }
    files::write_named(&path, bytes)?;
    Ok(true)
}

/// The input that decodes to exactly this case, or the reason why there is none.
pub fn express(target: &Target, kmb: &Kmb) -> Result<Vec<u8>, String> {
    let case = &kmb.case;
    let means_it = |input: &[u8]| target.case(&case.bugs, input) == *case;
    if let Origin::Fuzz { input, .. } = &kmb.origin
        && means_it(input)
    {
        return Ok(input.clone());
    }
    let plans = plans(target, case)?;
    if let Some(input) = plans.iter().map(codec::encode).find(|input| means_it(input)) {
        return Ok(input);
    }
    let nearest = target.case(&case.bugs, &codec::encode(&plans[0]));
    Err(if nearest.config != case.config {
        "its cluster or workload is not that of the scenario, as in many a minimized file".to_string()
    } else if nearest.liars != case.liars || nearest.marks != case.marks {
        "its liars or marks are not those of the scenario".to_string()
    } else {
        let differ = |(one, other): (&sim::Action, &sim::Action)| one != other;
        let index = nearest.actions.iter().zip(&case.actions).position(differ);
        let index = index.unwrap_or(nearest.actions.len().min(case.actions.len()));
        format!("an input cannot say its action {} as it is", index + 1)
    })
}

/// The number of seeds tried for a case whose own seed does not fit into an input.
const SEEDS_TRIED: u32 = 200;

/// An input close to the case that still breaks the same invariant with the bugs of the file, or the reason why there
/// is none. The smallest is tried first: an input for the minimized actions, then the one that the fuzzer wrote.
pub fn nearest(target: &Target, kmb: &Kmb) -> Result<Vec<u8>, String> {
    let case = &kmb.case;
    let expected = kmb.expected.as_ref().ok_or("it expects no violation")?;
    let plans = |seed: u64| plans(target, &Case { seed, ..case.clone() });
    let mut inputs: Vec<_> = plans(u64::from(case.seed as u32))?.iter().map(codec::encode).collect();
    if let Origin::Fuzz { target: name, input } = &kmb.origin
        && *name == target.name
    {
        inputs.push(input.clone());
    }
    if u32::try_from(case.seed).is_err() {
        for seed in 0..SEEDS_TRIED {
            inputs.extend(plans(seed.into())?.iter().map(codec::encode));
        }
    }
    let mut engine = Engine::new(target.system);
    let breaks = |input: &Vec<u8>| {
        let verdict = engine.run(&target.case(&case.bugs, input), false).verdict;
        matches!(verdict, Verdict::Violated(violation) if violation.invariant == expected.invariant)
    };
    inputs.into_iter().find(breaks).ok_or(format!("no input near to it breaks {}", expected.invariant))
}

/// The plans that could decode to a case: one with its actions alone, and one with the actions that follow the
/// scenario's own.
fn plans(target: &Target, case: &Case) -> Result<Vec<Plan>, String> {
    if case.system != target.system.name {
        return Err(format!("it is about system {}", case.system));
    }
    let index = target.choice.scenarios().iter().position(|scenario| scenario.name == case.scenario);
    let index = index.ok_or_else(|| format!("the target has no scenario {}", case.scenario))?;
    let seed = u32::try_from(case.seed).map_err(|_| "its seed does not fit into an input".to_string())?;
    let liar = case.liars.iter().next().map_or(0, |liar| liar.0);
    let scenario = target.choice.byte(index);
    let plan = |bare, actions: &[sim::Action]| Plan { scenario, bare, seed, liar, actions: actions.to_vec() };
    let mut plans = vec![plan(true, &case.actions)];
    let own = target.choice.scenarios()[index].planned_case(target.system.name, &[], &plan(false, &[])).actions;
    plans.extend(case.actions.strip_prefix(own.as_slice()).map(|overlay| plan(false, overlay)));
    Ok(plans)
}

/// The coverage of an input and the cost of keeping it.
pub struct Weighed {
    /// The slots of the coverage map.
    pub slots: Vec<u32>,
    /// Its length in bytes.
    pub bytes: usize,
    /// Whether it is kept unconditionally.
    pub kept: bool,
}

/// The indices, in order, of inputs that together reach all slots, or as many as fit into `bytes_max`. This is the
/// greedy weighted set cover: the input with the most new slots per byte is chosen first. The result is deterministic.
pub fn cover(inputs: &[Weighed], bytes_max: usize) -> Vec<usize> {
    let mut reached = Slots::default();
    let mut chosen: Vec<usize> = (0..inputs.len()).filter(|index| inputs[*index].kept).collect();
    let mut bytes: usize = chosen.iter().map(|index| inputs[*index].bytes).sum();
    chosen.iter().flat_map(|index| &inputs[*index].slots).for_each(|slot| {
        reached.insert(*slot);
    });
    // New slots per byte, in millionths; ties go to the first input. A gain can only shrink as others are chosen, so an
    // input whose gain still equals the value in the heap has the largest gain.
    let worth = |index: usize, reached: &Slots| {
        let new = inputs[index].slots.iter().filter(|slot| !reached.has(**slot)).count();
        (new * 1_000_000).div_ceil(inputs[index].bytes.max(1))
    };
    let others = (0..inputs.len()).filter(|index| !inputs[*index].kept);
    let mut heap: BinaryHeap<_> = others.map(|index| (worth(index, &reached), std::cmp::Reverse(index))).collect();
    while let Some((expected, std::cmp::Reverse(index))) = heap.pop() {
        let now = worth(index, &reached);
        if now == 0 || bytes + inputs[index].bytes > bytes_max {
            continue;
        }
        if now < expected {
            heap.push((now, std::cmp::Reverse(index)));
            continue;
        }
        bytes += inputs[index].bytes;
        chosen.push(index);
        inputs[index].slots.iter().for_each(|slot| {
            reached.insert(*slot);
        });
    }
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weighed(slots: &[u32], bytes: usize) -> Weighed {
        Weighed { slots: slots.to_vec(), bytes, kept: false }
    }

    #[test]
    fn a_cover_reaches_everything_with_the_cheapest_inputs() {
        let inputs = [
            weighed(&[1, 2, 3], 300),
            weighed(&[1], 10),
            weighed(&[2], 10),
            weighed(&[3], 10),
            weighed(&[3], 10),
            weighed(&[4], 1000),
            weighed(&[], 1),
        ];
        assert_eq!(cover(&inputs, usize::MAX), [1, 2, 3, 5], "the long one that reaches all three is dearer");
        assert_eq!(cover(&inputs, 100), [1, 2, 3], "what does not fit is left out");
        assert_eq!(cover(&[], 100), [0; 0]);
    }

    #[test]
    fn kept_inputs_are_always_chosen_and_their_slots_count_as_reached() {
        let mut inputs = [weighed(&[1, 2], 500), weighed(&[1], 1), weighed(&[3], 5)];
        inputs[0].kept = true;
        assert_eq!(cover(&inputs, 505), [0, 2]);
        assert_eq!(cover(&inputs, 0), [0]);
    }

    #[test]
    fn names_by_people_are_distinguished_from_names_by_fuzzers() {
        let named = |name: &str| Input { path: name.into(), bytes: Vec::new() }.is_named();
        assert!(named("x/baseline") && named("header-before-entry") && named("abc"));
        assert!(!named("x/da39a3ee5e6b4b0d3255bfef95601890afd80709") && !named("id:000003,src:000001,op:havoc"));
    }

    #[test]
    fn a_case_converts_to_an_input_or_to_the_reason_why_not() {
        let system = &crate::cases::systems::SYSTEMS[0];
        let target = Target::find(system, "crash_recovery", None).unwrap();
        let kmb = |case: Case| Kmb::new(case, "1", Origin::Run { seed: 1, scenario: "x".into() }, None);
        let action = codec::decode_action(&[7; 16]);
        for bare in [true, false] {
            let plan = Plan { scenario: 1, bare, seed: 5, liar: 0, actions: vec![action] };
            let case = target.case(&[], &codec::encode(&plan));
            let input = express(&target, &kmb(case.clone())).unwrap();
            assert_eq!(target.case(&[], &input), case, "bare: {bare}");
        }
        let case = target.case(&[], &[]);
        let why = |change: &dyn Fn(&mut Case)| {
            let mut case = case.clone();
            change(&mut case);
            express(&target, &kmb(case)).unwrap_err()
        };
        assert!(why(&|case| case.scenario = "clock_drift".into()).contains("no scenario clock_drift"));
        assert!(why(&|case| case.config.workload.requests += 1).contains("workload"));
        assert!(why(&|case| case.seed = 1 << 40).contains("seed"));
        assert!(why(&|case| case.system = "raft".into()).contains("system raft"));
        let odd = sim::Action { when: sim::When::At(1), ..action };
        assert!(why(&|case| case.actions.insert(0, odd)).contains("action 1"), "a nanosecond is no unit of an input");
    }
}
