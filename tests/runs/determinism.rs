//! Determinism: the same case gives the same trace in two processes and with any number of jobs.

use crate::support::{directory, json_either_way, stdout, vopr};

#[test]
fn two_processes_agree_on_every_digest() {
    let here = directory();
    let arguments = "digests --scenario all --iterations 10 --seed 5";
    let first = stdout(&mut vopr(here.path(), arguments), 0);
    assert!(first.lines().count() >= 10, "{first}");
    let second = stdout(&mut vopr(here.path(), arguments), 0);
    assert_eq!(first, second);
    let mut digests: Vec<_> = first.lines().filter_map(|line| line.split(' ').nth(2)).collect();
    digests.sort_unstable();
    digests.dedup();
    assert!(digests.len() > first.lines().count() / 2, "other seeds give other traces");
}

#[test]
fn the_result_does_not_depend_on_the_number_of_jobs() {
    let here = directory();
    let report = |jobs: u32| {
        let arguments = format!("run --scenario all --iterations 10 --seed 5 --coverage --format json --jobs {jobs}");
        let mut value = json_either_way(&mut vopr(here.path(), &arguments));
        for scenario in value["scenarios"].as_array_mut().expect("a list") {
            for measured in ["seconds", "runs_per_second", "events_per_second"] {
                scenario[measured] = 0.into();
            }
        }
        value
    };
    assert_eq!(report(1), report(2));
}

/// A system that reads clocks and draws random numbers itself.
#[cfg(feature = "kimberlite")]
#[test]
fn kimberlite_is_deterministic_in_one_process_and_in_two() {
    let here = directory();
    let scenarios =
        "--system kimberlite --scenario baseline --scenario swizzle_clogging --scenario crash_during_view_change";
    let digests = || stdout(&mut vopr(here.path(), &format!("digests {scenarios} --iterations 5 --seed 5")), 0);
    assert_eq!(digests(), digests());
    let arguments = format!("run {scenarios} --iterations 5 --seed 5 --check-determinism --jobs 2 --format json");
    let report = json_either_way(&mut vopr(here.path(), &arguments));
    for scenario in report["scenarios"].as_array().expect("a list") {
        assert_eq!(scenario["unstable_seeds"].as_array().map(Vec::len), Some(0), "{scenario}");
    }
}
