//! Maps times to positions in a picture. The mapping is linear, except that a stretch without visible events is
//! shortened and marked as such.

use sim::Time;
use sim::base::time::{MICROSECOND, MILLISECOND, SECOND};

use crate::base::format;

/// A shortened stretch gets one part in `PARTS` of the width.
const PARTS: f64 = 24.0;
/// The maximum number of shortened stretches.
const BREAKS_MAX: usize = 5;
/// A stretch is shortened if it would take more than this share of the width,
const SHARE: f64 = 0.14;
/// and if it is this many times as long as the average of the others.
const TIMES_MEAN: f64 = 8.0;

/// A piece of the scale in which time is linear.
#[derive(Clone, Copy, Debug)]
struct Piece {
    from: Time,
    to: Time,
    start: f64,
    end: f64,
    shortened: bool,
}

/// A shortened stretch of time, with its position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Break {
    /// Its duration.
    pub duration: Time,
    /// Its left end.
    pub start: f64,
    /// Its right end.
    pub end: f64,
}

impl Break {
    /// The rounded duration as text.
    pub fn words(&self) -> String {
        let unit = match self.duration {
            10_000_000_000.. => SECOND,
            1_000_000_000.. => SECOND / 10,
            10_000_000.. => MILLISECOND,
            _ => MICROSECOND,
        };
        format::time((self.duration + unit / 2) / unit * unit)
    }
}

/// The scale of a picture.
#[derive(Clone, Debug)]
pub struct Scale {
    pieces: Vec<Piece>,
}

impl Scale {
    /// Creates the scale from time `from` at position `start` to time `to` at position `end`, with visible events at
    /// `times`.
    pub fn new((from, to): (Time, Time), (start, end): (f64, f64), times: impl IntoIterator<Item = Time>) -> Self {
        let mut times: Vec<Time> = times.into_iter().filter(|at| (from..=to).contains(at)).collect();
        times.extend([from, to]);
        times.sort_unstable();
        times.dedup();
        let gaps: Vec<Time> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let shortened = shortened(&gaps);
        let breaks = shortened.iter().filter(|shortened| **shortened).count();
        let even: Time = gaps.iter().zip(&shortened).filter(|(_, shortened)| !**shortened).map(|(gap, _)| gap).sum();
        let part = (end - start) / PARTS;
        let unit = if even > 0 { (end - start - part * breaks as f64) / even as f64 } else { 0.0 };
        let mut pieces: Vec<Piece> = Vec::new();
        let mut place = start;
        for ((pair, gap), shortened) in times.windows(2).zip(&gaps).zip(shortened) {
            let next = place + if shortened { part } else { *gap as f64 * unit };
            match pieces.last_mut() {
                Some(last) if !last.shortened && !shortened => (last.to, last.end) = (pair[1], next),
                _ => pieces.push(Piece { from: pair[0], to: pair[1], start: place, end: next, shortened }),
            }
            place = next;
        }
        if pieces.is_empty() {
            pieces.push(Piece { from, to, start, end, shortened: false });
        }
        Scale { pieces }
    }

    /// The position of a time. Times outside of the range are placed at its ends.
    pub fn place(&self, at: Time) -> f64 {
        let index = self.pieces.partition_point(|piece| piece.to < at).min(self.pieces.len() - 1);
        let Piece { from, to, start, end, .. } = self.pieces[index];
        if to == from {
            return start;
        }
        start + (at.clamp(from, to) - from) as f64 / (to - from) as f64 * (end - start)
    }

    /// The pieces in a format for the page's script: from, to, start, end, and 1 if shortened, separated by commas and
    /// semicolons.
    pub fn pieces(&self) -> String {
        let piece = |piece: &Piece| {
            let Piece { from, to, start, end, shortened } = piece;
            format!("{from},{to},{start:.3},{end:.3},{}", u8::from(*shortened))
        };
        self.pieces.iter().map(piece).collect::<Vec<_>>().join(";")
    }

    /// The shortened stretches.
    pub fn breaks(&self) -> impl Iterator<Item = Break> {
        let shortened = self.pieces.iter().filter(|piece| piece.shortened);
        shortened.map(|piece| Break { duration: piece.to - piece.from, start: piece.start, end: piece.end })
    }

    /// Round times at least `distance` apart, with their positions.
    pub fn ticks(&self, distance: f64) -> Vec<(Time, f64)> {
        let even = |piece: &&Piece| !piece.shortened && piece.to > piece.from;
        let density = |piece: &Piece| (piece.end - piece.start) / (piece.to - piece.from) as f64;
        let Some(density) = self.pieces.iter().find(even).map(density).filter(|density| *density > 0.0) else {
            return Vec::new();
        };
        let step = round_up((distance / density).ceil() as Time);
        let mut ticks: Vec<(Time, f64)> = Vec::new();
        for piece in self.pieces.iter().filter(even) {
            let mut at = piece.from.div_ceil(step).saturating_mul(step);
            while at <= piece.to {
                let place = self.place(at);
                if ticks.last().is_none_or(|(_, last)| place - last >= distance * 0.99) {
                    ticks.push((at, place));
                }
                at = at.saturating_add(step);
            }
        }
        ticks
    }
}

/// Selects the gaps to shorten: the longest first, as long as it would take too much of the width.
fn shortened(gaps: &[Time]) -> Vec<bool> {
    let mut shortened = vec![false; gaps.len()];
    let mut longest_first: Vec<usize> = (0..gaps.len()).collect();
    longest_first.sort_by_key(|index| std::cmp::Reverse(gaps[*index]));
    let mut rest: Time = gaps.iter().sum();
    for (done, index) in longest_first.into_iter().enumerate().take(BREAKS_MAX) {
        let gap = gaps[index];
        let share = gap as f64 / rest.max(1) as f64;
        rest -= gap;
        let mean = rest as f64 / (gaps.len() - done - 1).max(1) as f64;
        if rest == 0 || share < SHARE || (gap as f64) < mean * TIMES_MEAN {
            break;
        }
        shortened[index] = true;
    }
    shortened
}

/// The next greater round number of nanoseconds: 1, 2 or 5 followed by zeros.
fn round_up(least: Time) -> Time {
    let mut unit: Time = 1;
    loop {
        for digit in [1, 2, 5] {
            let step = unit.saturating_mul(digit);
            if step >= least {
                return step;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_linear_where_something_happens() {
        let times = (0..=100).map(|step| step * MILLISECOND);
        let scale = Scale::new((0, 100 * MILLISECOND), (10.0, 110.0), times);
        assert_eq!(scale.breaks().count(), 0);
        for step in 0..=100 {
            assert!((scale.place(step * MILLISECOND) - (10 + step) as f64).abs() < 1e-6);
        }
        let ticks = scale.ticks(20.0);
        assert_eq!(ticks.iter().map(|(at, _)| at / MILLISECOND).collect::<Vec<_>>(), [0, 20, 40, 60, 80, 100]);
    }

    #[test]
    fn an_idle_stretch_is_shortened_and_marked() {
        // An event in each millisecond, then ten seconds without events, then events again.
        let busy = |start: Time| (0..=50).map(move |step| start + step * MILLISECOND);
        let times = busy(0).chain(busy(10 * SECOND));
        let scale = Scale::new((0, 10 * SECOND + 50 * MILLISECOND), (0.0, 1000.0), times);
        let breaks: Vec<_> = scale.breaks().collect();
        assert_eq!(breaks.len(), 1);
        assert_eq!(breaks[0].duration, 10 * SECOND - 50 * MILLISECOND);
        assert!(breaks[0].end - breaks[0].start < 60.0, "{breaks:?}");
        assert!(scale.place(50 * MILLISECOND) > 450.0, "the rest has the room");
        assert!(scale.ticks(50.0).len() > 10);
    }

    #[test]
    fn breaks_have_rounded_durations() {
        let words = |duration| Break { duration, start: 0.0, end: 1.0 }.words();
        assert_eq!(words(223_602_111), "224 ms");
        assert_eq!(words(20_060_000_000), "20 s");
        assert_eq!(words(1_250_000_000), "1.3 s");
        assert_eq!(words(1_234_567), "1.235 ms");
    }

    #[test]
    fn positions_are_monotonic_and_inside_the_range() {
        for seed in 1..200_u64 {
            let times: Vec<Time> = (0..seed).map(|step| (step * step * seed * 7919) % (3 * SECOND)).collect();
            let scale = Scale::new((0, 3 * SECOND), (5.0, 95.0), times.iter().copied());
            let places: Vec<f64> = (0..=3000).map(|step| scale.place(step * MILLISECOND)).collect();
            assert!(places.is_sorted(), "{seed}");
            assert!(places[0] >= 4.999 && places[3000] <= 95.001, "{seed}");
            assert!(scale.ticks(10.0).len() <= 20);
        }
    }

    #[test]
    fn an_empty_range_has_a_position() {
        let scale = Scale::new((5, 5), (0.0, 10.0), []);
        assert!(scale.place(5).abs() < 1e-9);
        assert!(scale.ticks(1.0).is_empty());
    }
}
