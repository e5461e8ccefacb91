//! The runs in docs/findings that led to the findings in raft and omnipaxos. Each still breaks the same invariant, and
//! a version without the fault passes the same plan. (Versions that need their own workspace are tested there as well;
//! `.ci/run` tests the runs of kimberlite.)

use std::path::Path;

use engine::cases::kmb::Kmb;
use omnipaxos_system::{OmniPaxos, OmniPaxosStrict};
use raft_system::{Raft, RaftAlpha};
use sim::{Case, System, Verdict, World};

/// The failure files in a folder of docs/findings.
fn files(folder: &str) -> Vec<(String, Kmb)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/findings").join(folder);
    let mut files: Vec<_> = folder.read_dir().expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "kmb"));
    assert!(!files.is_empty(), "{} has some", folder.display());
    files.into_iter().map(|file| (file.display().to_string(), Kmb::read(&file).expect("a failure file"))).collect()
}

/// Runs the case with this system.
fn run<S: System>(kmb: &Kmb) -> Verdict {
    let case = Case { system: S::NAME.to_string(), ..kmb.case.clone() };
    World::<S>::new().run(&case, false).verdict
}

/// Checks that each run in the folder breaks the expected invariant in `Found`, and none in `Fixed`.
fn check_found_and_fixed<Found: System, Fixed: System>(folder: &str) {
    for (name, kmb) in files(folder) {
        assert_eq!(kmb.case.system, Found::NAME, "{name}");
        let expected = kmb.expected.as_ref().expect("a violation");
        match run::<Found>(&kmb) {
            Verdict::Violated(violation) => assert!(expected.matches(&violation), "{name}: {violation:?}"),
            verdict => panic!("{name}: {verdict:?}"),
        }
        let verdict = run::<Fixed>(&kmb);
        assert!(!matches!(verdict, Verdict::Violated(_)), "{name}, {}: {verdict:?}", Fixed::NAME);
    }
}

#[test]
fn the_run_of_raft_shows_its_bug_and_the_fixed_version_passes() {
    check_found_and_fixed::<RaftAlpha, Raft>("raft-0.6.0-alpha");
}

#[test]
fn the_runs_of_omnipaxos_break_only_the_strict_variant() {
    check_found_and_fixed::<OmniPaxosStrict, OmniPaxos>("omnipaxos-0.2.4");
}

#[test]
fn the_runs_of_earlier_versions_of_omnipaxos_pass() {
    for folder in ["omnipaxos-0.2.0", "omnipaxos-0.2.2"] {
        for (name, kmb) in files(folder) {
            assert_eq!(kmb.case.system, folder, "{name}");
            let verdict = run::<OmniPaxos>(&kmb);
            assert!(!matches!(verdict, Verdict::Violated(_)), "{name}: {verdict:?}");
        }
    }
}
