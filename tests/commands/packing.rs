//! `vopr corpus pack` and `unpack`, and campaigns that start from a packed corpus.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use engine::search::packed::Packed;

use crate::support::{directory, json, json_either_way, vopr};

/// The content of each file of a folder, by name.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let content = |entry: &fs::DirEntry| fs::read(entry.path()).expect("a file");
    entries.map(|entry| (entry.file_name().into_string().expect("text"), content(&entry))).collect()
}

/// Checks that the command exits with this code and prints one line on standard error that contains `words`.
fn refused(here: &Path, arguments: &str, code: i32, words: &str) {
    let output = vopr(here, arguments).assert().code(code).get_output().clone();
    let error = String::from_utf8(output.stderr).expect("text");
    assert_eq!(error.lines().count(), 1, "{arguments}: {error}");
    assert!(error.contains(words), "{arguments}: {error}");
    assert!(output.stdout.is_empty(), "{arguments}");
}

fn pack(inputs: &[(&str, &[u8])]) -> Packed {
    Packed { inputs: inputs.iter().map(|(name, input)| ((*name).to_string(), input.to_vec())).collect() }
}

fn write(path: &Path, packed: &Packed) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("it is made");
    fs::write(path, packed.encode().expect("it can be packed")).expect("written");
}

#[test]
fn a_packed_and_unpacked_corpus_reaches_the_same_states() {
    let here = directory();
    let run = |arguments: &str| json(&mut vopr(here.path(), &format!("corpus {arguments} --format json")), 0);
    json_either_way(&mut vopr(here.path(), "fuzz clock --runs 200 --seed 3 --format json"));
    run("import clock --baselines");
    let folder = run("stats clock");
    let packed = run("pack clock --output clock.corpus");
    assert_eq!((&packed["inputs"], &packed["target"]), (&folder["inputs"], &"clock".into()), "{packed}");
    let stats = run("stats clock --corpus clock.corpus");
    assert_eq!((&stats["inputs"], &stats["states"]), (&folder["inputs"], &folder["states"]));
    assert_eq!(stats["bytes"], packed["bytes"]);

    let unpacked = run("unpack clock.corpus --output inputs");
    assert_eq!((&unpacked["added"], &unpacked["known"]), (&folder["inputs"], &0.into()));
    let read = Packed::read(&here.path().join("clock.corpus")).expect("it is read");
    assert_eq!(contents(&here.path().join("inputs")), read.inputs);
    assert!(read.inputs.contains_key("clock_drift"), "what has a name keeps it");
    assert_eq!(run("unpack clock.corpus --output inputs")["known"], folder["inputs"], "a second time adds nothing");

    // The same inputs give the same bytes, from a folder or a packed file, with or without the target.
    for (number, from) in ["inputs", "clock.corpus", "inputs --target clock"].into_iter().enumerate() {
        let again = run(&format!("pack {from} --output again-{number}.corpus"));
        assert_eq!((&again["changed"], &again["merged"], &again["left_out"]), (&0.into(), &0.into(), &0.into()));
        let bytes = |name: &str| fs::read(here.path().join(name)).expect("a file");
        assert_eq!(bytes(&format!("again-{number}.corpus")), bytes("clock.corpus"), "{from}");
    }
    assert_eq!(run("import clock clock.corpus --corpus back")["added"], folder["inputs"]);
    let few = run("minimize clock --corpus clock.corpus --output few");
    assert_eq!(few["after"]["states"], folder["states"]);
    refused(here.path(), "corpus minimize clock --corpus clock.corpus", 2, "--output");
}

#[test]
fn inputs_of_a_target_are_packed_in_canonical_form_and_others_as_they_are() {
    let here = directory();
    let folder = here.path().join("inputs");
    fs::create_dir(&folder).expect("a folder");
    // The decoder reads missing bytes as zeros, ignores unused bytes, and takes the scenario modulo the number of
    // scenarios.
    let header = |scenario: u8, unused: u8| [&[scenario, 0, 0, unused][..], &[0; 12]].concat();
    fs::write(folder.join("short"), [1]).expect("written");
    fs::write(folder.join("0123456789abcdef"), header(0, 7)).expect("written");
    fs::write(folder.join("id:000001,src:000000"), header(0, 9)).expect("written");
    fs::write(folder.join("na me"), header(2, 0)).expect("written");
    fs::write(folder.join("long"), vec![0; 1 << 17]).expect("written");
    let run = |arguments: &str| json(&mut vopr(here.path(), &format!("corpus {arguments} --format json")), 0);
    let as_they_are = run("pack inputs --output plain.corpus");
    assert_eq!(
        (&as_they_are["inputs"], &as_they_are["changed"], &as_they_are["left_out"]),
        (&4.into(), &0.into(), &1.into())
    );
    let canonical = run("pack inputs --target clock --output clock.corpus");
    let counts = ["inputs", "changed", "merged", "left_out"].map(|name| canonical[name].as_u64().expect("a number"));
    // The number of actions in a plan is limited, so in canonical form no input is too long.
    assert_eq!(counts, [4, 4, 1, 0], "{canonical}");
    let inputs = Packed::read(&here.path().join("clock.corpus")).expect("it is read").inputs;
    assert_eq!(inputs["short"], header(1, 0));
    for (name, input) in inputs.iter().filter(|(name, _)| !["short", "long"].contains(&name.as_str())) {
        assert_eq!(*name, blake3::hash(input).to_hex()[..40], "a name that is none becomes the hash");
    }
}

#[test]
fn existing_files_are_never_overwritten() {
    let here = directory();
    let (file, folder) = (here.path().join("x.corpus"), here.path().join("inputs"));
    write(&file, &pack(&[("a", b"1"), ("b", b"2"), ("c", b"3")]));
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("b"), b"other").expect("written");
    refused(here.path(), "corpus unpack x.corpus --output inputs", 2, "inputs/b is there with other content");
    assert_eq!(contents(&folder), [("b".to_string(), b"other".to_vec())].into(), "nothing was written");
    fs::remove_file(folder.join("b")).expect("removed");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("../elsewhere", folder.join("b")).expect("a link");
        refused(here.path(), "corpus unpack x.corpus --output inputs", 2, "inputs/b is there with other content");
        assert!(!here.path().join("elsewhere").exists(), "no link is followed");
    }
}

#[test]
fn untrusted_packed_files_give_one_line_of_error() {
    let here = directory();
    let good = pack(&[("a", &[0; 16]), ("b", &[1; 16])]).encode().expect("it can be packed");
    // The name of the second input becomes `.`, with a valid checksum.
    let mut name = good.clone();
    let at = name.iter().position(|byte| *byte == b'b').expect("the name");
    name[at] = b'.';
    let checksum = crc32fast::hash(&name[18..]);
    name[14..18].copy_from_slice(&checksum.to_le_bytes());
    let flipped = |index: usize| {
        let mut bytes = good.clone();
        bytes[index] ^= 0x10;
        bytes
    };
    let bad = [
        (Vec::new(), "not a packed corpus"),
        (b"a text".to_vec(), "not a packed corpus"),
        (good[..12].to_vec(), "cut off"),
        (good[..good.len() - 1].to_vec(), "cut off"),
        (flipped(8), "use a newer one"),
        (flipped(good.len() - 1), "damaged"),
        (name, "input 2 has a name that is no plain file name"),
    ];
    let file = here.path().join("corpus/clock.corpus");
    fs::create_dir(file.parent().expect("a folder")).expect("it is made");
    for (bytes, words) in bad {
        fs::write(&file, bytes).expect("written");
        refused(here.path(), "corpus unpack clock --output inputs", 2, words);
        refused(here.path(), "corpus stats clock --corpus corpus/clock.corpus", 2, words);
        refused(here.path(), "corpus import clock corpus/clock.corpus --corpus inputs", 2, words);
        refused(here.path(), "corpus pack corpus/clock.corpus --output new.corpus", 2, words);
        refused(here.path(), "fuzz clock --runs 10", 2, words);
        // In a folder it is one file of many, and is left out.
        let import = "corpus import clock corpus --corpus few --format json";
        assert_eq!(json(&mut vopr(here.path(), import), 0)["added"], 0);
    }
    assert!(!here.path().join("new.corpus").exists() && contents(&here.path().join("inputs")).is_empty());
}

#[test]
fn wrong_arguments_suggest_what_to_do() {
    let here = directory();
    refused(here.path(), "corpus unpack clock --output x", 3, "cannot read corpus/clock.corpus");
    refused(here.path(), "corpus unpack clok --output x", 2, "did you mean `clock`?");
    refused(here.path(), "corpus pack clok --output x.corpus", 2, "did you mean `clock`?");
    refused(here.path(), "corpus pack clock --output x.corpus", 3, "cannot read");
    refused(here.path(), "corpus pack . --output x", 2, "NAME.corpus");
    refused(here.path(), "corpus pack . --output x.corpus", 2, "no input to pack");
    fs::write(here.path().join("input"), b"1").expect("written");
    if cfg!(target_os = "linux") {
        refused(here.path(), "corpus pack input --output /dev/null/x.corpus", 3, "--output");
        vopr(here.path(), "corpus pack input --output y.corpus").assert().code(0);
        refused(here.path(), "corpus unpack y.corpus --output /dev/null/x", 3, "--output");
    }
}

/// The corpus of the repository has an input for a fault. A campaign at the root of the repository finds it among its
/// first inputs.
#[test]
fn a_campaign_starts_from_the_packed_corpus_and_removes_temporary_files() {
    let here = directory();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/crash_recovery.corpus");
    let seeds = Packed::read(&shipped).expect("it is read").inputs;
    let packed = Packed { inputs: seeds.into_iter().filter(|(name, _)| name == "view-led-twice").collect() };
    assert_eq!(packed.inputs.len(), 1, "the corpus remembers the fault");
    write(&here.path().join("corpus/crash_recovery.corpus"), &packed);
    let temporary = here.path().join("temporary");
    fs::create_dir(&temporary).expect("a folder");
    let fuzz = "fuzz crash_recovery --bug view-led-twice --runs 2 --seed 1 --no-minimize --format json";
    let value = json(vopr(here.path(), fuzz).env("TMPDIR", &temporary), 1);
    assert_eq!(value["findings"].as_array().map(Vec::len), Some(1), "{value}");
    assert_eq!(contents(&temporary), BTreeMap::new(), "the unpacked inputs are gone");
    // A folder of the user works as well, and so do both at once.
    let folder = here.path().join("corpus/clock");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("mine"), [0; 16]).expect("written");
    write(&here.path().join("corpus/clock.corpus"), &pack(&[("a", &[1; 16]), ("b", &[2; 16])]));
    let value = json_either_way(&mut vopr(here.path(), "fuzz clock --runs 4 --seed 1 --format json"));
    assert_eq!(value["runs"], 4);
    let log = fs::read_to_string(here.path().join("failures/fuzz-clock-0.log")).expect("libFuzzer's words");
    assert!(log.contains("seed corpus: files: 3"), "{log}");
}
