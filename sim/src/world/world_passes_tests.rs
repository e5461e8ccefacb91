//! Tests of the world with an honest system of one replica: when a run ends, and with which verdict.

use std::collections::BTreeMap;

use super::*;
use crate::base::ids::TimerId;
use crate::base::storage::{IoId, Zone};
use crate::base::time::SECOND;
use crate::config::model::Store;
use crate::config::spec::Cluster;
use crate::config::workload::{Answer, Operation, Reply, Request};
use crate::plan::codec::decode_action;
use crate::plan::{Action, ActionKind, RECORD_BYTES, Target, When};
use crate::protocol::lie::{Liar, Lie, LieClass};
use crate::protocol::observation::{EntryHash, MessageKind, Status};
use crate::world::branch::Onward;
use crate::world::system::Bug;

/// A replica that needs no other: it executes what it is asked, at once, and remembers everything.
#[derive(Default)]
struct Alone {
    log: Vec<EntryHash>,
    store: Store,
    /// The answer to each request, by client, session and number.
    answers: BTreeMap<(u16, u32, u32), Answer>,
    wrong: bool,
}

impl System for Alone {
    type Message = ();
    type Durable = Option<Box<Alone>>;
    const NAME: &'static str = "alone";
    const VERSION: &'static str = "1";
    const BUGS: &'static [Bug] = &[Bug {
        name: "wrong",
        breaks: "answers",
        caught_by: &["linearizability"],
        origin: "",
        target: "",
        scenarios: &[],
    }];

    fn crashes_max(cluster: &Cluster) -> u8 {
        cluster.replicas / 2
    }

    fn boot(env: &mut Env<'_, Self>, _: ReplicaId, spec: &ClusterSpec, left: Self::Durable) -> Self {
        env.observe(Observation::Loading);
        let mut alone = left.map_or_else(Alone::default, |alone| *alone);
        for (op, entry) in (1..).zip(&alone.log) {
            env.observe(Observation::Appended { op, view: 0, entry: *entry, parent: entry - 1 });
        }
        let op = alone.log.len() as u64;
        env.observe(Observation::Recovered { view: 0, last_normal: 0, op });
        env.observe(Observation::StatusChanged { status: Status::Normal, view: 0, primary: true });
        env.observe(Observation::ViewStarted { view: 0, op, commit: 0, primary: true });
        alone.store = Store::default();
        alone.wrong = spec.bugs.has(0);
        alone
    }
    fn crash(self) -> Self::Durable {
        // What it executed it cannot say again: it promises to survive no crash, and none happens (`crashes_max`).
        Some(Box::new(self))
    }
    fn deliver(&mut self, _: &mut Env<'_, Self>, _: ReplicaId, (): ()) {}
    fn request(&mut self, env: &mut Env<'_, Self>, request: Request) {
        let Request { client, session, number, payload } = request;
        let answer = *self.answers.entry((client.0, session, number)).or_insert_with(|| {
            let op = self.log.len() as u64 + 1;
            let entry = u128::from(op);
            self.log.push(entry);
            let operation = Operation::decode(&payload).unwrap();
            let answer = self.store.execute(op, &operation);
            env.observe(Observation::Appended { op, view: 0, entry, parent: entry - 1 });
            env.observe(Observation::Acknowledged { view: 0, op, entry });
            env.observe(Observation::Committed { op, entry });
            env.observe(Observation::Executed { op, client, session, number, operation: Some(operation), answer });
            answer
        });
        let answer = Answer { version: answer.version + u64::from(self.wrong), ..answer };
        env.reply(Reply { client, session, number, view: 0, answer });
    }
    fn timer(&mut self, _: &mut Env<'_, Self>, _: TimerId) {}
    fn disk_done(&mut self, _: &mut Env<'_, Self>, _: IoId, _: IoResult<'_>) {}
    fn kind((): &()) -> MessageKind {
        MessageKind::Other
    }
    fn zones(_: &Cluster) -> Vec<Zone> {
        Vec::new()
    }
    fn tamper((): &(), _: &Lie, _: &mut Liar) -> Option<((), LieClass)> {
        None
    }
}

fn run(change: impl FnOnce(&mut Case)) -> Outcome {
    World::<Alone>::new().run(&case(change), false)
}

fn case(change: impl FnOnce(&mut Case)) -> Case {
    let mut config = Config::default();
    config.cluster.replicas = 1;
    config.cluster.replication_quorum = 1;
    config.cluster.view_change_quorum = 1;
    let mut case = Case {
        system: Alone::NAME.to_owned(),
        scenario: String::new(),
        config,
        seed: 3,
        liars: ReplicaSet::default(),
        actions: Vec::new(),
        bugs: Vec::new(),
        marks: Vec::new(),
    };
    change(&mut case);
    case
}

fn slow(at: Time, duration: Time) -> Action {
    let target = Target::Primary;
    Action { when: When::At(at), what: ActionKind::DiskSlow { target, extra: 1, duration } }
}

#[test]
fn a_run_ends_when_everything_is_answered() {
    let outcome = run(|_| ());
    assert_eq!((outcome.verdict, outcome.committed), (Verdict::Passed, 40));
    assert!(outcome.time < SECOND, "long before the heal phase had to begin");
}

#[test]
fn every_action_with_a_time_gets_its_turn_but_its_end_is_not_waited_for() {
    let outcome = run(|case| case.actions = vec![slow(2 * SECOND, 100 * SECOND), slow(3 * SECOND, 1)]);
    assert_eq!((outcome.verdict, outcome.actions_done), (Verdict::Passed, 1), "at 3 s it heals");
    assert!((2 * SECOND..2 * SECOND + 200 * MILLISECOND).contains(&outcome.time));
}

#[test]
fn losses_are_made_good_by_retries_and_end_with_the_heal_phase() {
    let outcome = run(|case| {
        case.config.network.loss = 300_000;
        case.config.network.duplication = 100_000;
        case.config.workload.timeout = 20 * MILLISECOND;
        case.marks = vec![Mark::Retried];
    });
    assert_eq!((outcome.verdict, outcome.committed), (Verdict::Passed, 40));
    let outcome = run(|case| case.config.network.loss = 1_000_000);
    assert_eq!((outcome.verdict, outcome.committed), (Verdict::Passed, 40), "the heal phase answers them");
}

#[test]
fn clients_that_have_much_left_to_ask_do_not_count_against_liveness() {
    let outcome = run(|case| {
        case.config.workload.requests = 10_000;
        case.config.heal_at = SECOND;
        case.config.heal_max = SECOND;
    });
    assert_eq!(outcome.verdict, Verdict::Passed);
    assert!((100..1000).contains(&outcome.committed));
    assert!((SECOND + SECOND / 2..2 * SECOND).contains(&outcome.time), "they stop in the middle of the heal phase");
}

#[test]
fn crashes_that_the_system_does_not_promise_to_survive_are_left_out() {
    let crash = ActionKind::Crash { target: Target::Primary, down: SECOND };
    let whats = [crash, ActionKind::PowerLoss { down: SECOND }];
    let outcome = run(|case| case.actions = whats.map(|what| Action { when: When::At(SECOND / 10), what }).to_vec());
    assert_eq!((outcome.verdict, outcome.actions_done, outcome.actions_skipped), (Verdict::Passed, 0, 2));
}

#[test]
fn clients_crash_burst_and_repeat_themselves() {
    let client = ClientId(4);
    let whats = [
        ActionKind::Burst { client, requests: 5 },
        ActionKind::ClientCrash { client },
        ActionKind::DuplicateRequest { client },
    ];
    let outcome = run(|case| {
        let times = (1..60).map(|step| step * 5 * MILLISECOND);
        case.actions =
            times.zip(whats.into_iter().cycle()).map(|(at, what)| Action { when: When::At(at), what }).collect();
    });
    assert_eq!(outcome.verdict, Verdict::Passed);
    assert!(outcome.committed <= 40 && outcome.actions_done > 40);
}

#[test]
fn every_action_is_carried_out_or_skipped() {
    for slot in 0..ActionKind::COUNT {
        let mut record = [1; RECORD_BYTES];
        // At a time, and what.
        (record[0], record[1]) = (0, slot as u8);
        let action = decode_action(&record);
        let outcome = run(|case| {
            case.config.cluster.members = 1;
            case.actions = vec![action];
        });
        assert_eq!(outcome.actions_done + outcome.actions_skipped, 1, "{action:?}");
    }
}

#[test]
fn wrong_answers_and_missing_marks_are_told_apart() {
    let wrong = run(|case| case.bugs = vec!["wrong".to_owned()]);
    let Verdict::Violated(violation) = wrong.verdict else { panic!("not found") };
    assert_eq!(wrong.beyond_the_promise, None, "{violation:?}");
    let marks = vec![Mark::Retried];
    let vacuous = run(|case| case.marks.clone_from(&marks));
    assert_eq!(vacuous.verdict, Verdict::Vacuous(marks));
}

#[test]
fn members_that_do_not_exist_are_no_members_and_those_in_force_are_not_waited_for() {
    let reconfigure = |members| Action { when: When::At(SECOND), what: ActionKind::Reconfigure { members } };
    // Where the membership is fixed, no action changes it.
    for (members, done) in [(1, 1), (0, 0)] {
        let outcome = run(|case| {
            case.config.cluster.members = members;
            case.actions = vec![reconfigure(ReplicaSet(0b1000)), reconfigure(ReplicaSet(0b1001))];
        });
        assert_eq!(outcome.verdict, Verdict::Passed);
        assert_eq!((outcome.actions_done, outcome.actions_skipped), (done, 2 - done));
    }
}

#[test]
fn a_branch_is_the_same_run_up_to_its_event_and_another_one_afterwards() {
    let case = case(|case| case.actions = vec![slow(SECOND / 1000, SECOND), slow(2 * SECOND, SECOND)]);
    let mut world = World::<Alone>::new();
    let original = world.run(&case, true);
    let recorded = world.trace().recorded().to_vec();
    assert_eq!(world.outcomes().begun().iter().map(|begun| begun.action).collect::<Vec<_>>(), [0, 1]);
    let after = world.outcomes().begun()[0].event + 20;
    let end = recorded.iter().filter(|seen| seen.event <= after).count();
    let mut branch = |after, onward| {
        let outcome = world.run_branch(&case, Some(Branch { after, onward }), true);
        (outcome, world.trace().recorded().to_vec())
    };

    let (one, seen) = branch(after, Onward::Reseeded(1));
    assert_eq!(seen[..end], recorded[..end]);
    assert_ne!(seen[end..], recorded[end..]);
    assert_eq!((&one.verdict, one.actions_done), (&Verdict::Passed, 1), "the second action is left out");
    assert!(one.time > 2 * SECOND, "but waited for");
    assert_eq!(one, branch(after, Onward::Reseeded(1)).0);
    assert_ne!(one.digest, branch(after, Onward::Reseeded(2)).0.digest);
    assert_eq!(branch(0, Onward::Reseeded(1)).0.actions_done, 0);

    let (planless, seen) = branch(after, Onward::Planless);
    let second = recorded.iter().rposition(|seen| matches!(seen.what, Observation::Injected { .. })).unwrap();
    assert_eq!((planless.actions_done, &seen[..second]), (1, &recorded[..second]), "the draws are as they were");
    assert_eq!(seen[second].what, Observation::Healed);
    assert_eq!(branch(original.events, Onward::Reseeded(1)).0, original, "nothing is left to change");
    assert_eq!(branch(u64::MAX, Onward::Reseeded(1)).0, original);
}
