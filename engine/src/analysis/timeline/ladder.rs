//! The messages of a timeline as a ladder diagram in text: time goes down, with one column for each replica and one
//! arrow for each message.

use anstyle::{AnsiColor, Style};
use sim::Time;
use sim::base::time::{MICROSECOND, MILLISECOND};

use crate::analysis::timeline::model::{Message, Timeline};
use crate::analysis::timeline::row::{Row, milliseconds};
use crate::base::format;
use crate::base::terminal::BAD;

/// The widths of the column of times at the left and of notes at the right.
const TIMES: usize = 12;
const NOTES: usize = 18;

/// The content of a line.
enum Line<'a> {
    /// Messages of one kind that a replica sent at the same time.
    Messages(&'a [Message]),
    /// An event at one replica.
    Mark { lane: usize, words: String, style: Style },
    /// An event that concerns the whole cluster.
    World { words: String, style: Style },
}

/// Appends the lines to a text.
pub(super) fn render(timeline: &Timeline, width: usize, faults: bool, text: &mut String) {
    let ladder = Ladder { width, lanes: timeline.lanes.iter().map(|lane| lane.replica).collect() };
    let mut lines = lines(timeline, faults);
    // The marks of an event come before the messages that it sends. The sort is stable and keeps the order of the rest.
    lines.sort_by_key(|(at, event, line)| (*at, *event, matches!(line, Line::Messages(_))));
    let mut heading = Row::new(width);
    heading.put(TIMES - 2 - "ms".len(), "ms", Style::new());
    for (index, replica) in ladder.lanes.iter().enumerate() {
        let name = format!("replica {replica}");
        heading.put(ladder.column(index).saturating_sub(name.len() / 2), &name, Style::new());
    }
    heading.write(text);
    let mut last = None;
    for (at, _, line) in lines {
        let shown = if last == Some(at) { String::new() } else { milliseconds_aligned(at) };
        last = Some(at);
        ladder.line(at, &shown, &line, text);
    }
}

fn milliseconds_aligned(at: Time) -> String {
    format!("{:>width$}.{:03}", at / MILLISECOND, at % MILLISECOND / MICROSECOND, width = TIMES - 6)
}

fn lines(timeline: &Timeline, faults: bool) -> Vec<(Time, u64, Line<'_>)> {
    let mut lines = Vec::new();
    // Messages of one kind that a replica sends in one event share a line, because a broadcast consists of single
    // messages.
    let together = |one: &Message, next: &Message| {
        (one.sent, one.event, one.from, one.kind) == (next.sent, next.event, next.from, next.kind)
            && (one.copy, &one.lie) == (next.copy, &next.lie)
    };
    for group in timeline.messages.chunk_by(together) {
        lines.push((group[0].sent, group[0].event, Line::Messages(group)));
    }
    for (index, lane) in timeline.lanes.iter().enumerate() {
        for mark in &lane.marks {
            let line = Line::Mark { lane: index, words: mark.words.clone(), style: Style::new().bold() };
            lines.push((mark.at, mark.event, line));
        }
        for commit in &lane.commits {
            let words = format!("commits {}", commit.ops());
            let style = AnsiColor::Green.on_default();
            lines.push((commit.at, commit.event, Line::Mark { lane: index, words, style }));
        }
    }
    let acted = timeline.faults.iter().filter(|_| faults).filter_map(|fault| Some((fault, fault.at?)));
    for (fault, at) in acted {
        let skipped = fault.skipped.map_or(String::new(), |why| format!(" (skipped: {})", format::skipped(why)));
        let words = format!("action {}: {}{skipped}", fault.number, fault.words);
        lines.push((at, 0, Line::World { words, style: AnsiColor::Yellow.on_default() }));
    }
    if let Some(at) = timeline.healed {
        let words = "the heal phase begins: all faults have ended".to_string();
        lines.push((at, 0, Line::World { words, style: AnsiColor::Green.on_default() }));
    }
    if let Some(finding) = &timeline.finding {
        let words = format!("{}: {}", finding.invariant, finding.rule);
        let first = finding.replicas.first();
        let place = first.and_then(|replica| timeline.lanes.iter().position(|lane| lane.replica == *replica));
        let line = match place {
            Some(lane) => Line::Mark { lane, words: format!("! {words}"), style: BAD },
            None => Line::World { words, style: BAD },
        };
        lines.push((finding.at, u64::MAX, line));
    }
    lines
}

struct Ladder {
    width: usize,
    lanes: Vec<u8>,
}

impl Ladder {
    fn column(&self, index: usize) -> usize {
        let room = self.width.saturating_sub(TIMES + NOTES);
        let spacing = (room / self.lanes.len().max(1)).max(2);
        TIMES + spacing * index + spacing / 2
    }

    fn place(&self, replica: u8) -> Option<usize> {
        self.lanes.iter().position(|lane| *lane == replica).map(|index| self.column(index))
    }

    fn line(&self, at: Time, shown: &str, line: &Line<'_>, text: &mut String) {
        let mut row = Row::new(self.width);
        row.put(0, shown, Style::new());
        for index in 0..self.lanes.len() {
            row.put(self.column(index), "|", AnsiColor::BrightBlack.on_default());
        }
        match line {
            Line::World { words, style } => row.put(TIMES, words, *style),
            Line::Mark { lane, words, style } => {
                let column = self.column(*lane);
                row.put(column, "o", *style);
                // The text is to the right of its replica, unless there is not enough room.
                if column + 2 + words.len() <= self.width || column < words.len() + TIMES + 1 {
                    let start = (column + 2).min(self.width.saturating_sub(words.len()).max(TIMES));
                    row.put(start, words, *style);
                } else {
                    row.put(column - 1 - words.len(), words, *style);
                }
            }
            Line::Messages(group) => self.messages(at, group, &mut row),
        }
        row.write(text);
    }

    fn messages(&self, at: Time, group: &[Message], row: &mut Row) {
        let first = &group[0];
        let Some(source) = self.place(first.from) else { return };
        let style = match first.family() {
            "lie" => AnsiColor::Magenta.on_default().bold(),
            "view-change" => AnsiColor::Yellow.on_default(),
            "repair" => AnsiColor::Green.on_default(),
            _ => Style::new(),
        };
        let targets: Vec<(usize, &Message)> =
            group.iter().filter_map(|message| Some((self.place(message.to)?, message))).collect();
        let columns = || targets.iter().map(|(column, _)| *column);
        let (left, right) =
            (columns().min().unwrap_or(source).min(source), columns().max().unwrap_or(source).max(source));
        row.fill(left, right + 1, '-', style);
        for column in columns() {
            let arrived = targets.iter().any(|(place, message)| *place == column && message.lost.is_none());
            let head = match (arrived, column < source) {
                (false, _) => "x",
                (true, true) => "<",
                (true, false) => ">",
            };
            row.put(column, head, style);
        }
        row.put(source, "o", style);
        let most = columns().map(|column| columns().filter(|other| *other == column).count()).max().unwrap_or(1);
        self.label(first, most, (left, source, right), row, style);
        row.put(self.width - NOTES + 1, &note(at, &targets), Style::new());
    }

    /// Writes the kind of the message into the widest gap between two signs of the arrow, or after its end.
    fn label(
        &self,
        message: &Message,
        times: usize,
        (left, source, right): (usize, usize, usize),
        row: &mut Row,
        style: Style,
    ) {
        let copy = if message.copy { " again" } else { "" };
        let times = if times > 1 { format!(" x{times}") } else { String::new() };
        let kind = format!("{:?}{copy}{times}", message.kind);
        let signs =
            (0..self.lanes.len()).map(|index| self.column(index)).filter(|column| (left..=right).contains(column));
        let signs: Vec<usize> = signs.collect();
        let widest = signs.windows(2).min_by_key(|pair| {
            // On a tie, the gap next to the sender.
            let beside = !pair.contains(&source);
            (std::cmp::Reverse(pair[1] - pair[0]), beside)
        });
        match widest {
            Some(pair) if pair[1] - pair[0] > kind.len() => {
                row.put(pair[0] + 1 + (pair[1] - pair[0] - kind.len()) / 2, &kind, style);
            }
            _ => row.put(right + 2, &kind, style),
        }
    }
}

/// Describes how long the messages took and which were lost.
fn note(at: Time, targets: &[(usize, &Message)]) -> String {
    let arrived = targets.iter().filter(|(_, message)| message.lost.is_none()).filter_map(|(_, message)| message.end);
    let (first, last) = (arrived.clone().min(), arrived.max());
    let took = |end: Time| milliseconds((end - at) / 1_000 * 1_000);
    let delay = match (first, last) {
        (Some(first), Some(last)) if first != last => format!("+{} to {}", took(first), took(last)),
        (Some(first), _) => format!("+{}", took(first)),
        _ => String::new(),
    };
    let reason = targets.iter().find_map(|(_, message)| message.lost).map(|why| format::spaced(&format!("{why:?}")));
    match reason {
        Some(why) if delay.is_empty() => why,
        Some(why) => format!("{delay} x {why}"),
        None if delay.is_empty() => "on its way".to_string(),
        None => delay,
    }
}
