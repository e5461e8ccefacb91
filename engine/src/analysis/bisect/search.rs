//! Selects the events that a bisection measures. It starts with a coarse grid over the run. Then it measures halfway
//! between neighbours that differ, until the largest jump lies between two adjacent events, and so does the point from
//! which the failure is certain.
//!
//! The curve need not be monotonic: the run may have survived a crash by the time it is over. The search therefore
//! concludes nothing about events that it did not measure. A failure is reported as certain from an event only if it
//! was certain at all later events of the curve.

use std::collections::BTreeMap;

use serde::Serialize;

/// The difference in probability from which two neighbours on the grid count as different.
const STEP: f64 = 0.2;
/// The minimum rise of a step that is reported.
const STEP_TOLD: f64 = 0.1;
/// The minimum rise within one event that counts as a jump.
const JUMP: f64 = 0.4;
/// The approximate number of events in the grid if no interval is given.
const GRID: u64 = 24;

/// The measured probability of the failure after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Point {
    /// The last event that was identical to the failing run.
    pub event: u64,
    /// The number of runs that failed.
    pub failed: u32,
    /// The number of runs.
    pub runs: u32,
}

/// The probability of the failure over the events of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Curve {
    /// The points in the order of their events. The last is the event of the violation.
    pub points: Vec<Point>,
}

/// The shape of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// The failure is certain before anything happens.
    FromTheBeginning,
    /// It became likely at one event.
    Jump,
    /// It became likely in several steps, or slowly.
    Steps,
}

/// A rise of the probability within one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The point just before the event.
    pub before: Point,
    /// The point just after it.
    pub after: Point,
}

/// Selects the events to measure.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// The event of the violation.
    pub last: u64,
    /// The distance between the events of the grid; derived from the length of the run if `None`.
    pub interval: Option<u64>,
}

impl Point {
    /// The share of runs that failed.
    pub fn share(&self) -> f64 {
        f64::from(self.failed) / f64::from(self.runs.max(1))
    }

    /// Whether all runs failed.
    pub fn certain(&self) -> bool {
        self.failed == self.runs
    }

    /// The 95 % confidence interval of the probability (Wilson's score interval).
    pub fn interval(&self) -> (f64, f64) {
        const Z: f64 = 1.96;
        let (count, share) = (f64::from(self.runs.max(1)), self.share());
        let centre = share + Z * Z / (2.0 * count);
        let spread = Z * (share * (1.0 - share) / count + Z * Z / (4.0 * count * count)).sqrt();
        let scale = 1.0 + Z * Z / count;
        (((centre - spread) / scale).max(0.0), ((centre + spread) / scale).min(1.0))
    }
}

impl Step {
    /// How much the probability rose.
    pub fn rise(&self) -> f64 {
        // Subtracts whole numbers first, so that a rise of a tenth is exact.
        (f64::from(self.after.failed) - f64::from(self.before.failed)) / f64::from(self.after.runs.max(1))
    }
}

impl Search {
    /// Calls `measure` for events until the curve is precise where it matters.
    pub fn run(&self, measure: &mut dyn FnMut(&[u64]) -> Vec<Point>) -> Curve {
        let interval = self.interval.unwrap_or(self.last.div_ceil(GRID)).max(1);
        let mut wanted: Vec<u64> = (0..self.last).step_by(interval.try_into().unwrap_or(usize::MAX)).collect();
        wanted.push(self.last);
        let mut known = BTreeMap::new();
        while !wanted.is_empty() {
            known.extend(measure(&wanted).into_iter().map(|point| (point.event, point)));
            wanted = to_measure(&known.values().copied().collect::<Vec<_>>());
        }
        Curve { points: known.into_values().collect() }
    }
}

/// The events to measure next.
fn to_measure(points: &[Point]) -> Vec<u64> {
    let gaps: Vec<(Point, Point)> = points.windows(2).map(|pair| (pair[0], pair[1])).collect();
    let rise = |gap: &(Point, Point)| Step { before: gap.0, after: gap.1 }.rise();
    let largest = gaps.iter().copied().max_by(|one, other| rise(one).total_cmp(&rise(other)));
    let certain = certain_from(points);
    let to_measure = |gap: &&(Point, Point)| {
        let (before, after) = **gap;
        let matters = rise(gap).abs() >= STEP
            || (Some(**gap) == largest && rise(gap) >= STEP_TOLD)
            || certain == Some(after.event);
        matters && after.event - before.event > 1
    };
    gaps.iter().filter(to_measure).map(|(before, after)| before.event + (after.event - before.event) / 2).collect()
}

/// The event of the first point from which on all runs failed.
fn certain_from(points: &[Point]) -> Option<u64> {
    points.iter().rev().take_while(|point| point.certain()).last().map(|point| point.event)
}

impl Curve {
    /// The event from which on the failure was certain at all measured events.
    pub fn certain_from(&self) -> Option<u64> {
        certain_from(&self.points)
    }

    /// The reported rises within one event, in order.
    pub fn steps(&self) -> Vec<Step> {
        let steps = self.points.windows(2).map(|pair| Step { before: pair[0], after: pair[1] });
        steps.filter(|step| step.after.event - step.before.event == 1 && step.rise() >= STEP_TOLD).collect()
    }

    /// The largest of these steps. On a tie it is the last one, because it is nearest to the failure.
    pub fn largest(&self) -> Option<Step> {
        self.steps().into_iter().max_by(|one, other| one.rise().total_cmp(&other.rise()))
    }

    /// The shape of the curve.
    pub fn shape(&self) -> Shape {
        if self.points.first().is_some_and(Point::certain) {
            return Shape::FromTheBeginning;
        }
        let jump = |step: &Step| step.rise() >= JUMP && step.before.interval().1 < step.after.interval().0;
        if self.largest().is_some_and(|step| jump(&step)) { Shape::Jump } else { Shape::Steps }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The curve of a failure whose probability after an event is `percent` of it, in percent, and the number of
    /// measured events.
    fn search(last: u64, interval: Option<u64>, percent: impl Fn(u64) -> u32) -> (Curve, usize) {
        let mut asked = 0;
        let curve = Search { last, interval }.run(&mut |events| {
            asked += events.len();
            events.iter().map(|event| Point { event: *event, failed: percent(*event), runs: 100 }).collect()
        });
        assert_eq!(asked, curve.points.len(), "nothing is asked twice");
        (curve, asked)
    }

    fn largest(curve: &Curve) -> (u64, u32, u32) {
        curve.largest().map(|step| (step.after.event, step.before.failed, step.after.failed)).expect("a step")
    }

    #[test]
    fn a_jump_is_found_wherever_it_is() {
        for interval in [None, Some(1), Some(7), Some(5_000), Some(u64::MAX)] {
            for at in [1, 2, 500, 777, 2_999, 3_000] {
                let (curve, _) = search(3_000, interval, |event| if event < at { 3 } else { 100 });
                assert_eq!(largest(&curve), (at, 3, 100));
                assert_eq!((curve.shape(), curve.certain_from()), (Shape::Jump, Some(at)));
                assert_eq!(curve.steps().len(), 1);
            }
        }
        let (_, asked) = search(1_000_000, None, |event| if event < 333_333 { 0 } else { 100 });
        assert!(asked < 50, "{asked} events of a million");
    }

    #[test]
    fn several_steps_are_distinguished_and_certainty_may_come_after_the_jump() {
        let (curve, _) = search(2_000, None, |event| match event {
            0..100 => 0,
            100..1_003 => 25,
            1_003..1_500 => 90,
            _ => 100,
        });
        let steps: Vec<_> = curve.steps().iter().map(|step| step.after.event).collect();
        assert_eq!((steps, largest(&curve)), (vec![100, 1_003, 1_500], (1_003, 25, 90)));
        assert_eq!((curve.shape(), curve.certain_from()), (Shape::Jump, Some(1_500)));
    }

    #[test]
    fn a_slow_rise_is_not_a_jump() {
        let (curve, asked) = search(1_000, None, |event| (event / 10) as u32);
        assert_eq!((curve.shape(), curve.certain_from()), (Shape::Steps, Some(1_000)));
        assert!(asked < 200, "{asked}");
        let (curve, _) = search(90, None, |event| [0, 33, 66, 100][event as usize / 30]);
        assert_eq!((curve.shape(), curve.steps().len()), (Shape::Steps, 3));
    }

    #[test]
    fn a_failure_certain_from_the_beginning_has_no_jump() {
        let (curve, _) = search(500, None, |_| 100);
        assert_eq!((curve.shape(), curve.certain_from(), curve.largest()), (Shape::FromTheBeginning, Some(0), None));
    }

    #[test]
    fn a_temporary_rise_is_not_certainty() {
        let (curve, _) =
            search(2_000, None, |event| if (500..900).contains(&event) || event >= 1_200 { 100 } else { 0 });
        assert_eq!(curve.certain_from(), Some(1_200));
        assert_eq!(curve.steps().iter().map(|step| step.after.event).collect::<Vec<_>>(), [500, 1_200]);
        assert_eq!(largest(&curve).0, 1_200, "the later one is nearer to the failure");
    }

    #[test]
    fn intervals_match_the_tables() {
        let interval = |failed, runs| Point { event: 0, failed, runs }.interval();
        let close = |(low, high): (f64, f64), expected: (f64, f64)| {
            (low - expected.0).abs() < 0.001 && (high - expected.1).abs() < 0.001
        };
        // The values in tables of Wilson's interval.
        assert!(close(interval(0, 10), (0.0, 0.278)));
        assert!(close(interval(5, 10), (0.237, 0.763)));
        assert!(close(interval(100, 100), (0.963, 1.0)));
        assert!(close(interval(0, 0), (0.0, 0.793)), "{:?}", interval(0, 0));
    }
}
