//! Clock offset detection: a replica whose clock is false does not hand out times, and those that are handed out are true.
//!
//! With the tolerance T, a *good* clock is one of a correct replica that is at most T off the true time; the promises hold
//! while a clock quorum (`Cluster::clock_quorum`) of clocks has been good during the whole last *window* of four epochs.
//!
//! 1. A timestamp that a primary assigns is at most 4 T off the true time, or 1 later than the entry's before it, which may
//!    have been ahead. Owed to a primary whose clocks ran within 1 % of true time during the window.
//! 2. Nor is the time more than 4 T off that a replica says it is synchronized to; owed likewise.
//! 3. A replica whose own wall clock has been more than 5 T off during the whole window assigns no timestamps. Owed where its
//!    clocks did not run slower than 90 % of true time in the window: one that stands still cannot tell that time passes.
//!
//! Why these numbers (intervals as in Marzullo and Owicki, "Maintaining the Time in a Distributed System", 1984): a clock
//! quorum that agrees has a good clock in it, and the agreement lies within that clock's interval. The interval holds the true
//! time, and is as wide as twice T, a round trip (at most T), and what 1 % of drift makes of its age; since epochs are at most
//! 20 T long, that and the drift until the next agreement are less than another T. A replica accepts an agreement up
//! to T away from its own clock. Samples are at most an epoch and a ping old when they are used, and an agreement holds
//! for two epochs: with a ping of a quarter of an epoch at most, and 90 % of the rate, all in all less than four epochs.
//!
//! Not checked: that a replica with a good clock finds an agreement; that is for `liveness` to say.

use crate::base::ids::REPLICAS_MAX;
use crate::base::time::Time;
use crate::config::spec::Config;
use crate::devices::clock::EPOCH;
use crate::invariants::support::{Context, Violation, kinds};
use crate::protocol::observation::Observation;

/// The invariant's name.
pub const NAME: &str = "clock_offset_detection";
pub(in crate::invariants) const INTERESTS: u128 =
    kinds::CLOCK_SET | kinds::CLOCK_SYNCHRONIZED | kinds::TIMESTAMP_ASSIGNED;

/// True time, in parts per million of itself.
const RATE_TRUE: u64 = 1_000_000;
/// Clocks are promised to run this close to it.
const RATE_OFF: u64 = 10_000;
/// Below this rate a replica cannot be asked to notice anything in time.
const RATE_SLOW: u64 = 900_000;

/// What is known of one replica's clocks, as of `at`.
#[derive(Clone, Copy, Debug)]
struct Line {
    at: Time,
    error: i64,
    rate: u64,
    /// When the wall clock was more than T off for the last time.
    bad: Option<Time>,
    /// When it was at most 5 T off for the last time.
    near: Time,
    /// When the clocks ran outside of the promised rate for the last time.
    off_rate: Option<Time>,
    /// When they ran too slow to notice anything for the last time.
    slow: Option<Time>,
}

impl Line {
    const NEW: Line = Line { at: 0, error: 0, rate: RATE_TRUE, bad: None, near: 0, off_rate: None, slow: None };

    /// Follows the line up to `now`. Where something began or ended in between it counts until `now`, to be on the safe side.
    fn follow(&mut self, now: Time, tolerance: i64) {
        let gained =
            i128::from(now - self.at) * (i128::from(self.rate) - i128::from(RATE_TRUE)) / i128::from(RATE_TRUE);
        let (before, after) = (self.error, self.error.saturating_add(gained as i64));
        (self.at, self.error) = (now, after);
        if before.abs() > tolerance || after.abs() > tolerance {
            self.bad = Some(now);
        }
        let far = |error: i64| error.abs() > 5 * tolerance;
        if !far(before) || !far(after) || before.signum() != after.signum() {
            self.near = now;
        }
        if self.rate.abs_diff(RATE_TRUE) > RATE_OFF {
            self.off_rate = Some(now);
        }
        if self.rate < RATE_SLOW {
            self.slow = Some(now);
        }
    }

    fn set(&mut self, now: Time, error: i64, rate: u64, tolerance: i64) {
        self.follow(now, tolerance);
        (self.error, self.rate) = (error, rate);
        self.follow(now, tolerance);
    }
}

#[derive(Debug)]
pub(in crate::invariants) struct ClockOffsetDetection {
    lines: [Line; REPLICAS_MAX],
    tolerance: i64,
    window: Time,
    quorum: usize,
}

impl Default for ClockOffsetDetection {
    fn default() -> Self {
        ClockOffsetDetection { lines: [Line::NEW; REPLICAS_MAX], tolerance: 0, window: 0, quorum: 0 }
    }
}

impl ClockOffsetDetection {
    pub fn reset(&mut self, config: &Config) {
        self.lines = [Line::NEW; REPLICAS_MAX];
        self.tolerance = config.cluster.clock_tolerance as i64;
        self.window = 4 * config.cluster.clock_epoch;
        // Where the members may change, so does the number that has to be good: nothing is owed.
        self.quorum = if config.cluster.reconfigures() { usize::MAX } else { config.cluster.clock_quorum() };
    }

    pub fn observe(&mut self, context: &Context<'_>) -> Option<Box<Violation>> {
        let now = context.seen.at;
        match context.seen.what {
            Observation::ClockSet { error, rate } => {
                self.lines[context.id.index()].set(now, error, rate, self.tolerance);
                None
            }
            Observation::ClockSynchronized { offset, .. } => {
                let off = self.owed(context)?.error.saturating_add(offset);
                if !self.runs_well(context) || off.abs() <= 4 * self.tolerance {
                    return None;
                }
                context.violation(
                    NAME,
                    "synchronized to a false time",
                    format!("{} is synchronized to at most {} ns off the true time", context.id, 4 * self.tolerance),
                    format!("it is {off} ns off"),
                )
            }
            Observation::TimestampAssigned { op, timestamp, previous } => {
                let own = self.owed(context)?;
                if !self.since(own.slow, now) && own.near + self.window < now {
                    return context.violation(
                        NAME,
                        "a replica with a false clock leads",
                        format!("{} notices within {} ns that its clock is off", context.id, self.window),
                        format!("its clock is {} ns off, and it gives op {op} a timestamp", own.error),
                    );
                }
                let (truth, bound) = (EPOCH + now, 4 * self.tolerance as u64);
                let late = timestamp > truth + bound && timestamp > previous + 1;
                if !self.runs_well(context) || timestamp + bound >= truth && !late {
                    return None;
                }
                context.violation(
                    NAME,
                    "a timestamp is false",
                    format!("{} gives op {op} a timestamp at most {bound} ns off {truth}", context.id),
                    format!("it gives it {timestamp}"),
                )
            }
            _ => None,
        }
    }

    /// The replica's own clock, if enough clocks were good during the window that something is owed.
    fn owed(&mut self, context: &Context<'_>) -> Option<Line> {
        let now = context.seen.at;
        let mut good = 0;
        for (id, _) in context.cluster_view.correct_replicas() {
            let line = &mut self.lines[id.index()];
            line.follow(now, self.tolerance);
            let bad = line.bad;
            good += usize::from(!self.since(bad, now));
        }
        (good >= self.quorum).then_some(self.lines[context.id.index()])
    }

    /// Whether it happened during the window that ends `now`.
    fn since(&self, last: Option<Time>, now: Time) -> bool {
        last.is_some_and(|last| last + self.window >= now)
    }

    fn runs_well(&self, context: &Context<'_>) -> bool {
        !self.since(self.lines[context.id.index()].off_rate, context.seen.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::ReplicaId;
    use crate::base::time::MILLISECOND;
    use crate::invariants::harness::Script;
    use crate::protocol::observation::{Seen, Who};
    use Observation as O;

    const MS: i64 = MILLISECOND as i64;

    /// A script that can say when.
    struct Clocks(Script);

    impl Clocks {
        /// Three clocks that are right.
        fn new() -> Self {
            let mut clocks = Clocks(Script::new());
            for replica in 0..3 {
                assert_eq!(clocks.at(0, replica, O::ClockSet { error: 0, rate: RATE_TRUE }), None);
            }
            clocks
        }

        /// What replica `replica` says at so many milliseconds; the rule that it breaks.
        fn at(&mut self, ms: u64, replica: u8, what: Observation) -> Option<&'static str> {
            let seen = Seen { at: ms * MILLISECOND, event: 1, who: Who::Replica(ReplicaId(replica)), what };
            let violation = self.0.checkers.observe(&seen, &self.0.cluster_view);
            self.0.cluster_view.apply(&seen);
            assert!(violation.as_ref().is_none_or(|violation| violation.invariant == NAME));
            violation.map(|violation| violation.rule)
        }

        fn set(&mut self, ms: u64, replica: u8, error: i64, rate: u64) {
            assert_eq!(self.at(ms, replica, O::ClockSet { error: error * MS, rate }), None);
        }

        /// Replica 0 gives a timestamp that is so many milliseconds off.
        fn assign(&mut self, ms: u64, off: i64, previous: Time) -> Option<&'static str> {
            let timestamp = (EPOCH + ms * MILLISECOND).saturating_add_signed(off * MS);
            self.at(ms, 0, O::TimestampAssigned { op: 1, timestamp, previous })
        }
    }

    #[test]
    fn timestamps_are_near_the_true_time_or_follow_one_that_was_ahead() {
        let mut clocks = Clocks::new();
        assert_eq!(clocks.assign(100, 40, 0), None);
        assert_eq!(clocks.assign(200, -40, 0), None);
        assert_eq!(clocks.assign(300, 41, 0), Some("a timestamp is false"));
        assert_eq!(clocks.assign(300, -41, 0), Some("a timestamp is false"));
        let ahead = EPOCH + 300 * MILLISECOND + 500 * MILLISECOND;
        let next = O::TimestampAssigned { op: 2, timestamp: ahead + 1, previous: ahead };
        assert_eq!(clocks.at(300, 0, next), None);
    }

    #[test]
    fn a_clock_that_is_off_has_to_be_noticed_in_time() {
        let mut clocks = Clocks::new();
        clocks.set(100, 0, -60, RATE_TRUE);
        assert_eq!(clocks.assign(700, 0, 0), None, "it may take 600 ms");
        assert_eq!(clocks.assign(701, 0, 0), Some("a replica with a false clock leads"));
        clocks.set(710, 0, 40, RATE_TRUE);
        assert_eq!(clocks.assign(711, 0, 0), None, "it was set again, near enough");
        let mut drifts = Clocks::new();
        drifts.set(0, 0, 0, 1_100_000);
        assert_eq!((drifts.assign(500, 0, 0), drifts.assign(510, 0, 0)), (None, None));
        assert_eq!(drifts.assign(1200, 0, 0), Some("a replica with a false clock leads"));
        let mut stands = Clocks::new();
        stands.set(0, 0, 0, 0);
        assert_eq!(stands.assign(5000, -5000, 0), None, "a clock that stands still notices nothing");
    }

    #[test]
    fn nothing_is_owed_while_too_few_clocks_are_good() {
        let mut clocks = Clocks::new();
        clocks.set(100, 1, 11, RATE_TRUE);
        assert_eq!(clocks.assign(200, 50, 0), Some("a timestamp is false"));
        clocks.set(200, 2, 11, RATE_TRUE);
        assert_eq!(clocks.assign(300, 50, 0), None);
        clocks.set(300, 2, 1, RATE_TRUE);
        assert_eq!(clocks.assign(900, 50, 0), None, "the window is not over");
        assert_eq!(clocks.assign(901, 50, 0), Some("a timestamp is false"));
    }

    #[test]
    fn the_agreed_time_has_to_be_the_true_one() {
        let mut clocks = Clocks::new();
        clocks.set(100, 0, 100, RATE_TRUE);
        let agreed = |offset: i64| O::ClockSynchronized { offset: offset * MS, uncertainty: 1 };
        assert_eq!(clocks.at(200, 0, agreed(-100)), None);
        assert_eq!(clocks.at(200, 0, agreed(-59)), Some("synchronized to a false time"));
    }
}
