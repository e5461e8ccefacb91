//! Clock synchronization: the time of a replica, as agreed with a quorum of clocks.
//!
//! A replica requests the wall clocks of the others (Ping, Pong) and measures, with its own monotonic clock, how long
//! each answer took. Each answer becomes an interval that contains the true time if the other's clock is correct. An
//! interval grows with its age, since clocks drift. At the end of an epoch the replica computes the interval on which
//! most clocks agree (Marzullo's algorithm; Marzullo and Owicki, "Maintaining the Time in a Distributed System", 1984).
//! If that is a clock quorum, including itself, and its own wall clock is within the tolerance of the interval, the
//! replica is *synchronized* for two epochs: its time is its wall clock, limited to the agreed interval. An agreement
//! that excludes its own clock ends the synchronization at once. While it is not synchronized, it computes the interval
//! with each answer.
//!
//! Only a synchronized primary assigns timestamps to entries: its time, but at least 1 more than the previous entry's.
//! A primary that has not been synchronized for an epoch abdicates: it stops its heartbeat and votes for the next view.
//!
//! Intervals are stored as differences to the monotonic clock, which is never set. Left out: the rate of the clocks is
//! assumed to be correct within 1 %, and not measured.

use sim::base::ids::REPLICAS_MAX;
use sim::config::spec::Cluster;
use sim::{Env, Observation, RejectReason, ReplicaId, ReplicaSet, System, Time};

use crate::bugs::{Bugs, PlantedBug};

/// The drift of a clock is at most one part in this many.
const DRIFT: Time = 100;

/// The synchronization of a replica's clock.
#[derive(Debug)]
pub struct Clock {
    pub(crate) ping: Time,
    epoch: Time,
    tolerance: Time,
    /// The number of clocks that may lie.
    byzantine: u8,
    /// For a planted bug: the quorum is one clock smaller.
    one_clock_less: bool,
    bugs: Bugs,
    /// When the epoch began. All times are of the replica's monotonic clock.
    began: Time,
    /// The best answer of each replica in this epoch.
    samples: [Option<Sample>; REPLICAS_MAX],
    agreed: Option<Agreed>,
    /// Since when the replica has not been synchronized.
    lost: Option<Time>,
    /// Whether it was a primary that had to abdicate at the last tick.
    pub(crate) abdicates: bool,
}

/// A replica's answer.
#[derive(Clone, Copy, Debug)]
struct Sample {
    asked: Time,
    /// The minimum and the maximum of its wall clock minus the local monotonic clock.
    bounds: Interval,
}

/// The agreed interval, as a difference to the monotonic clock.
#[derive(Clone, Copy, Debug)]
struct Agreed {
    bounds: Interval,
    until: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Interval {
    low: i64,
    high: i64,
}

impl Interval {
    fn width(self) -> i64 {
        self.high.saturating_sub(self.low)
    }

    fn widened(self, by: Time) -> Self {
        let by = signed(by);
        Interval { low: self.low.saturating_sub(by), high: self.high.saturating_add(by) }
    }

    fn has(self, point: i64) -> bool {
        (self.low..=self.high).contains(&point)
    }
}

fn signed(time: Time) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

impl Clock {
    /// A clock that is not synchronized yet.
    pub fn new(cluster: &Cluster, bugs: Bugs, now: Time) -> Self {
        let one_clock_less = bugs.on(PlantedBug::ClockQuorumMinusOne);
        Clock {
            ping: cluster.clock_ping,
            epoch: cluster.clock_epoch,
            tolerance: cluster.clock_tolerance,
            byzantine: cluster.byzantine,
            one_clock_less,
            bugs,
            began: now,
            samples: [None; REPLICAS_MAX],
            agreed: None,
            lost: Some(now),
            abdicates: false,
        }
    }

    /// Whether clocks are compared. Otherwise timestamps are only counters.
    pub fn runs(&self) -> bool {
        self.ping > 0
    }

    /// The time, while it is synchronized.
    pub(crate) fn time<S: System>(&self, env: &Env<'_, S>) -> Option<Time> {
        let (wall, now) = (env.wall_clock(), env.monotonic());
        if self.bugs.on(PlantedBug::UnsynchronizedPrimaryServes) {
            return Some(wall);
        }
        let Interval { low, high } = self.agreed.filter(|agreed| now <= agreed.until)?.bounds;
        if self.bugs.on(PlantedBug::TimestampFromRawClock) {
            return Some(wall);
        }
        Some(now.saturating_add_signed(own(env).clamp(low, high)))
    }

    /// Whether it has been unsynchronized for so long that a primary has to abdicate.
    pub fn given_up(&self, now: Time) -> bool {
        self.runs() && self.lost.is_some_and(|lost| now > lost + self.epoch)
    }

    /// Updates and reports whether the clock is synchronized, as an agreement expires.
    pub(crate) fn notice<S: System>(&mut self, env: &mut Env<'_, S>) {
        let synchronized = self.time(env).is_some();
        if !synchronized && self.lost.is_none() {
            self.lost = Some(env.monotonic());
            env.observe(Observation::ClockLost);
        } else if synchronized {
            self.lost = None;
        }
    }

    /// Ends the epoch, if it is over.
    pub(crate) fn tick<S: System>(&mut self, env: &mut Env<'_, S>, members: ReplicaSet) {
        let now = env.monotonic();
        if now >= self.began + self.epoch {
            self.synchronize(env, members);
            self.began = now;
            if !self.bugs.on(PlantedBug::StaleSamplesKept) {
                self.samples = [None; REPLICAS_MAX];
            }
        }
        self.notice(env);
    }

    /// Handles an answer: the other's clock showed `wall` at some time between `asked` and now.
    pub(crate) fn answered<S: System>(
        &mut self,
        env: &mut Env<'_, S>,
        members: ReplicaSet,
        from: ReplicaId,
        asked: Time,
        wall: Time,
    ) -> Result<(), RejectReason> {
        let now = env.monotonic();
        if asked > now {
            return Err(RejectReason::BadMetadata);
        }
        // An answer that took too long is too inaccurate.
        if now - asked > self.tolerance {
            return Ok(());
        }
        let at = |monotonic: Time| signed(wall).saturating_sub(signed(monotonic));
        let sample = Sample { asked, bounds: Interval { low: at(now), high: at(asked) } };
        let kept = &mut self.samples[from.index()];
        if kept.is_none_or(|kept| sample.bounds.width() < kept.bounds.width()) {
            *kept = Some(sample);
        }
        if self.lost.is_some() {
            self.synchronize(env, members);
            self.notice(env);
        }
        Ok(())
    }

    /// Computes the agreement.
    fn synchronize<S: System>(&mut self, env: &mut Env<'_, S>, members: ReplicaSet) {
        let (own, now) = (own(env), env.monotonic());
        // At most one interval of each other replica, and its own.
        let mut sources = [Interval { low: own, high: own }.widened(self.tolerance); REPLICAS_MAX];
        let mut count = 1;
        // After a pause, the samples of this epoch may be long outdated.
        let drops_old_samples =
            !self.bugs.on(PlantedBug::SamplesOutlivePause) && !self.bugs.on(PlantedBug::StaleSamplesKept);
        let age_max = if drops_old_samples { self.epoch + self.ping } else { Time::MAX };
        let of_members = members.iter().filter_map(|member| self.samples[member.index()]);
        for Sample { asked, bounds } in of_members.filter(|sample| now - sample.asked <= age_max) {
            sources[count] = bounds.widened(self.tolerance + (now - asked) / DRIFT);
            count += 1;
        }
        let ended_count = self.bugs.on(PlantedBug::MarzulloEndedIntervalsCount);
        let (agreeing, bounds) = marzullo(&sources[..count], ended_count);
        let quorum = sim::config::spec::clock_quorum(members.len(), self.byzantine) - usize::from(self.one_clock_less);
        if agreeing < quorum {
            return;
        }
        let near = bounds.widened(self.tolerance).has(own) || self.bugs.on(PlantedBug::ClockToleranceIgnored);
        self.agreed = near.then_some(Agreed { bounds, until: now + 2 * self.epoch });
        if near {
            let offset = bounds.low + bounds.width() / 2 - own;
            let uncertainty = (bounds.width() / 2).unsigned_abs();
            env.observe(Observation::ClockSynchronized { offset, uncertainty });
        }
    }
}

/// The wall clock minus the monotonic clock.
fn own<S: System>(env: &Env<'_, S>) -> i64 {
    signed(env.wall_clock()) - signed(env.monotonic())
}

/// The interval that most sources have in common, and the number of these sources; of several such intervals, the
/// narrowest.
fn marzullo(sources: &[Interval], ended_count: bool) -> (usize, Interval) {
    let mut edges = [(0, false); 2 * REPLICAS_MAX];
    let edges = &mut edges[..2 * sources.len()];
    for (pair, source) in edges.chunks_exact_mut(2).zip(sources) {
        // At equal positions, intervals begin before others end: they have that position in common.
        pair[0] = (source.low, false);
        pair[1] = (source.high, true);
    }
    edges.sort_unstable();
    let (mut count, mut best) = (0, (0, Interval { low: 0, high: 0 }));
    for (index, (low, ends)) in edges.iter().enumerate() {
        if *ends {
            count -= usize::from(!ended_count);
            continue;
        }
        count += 1;
        let common = Interval { low: *low, high: edges[index + 1].0 };
        if count > best.0 || count == best.0 && common.width() < best.1.width() {
            best = (count, common);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreement(sources: &[(i64, i64)]) -> (usize, i64, i64) {
        let sources: Vec<_> = sources.iter().map(|(low, high)| Interval { low: *low, high: *high }).collect();
        let (count, Interval { low, high }) = marzullo(&sources, false);
        (count, low, high)
    }

    #[test]
    fn most_sources_win_and_of_several_such_intervals_the_narrowest() {
        assert_eq!(agreement(&[(8, 12), (11, 13), (10, 12)]), (3, 11, 12));
        assert_eq!(agreement(&[(8, 12), (11, 13), (14, 15)]), (2, 11, 12));
        assert_eq!(agreement(&[(8, 9), (8, 12), (10, 12)]), (2, 8, 9));
        assert_eq!(agreement(&[(0, 10), (3, 4), (20, 30)]), (2, 3, 4));
        assert_eq!(agreement(&[(0, 5), (5, 9)]), (2, 5, 5), "intervals that touch agree");
        assert_eq!(agreement(&[(1, 2)]), (1, 1, 2));
    }
}
