//! The plot of a benchmark, as SVG: the share of trials that have found their bug, over CPU time, with one line for
//! each arm.

use std::fmt::Write;

use crate::search::bench::Trial;
use crate::search::bench::trial::Arm;

/// The size of the plot area and its margins, in pixels.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 56.0;
const TOP: f64 = 40.0;
/// The start of the logarithmic time axis, in seconds.
const START: f64 = 0.001;
/// The colours of the arms. People with any colour vision can tell them apart.
const COLOURS: [&str; 3] = ["#0072b2", "#d55e00", "#009e73"];

/// Draws the plot.
pub fn svg(arms: &[Arm], trials: &[Trial]) -> String {
    let end = trials.iter().map(|trial| trial.found.seconds).fold(START * 10.0, f64::max);
    let x = |seconds: f64| LEFT + WIDTH * (seconds.max(START) / START).ln() / (end / START).ln();
    let y = |share: f64| TOP + HEIGHT * (1.0 - share);
    let (width, height) = (LEFT + WIDTH + 24.0, TOP + HEIGHT + 56.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"22\">Share of the trials that have found their bug</text>\n"
    );
    for percent in [0, 25, 50, 75, 100] {
        let (right, at) = (LEFT + WIDTH, y(f64::from(percent) / 100.0));
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {at:.1}H{right}\" stroke=\"#ddd\"/><text x=\"{:.1}\" y=\"{:.1}\" \
             text-anchor=\"end\">{percent} %</text>",
            LEFT - 6.0,
            at + 4.0
        );
    }
    let mut second = START;
    while second <= end * 1.001 {
        let _ = writeln!(
            svg,
            "<path d=\"M{0:.1} {TOP}V{1}\" stroke=\"#ddd\"/><text x=\"{0:.1}\" y=\"{2}\" text-anchor=\"middle\">{second}</text>",
            x(second),
            TOP + HEIGHT,
            TOP + HEIGHT + 18.0
        );
        // Rounds to a power of ten that prints in decimal notation.
        second = format!("{:e}", second * 10.0).parse::<f64>().map_or(f64::INFINITY, |it| (it * 1e6).round() / 1e6);
    }
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">CPU time in seconds</text>",
        LEFT + WIDTH / 2.0,
        TOP + HEIGHT + 40.0
    );
    for (index, arm) in arms.iter().enumerate() {
        let of_arm = || trials.iter().filter(|trial| trial.arm == *arm);
        let mut found: Vec<f64> =
            of_arm().filter(|trial| trial.found.invariant.is_some()).map(|trial| trial.found.seconds).collect();
        found.sort_by(f64::total_cmp);
        let all = of_arm().count().max(1) as f64;
        let mut path = format!("M{LEFT} {:.1}", y(0.0));
        for (number, seconds) in (1_u32..).zip(&found) {
            let _ = write!(path, "H{:.1}V{:.1}", x(*seconds), y(f64::from(number) / all));
        }
        let (colour, right) = (COLOURS[index % COLOURS.len()], LEFT + WIDTH);
        let _ = writeln!(svg, "<path d=\"{path}H{right}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>");
        let (at, name) = (TOP + 20.0 + 18.0 * index as f64, arm.name());
        let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{at:.1}\" fill=\"{colour}\">{name}</text>", LEFT + 12.0);
    }
    svg.push_str("</svg>\n");
    svg
}
