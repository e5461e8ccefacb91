//! A replica's clocks: a monotonic clock that drifts and can be frozen, and a wall clock that also has an offset and
//! steps.
//!
//! The monotonic clock is a line from its last change, with a rate in parts per million of true time. The wall clock
//! is the monotonic clock plus an offset, over an epoch that is late enough to keep it above zero. Timers are
//! deadlines of the monotonic clock; `due` maps them to true time.
//!
//! A time service may set wall clocks during a run (`world/ntp.rs`). When the cluster heals, wall clocks are set to
//! what they would show without any fault. Both happen in one step; a monotonic clock never goes back. Left out: leap
//! seconds.

use crate::base::time::Time;

/// What a wall clock shows at the start of a run, but for its offset: more than any offset and step can take away.
pub const EPOCH: Time = 1_000_000 * crate::base::time::SECOND;

/// A frozen clock's rate is 0; a running one's stays within these, in parts per million of true time.
const RATE_MIN: i64 = 100_000;
const RATE_MAX: i64 = 10_000_000;
const RATE_TRUE: u64 = 1_000_000;

/// The clocks of one replica.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    /// The true time of the last change of the rate.
    since: Time,
    /// What the monotonic clock showed then.
    shown: Time,
    /// How fast it has been running since.
    rate: u64,
    /// Its own drift, without any fault.
    drift: i64,
    /// How far the wall clock is before the monotonic one.
    offset: i64,
    /// How far it was at the start.
    offset_start: i64,
}

impl Clock {
    /// Clocks at the start of a run, with this offset of the wall clock and this drift in parts per million.
    pub fn new(offset: i64, drift: i64) -> Self {
        let mut clock = Clock { drift, offset, offset_start: offset, ..Clock::default() };
        clock.set_rate(0, 0, false);
        clock
    }

    /// From `now` on the clocks drift by so much more than they do by themselves, or stand still. Returns whether that
    /// changes anything.
    pub fn set_rate(&mut self, now: Time, drift_extra: i64, frozen: bool) -> bool {
        let drift = self.drift.saturating_add(drift_extra);
        let rate = if frozen { 0 } else { drift.saturating_add(RATE_TRUE as i64).clamp(RATE_MIN, RATE_MAX) as u64 };
        let changed = rate != self.rate;
        if changed {
            self.shown = self.monotonic(now);
            self.since = now;
            self.rate = rate;
        }
        changed
    }

    /// Steps the wall clock.
    pub fn step(&mut self, micros: i32) {
        self.offset = self.offset.saturating_add(i64::from(micros) * 1000);
    }

    /// Sets the wall clock to what it would show had there been no drift, freeze or step.
    pub fn set_right(&mut self, now: Time) {
        let behind = now as i64 - self.monotonic(now) as i64;
        self.offset = self.offset_start.saturating_add(behind);
    }

    /// Sets the wall clock to the true time and so much more.
    pub fn set(&mut self, now: Time, error: i64) {
        let behind = now as i64 - self.monotonic(now) as i64;
        self.offset = behind.saturating_add(error);
    }

    /// How far the wall clock is before the true time.
    pub fn error(&self, now: Time) -> i64 {
        self.wall(now) as i64 - (EPOCH + now) as i64
    }

    /// How fast the clocks run, in parts per million of true time.
    pub fn rate(&self) -> u64 {
        self.rate
    }

    /// The monotonic clock.
    #[inline]
    pub fn monotonic(&self, now: Time) -> Time {
        debug_assert!(self.since <= now);
        self.shown + (now - self.since).saturating_mul(self.rate) / RATE_TRUE
    }

    /// The wall clock.
    #[inline]
    pub fn wall(&self, now: Time) -> Time {
        (EPOCH + self.monotonic(now)).saturating_add_signed(self.offset)
    }

    /// The first true time, not before `now`, at which the monotonic clock shows `deadline` or more; `None` while frozen.
    pub fn due(&self, now: Time, deadline: Time) -> Option<Time> {
        if self.rate == 0 {
            return None;
        }
        let ahead = deadline.saturating_sub(self.shown).saturating_mul(RATE_TRUE).div_ceil(self.rate);
        Some(self.since.saturating_add(ahead).max(now))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::time::{MILLISECOND, SECOND};

    #[test]
    fn a_frozen_clock_stands_still_and_goes_on_from_there() {
        let mut clock = Clock::new(-5, 0);
        assert_eq!((clock.monotonic(SECOND), clock.wall(SECOND)), (SECOND, EPOCH + SECOND - 5));
        assert!(clock.set_rate(SECOND, 0, true));
        assert!(!clock.set_rate(SECOND + 1, 0, true), "frozen already");
        assert_eq!(clock.monotonic(2 * SECOND), SECOND);
        assert_eq!(clock.due(2 * SECOND, 3 * SECOND), None);
        assert!(clock.set_rate(3 * SECOND, 0, false));
        assert_eq!(clock.monotonic(4 * SECOND), 2 * SECOND);
        assert_eq!(clock.due(4 * SECOND, 3 * SECOND), Some(5 * SECOND));
        clock.step(1000);
        assert_eq!(clock.wall(4 * SECOND), EPOCH + 2 * SECOND - 5 + MILLISECOND);
        clock.set_right(4 * SECOND);
        assert_eq!(clock.wall(5 * SECOND), EPOCH + 5 * SECOND - 5);
        assert_eq!(clock.monotonic(5 * SECOND), 3 * SECOND, "the monotonic clock does not jump");
        clock.set(5 * SECOND, -7);
        assert_eq!((clock.error(6 * SECOND), clock.wall(6 * SECOND)), (-7, EPOCH + 6 * SECOND - 7));
    }

    #[test]
    fn extreme_faults_do_not_overflow() {
        let mut clock = Clock::new(-1000 * SECOND as i64, -100_000);
        for _ in 0..256 {
            clock.step(i32::MIN);
        }
        clock.set_rate(600 * SECOND, i64::MIN, false);
        clock.set_rate(601 * SECOND, i64::MAX, false);
        assert!(clock.wall(1200 * SECOND) > 0);
        assert!(clock.due(1200 * SECOND, u64::MAX).is_some_and(|due| due > 1200 * SECOND));
    }

    proptest! {
        #[test]
        fn a_deadline_has_passed_when_it_is_due_and_not_long_before(
            drift in -100_000_i64..100_000, since in 0..SECOND, now in SECOND..2 * SECOND, span in 0..SECOND,
        ) {
            let mut clock = Clock::new(0, 0);
            clock.set_rate(since, drift, false);
            let deadline = clock.monotonic(now) + span;
            let due = clock.due(now, deadline).unwrap();
            prop_assert!(clock.monotonic(due) >= deadline);
            prop_assert!(due == now || clock.monotonic(due - 1) <= deadline);
        }
    }
}
