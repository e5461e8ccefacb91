//! Errors: wrong usage exits with 2, I/O errors with 3. The message is one line that suggests what to do next.

use std::fs::File;

use crate::support::{Failing, directory, failing, vopr};

/// Checks that the arguments give this exit code and one line on standard error that contains `words`.
fn check(arguments: &str, code: i32, words: &str) {
    let here = directory();
    let output = vopr(here.path(), arguments).assert().code(code).get_output().clone();
    let error = String::from_utf8(output.stderr).expect("text");
    assert_eq!(error.lines().count(), 1, "{arguments}: {error}");
    assert!(error.contains(words), "{arguments}: {error}");
    assert!(output.stdout.is_empty(), "{arguments}: nothing on the standard output");
}

#[test]
fn unknown_names_get_the_nearest_suggestion() {
    check("run --scenario basline", 2, "did you mean `baseline`?");
    check("run --scenario qqqq", 2, "`vopr scenarios` lists them");
    check("run --scenario baseline --bug qqqq", 2, "`vopr bugs` lists them");
    check("run --scenario baseline --system vrs", 2, "unknown system `vrs`");
    check("fuzz byzantine_dcv --runs 1", 2, "did you mean `byzantine_dvc`?");
    check("fuzz combined --scenario qqqq --runs 1", 2, "`vopr scenarios` lists them");
    check("repro x --target qqqq", 2, "the targets are");
    check("run --scenario byzantine_dvc", 2, "is a fuzz target; its scenarios are");
    check("run --phase 11", 2, "phases go from 0 to 10");
}

#[test]
fn control_characters_in_names_are_escaped() {
    let here = directory();
    let output = vopr(here.path(), "run --scenario").arg("\u{1b}[2J\nx").assert().code(2).get_output().clone();
    let error = String::from_utf8(output.stderr).expect("text");
    assert_eq!(error.lines().count(), 1);
    assert!(!error.contains('\u{1b}'));
}

#[test]
fn wrong_options_get_the_message_of_clap() {
    let here = directory();
    for arguments in [
        "",
        "no_such_command",
        "run --iterations 0",
        "run --iterations many",
        "run --jobs 0",
        "run --scenario baseline --phase 0",
        "fuzz combined --time 0",
        "fuzz combined --time soon",
        "fuzz",
        "repro",
        "run --format yaml",
    ] {
        vopr(here.path(), arguments).assert().code(2);
    }
}

#[test]
fn files_that_cannot_be_read_or_written_exit_with_3() {
    check("repro missing.kmb", 3, "cannot read missing.kmb");
    check("show missing.kmb", 3, "cannot read missing.kmb");
    check("show .", 3, "cannot read .");
    check("repro missing --target combined", 3, "cannot read missing");
    if cfg!(target_os = "linux") {
        // No directory can be created below a file, not even by root.
        let below = "--output-dir /dev/null/x";
        check(&format!("run --scenario baseline --iterations 1 --save-failures {below}"), 3, "/dev/null/x");
        check(&format!("fuzz combined --runs 1 {below}"), 3, "/dev/null/x");
        check("fuzz combined --runs 1 --corpus /dev/null/x", 3, "--corpus");
        check("run --scenario baseline --iterations 1 --junit-output /dev/full", 3, "cannot write /dev/full");
        check("run --scenario baseline --iterations 1 --junit-output /dev/null/x", 3, "--junit-output");
    }
}

#[test]
fn a_full_disk_behind_the_standard_output_is_an_error_and_a_closed_pipe_is_none() {
    if cfg!(target_os = "linux") {
        let here = directory();
        let full = File::options().write(true).open("/dev/full").expect("a full disk");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_vopr"));
        let status = command.current_dir(&here).arg("scenarios").stdout(full).status().expect("it runs");
        assert_eq!(status.code(), Some(3));
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_vopr"));
        let output = command.arg("scenarios").stdout(writer).output().expect("it runs");
        assert_eq!(output.status.code(), Some(0));
        assert!(output.stderr.is_empty());
    }
}

#[test]
fn damaged_failure_files_exit_with_2() {
    let here = directory();
    let good = std::fs::read(&failing().files[0]).expect("a file");
    let flipped = |index: usize| {
        let mut bytes = good.clone();
        bytes[index] ^= 0x10;
        bytes
    };
    let damaged = [
        (Vec::new(), "not a .kmb file"),
        (b"a text".to_vec(), "not a .kmb file"),
        (good[..20].to_vec(), "cut off"),
        (good[..good.len() - 1].to_vec(), "cut off"),
        (vec![0; (1 << 20) + 1], "larger than"),
        (flipped(0), "not a .kmb file"),
        (flipped(9), "version"),
        (flipped(11), "cut off"),
        (flipped(15), "damaged"),
        (flipped(20), "it was edited"),
        (flipped(60), "damaged"),
        (flipped(good.len() - 1), "damaged"),
    ];
    for (bytes, words) in damaged {
        std::fs::write(here.path().join("damaged.kmb"), bytes).expect("written");
        for command in ["repro", "show"] {
            let arguments = format!("{command} damaged.kmb");
            let output = vopr(here.path(), &arguments).assert().code(2).get_output().clone();
            let error = String::from_utf8(output.stderr).expect("text");
            assert_eq!(error.lines().count(), 1, "{error}");
            assert!(error.contains("damaged.kmb") && error.contains(words), "{words}: {error}");
        }
    }
}

#[test]
fn a_bug_option_is_rejected_for_a_failure_file() {
    let Failing { bug, files, .. } = failing();
    let file = files[0].display();
    check(&format!("repro {file} --bug {bug}"), 2, "--target");
}
