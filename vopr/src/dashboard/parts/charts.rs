//! Charts as plain SVG, without scripts.

use std::fmt::Write;
use std::time::Duration;

use maud::{Markup, html};

use engine::base::terminal::{grouped, span};

/// The maximum number of points drawn.
const POINTS_MAX: usize = 160;

const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 170.0;
/// The positions of the axes.
const LEFT: f64 = 46.0;
const BOTTOM: f64 = HEIGHT - 22.0;
const TOP: f64 = 14.0;
const RIGHT: f64 = WIDTH - 6.0;

/// The growth of a number: pairs of elapsed milliseconds and the value at that time.
pub type Series = [(u64, usize)];

/// A subset of the points: the first, the last, and equally spaced ones in between.
fn thinned(series: &Series) -> Vec<(u64, usize)> {
    let count = series.len().min(POINTS_MAX);
    (0..count).map(|point| series[point * (series.len() - 1) / (count - 1).max(1)]).collect()
}

/// A curve without axes, as high as a line of text.
pub fn sparkline(series: &Series) -> Markup {
    let points = thinned(series);
    let (last, highest) = (points.last().map_or(1, |point| point.0).max(1), highest(&points));
    let place = |point: &(u64, usize)| {
        (1.0 + 98.0 * point.0 as f64 / last as f64, 21.0 - 19.0 * point.1 as f64 / highest as f64)
    };
    html! {
        svg.sparkline viewBox="0 0 100 22" width="100" height="22" preserveAspectRatio="none" aria-hidden="true" {
            path.line d=(path(points.iter().map(place))) {}
        }
    }
}

fn highest(points: &[(u64, usize)]) -> usize {
    points.iter().map(|point| point.1).max().unwrap_or(0).max(1)
}

/// A curve with axes, and a line for an estimate of its limit.
pub fn curve(label: &str, series: &Series, estimate: usize) -> Markup {
    let mut points = thinned(series);
    // The curve starts at zero.
    if points.first().is_some_and(|first| *first != (0, 0)) {
        points.insert(0, (0, 0));
    }
    let reached = highest(&points);
    // A much larger estimate would flatten the curve, so it is not drawn.
    let shown = estimate > reached && estimate <= 3 * reached;
    let (step, top) = scale(if shown { estimate } else { reached });
    let time = points.last().map_or(0, |point| point.0).max(1);
    let x = |milliseconds: u64| LEFT + (RIGHT - LEFT) * milliseconds as f64 / time as f64;
    let y = |number: usize| BOTTOM - (BOTTOM - TOP) * number as f64 / top as f64;
    let line = path(points.iter().map(|point| (x(point.0), y(point.1))));
    let length = |milliseconds: u64| span(Duration::from_millis(milliseconds));
    html! {
        svg.curve viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(label) {
            @for tick in (0..=top).step_by(step) {
                path.grid d={ "M" (LEFT) " " (one(y(tick))) "H" (RIGHT) } {}
                text.tick.end x=(LEFT - 6.0) y=(one(y(tick) + 4.0)) { (grouped(tick as u64)) }
            }
            text.tick x=(LEFT) y=(HEIGHT - 6.0) { "0" }
            text.tick.middle x=(one(f64::midpoint(LEFT, RIGHT))) y=(HEIGHT - 6.0) { (length(time / 2)) }
            text.tick.end x=(RIGHT) y=(HEIGHT - 6.0) { (length(time)) }
            @if !points.is_empty() { path.area d={ (line) "V" (BOTTOM) "H" (LEFT) "Z" } {} }
            path.line d=(line) {}
            @if shown {
                path.estimate d={ "M" (LEFT) " " (one(y(estimate))) "H" (RIGHT) } {}
                text.tick.end.estimated x=(RIGHT) y=(one(y(estimate) - 4.0)) { "at least " (grouped(estimate as u64)) ", estimated" }
            }
            @for point in &points {
                circle.point cx=(one(x(point.0))) cy=(one(y(point.1))) r="7" {
                    title { (grouped(point.1 as u64)) " after " (length(point.0)) }
                }
            }
        }
    }
}

/// A bar that shows a proportion.
pub fn bar(part: usize, whole: usize) -> Markup {
    let percent = 100.0 * part as f64 / whole.max(1) as f64;
    html! {
        svg.bar viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
            rect.whole width="100" height="8" {}
            rect.part width=(one(percent.clamp(0.0, 100.0))) height="8" {}
        }
    }
}

fn path(points: impl Iterator<Item = (f64, f64)>) -> String {
    points.enumerate().fold(String::new(), |mut path, (index, (x, y))| {
        let _ = write!(path, "{}{x:.1} {y:.1}", if index == 0 { 'M' } else { 'L' });
        path
    })
}

fn one(number: f64) -> String {
    format!("{number:.1}")
}

/// Round steps up to a number, about four of them. Returns the step and the last one.
fn scale(highest: usize) -> (usize, usize) {
    let about = (highest / 4).max(1);
    let tens = 10_usize.pow(about.ilog10());
    let step = [1, 2, 5, 10].into_iter().map(|factor| factor * tens).find(|step| *step >= about).unwrap_or(about);
    (step, highest.div_ceil(step) * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_steps() {
        assert_eq!(scale(1), (1, 1));
        assert_eq!(scale(5_199), (2_000, 6_000));
        assert_eq!(scale(8_000), (2_000, 8_000));
        assert_eq!(scale(65_536), (20_000, 80_000));
    }

    #[test]
    fn a_long_series_is_thinned_and_keeps_its_ends() {
        let series: Vec<_> = (0..10_000).map(|point| (point, 3)).collect();
        let thin = thinned(&series);
        assert_eq!((thin.len(), thin[0].0, thin[POINTS_MAX - 1].0), (POINTS_MAX, 0, 9_999));
        assert_eq!(thinned(&series[..1]), [(0, 3)]);
        assert_eq!(thinned(&[]), []);
        for series in [&series[..], &series[..1], &[]] {
            let drawn = curve("", series, 4).into_string() + &sparkline(series).into_string();
            assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
        }
    }
}
