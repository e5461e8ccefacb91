//! The curve of a bisection as text and as an SVG picture.

use std::fmt::Write;

use maud::html;

use crate::analysis::bisect::search::{Curve, Point};

/// The number of columns of a full bar in the text.
const BAR: usize = 40;
/// The size of the picture, and its margins.
const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 45.0;

/// One line for each point: the event, the share with its confidence interval, and a bar. Of several equal points in a
/// row only the first and the last are printed.
pub fn text(curve: &Curve) -> String {
    let largest = curve.largest().map(|step| step.after.event);
    let mut text = String::new();
    let mut folded = false;
    for (index, point) in curve.points.iter().enumerate() {
        let alike = |other: Option<&Point>| other.is_some_and(|other| other.failed == point.failed);
        let before = index.checked_sub(1).and_then(|before| curve.points.get(before));
        if alike(before) && alike(curve.points.get(index + 1)) {
            if !std::mem::replace(&mut folded, true) {
                text.push_str("      ...\n");
            }
            continue;
        }
        folded = false;
        let (low, high) = point.interval();
        let filled = (point.share() * BAR as f64).round() as usize;
        let bar = format!("{}{}", "█".repeat(filled), "·".repeat(BAR - filled));
        let mark = if largest == Some(point.event) { "  <- the largest rise" } else { "" };
        let (share, low, high) = (percent(point.share()), percent(low), percent(high));
        let _ = writeln!(text, "{:>9}  {share:>4}  ({low:>4} to {high:>4})  {bar}{mark}", point.event);
    }
    text
}

/// Formats a share as a percentage.
pub fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

/// The picture as a standalone SVG document.
pub fn svg(curve: &Curve, title: &str) -> String {
    let last = curve.points.last().map_or(1, |point| point.event).max(1);
    let x = |event: u64| LEFT + event as f64 / last as f64 * (WIDTH - LEFT - RIGHT);
    let y = |share: f64| TOP + (1.0 - share) * (HEIGHT - TOP - BOTTOM);
    let line = |values: &mut dyn Iterator<Item = (u64, f64)>| -> String {
        values.fold(String::new(), |mut text, (event, share)| {
            let _ = write!(text, "{:.1},{:.1} ", x(event), y(share));
            text
        })
    };
    let shares = line(&mut curve.points.iter().map(|point| (point.event, point.share())));
    // The confidence band around the line: the upper ends from left to right, then the lower ends back.
    let upper = curve.points.iter().map(|point| (point.event, point.interval().1));
    let lower = curve.points.iter().rev().map(|point| (point.event, point.interval().0));
    let band = line(&mut upper.chain(lower));
    let label = |point: &Point| format!("after event {}: {} of {} runs fail", point.event, point.failed, point.runs);
    let style = "text{font:12px system-ui,sans-serif;fill:#333}.axis{stroke:#999}.grid{stroke:#ddd}.band{fill:#d6e4f5}\
        .curve{fill:none;stroke:#1f5fa8;stroke-width:2}.jump{stroke:#c0392b;stroke-dasharray:4 3}\
        @media(prefers-color-scheme:dark){svg{background:#181a1f}text{fill:#ddd}.grid{stroke:#333}.band{fill:#24364d}\
        .curve{stroke:#6aa9f0}}";
    html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(title) {
            style { (style) }
            text x=(LEFT) y="22" { (title) }
            @for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
                line class="grid" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(y(share)) y2=(y(share)) {}
                text x=(LEFT - 8.0) y=(y(share) + 4.0) text-anchor="end" { (percent(share)) }
            }
            polygon class="band" points=(band) {}
            polyline class="curve" points=(shares) {}
            @for point in &curve.points {
                circle cx=(format!("{:.1}", x(point.event))) cy=(format!("{:.1}", y(point.share()))) r="3" fill="#1f5fa8" {
                    title { (label(point)) }
                }
            }
            @if let Some(step) = curve.largest() {
                @let at = x(step.after.event);
                line class="jump" x1=(at) x2=(at) y1=(TOP) y2=(HEIGHT - BOTTOM) {}
                // The label is on the side of the line that has more room.
                @let (side, anchor) = if at > WIDTH / 2.0 { (-6.0, "end") } else { (6.0, "start") };
                text x=(at + side) y=(HEIGHT - BOTTOM - 8.0) text-anchor=(anchor) { "event " (step.after.event) }
            }
            line class="axis" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(HEIGHT - BOTTOM) y2=(HEIGHT - BOTTOM) {}
            text x=(LEFT) y=(HEIGHT - 12.0) { "0" }
            text x=((LEFT + WIDTH - RIGHT) / 2.0) y=(HEIGHT - 12.0) text-anchor="middle" {
                "the failing run up to this event, then other random choices and no further faults"
            }
            text x=(WIDTH - RIGHT) y=(HEIGHT - 12.0) text-anchor="end" { (last) }
        }
    }
    .into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve() -> Curve {
        let point = |event, failed| Point { event, failed, runs: 10 };
        let late = (2..8).map(|tens| point(tens * 10, 10));
        Curve { points: [point(0, 0), point(9, 1), point(10, 10)].into_iter().chain(late).collect() }
    }

    #[test]
    fn a_line_has_the_share_and_its_bar() {
        let text = text(&curve());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines.len(), lines[3]), (5, "      ..."), "{text}");
        assert!(lines[1].starts_with("        9   10%  (  2% to  40%)  ████····"), "{text}");
        assert_eq!(lines.iter().position(|line| line.ends_with("<- the largest rise")), Some(2));
    }

    #[test]
    fn the_picture_is_well_formed_and_escaped() {
        let picture = svg(&curve(), "a < b & c");
        assert!(picture.starts_with("<svg") && picture.ends_with("</svg>"));
        assert!(picture.contains("a &lt; b &amp; c") && !picture.contains("a < b"));
        assert_eq!(picture.matches("<circle").count(), 9);
        assert!(picture.contains("after event 10: 10 of 10 runs fail"));
    }
}
