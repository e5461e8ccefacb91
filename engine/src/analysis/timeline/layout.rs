//! The vertical layout of a drawing, from top to bottom: heading, faults, lanes, clients, legend.

use maud::Render;
use sim::Time;

use crate::analysis::timeline::model::{Fault, Timeline};
use crate::analysis::timeline::row::milliseconds;
use crate::analysis::timeline::scale::Scale;

/// A number, rendered with one decimal.
pub(super) struct N(pub(super) f64);

impl Render for N {
    fn render_to(&self, buffer: &mut String) {
        let text = format!("{:.1}", self.0);
        buffer.push_str(text.strip_suffix(".0").unwrap_or(&text));
    }
}

/// The width of a drawing.
pub(super) const WIDTH: f64 = 1_200.0;
/// The margin for names at the left, and the empty margin at the right.
const LEFT: f64 = 84.0;
pub(super) const RIGHT: f64 = 16.0;
/// The height of a lane, and of the bar in it.
pub(super) const LANE: f64 = 66.0;
pub(super) const BAR: f64 = 25.0;
pub(super) const BAR_TOP: f64 = 8.0;
/// The first line of the heading, and the distance to the next line.
pub(super) const HEADING_TOP: f64 = 26.0;
pub(super) const HEADING_LINE: f64 = 19.0;
/// The height of a line of the legend, which has at most two.
pub(super) const LEGEND_LINE: f64 = 17.0;
/// The minimum distance of times on the axis.
pub(super) const TICKS: f64 = 80.0;
/// The height of a line for a fault, and for a client.
const FAULT: f64 = 19.0;
pub(super) const CLIENT: f64 = 9.0;
/// The maximum number of lines. Additional clients share the lines, and additional faults are not drawn.
const CLIENTS_MAX: u16 = 6;
const FAULTS_MAX: usize = 40;

/// The label of a bar.
pub(super) struct Label {
    pub(super) words: String,
    pub(super) x: f64,
    pub(super) width: f64,
}

/// A fault with its position.
pub(super) struct FaultRow {
    pub(super) fault: Fault,
    pub(super) start: f64,
    pub(super) end: f64,
    pub(super) y: f64,
    pub(super) label: Label,
}

/// The positions of all parts.
pub(super) struct Layout {
    /// Whether the drawing is part of an interactive page.
    pub(super) answers: bool,
    pub(super) scale: Scale,
    pub(super) left: f64,
    pub(super) to: Time,
    /// The lines of the heading, with their CSS classes.
    pub(super) heading: Vec<(&'static str, String)>,
    /// The top of the faults.
    pub(super) top: f64,
    pub(super) faults: Vec<FaultRow>,
    pub(super) lanes_top: f64,
    pub(super) lanes_bottom: f64,
    replicas: Vec<u8>,
    pub(super) clients_top: f64,
    /// The number of lines for clients.
    pub(super) clients: u16,
    pub(super) legend_top: f64,
    pub(super) height: f64,
}

impl Layout {
    /// Computes the layout of a standalone drawing, or of one whose heading and legend are elsewhere on the page.
    pub(super) fn new(timeline: &Timeline, alone: bool) -> Self {
        let scale = Scale::new((timeline.from, timeline.to), (LEFT + 2.0, WIDTH - RIGHT - 14.0), timeline.times());
        let heading = if alone { heading(timeline) } else { Vec::new() };
        let top = if alone { HEADING_TOP + heading.len() as f64 * HEADING_LINE - 4.0 } else { 4.0 };
        let (faults, faults_bottom) = faults(timeline, &scale, top);
        let lanes_top = faults_bottom + 30.0;
        let lanes_bottom = lanes_top + LANE * timeline.lanes.len() as f64;
        let clients = timeline.requests.iter().map(|request| request.client + 1).max().unwrap_or(0).min(CLIENTS_MAX);
        let clients_bottom = lanes_bottom + if clients > 0 { f64::from(clients) * CLIENT + 12.0 } else { 0.0 };
        Layout {
            answers: !alone,
            scale,
            left: LEFT,
            to: timeline.to,
            heading,
            top,
            faults,
            lanes_top,
            lanes_bottom,
            replicas: timeline.lanes.iter().map(|lane| lane.replica).collect(),
            clients_top: lanes_bottom + 4.0,
            clients,
            legend_top: clients_bottom + 18.0,
            height: clients_bottom + if alone { 18.0 + 2.0 * LEGEND_LINE } else { 6.0 },
        }
    }

    /// A position for the page's script. A standalone drawing omits it.
    pub(super) fn data(&self, place: f64) -> Option<N> {
        self.answers.then_some(N(place))
    }

    /// A time for the page's script. A standalone drawing omits it.
    pub(super) fn time(&self, at: Time) -> Option<Time> {
        self.answers.then_some(at)
    }

    /// The top of a lane.
    pub(super) fn lane(&self, index: usize) -> f64 {
        self.lanes_top + LANE * index as f64
    }

    /// The top of a lane's bar.
    pub(super) fn bar(&self, index: usize) -> f64 {
        self.lane(index) + BAR_TOP
    }

    /// The index of the lane of a replica, if it is drawn.
    pub(super) fn index(&self, replica: u8) -> Option<usize> {
        self.replicas.iter().position(|drawn| *drawn == replica)
    }

    /// The replica of a lane.
    pub(super) fn replica(&self, index: usize) -> u8 {
        self.replicas[index]
    }
}

/// The approximate width of a text in a font of this size. Letters differ in width, so this is an upper estimate.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * 0.56
}

fn heading(timeline: &Timeline) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if let Some(finding) = &timeline.finding {
        let beyond = if finding.owed { "" } else { " (beyond the promise)" };
        lines.push(("violation", format!("{}: {}{beyond}", finding.invariant, finding.rule)));
        for (name, text) in [("expected", &finding.expected), ("seen", &finding.seen)] {
            let line = format!("{name}: {text}");
            lines.extend(wrapped(&line, 170).into_iter().map(|line| ("said", line)));
        }
    }
    let bugs = if timeline.bugs.is_empty() { String::new() } else { format!(", bug {}", timeline.bugs.join(", ")) };
    let span = format!("{} to {} ms of virtual time", milliseconds(timeline.from), milliseconds(timeline.to));
    let left_out = match timeline.left_out {
        0 => String::new(),
        count => format!(", {count} things too many are left out"),
    };
    if let Some(words) = timeline.thinned_words() {
        lines.push(("about", format!("messages: {words} (all with --all-messages, or in a page)")));
    }
    let Timeline { name, scenario, system, .. } = timeline;
    lines.push(("about", format!("{scenario}, {system}{bugs}, case {name}, {span}{left_out}")));
    lines
}

/// Wraps a text into lines of at most `most` characters, between words where possible.
fn wrapped(text: &str, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is one");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > most {
            lines.push(word.to_string());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.truncate(4);
    lines
}

/// Assigns each fault to the highest free line. Also returns the bottom of the last line.
fn faults(timeline: &Timeline, scale: &Scale, top: f64) -> (Vec<FaultRow>, f64) {
    let mut rows: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut placed = Vec::new();
    for fault in timeline.faults.iter().filter(|fault| fault.at.is_some()).take(FAULTS_MAX) {
        let at = fault.at.unwrap_or_default();
        let start = scale.place(at);
        let end = fault.until.map_or(start + 3.0, |until| scale.place(until).max(start + 3.0));
        let words = if fault.skipped.is_some() { format!("{} (skipped)", fault.words) } else { fault.words.clone() };
        let width = text_width(&format!("{} {words}", fault.number), 11.0);
        let x = beside(start, end, width);
        let (from, to) = (start.min(x), end.max(x + width));
        let free = |row: &Vec<(f64, f64)>| row.iter().all(|(left, right)| to + 8.0 < *left || from > *right + 8.0);
        let row = rows.iter().position(free).unwrap_or(rows.len());
        if row == rows.len() {
            rows.push(Vec::new());
        }
        rows[row].push((from, to));
        let y = top + FAULT * row as f64;
        placed.push(FaultRow { fault: fault.clone(), start, end, y, label: Label { words, x, width } });
    }
    (placed, top + FAULT * rows.len() as f64)
}

/// The start of a label: after its bar, before it, or inside it, depending on the available room.
fn beside(start: f64, end: f64, width: f64) -> f64 {
    if end + 5.0 + width < WIDTH - RIGHT {
        end + 5.0
    } else if start - 5.0 - width > LEFT {
        start - 5.0 - width
    } else {
        start + 6.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_wrapped_between_words() {
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("a-very-long-word", 4), ["a-very-long-word"]);
        assert_eq!(wrapped(&"word ".repeat(100), 10).len(), 4, "no more lines than there is room for");
    }

    #[test]
    fn a_label_is_placed_where_there_is_room() {
        assert!(beside(100.0, 200.0, 300.0) > 200.0);
        assert!(beside(900.0, 1_100.0, 300.0) < 600.0);
        assert!(beside(100.0, 1_100.0, 300.0) > 100.0);
    }
}
