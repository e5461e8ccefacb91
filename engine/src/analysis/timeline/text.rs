//! A timeline for terminals: one line for each replica. Letters carry all information; colours only repeat it.

use std::fmt::Write;

use crate::analysis::timeline::row::{Row, milliseconds};
use anstyle::{AnsiColor, Style};
use sim::Time;

use crate::analysis::timeline::ladder;
use crate::analysis::timeline::model::{Fault, Lane, MarkKind, Span, State, Timeline};
use crate::analysis::timeline::scale::Scale;
use crate::base::format;
use crate::base::terminal::{BAD, DOUBTFUL, styled};

/// The width of the column of names at the left.
const GUTTER: usize = 12;
/// The maximum number of messages, and of marks for each replica.
const ITEMS_MAX: usize = 2_000;
/// The minimum distance of times on the axis.
const TICKS: f64 = 12.0;

/// The optional parts of the output.
#[derive(Clone, Copy, Debug)]
pub struct Show {
    /// The single messages, below the lanes.
    pub messages: bool,
    /// The faults, above the lanes.
    pub faults: bool,
}

/// Renders the timeline in colour, `width` columns wide.
pub fn render(timeline: &Timeline, width: usize, show: Show) -> String {
    let mut timeline = timeline.clone();
    timeline.keep_distinct();
    timeline.bound(ITEMS_MAX, ITEMS_MAX);
    let mut text = heading(&timeline);
    let plot = Plot::new(&timeline, width);
    plot.axis(&mut text);
    if show.faults {
        plot.faults(&timeline, &mut text);
    }
    for lane in &timeline.lanes {
        plot.lane(lane, &timeline, &mut text);
    }
    plot.moment(&timeline, &mut text);
    legend(&timeline, width, &mut text);
    if show.faults {
        not_due(&timeline.faults, &mut text);
    }
    if show.messages && !timeline.lanes.is_empty() {
        text.push('\n');
        ladder::render(&timeline, width, show.faults, &mut text);
        if let Some(words) = timeline.thinned_words() {
            let _ = writeln!(text, "{words}; --all-messages shows all");
        }
    }
    if timeline.left_out > 0 {
        let _ =
            writeln!(text, "{} things too many are left out: --time-range shows less of the run", timeline.left_out);
    }
    text
}

fn heading(timeline: &Timeline) -> String {
    let mut text = String::new();
    if let Some(finding) = &timeline.finding {
        let style = if finding.owed { BAD } else { DOUBTFUL };
        let beyond = if finding.owed { "" } else { " (beyond the promise)" };
        let _ = writeln!(text, "{}: {}{beyond}", styled(style, &finding.invariant), finding.rule);
        let replicas: Vec<String> = finding.replicas.iter().map(ToString::to_string).collect();
        let whom = if replicas.is_empty() { String::new() } else { format!(", replica {}", replicas.join(" and ")) };
        let _ = writeln!(text, "    at {} ms, event {}{whom}", milliseconds(finding.at), finding.event);
        let _ = writeln!(text, "    expected: {}\n    seen:     {}", finding.expected, finding.seen);
    }
    let bugs = if timeline.bugs.is_empty() { String::new() } else { format!(", bug {}", timeline.bugs.join(", ")) };
    let _ = writeln!(text, "{} {}, {}{bugs}\n", timeline.name, timeline.scenario, timeline.system);
    text
}

/// The letter that fills a span.
fn letter(state: State) -> char {
    match state {
        State::Primary => '=',
        State::Backup => '-',
        State::ViewChange => '~',
        State::Recovering => '+',
        State::Loading => ':',
        State::Down => 'x',
        State::Paused => '"',
    }
}

fn style(state: State) -> Style {
    match state {
        State::Primary => AnsiColor::Blue.on_default().bold(),
        State::Backup => AnsiColor::Cyan.on_default(),
        State::ViewChange => AnsiColor::Yellow.on_default(),
        State::Recovering | State::Loading => AnsiColor::Magenta.on_default(),
        State::Down | State::Paused => AnsiColor::BrightBlack.on_default(),
    }
}

/// The letter of a mark under a lane. Other marks appear only in the list of messages.
fn sign(kind: MarkKind) -> Option<(char, &'static str)> {
    match kind {
        MarkKind::Crash => Some(('X', "crash")),
        MarkKind::Lie => Some(('*', "lie")),
        MarkKind::Vote => Some(('v', "DoViewChange")),
        MarkKind::Loss => Some(('?', "log or disk lost something")),
        MarkKind::ViewStart | MarkKind::Reject | MarkKind::Other => None,
    }
}

/// The positions.
struct Plot {
    scale: Scale,
    width: usize,
}

impl Plot {
    fn new(timeline: &Timeline, width: usize) -> Self {
        let room = (GUTTER as f64, (width - 1) as f64);
        Plot { scale: Scale::new((timeline.from, timeline.to), room, timeline.times()), width }
    }

    fn column(&self, at: Time) -> usize {
        (self.scale.place(at).round() as usize).min(self.width - 1)
    }

    fn row(&self, name: &str) -> Row {
        let mut row = Row::new(self.width);
        row.put(0, name, Style::new());
        row
    }

    fn axis(&self, text: &mut String) {
        let (mut labels, mut line) = (self.row("ms"), self.row(""));
        line.fill(GUTTER, self.width, '-', Style::new());
        for (at, place) in self.scale.ticks(TICKS) {
            let column = place.round() as usize;
            let label = milliseconds(at);
            let start = column.min(self.width.saturating_sub(label.len()));
            if labels.is_free(start.saturating_sub(1), start + label.len()) {
                labels.put(start, &label, Style::new());
            }
            line.put(column, "|", Style::new());
        }
        for shortened in self.scale.breaks() {
            line.fill(shortened.start.round() as usize, shortened.end.round() as usize, '/', Style::new());
        }
        labels.write(text);
        line.write(text);
    }

    fn faults(&self, timeline: &Timeline, text: &mut String) {
        for fault in &timeline.faults {
            let Some(at) = fault.at else { continue };
            let mut row = self.row(&format!("action {}", fault.number));
            let start = self.column(at.max(timeline.from));
            let end = fault.until.map_or(start, |until| self.column(until));
            let style = AnsiColor::Yellow.on_default();
            match fault.skipped {
                Some(_) => row.put(start, "-", Style::new()),
                None if end > start => {
                    row.fill(start, end, '.', style);
                    row.put(start, "[", style);
                    row.put(end, "]", style);
                }
                None => row.put(start, "!", style),
            }
            let words = match fault.skipped {
                Some(why) => format!("skipped: {}: {}", fault.words, format::skipped(why)),
                None => fault.words.clone(),
            };
            if self.width - end.min(self.width) > words.len() + 2 {
                row.put(end + 2, &words, Style::new());
            } else if start > GUTTER + words.len() {
                row.put(start - words.len() - 1, &words, Style::new());
            } else {
                row.write(text);
                row = self.row("");
                row.put(GUTTER, &words, Style::new());
            }
            row.write(text);
        }
        if timeline.faults.iter().any(|fault| fault.at.is_some()) {
            text.push('\n');
        }
    }

    fn lane(&self, lane: &Lane, timeline: &Timeline, text: &mut String) {
        let liar = if lane.liar { " lies" } else { "" };
        let mut row = self.row(&format!("{:>2}{liar}", lane.replica));
        if !lane.liar {
            row.put(0, &format!("replica {}", lane.replica), Style::new());
        }
        for span in &lane.spans {
            self.span(span, &mut row);
        }
        let concerned = timeline.finding.as_ref().filter(|finding| finding.replicas.contains(&lane.replica));
        if let Some(finding) = concerned {
            row.put(self.column(finding.at), "!", BAD);
        }
        row.write(text);
        self.signs(lane, text);
        self.commits(lane, text);
    }

    fn span(&self, span: &Span, row: &mut Row) {
        let (start, end) = (self.column(span.from), self.column(span.to));
        let (letter, style) = (letter(span.state), style(span.state));
        row.fill(start, (end + 1).max(start + 1), letter, style);
        let short = match (span.state, span.view) {
            (State::Primary | State::Backup | State::ViewChange, Some(view)) => format!("v{view}"),
            _ => String::new(),
        };
        if end - start > 1 {
            row.put(start, "|", style);
        }
        for label in [span.words(), short] {
            if !label.is_empty() && end.saturating_sub(start) > label.len() + 3 {
                row.put(start + 1, &format!(" {label} "), style);
                break;
            }
        }
    }

    fn signs(&self, lane: &Lane, text: &mut String) {
        let mut row = self.row("");
        for kind in MarkKind::ALL.into_iter().rev() {
            let Some((letter, _)) = sign(kind) else { continue };
            for mark in lane.marks.iter().filter(|mark| mark.kind == kind) {
                row.put(self.column(mark.at), letter.encode_utf8(&mut [0; 4]), Style::new().bold());
            }
        }
        if !row.is_blank(0) {
            row.write(text);
        }
    }

    fn commits(&self, lane: &Lane, text: &mut String) {
        let mut row = self.row("  commits");
        for commit in &lane.commits {
            let (column, ops) = (self.column(commit.at), commit.ops());
            let end = column + ops.len();
            if row.is_free(column.saturating_sub(1), end.min(self.width)) && end <= self.width {
                row.put(column, &ops, Style::new());
            } else if row.is_free(column, column + 1) {
                row.put(column, ".", Style::new());
            }
        }
        if !row.is_blank(GUTTER) {
            row.write(text);
        }
    }

    /// Marks the time of the violation, below the lanes.
    fn moment(&self, timeline: &Timeline, text: &mut String) {
        let Some(finding) = &timeline.finding else { return };
        let mut row = self.row("");
        let column = self.column(finding.at);
        let words = format!("{} at {} ms ", finding.invariant, milliseconds(finding.at));
        row.put(column, "^", BAD);
        if column >= words.len() {
            row.put(column - words.len(), &words, BAD);
        } else {
            row.put(column + 2, &words, BAD);
        }
        row.write(text);
    }
}

fn legend(timeline: &Timeline, width: usize, text: &mut String) {
    let spans = || timeline.lanes.iter().flat_map(|lane| &lane.spans);
    let marks = || timeline.lanes.iter().flat_map(|lane| &lane.marks);
    let used = State::ALL.into_iter().filter(|state| spans().any(|span| span.state == *state));
    let mut entries: Vec<String> = used.map(|state| format!("{} {}", letter(state), state.words())).collect();
    let kinds = MarkKind::ALL.into_iter().filter(|kind| marks().any(|mark| mark.kind == *kind));
    entries.extend(kinds.filter_map(sign).map(|(letter, words)| format!("{letter} {words}")));
    if timeline.finding.is_some() {
        entries.push("! violation".to_string());
    }
    entries.push("/ idle, shortened".to_string());
    let mut line = String::new();
    text.push('\n');
    for entry in entries {
        if !line.is_empty() && line.len() + 3 + entry.len() > width {
            let _ = writeln!(text, "{line}");
            line.clear();
        }
        let _ = write!(line, "{}{entry}", if line.is_empty() { "" } else { "   " });
    }
    let _ = writeln!(text, "{line}");
}

fn not_due(faults: &[Fault], text: &mut String) {
    for fault in faults.iter().filter(|fault| fault.at.is_none()) {
        let _ = writeln!(text, "action {} did not come to it: {}", fault.number, fault.words);
    }
}
