//! Corpora: folders of inputs, one file each, as libFuzzer and AFL++ keep them, and packed ones. What comes in, what can be
//! left out.
//!
//! An input is what a fuzzer hands over: any bytes at all. A `.kmb` file says more than an input can (a smaller cluster,
//! times to the nanosecond), so it becomes an input only where that means the same case.

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
    /// Where it is; of an input in a packed corpus, the path of that and the input's name.
    pub path: PathBuf,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Input {
    /// The name that somebody gave it, if it is text.
    pub fn given_name(&self) -> Option<&str> {
        self.path.file_name().and_then(|name| name.to_str()).filter(|_| self.is_named())
    }

    /// Whether somebody gave it a name. Fuzzers name inputs by a hash of their content, AFL++ by a number (`id:000000,...`).
    pub fn is_named(&self) -> bool {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let is_hash = name.len() >= 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        !is_hash && !name.starts_with("id:")
    }
}

/// What was found in files and folders: the inputs by path, and what was left out, with the reason.
pub struct Found {
    /// The inputs.
    pub inputs: Vec<Input>,
    /// One line for each file that is none.
    pub skipped: Vec<String>,
}

impl Found {
    /// Takes in the inputs of a packed corpus.
    fn add_packed(&mut self, path: &Path, packed: Packed) {
        let inputs = packed.inputs.into_iter();
        self.inputs.extend(inputs.map(|(name, bytes)| Input { path: path.join(name), bytes }));
    }

    /// Takes in a file as it is.
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

/// Reads these files, and the files of these folders: not what is below, nor what is hidden, nor AFL++'s `README.txt`. Of a
/// packed corpus it reads what is in it.
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
            // A name that the user gave has to be there.
            path.metadata().map_err(|error| failed(path, &error))?;
            files.push(path.clone());
        }
    }
    files.sort();
    files.dedup();
    for path in files {
        // A pipe or a device in a folder would never end.
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

/// The packed seed corpus of a target, from the root of the repository.
pub fn seeds_of(target: &str) -> PathBuf {
    Path::new("corpus").join(format!("{target}.{}", packed::EXTENSION))
}

/// The name under which an input of this content is kept, if it has no other.
pub fn hash_name(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..40].to_string()
}

/// Writes an input into a corpus, under a hash of its content as libFuzzer does, or under this name; whether it is new there.
pub fn add(corpus: &Path, name: Option<&str>, bytes: &[u8]) -> std::io::Result<bool> {
    let path = corpus.join(name.map_or_else(|| hash_name(bytes), str::to_string));
    if read_bounded(&path).is_ok_and(|there| there == bytes) {
        return Ok(false);
    }
    files::write_named(&path, bytes)?;
    Ok(true)
}

/// The input that means just this case, if there is one; else why not, in words.
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

/// How many seeds are tried for a case whose own does not fit into an input.
const SEEDS_TRIED: u32 = 200;

/// An input near to the case that still breaks the same invariant with the bugs of the file; else why there is none. The
/// smallest goes first: an input for the minimized actions, then the one that the fuzzer wrote.
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

/// The plans that could mean a case: its actions alone, and those that follow the scenario's own.
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

/// What one input reaches, and what it costs to keep.
pub struct Weighed {
    /// The slots of the coverage map.
    pub slots: Vec<u32>,
    /// Its length in bytes.
    pub bytes: usize,
    /// Whether it stays in any case.
    pub kept: bool,
}

/// The indices, in order, of inputs that together reach what all do, or as much of it as fits into `bytes_max`: the greedy
/// weighted set cover, most new slots a byte first. The same inputs in the same order always give the same.
pub fn cover(inputs: &[Weighed], bytes_max: usize) -> Vec<usize> {
    let mut reached = Slots::default();
    let mut chosen: Vec<usize> = (0..inputs.len()).filter(|index| inputs[*index].kept).collect();
    let mut bytes: usize = chosen.iter().map(|index| inputs[*index].bytes).sum();
    chosen.iter().flat_map(|index| &inputs[*index].slots).for_each(|slot| {
        reached.insert(*slot);
    });
    // New slots a byte, in millionths; of equals the first. A gain only shrinks as others are chosen, so one that still is
    // what the heap says is the largest.
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
    fn what_is_kept_counts_as_reached_and_is_kept_whatever_it_costs() {
        let mut inputs = [weighed(&[1, 2], 500), weighed(&[1], 1), weighed(&[3], 5)];
        inputs[0].kept = true;
        assert_eq!(cover(&inputs, 505), [0, 2]);
        assert_eq!(cover(&inputs, 0), [0]);
    }

    #[test]
    fn names_that_people_gave_are_told_from_those_of_fuzzers() {
        let named = |name: &str| Input { path: name.into(), bytes: Vec::new() }.is_named();
        assert!(named("x/baseline") && named("header-before-entry") && named("abc"));
        assert!(!named("x/da39a3ee5e6b4b0d3255bfef95601890afd80709") && !named("id:000003,src:000001,op:havoc"));
    }

    #[test]
    fn a_case_that_an_input_can_say_comes_back_as_one_that_means_it_and_others_say_why_not() {
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
