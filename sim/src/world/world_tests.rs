//! Tests of the world with a toy system: replicas that probe each other and count on their disks.

use std::cell::RefCell;

use super::*;
use crate::base::ids::TimerId;
use crate::base::storage::{IoId, Zone};
use crate::base::time::SECOND;
use crate::config::spec::Cluster;
use crate::config::workload::{Answer, Reply, Request};
use crate::observers::outcomes::ActionOutcome;
use crate::plan::{Action, ActionKind, Target, Trigger, When};
use crate::protocol::lie::{Field, How, Liar, Lie, LieClass};
use crate::protocol::observation::{DropReason, MessageKind, Seen};
use crate::world::system::Bug;

/// What a replica experienced, in order. The world must not depend on it, so it leaves by a side door.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Note {
    Booted { count: u64 },
    Ticked { count: u64 },
    Got { from: ReplicaId, message: Message },
    Synced { count: u64 },
    Failed,
}

/// A note with its replica, and that replica's monotonic and wall clocks.
type Line = (ReplicaId, Time, Time, Note);

thread_local! {
    static NOTES: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Message {
    kind: MessageKind,
    number: u64,
}

/// Every 10 ms it counts, broadcasts the count, and writes it to its disk; it answers each probe.
struct Toy {
    count: u64,
    /// The syncs under way, with the count that they make durable.
    syncs: Vec<(IoId, u64)>,
    bugs: BugSet,
}

const TICK: TimerId = TimerId(3);
const IDLE: TimerId = TimerId(4);
const INTERVAL: Time = 10 * MILLISECOND;
const PANICS: usize = 0;
const REPLIES: usize = 1;
const SPINS: usize = 2;
const BELIEVES: usize = 3;
const DECODER_PANICS: usize = 4;

const fn bug(name: &'static str) -> Bug {
    Bug { name, breaks: "", caught_by: &[], origin: "", target: "", scenarios: &[] }
}

fn note(env: &Env<'_, Toy>, note: Note) {
    NOTES.with_borrow_mut(|notes| notes.push((env.id, env.monotonic(), env.wall_clock(), note)));
}

impl System for Toy {
    type Message = Message;
    type Durable = ();
    const NAME: &'static str = "toy";
    const VERSION: &'static str = "1";
    const BUGS: &'static [Bug] = &[bug("panics"), bug("replies"), bug("spins"), bug("believes"), bug("decoder panics")];

    fn boot(env: &mut Env<'_, Self>, _: ReplicaId, spec: &ClusterSpec, (): ()) -> Self {
        env.read(0, 8);
        Toy { count: 0, syncs: Vec::new(), bugs: spec.bugs }
    }
    fn crash(self) {}
    fn deliver(&mut self, env: &mut Env<'_, Self>, from: ReplicaId, message: Message) {
        note(env, Note::Got { from, message });
        if message.kind == MessageKind::Ping {
            env.send(from, Message { kind: MessageKind::Pong, ..message });
        }
        assert!(!self.bugs.has(PANICS) || self.count < 5, "count {}", self.count);
    }
    fn request(&mut self, env: &mut Env<'_, Self>, request: Request) {
        if self.bugs.has(REPLIES) {
            let Request { client, session, number, .. } = request;
            env.reply(Reply { client, session, number, view: 0, answer: Answer::default() });
        }
    }
    fn timer(&mut self, env: &mut Env<'_, Self>, timer: TimerId) {
        assert_eq!(timer, TICK, "the idle timer is always pushed back or cancelled in time");
        self.count += 1;
        note(env, Note::Ticked { count: self.count });
        env.broadcast(&Message { kind: MessageKind::Ping, number: self.count });
        env.write(0, &self.count.to_le_bytes());
        self.syncs.push((env.sync(), self.count));
        env.set_timer(TICK, if self.bugs.has(SPINS) { 0 } else { INTERVAL });
        env.set_timer(IDLE, 2 * INTERVAL);
        if self.count.is_multiple_of(3) {
            env.cancel_timer(IDLE);
        }
    }
    fn disk_done(&mut self, env: &mut Env<'_, Self>, io: IoId, result: IoResult<'_>) {
        match result {
            IoResult::Read(bytes) => {
                self.count = u64::from_le_bytes(bytes.try_into().unwrap());
                note(env, Note::Booted { count: self.count });
                env.set_timer(TICK, INTERVAL);
            }
            IoResult::Synced => {
                let (_, count) = self.syncs.iter().find(|sync| sync.0 == io).unwrap();
                note(env, Note::Synced { count: *count });
            }
            IoResult::Failed => note(env, Note::Failed),
        }
    }
    /// Only probes have an encoding: the number, and once more as its own checksum.
    fn encode(message: &Message, into: &mut Vec<u8>) {
        if message.kind == MessageKind::Ping {
            into.extend([message.number.to_le_bytes(); 2].as_flattened());
        }
    }
    fn decode(bytes: &[u8], bugs: BugSet) -> Option<Message> {
        let (number, checksum) = bytes.split_at_checked(8)?;
        let sound = number == checksum;
        assert!(sound || !bugs.has(DECODER_PANICS), "what is this?");
        let number = u64::from_le_bytes(number.try_into().unwrap());
        (sound || bugs.has(BELIEVES)).then_some(Message { kind: MessageKind::Ping, number })
    }
    fn kind(message: &Message) -> MessageKind {
        message.kind
    }
    fn zones(_: &Cluster) -> Vec<Zone> {
        vec![Zone { name: "count", start: 0, length: 64, record: 8 }]
    }
    fn tamper(message: &Message, lie: &Lie, _: &mut Liar) -> Option<(Message, LieClass)> {
        let number = message.number + 1000;
        (lie.field == Field::Op).then_some((Message { number, ..*message }, LieClass::FalseClaim))
    }
}

fn case(actions: &[Action]) -> Case {
    let mut config = Config { heal_at: SECOND, heal_max: 100 * MILLISECOND, ..Config::default() };
    config.clock.drift_max = 0;
    config.workload.requests = 1;
    config.workload.clients = 1;
    config.workload.timeout = 10 * SECOND;
    Case {
        system: Toy::NAME.to_owned(),
        scenario: String::new(),
        config,
        seed: 7,
        liars: ReplicaSet::default(),
        actions: actions.to_vec(),
        bugs: Vec::new(),
        marks: Vec::new(),
    }
}

fn lying(lie: Lie) -> Case {
    let mut case = case(&[at(200, ActionKind::Lie(lie))]);
    case.config.cluster.replicas = 4;
    case.config.cluster.replication_quorum = 4;
    case.config.cluster.view_change_quorum = 4;
    case.config.cluster.byzantine = 1;
    case.liars = ReplicaSet(0b0001);
    case
}

fn at(millis: u64, what: ActionKind) -> Action {
    Action { when: When::At(millis * MILLISECOND), what }
}

fn replica(id: u8) -> Target {
    Target::Replica(ReplicaId(id))
}

/// Runs a case and returns what was observed, what the replicas noted, and the outcome.
fn run(case: &Case) -> (Vec<Seen>, Vec<Line>, Outcome) {
    panics::silence();
    NOTES.take();
    let mut world = World::<Toy>::new();
    let outcome = world.run(case, true);
    let notes = NOTES.take();
    let digest = world.run(case, false).digest;
    assert_eq!(digest, outcome.digest, "the same case in a used world");
    assert_eq!(NOTES.take(), notes);
    (world_trace(case), notes, outcome)
}

fn world_trace(case: &Case) -> Vec<Seen> {
    let mut world = World::<Toy>::new();
    world.run(case, true);
    NOTES.take();
    world.trace().recorded().to_vec()
}

fn millis(time: Time) -> u64 {
    time / MILLISECOND
}

/// The numbers of the probes that `to` got from `from`, with the times of `to`'s clock.
fn probes(notes: &[Line], from: u8, to: u8) -> Vec<(Time, u64)> {
    let probe = |line: &Line| match *line {
        (id, now, _, Note::Got { from: source, message: Message { kind: MessageKind::Ping, number } }) => {
            (id.0 == to && source.0 == from).then_some((now, number))
        }
        _ => None,
    };
    notes.iter().filter_map(probe).collect()
}

fn numbers(notes: &[Line], from: u8, to: u8) -> Vec<u64> {
    probes(notes, from, to).into_iter().map(|(_, number)| number).collect()
}

fn times_of(seen: &[Seen], id: u8, wanted: &Observation) -> Vec<Time> {
    let fits = |seen: &&Seen| seen.who == Who::Replica(ReplicaId(id)) && seen.what == *wanted;
    seen.iter().filter(fits).map(|seen| seen.at).collect()
}

fn drops(seen: &[Seen], from: u8, wanted: DropReason) -> usize {
    let fits = |seen: &&Seen| {
        seen.who == Who::Replica(ReplicaId(from))
            && matches!(seen.what, Observation::Dropped { why, .. } if why == wanted)
    };
    seen.iter().filter(fits).count()
}

#[test]
fn replicas_boot_tick_and_hear_from_each_other() {
    let (seen, notes, outcome) = run(&case(&[]));
    for (from, to) in [(0, 1), (1, 0), (2, 1)] {
        let numbers = numbers(&notes, from, to);
        assert!(numbers.len() > 90, "a probe every 10 ms");
        assert!(numbers.iter().zip(1..).all(|(number, expected)| *number == expected), "each once and in order");
    }
    let ticks: Vec<_> = notes.iter().filter(|line| matches!(line.3, Note::Ticked { .. }) && line.0.0 == 1).collect();
    assert!(ticks.windows(2).all(|pair| pair[1].1 - pair[0].1 == INTERVAL));
    let sent = seen.iter().filter(|seen| matches!(seen.what, Observation::Sent { .. })).count();
    let arrived = |what| matches!(what, Observation::Delivered { kind, .. } if kind != MessageKind::Request);
    let delivered = seen.iter().filter(|seen| arrived(seen.what)).count();
    assert!(sent >= delivered && delivered > sent - 30);
    assert!(seen.iter().all(|seen| seen.event >= 1 && seen.event <= outcome.events));
    assert!(seen.is_sorted_by_key(|seen| (seen.at, seen.event)));
    assert_eq!(outcome.committed, 0);
    assert_eq!(millis(outcome.time), 1100, "it never converges: the heal phase lasts to its end");
}

#[test]
fn a_partition_loses_what_crosses_it_and_what_is_on_the_way() {
    let (seen, notes, _) =
        run(&case(&[at(200, ActionKind::Partition { side: ReplicaSet(0b001), duration: 300 * MILLISECOND })]));
    let gap = |from, to| {
        let times: Vec<_> = probes(&notes, from, to).into_iter().map(|(now, _)| now).collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap()
    };
    assert!(millis(gap(0, 1)) > 290 && millis(gap(2, 0)) > 290);
    assert!(millis(gap(1, 2)) < 15, "the other side goes on");
    assert!(drops(&seen, 0, DropReason::Cut) >= 58);
}

#[test]
fn a_clog_holds_messages_back_and_keeps_their_order() {
    let clog = ActionKind::Clog { target: replica(0), outgoing: true, duration: 300 * MILLISECOND };
    let (seen, notes, _) = run(&case(&[at(200, clog)]));
    let probes = probes(&notes, 0, 1);
    assert!(probes.iter().zip(1..).all(|((_, number), expected)| *number == expected), "none lost, none overtaken");
    let held = probes.iter().filter(|(now, _)| millis(*now) == 500).count();
    assert!(held >= 29, "{held} arrive together when the clog ends");
    assert_eq!(drops(&seen, 0, DropReason::Cut) + drops(&seen, 0, DropReason::Lost), 0);
}

#[test]
fn a_paused_replica_takes_up_where_it_was() {
    let (seen, notes, _) =
        run(&case(&[at(200, ActionKind::Pause { target: replica(1), duration: 300 * MILLISECOND })]));
    assert_eq!(times_of(&seen, 1, &Observation::Paused), [200 * MILLISECOND]);
    assert_eq!(times_of(&seen, 1, &Observation::Resumed), [500 * MILLISECOND]);
    let during = |line: &&Line| line.0.0 == 1 && (200..500).contains(&millis(line.1));
    assert_eq!(notes.iter().filter(during).count(), 0);
    assert!(numbers(&notes, 0, 1).iter().zip(1..).all(|(number, expected)| *number == expected), "nothing is lost");
    let ticks: Vec<_> = notes.iter().filter(|line| matches!(line.3, Note::Ticked { .. }) && line.0.0 == 1).collect();
    let longest = ticks.windows(2).map(|pair| pair[1].1 - pair[0].1).max().unwrap();
    assert!((295..310).contains(&millis(longest)), "one late tick, then on with the rhythm");
}

#[test]
fn a_crashed_replica_restarts_with_what_it_had_synced() {
    for seed in 0..20 {
        let mut case = case(&[at(205, ActionKind::Crash { target: replica(1), down: 100 * MILLISECOND })]);
        case.seed = seed;
        let (seen, notes, _) = run(&case);
        assert_eq!(times_of(&seen, 1, &Observation::Crashed), [205 * MILLISECOND]);
        assert_eq!(times_of(&seen, 1, &Observation::Restarted), [305 * MILLISECOND]);
        assert!(drops(&seen, 0, DropReason::Down) > 8);
        let mut durable = 0;
        let mut issued = 0;
        let mut boots = 0;
        for (id, _, _, note) in notes {
            match note {
                Note::Synced { count } if id.0 == 1 => durable = count,
                Note::Ticked { count } if id.0 == 1 => issued = count,
                Note::Booted { count } if id.0 == 1 => {
                    assert!((durable..=issued).contains(&count), "{count} found, {durable} synced, {issued} written");
                    boots += 1;
                }
                _ => {}
            }
        }
        assert_eq!(boots, 2);
    }
}

#[test]
fn after_a_power_loss_all_come_back_at_different_times() {
    let (seen, _, outcome) = run(&case(&[
        at(200, ActionKind::PowerLoss { down: 100 * MILLISECOND }),
        at(250, ActionKind::Crash { target: replica(1), down: 0 }),
        at(900, ActionKind::PowerLoss { down: 100 * SECOND }),
    ]));
    let back: Vec<_> = (0..3).map(|id| times_of(&seen, id, &Observation::Restarted)).collect();
    assert!(back.iter().all(|times| (300..350).contains(&millis(times[0]))));
    assert!(back[0][0] != back[1][0] && back[1][0] != back[2][0]);
    assert!(back.iter().all(|times| times[1] == SECOND), "the heal phase restarts them at once");
    assert_eq!((outcome.actions_done, outcome.actions_skipped), (2, 1), "nobody is left to crash");
}

#[test]
fn a_frozen_clock_stops_the_ticks_and_a_stepped_one_does_not() {
    let (_, notes, _) = run(&case(&[
        at(200, ActionKind::ClockFreeze { target: replica(1), duration: 300 * MILLISECOND }),
        at(400, ActionKind::ClockStep { target: replica(2), micros: 1_000_000 }),
        at(400, ActionKind::ClockDrift { target: replica(0), ppm: 1_000_000, duration: 200 * MILLISECOND }),
    ]));
    assert!((125..131).contains(&numbers(&notes, 0, 2).len()), "twice as fast for 200 ms");
    assert!((75..82).contains(&numbers(&notes, 1, 2).len()), "300 ms stood still");
    let offsets: Vec<_> = notes.iter().filter(|line| line.0.0 == 2).map(|line| line.2 - line.1).collect();
    assert_eq!(offsets.iter().max().unwrap() - offsets.iter().min().unwrap(), SECOND);
    assert_eq!(offsets.first(), offsets.last(), "the heal phase sets the clock right");
}

#[test]
fn disks_fail_and_fill_up() {
    let (seen, notes, _) = run(&case(&[
        at(200, ActionKind::DiskError { target: replica(1), per_mille: 1000, duration: 100 * MILLISECOND }),
        at(200, ActionKind::DiskFull { target: replica(2), duration: 100 * MILLISECOND }),
    ]));
    for id in 1..3 {
        let failed = notes.iter().filter(|line| line.0.0 == id && line.3 == Note::Failed).count();
        assert!((9..=11).contains(&failed), "{failed}");
        assert_eq!(times_of(&seen, id, &Observation::DiskFailed).len(), failed);
    }
}

#[test]
fn a_trigger_fires_after_the_nth_observation_at_its_replica() {
    let watch = Trigger::Delivered(MessageKind::Ping);
    let when = When::After { watch, replica: Some(ReplicaId(1)), count: 5, delay: MILLISECOND };
    let what = ActionKind::Crash { target: Target::Subject, down: 50 * MILLISECOND };
    let (seen, notes, outcome) = run(&case(&[Action { when, what }]));
    let crashed = times_of(&seen, 1, &Observation::Crashed);
    let before: Vec<_> = notes
        .iter()
        .filter(|line| line.0.0 == 1 && line.1 < crashed[0])
        .filter(|line| matches!(line.3, Note::Got { message, .. } if message.kind == MessageKind::Ping))
        .collect();
    assert_eq!(before[4].1 + MILLISECOND, crashed[0]);
    assert_eq!((crashed.len(), outcome.actions_done), (1, 1));
}

#[test]
fn a_liar_is_silent_repeats_itself_floods_and_tampers() {
    let lie = Lie {
        kind: MessageKind::Ping,
        field: Field::Message,
        how: How::Silence,
        amount: 3,
        to: Some(ReplicaId(1)),
        count: 2,
    };
    let (seen, notes, _) = run(&lying(lie));
    assert_eq!(drops(&seen, 0, DropReason::Silenced), 2);
    let got = numbers(&notes, 0, 1);
    assert!(got.windows(2).any(|pair| pair[1] == pair[0] + 3), "two are missing");
    assert!(numbers(&notes, 0, 2).iter().zip(1..).all(|(number, expected)| *number == expected), "only replica 1");

    let (_, notes, _) = run(&lying(Lie { how: How::Replay, ..lie }));
    let got = numbers(&notes, 0, 1);
    assert!(got.windows(2).any(|pair| pair[1] + 3 == pair[0]), "an older one instead: {got:?}");

    let (_, notes, _) = run(&lying(Lie { how: How::Flood, count: 1, ..lie }));
    let got = numbers(&notes, 0, 1);
    assert_eq!(got.windows(2).filter(|pair| pair[1] == pair[0]).count(), 2, "three of the same");

    let (seen, notes, _) = run(&lying(Lie { how: How::Increase, field: Field::Op, ..lie }));
    assert_eq!(numbers(&notes, 0, 1).iter().filter(|number| **number > 1000).count(), 2);
    assert_eq!(seen.iter().filter(|seen| matches!(seen.what, Observation::Lied { .. })).count(), 2);

    let (seen, _, _) = run(&lying(Lie { how: How::Increase, field: Field::Tail, ..lie }));
    assert!(!seen.iter().any(|seen| matches!(seen.what, Observation::Lied { .. })), "it makes no sense for a probe");
}

#[test]
fn a_message_that_is_damaged_on_the_way_is_refused_or_taken_for_another_one() {
    let garble = |per_mille| at(100, ActionKind::Garble { target: replica(0), per_mille, duration: 100 * MILLISECOND });
    let (seen, notes, _) = run(&case(&[garble(1000)]));
    assert!((18..=22).contains(&drops(&seen, 0, DropReason::Garbled)), "some ten probes to each go unread");
    assert_eq!(drops(&seen, 1, DropReason::Garbled), 10, "and ten from each");
    assert!(probes(&notes, 1, 2).len() > probes(&notes, 0, 2).len() + 8, "other links are sound");
    assert!(seen.iter().all(|seen| !matches!(seen.what, Observation::Garbled { .. })));

    let mut believing = case(&[garble(300)]);
    believing.bugs.push("believes".to_owned());
    let (seen, notes, _) = run(&believing);
    let garbled = seen.iter().filter(|seen| matches!(seen.what, Observation::Garbled { .. })).count();
    let wrong = [(0, 1), (0, 2), (1, 0), (2, 0)].map(|(from, to)| {
        let got = numbers(&notes, from, to);
        got.iter().filter(|number| **number > 100 || got.iter().filter(|other| other == number).count() > 1).count()
    });
    assert!(garbled > 5 && wrong.iter().sum::<usize>() > 2, "{garbled} {wrong:?}");

    let mut panicking = case(&[garble(1000)]);
    panicking.bugs.push("decoder panics".to_owned());
    let (seen, _, outcome) = run(&panicking);
    let Verdict::Violated(violation) = outcome.verdict else { panic!("{outcome:?}") };
    assert_eq!((violation.invariant, violation.seen.as_str()), (no_panic::NAME, "what is this?"));
    let sent = seen.iter().rev().find_map(|seen| match seen.what {
        Observation::Sent { to, .. } => Some(to),
        _ => None,
    });
    assert_eq!(violation.replicas.iter().next(), sent, "it is the receiver that decodes");
}

#[test]
fn a_fault_leaves_what_it_does_not_concern_alone() {
    let (_, calm, _) = run(&case(&[]));
    let (_, wild, _) = run(&case(&[
        at(100, ActionKind::Isolate { target: replica(2), duration: 50 * MILLISECOND }),
        at(300, ActionKind::Crash { target: replica(2), down: 100 * MILLISECOND }),
        at(500, ActionKind::DiskSlow { target: replica(2), extra: 5 * MILLISECOND, duration: 100 * MILLISECOND }),
    ]));
    assert_ne!(calm, wild);
    assert_eq!(probes(&calm, 0, 1), probes(&wild, 0, 1), "to the nanosecond");
    assert_eq!(probes(&calm, 1, 0), probes(&wild, 1, 0));
}

#[test]
fn damage_stays_within_the_budget() {
    let flip = |id| ActionKind::BitFlip { target: replica(id), zone: 0, record: 0, bit: 0 };
    let (_, _, outcome) = run(&case(&[at(0, flip(1)), at(200, flip(1)), at(300, flip(2)), at(400, flip(1))]));
    assert_eq!((outcome.actions_done, outcome.actions_skipped), (2, 2), "too early; one replica of three, not two");
}

#[test]
fn a_panic_of_a_correct_replica_is_a_violation_and_of_a_liar_is_not() {
    let mut case =
        lying(Lie { kind: MessageKind::Ping, field: Field::Message, how: How::Silence, amount: 0, to: None, count: 1 });
    case.bugs = vec!["panics".to_owned()];
    let culprit = |violation: Violation| {
        assert_eq!((violation.invariant, violation.rule, &*violation.seen), ("no_panic", "panicked", "count 5"));
        violation.replicas
    };
    let honest = Case { liars: ReplicaSet::default(), ..case.clone() };
    let Verdict::Violated(violation) = run(&honest).2.verdict else { panic!("not found") };
    let first = culprit(violation);
    let outcome = run(&Case { liars: first, ..case }).2;
    assert!(!matches!(outcome.verdict, Verdict::Violated(_)));
    assert_eq!(outcome.beyond_the_promise.map(culprit), Some(first));
}

#[test]
fn clients_get_their_answers() {
    let mut case = case(&[]);
    case.bugs = vec!["replies".to_owned()];
    let seen = run(&case).0;
    let place = |fits: fn(&Observation) -> bool| seen.iter().position(|seen| fits(&seen.what)).unwrap();
    let invoked = place(|what| matches!(what, Observation::Invoked { .. }));
    let arrived = place(|what| matches!(what, Observation::Delivered { kind: MessageKind::Request, .. }));
    let answered = place(|what| matches!(what, Observation::Answered { .. }));
    assert!(invoked < arrived && arrived < answered);
}

#[test]
fn a_runaway_cluster_is_stopped() {
    let mut case = case(&[]);
    case.bugs = vec!["spins".to_owned()];
    panics::silence();
    let outcome = World::<Toy>::new().run(&case, false);
    NOTES.take();
    let Verdict::Violated(violation) = outcome.verdict else { panic!("not stopped") };
    assert_eq!((violation.invariant, violation.rule), ("resource_limits", "too many events"));
}

#[test]
fn every_message_and_every_action_has_its_fate_told() {
    let second = SECOND;
    let actions = [
        at(100, ActionKind::Reorder { per_mille: 500, duration: second }),
        at(100, ActionKind::Duplicate { per_mille: 300, duration: second }),
        at(100, ActionKind::Loss { per_mille: 200, duration: second }),
        at(300, ActionKind::Clog { target: replica(0), outgoing: true, duration: 50 * MILLISECOND }),
        at(400, ActionKind::Pause { target: replica(1), duration: 50 * MILLISECOND }),
        at(500, ActionKind::Crash { target: replica(5), down: 50 * MILLISECOND }),
        at(510, ActionKind::Crash { target: replica(2), down: 50 * MILLISECOND }),
        at(5_000, ActionKind::Pause { target: replica(0), duration: second }),
    ];
    let case = case(&actions);
    let mut world = World::<Toy>::new();
    world.run(&case, true);
    NOTES.take();
    let (seen, outcomes) = (world.trace().recorded(), world.outcomes());

    let mut ends = vec![0; seen.len()];
    let (mut overtaken, mut twice) = (0, 0);
    let mut last = [[0; 3]; 3];
    for passage in outcomes.passages() {
        let Seen { who: Who::Replica(from), what: Observation::Sent { to, kind }, at, .. } = seen[passage.sent] else {
            panic!("no departure: {:?}", seen[passage.sent]);
        };
        for end in passage.ends.into_iter().flatten() {
            ends[end] += 1;
            assert!(seen[end].at >= at);
            match (seen[end].who, seen[end].what) {
                (Who::Replica(id), Observation::Delivered { from: sender, kind: delivered }) => {
                    assert_eq!((id, sender, delivered), (to, from, kind));
                }
                (Who::Replica(id), Observation::Dropped { to: receiver, kind: dropped, .. }) => {
                    assert_eq!((id, receiver, dropped), (from, to, kind));
                }
                other => panic!("no end: {other:?}"),
            }
        }
        if let Some(end) = passage.ends[0] {
            let last = &mut last[from.index()][to.index()];
            overtaken += u32::from(seen[end].at < *last);
            *last = seen[end].at;
        }
        twice += u32::from(passage.ends[1].is_some());
    }
    assert!(overtaken > 10 && twice > 10, "{overtaken} overtaken, {twice} twice");
    for (count, seen) in ends.iter().zip(seen) {
        let end = match seen.what {
            Observation::Delivered { kind, .. } => kind != MessageKind::Request,
            Observation::Dropped { .. } => true,
            _ => false,
        };
        assert_eq!(*count, u32::from(end), "{seen:?} ends one message");
    }

    let target = Some(ReplicaId(2));
    let times: Vec<_> = outcomes
        .actions()
        .iter()
        .map(|fate| match *fate {
            ActionOutcome::Done { at, target, .. } => (millis(at), "done", target),
            ActionOutcome::Skipped { at, target, .. } => (millis(at), "skipped", target),
            ActionOutcome::NotDue => (0, "not due", None),
        })
        .collect();
    assert_eq!(times[3], (300, "done", Some(ReplicaId(0))));
    assert_eq!(times[5], (500, "done", target), "replica 5 of 3 is replica 2");
    assert_eq!(times[6], (510, "skipped", target), "it is down already");
    assert_eq!(times[7], (0, "not due", None));
}
