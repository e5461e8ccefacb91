//! Tests of the mutator.

use scenarios::{FuzzTarget, ScenarioType};
use sim::When;
use sim::base::time::MILLISECOND;
use sim::observers::coverage::{MAP_SIZE, depth};

use super::*;

fn choice() -> Choice {
    let target = FuzzTarget {
        name: "three",
        description: "",
        scenarios: &[ScenarioType::ByzantineInflatedCommit, ScenarioType::CrashDuringCommit, ScenarioType::Baseline],
        frozen: 3,
    };
    Choice::of_target(&target, |kind| Some(kind.create_scenario())).expect("three scenarios")
}

/// A plan of random bytes for the first scenario, encoded as an input.
fn input(seed: u64, actions: usize) -> Vec<u8> {
    let mut draw = Draw::new(seed, "input");
    let mut bytes: Vec<u8> = (0..(1 + actions) * RECORD_BYTES).map(|_| draw.below(256) as u8).collect();
    bytes[0] = 0;
    codec::encode(&codec::decode(&bytes))
}

/// A stand-in for libFuzzer's own mutation. Its output differs from every output of the mutator.
fn bytes(data: &mut [u8], _size: usize, _max_size: usize) -> usize {
    data[0] = 0xAB;
    1
}

fn mutated(mutator: &mut Mutator, input: &[u8], max_size: usize, seed: u32) -> Vec<u8> {
    let mut data = input.to_vec();
    data.resize(max_size.max(input.len()), 0xFF);
    let size = mutator.mutate(&mut data, input.len(), max_size, seed, bytes);
    assert!(size > 0 && size <= max_size, "{size} of {max_size}");
    data.truncate(size);
    data
}

/// A mutator that makes only one kind of change.
fn only(change: Change) -> Mutator {
    let others: Vec<Change> = Change::ALL.into_iter().filter(|other| *other != change).collect();
    Mutator::new(&choice()).without(&others)
}

#[test]
fn mutations_depend_on_the_seed_alone() {
    let input = input(1, 5);
    let all = |seeds: std::ops::Range<u32>| -> Vec<Vec<u8>> {
        let mut mutator = Mutator::new(&choice());
        seeds.map(|seed| mutated(&mut mutator, &input, 2048, seed)).collect()
    };
    let first = all(0..300);
    assert_eq!(first, all(0..300));
    let mut different = first.clone();
    different.sort();
    different.dedup();
    assert!(different.len() > 200, "{} of 300 differ", different.len());
    assert!(first.iter().filter(|it| it[..] == [0xAB]).count() > 2, "some are libFuzzer's own");
}

#[test]
fn outputs_fit_the_buffer_and_consist_of_whole_actions() {
    for length in [0, 1, 7, 15, 16, 17, 33, 100, 2048] {
        for max_size in [1, 15, 16, 17, 40, 2048] {
            let input: Vec<u8> = (0..length).map(|at| (at * 37) as u8).collect();
            let mut mutator = Mutator::new(&choice()).without(&[Change::Bytes]);
            for seed in 0..50 {
                let output = mutated(&mut mutator, &input, max_size, seed);
                assert!(output == [0xAB] || output.len().is_multiple_of(RECORD_BYTES), "{} bytes", output.len());
            }
        }
    }
}

#[test]
fn a_search_begins_with_fresh_plans_and_shifts_to_changes() {
    // A fresh plan has a different seed than the input. An added action leaves the seed unchanged.
    let input = input(1, 5);
    let without: Vec<Change> =
        Change::ALL.into_iter().filter(|it| !matches!(it, Change::Fresh | Change::Add)).collect();
    let fresh = |corpus: u64| {
        let mut mutator = Mutator::new(&choice()).without(&without).with_corpus(corpus);
        let seed_of = |bytes: &[u8]| codec::decode(bytes).seed;
        (0..400).filter(|seed| seed_of(&mutated(&mut mutator, &input, 2048, *seed)) != seed_of(&input)).count()
    };
    let (first, later) = (fresh(0), fresh(1_000_000));
    assert!((350..400).contains(&first), "{first} of 400");
    assert!((60..140).contains(&later), "{later} of 400");
}

/// Each change affects only the part of the plan that its name says.
#[test]
fn each_change_affects_only_its_part_of_the_plan() {
    let input = input(1, 5);
    let before = codec::decode(&input);
    for change in CHANGES.map(|(change, _)| change) {
        let mut seen = 0;
        for seed in 0..60 {
            let after = codec::decode(&mutated(&mut only(change), &input, 2048, seed));
            let header = |plan: &Plan| (plan.scenario, plan.bare, plan.seed, plan.liar);
            let kept = after.actions.iter().filter(|action| before.actions.contains(action)).count();
            let (ours, theirs) = (before.actions.len(), after.actions.len());
            match change {
                Change::Add | Change::Duplicate => assert!(theirs > ours && kept >= ours, "{after:?}"),
                Change::Drop => assert!(theirs < ours && kept == theirs, "{after:?}"),
                Change::Move | Change::Retarget | Change::Tweak | Change::Replace => assert_eq!(theirs, ours),
                Change::Seed | Change::Scenario | Change::Header => assert_eq!(after.actions, before.actions),
                Change::Fresh | Change::Furthest | Change::Bytes | Change::Cross | Change::Reseed => {
                    unreachable!("no change of a plan")
                }
            }
            let same_header = matches!(change, Change::Seed | Change::Scenario | Change::Header);
            assert!(same_header || header(&after) == header(&before), "{change:?}: {after:?}");
            if change == Change::Move {
                let what = |plan: &Plan| plan.actions.iter().map(|action| action.what).collect::<Vec<_>>();
                assert_eq!(what(&after), what(&before));
            }
            if change == Change::Replace {
                let when = |plan: &Plan| plan.actions.iter().map(|action| action.when).collect::<Vec<_>>();
                assert_eq!(when(&after), when(&before));
            }
            seen += usize::from(after != before);
        }
        // A change may have no effect: the new target may be the old one.
        assert!(seen > 20, "{change:?} changed something {seen} times of 60");
    }
}

#[test]
fn added_and_tweaked_actions_are_allowed_by_the_scenario() {
    let choice = choice();
    let (mut added, mut tweaked) = (only(Change::Add), only(Change::Tweak));
    let empty = input(1, 0);
    for seed in 0..200 {
        let mut plan = codec::decode(&mutated(&mut added, &empty, 2048, seed));
        assert!(plan.actions.iter().all(|action| choice.pick(0).palette.allows(&action.what)));
        let before = plan.actions.clone();
        plan = codec::decode(&mutated(&mut tweaked, &codec::encode(&plan), 2048, seed));
        assert!(plan.actions.iter().all(|action| choice.pick(0).palette.allows(&action.what)), "{before:?} {plan:?}");
    }
}

#[test]
fn a_step_in_time_is_mostly_small() {
    let mut small = 0;
    for seed in 0..1_000 {
        let mut when = When::At(1_000 * MILLISECOND);
        shift(&mut when, &mut Draw::new(seed, "shift"));
        let When::At(at) = when else { panic!("still a point in time") };
        assert_ne!(at, 1_000 * MILLISECOND);
        small += u32::from(at.abs_diff(1_000 * MILLISECOND) <= 10 * MILLISECOND);
    }
    assert!((400..900).contains(&small), "{small} of 1,000");
}

#[test]
fn crosses_have_the_first_header_and_actions_of_both() {
    let (first, second) = (input(1, 6), input(2, 6));
    let (ours, theirs) = (codec::decode(&first), codec::decode(&second));
    let (mut made, mut mixed) = (0, 0);
    let mutator = Mutator::new(&choice());
    for seed in 0..400 {
        let mut out = vec![0xFF; 2048];
        let size = mutator.cross_over(&first, &second, &mut out, seed);
        if size == 0 {
            continue;
        }
        made += 1;
        let plan = codec::decode(&out[..size]);
        assert_eq!((plan.scenario, plan.seed), (ours.scenario, ours.seed));
        let of_first = plan.actions.iter().filter(|action| ours.actions.contains(action)).count();
        let of_second = plan.actions.iter().filter(|action| theirs.actions.contains(action)).count();
        assert_eq!(of_first + of_second, plan.actions.len(), "nothing else");
        mixed += u32::from(of_first > 0 && of_second > 0);
        // Actions that do not fit are cut off.
        let size = mutator.cross_over(&first, &second, &mut out[..40], seed);
        assert!(size <= 40);
    }
    assert!((60..140).contains(&made) && mixed > 40, "{made} made, {mixed} mixed");
    assert_eq!(mutator.cross_over(&first, &second, &mut [0; 7], 1), 0);
    let none = Mutator::new(&choice()).without(&[Change::Cross]);
    assert!((0..100).all(|seed| none.cross_over(&first, &second, &mut [0; 2048], seed) == 0));
}

/// The slot of the coverage map for this value of a depth counter.
fn slot(counter: usize, far: u32) -> u32 {
    (0..MAP_SIZE as u32).find(|slot| depth(*slot) == Some((counter, far))).expect("there is such a slot")
}

#[test]
fn some_changes_start_from_the_input_that_got_furthest() {
    let (ours, furthest) = (input(1, 2), input(2, 2));
    let from_furthest = |mutator: &mut Mutator| {
        let header = |bytes: &[u8]| codec::decode(bytes).seed;
        (0..400).filter(|seed| header(&mutated(mutator, &ours, 2048, *seed)) == header(&furthest)).count()
    };
    let without = [Change::Fresh, Change::Reseed, Change::Seed];
    let mut mutator = Mutator::new(&choice()).without(&without);
    assert_eq!(from_furthest(&mut mutator), 0, "nothing was seen yet");
    mutator.saw(&furthest, &[slot(3, 2)]);
    let count = from_furthest(&mut mutator);
    assert!((100..200).contains(&count), "{count} of 400");
    let mut mutator = Mutator::new(&choice()).without(&[&without[..], &[Change::Furthest]].concat());
    mutator.saw(&furthest, &[slot(3, 2)]);
    assert_eq!(from_furthest(&mut mutator), 0);
}

#[test]
fn the_furthest_input_is_kept_for_each_counter_and_the_later_one_on_a_tie() {
    let mut furthest = Furthest::default();
    assert_eq!(furthest.pick(5), None);
    furthest.saw(b"first", &[slot(0, 4), slot(2, 1)]);
    furthest.saw(b"nowhere", &[0, 77]);
    furthest.saw(b"nearer", &[slot(0, 3)]);
    assert_eq!((furthest.pick(0), furthest.pick(1)), (Some(&b"first"[..]), Some(&b"first"[..])));
    furthest.saw(b"longer", &[slot(0, 4)]);
    assert_eq!(furthest.pick(0), Some(&b"first"[..]), "as far, and longer");
    furthest.saw(b"short", &[slot(0, 4)]);
    assert_eq!(furthest.pick(0), Some(&b"short"[..]), "as far, and no longer");
    furthest.saw(b"much longer", &[slot(2, 1), slot(2, 2)]);
    assert_eq!((furthest.pick(2), furthest.pick(3)), (Some(&b"short"[..]), Some(&b"much longer"[..])), "by any number");
}
