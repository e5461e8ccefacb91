//! Short scripts of observations for the invariants' tests.

use super::{Checkers, Violation};
use crate::base::ids::{ClientId, ReplicaId, ReplicaSet};
use crate::base::time::{SECOND, Time};
use crate::config::spec::Config;
use crate::config::workload::{Answer, Operation, OperationKind, value};
use crate::observers::cluster_view::ClusterView;
use crate::protocol::observation::{EntryHash, MessageKind, Observation, Seen, Status, Who};

/// A cluster, of three if nothing else is said, that exists only as a stream of observations.
pub(in crate::invariants) struct Script {
    pub checkers: Checkers,
    pub cluster_view: ClusterView,
    liars: ReplicaSet,
    event: u64,
    /// How long the script has waited.
    waited: Time,
}

/// The budget of the scrubbers of these scripts.
pub(in crate::invariants) const SCRUB_IOPS: u32 = 4;

/// The entry that stands at `op` in an ordinary log of these scripts.
pub(in crate::invariants) fn entry(op: u64) -> EntryHash {
    EntryHash::from(op) << 96
}

/// A write of key 1 by client 0 of tenant 1, its request `number`.
pub(in crate::invariants) fn put(number: u32) -> Operation {
    Operation { tenant: 1, kind: OperationKind::Put { key: 1, value: value(1, ClientId(0), number) } }
}

/// A read of key 1 by tenant 1.
pub(in crate::invariants) fn get() -> Operation {
    Operation { tenant: 1, kind: OperationKind::Get { key: 1 } }
}

/// The answer at `position` that finds what request `number` of client 0 wrote at `version`.
pub(in crate::invariants) fn found(position: u64, version: u64, number: u32) -> Answer {
    Answer { position, version, value: value(1, ClientId(0), number) }
}

impl Script {
    pub fn new() -> Self {
        Self::start(ReplicaSet::default())
    }

    /// A script of a cluster that is configured like this.
    pub fn with_config(config: &Config) -> Self {
        let mut script = Self::new();
        script.begin(config);
        script
    }

    pub fn with_liar(liar: u8) -> Self {
        let mut liars = ReplicaSet::default();
        liars.insert(ReplicaId(liar));
        Self::start(liars)
    }

    fn start(liars: ReplicaSet) -> Self {
        let mut script =
            Script { checkers: Checkers::default(), cluster_view: ClusterView::default(), liars, event: 0, waited: 0 };
        script.reset();
        script
    }

    pub fn reset(&mut self) {
        self.begin(&Self::config());
    }

    fn begin(&mut self, config: &Config) {
        self.checkers.reset(config, self.liars, &[]);
        self.cluster_view.reset(config, self.liars);
        (self.event, self.waited) = (0, 0);
    }

    /// The default configuration, in which replicas scrub and primaries step down, too.
    pub fn config() -> Config {
        let mut config = Config::default();
        config.cluster.scrub_iops = SCRUB_IOPS;
        config.cluster.abdicate_timeout = 5 * config.cluster.heartbeat;
        config
    }

    /// Time passes.
    pub fn wait(&mut self, span: Time) {
        self.waited += span;
    }

    /// The replica does something.
    pub fn say(&mut self, replica: u8, what: Observation) -> Option<Box<Violation>> {
        self.see(Who::Replica(ReplicaId(replica)), what)
    }

    pub fn see(&mut self, who: Who, what: Observation) -> Option<Box<Violation>> {
        self.see_at((self.event + 1) * 1000, who, what)
    }

    /// Sees something in the same event as what went before.
    pub fn same_event(&mut self, replica: u8, what: Observation) -> Option<Box<Violation>> {
        self.event -= 1;
        self.see(Who::Replica(ReplicaId(replica)), what)
    }

    fn see_at(&mut self, at: Time, who: Who, what: Observation) -> Option<Box<Violation>> {
        self.event += 1;
        let seen = Seen { at: self.waited + at, event: self.event, who, what };
        let violation = self.checkers.observe(&seen, &self.cluster_view);
        self.cluster_view.apply(&seen);
        violation
    }

    /// The replica does something that is in order.
    pub fn ok(&mut self, replica: u8, what: Observation) {
        let violation = self.see(Who::Replica(ReplicaId(replica)), what);
        assert_eq!(violation, None, "{what:?} of replica {replica} is in order");
    }

    /// The replica breaks this rule of this invariant.
    pub fn caught(&mut self, replica: u8, what: Observation, name: &str, rule: &str) {
        let violation = self.see(Who::Replica(ReplicaId(replica)), what).expect("the rule is broken");
        assert_eq!((violation.invariant, violation.rule), (name, rule), "{violation:?}");
        assert!(violation.replicas.has(ReplicaId(replica)));
        assert!(!violation.expected.is_empty() && !violation.seen.is_empty());
    }

    /// The replica does something that is in order, at this time.
    pub fn ok_at(&mut self, at: Time, replica: u8, what: Observation) {
        assert_eq!(self.see_at(at, Who::Replica(ReplicaId(replica)), what), None, "{what:?} at {at} is in order");
    }

    /// The replica breaks this rule of this invariant, at this time.
    pub fn caught_at(&mut self, at: Time, replica: u8, what: Observation, name: &str, rule: &str) {
        let violation = self.see_at(at, Who::Replica(ReplicaId(replica)), what).expect("the rule is broken");
        assert_eq!((violation.invariant, violation.rule), (name, rule), "{violation:?}");
    }

    /// The replica's scrubber reads these records of the zone, and all is well.
    pub fn scrub(&mut self, replica: u8, zone: u8, records: std::ops::Range<u32>, clock: Time) {
        let count = records.end - records.start;
        self.ok(replica, Observation::ScrubRead { zone, record: records.start, records: count, clock });
        self.ok(replica, Observation::ScrubReadDone { judged: true });
    }

    /// A client of the scripts asks for something; it cannot break a rule.
    pub fn invoke(&mut self, number: u32, operation: Operation) {
        let what = Observation::Invoked { client: ClientId(0), session: 1, number, operation };
        assert_eq!(self.see(Who::Client(ClientId(0)), what), None);
    }

    pub fn answer(&mut self, number: u32, answer: Answer) -> Option<Box<Violation>> {
        let what = Observation::Answered { client: ClientId(0), session: 1, number, answer };
        self.see(Who::Client(ClientId(0)), what)
    }

    /// The answer breaks this rule of this invariant.
    pub fn answer_caught(&mut self, number: u32, answer: Answer, name: &str, rule: &str) {
        let violation = self.answer(number, answer).expect("the rule is broken");
        assert_eq!((violation.invariant, violation.rule), (name, rule), "{violation:?}");
    }

    /// Request `number` of client 0 executed at `op`.
    pub fn executed(op: u64, number: u32, operation: Operation, answer: Answer) -> Observation {
        Observation::Executed { op, client: ClientId(0), session: 1, number, operation: Some(operation), answer }
    }

    /// The ordinary entry at `op`, prepared in `view`.
    pub fn appended(op: u64, view: u64) -> Observation {
        Observation::Appended { op, view, entry: entry(op), parent: entry(op - 1) }
    }

    /// The replica appends the ordinary entries `ops`, all prepared in view 0.
    pub fn append(&mut self, replica: u8, ops: std::ops::RangeInclusive<u64>) {
        for op in ops {
            self.ok(replica, Self::appended(op, 0));
        }
    }

    /// The replica commits the ordinary entries `ops`.
    pub fn commit(&mut self, replica: u8, ops: std::ops::RangeInclusive<u64>) {
        for op in ops {
            self.ok(replica, Observation::Committed { op, entry: entry(op) });
        }
    }

    /// The replicas of the script hold and have committed the ordinary entries `ops`.
    pub fn committed(&mut self, replicas: &[u8], ops: std::ops::RangeInclusive<u64>) {
        for replica in replicas {
            self.append(*replica, ops.clone());
            self.commit(*replica, ops.clone());
        }
    }

    pub fn finish(&mut self) -> Option<Box<Violation>> {
        self.checkers.finish(self.event * 1000, self.event, &self.cluster_view)
    }

    /// Two writes and a read go through; then replica 0 fails, replica 1 takes over, and replica 0 comes back.
    pub fn clean_run() -> Self {
        let mut script = Self::new();
        script.replay_clean_run();
        script
    }

    pub fn replay_clean_run(&mut self) {
        use Observation as O;
        for replica in 0..3 {
            self.ok(replica, O::ClockSet { error: 0, rate: 1_000_000 });
            self.ok(replica, O::StatusChanged { status: Status::Normal, view: 0, primary: replica == 0 });
        }
        let requests = [(put(1), found(1, 1, 1)), (put(2), found(2, 2, 2)), (get(), found(3, 2, 2))];
        for (number, (operation, answer)) in (1..).zip(requests) {
            self.invoke(number, operation);
            let op = u64::from(number);
            for replica in 0..3 {
                self.ok(replica, O::Delivered { from: ReplicaId(0), kind: MessageKind::Prepare });
                self.ok(replica, Self::appended(op, 0));
                self.ok(replica, O::Acknowledged { view: 0, op, entry: entry(op) });
                self.ok(replica, O::Holding { items: 1, bytes: 100 });
            }
            for replica in 0..3 {
                self.ok(replica, O::Committed { op, entry: entry(op) });
                self.ok(replica, O::Timestamped { op, timestamp: 10 * op });
                self.ok(replica, Self::executed(op, number, operation, answer));
            }
            assert_eq!(self.answer(number, answer), None);
        }
        self.ok(2, O::ScrubTourStarted);
        self.ok(2, O::ScrubTourCovers { zone: 0, records: 3 });
        self.scrub(2, 0, 0..3, SECOND);
        self.ok(2, O::ScrubTourCompleted { duration: 0, reads: 1 });
        self.ok(0, O::Crashed);
        (1..3).for_each(|replica| self.ok(replica, O::ViewChangeWanted { view: 1 }));
        for replica in [1, 2] {
            self.ok(replica, O::ViewChangeStarted { view: 1 });
            self.ok(replica, O::StatusChanged { status: Status::ViewChange, view: 1, primary: false });
            self.ok(replica, O::Voted { view: 1, last_normal: 0, op: 3, commit: 3 });
        }
        self.ok(1, O::ViewStarted { view: 1, op: 3, commit: 3, primary: true });
        self.ok(2, O::ViewStarted { view: 1, op: 3, commit: 3, primary: false });
        self.ok(0, O::Restarted);
        self.ok(0, O::Loading);
        self.append(0, 1..=3);
        self.ok(0, O::Recovered { view: 0, last_normal: 0, op: 3 });
        self.ok(0, O::ViewStarted { view: 1, op: 3, commit: 0, primary: false });
        self.commit(0, 1..=3);
        for (number, (operation, answer)) in (1..).zip(requests) {
            self.ok(0, Self::executed(number.into(), number, operation, answer));
        }
    }
}
