//! The screen that steps through a run: the steps, and the known states of the replicas after the selected step.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

use crate::tui::app::App;
use crate::tui::draw::{Theme, WIDE, boxed, rows};
use crate::tui::steps::{Condition, Kind, State, Step};
use crate::tui::timeline::{Timeline, who};
use engine::base::format;
use engine::base::terminal::grouped;

/// The width of the table of replicas.
const STATES_WIDTH: u16 = 54;

/// Draws the screen.
pub fn draw(frame: &mut Frame, area: Rect, app: &App, theme: Theme) {
    let Some(timeline) = &app.timeline else { return };
    let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    frame.render_widget(heading(timeline, theme), head);
    let states = timeline.states();
    let height = states.len() as u16 + 1;
    let [states_area, steps_area] = if body.width >= WIDE {
        let [steps, states] =
            Layout::horizontal([Constraint::Min(0), Constraint::Length(STATES_WIDTH + 2)]).areas(body);
        [states, steps]
    } else {
        // The steps have priority on a small terminal.
        let height = (height + 2).min(body.height.saturating_sub(4));
        Layout::vertical([Constraint::Length(height), Constraint::Min(0)]).areas(body)
    };
    draw_states(frame, states_area, timeline, &states, theme);
    draw_steps(frame, steps_area, timeline, theme);
}

fn heading(timeline: &Timeline, theme: Theme) -> Line<'static> {
    let recording = &timeline.recording;
    let violation = match &recording.violation {
        Some((invariant, rule)) => Span::styled(format!("{invariant}: {rule}"), theme.bad()),
        None => Span::styled("no violation", theme.good()),
    };
    Line::from(vec![
        Span::raw(format!("{}  ", format::printable(&timeline.file))),
        violation,
        Span::styled(format!("  ({})", recording.comparison), theme.faint()),
    ])
}

fn draw_states(frame: &mut Frame, area: Rect, timeline: &Timeline, states: &[(State, bool)], theme: Theme) {
    let title = match timeline.step() {
        Some(step) => format!(" After event {} at {} ", grouped(step.event), format::moment(step.at)),
        None => String::new(),
    };
    let inside = boxed(frame, area, title);
    let header = format!("{:<10}{:<9}{:<14}{:>7}{:>7}{:>7}", "replica", "role", "status", "view", "op", "commit");
    let mut lines = vec![Line::styled(header, theme.faint())];
    for (replica, (state, changed)) in states.iter().enumerate() {
        let liar = timeline.recording.liars.iter().any(|liar| usize::from(*liar) == replica);
        let mark = if *changed { ">" } else { " " };
        let role = match state.condition {
            Condition::Normal if state.primary => "primary",
            Condition::Normal => "backup",
            _ => "-",
        };
        let State { condition, view, op, commit, .. } = state;
        let name = format!("{mark} {replica}{}", if liar { " liar" } else { "" });
        let style = if liar { theme.doubtful() } else { Style::new() };
        let numbers = format!("{view:>7}{op:>7}{commit:>7}");
        lines.push(Line::from(vec![
            Span::styled(format!("{name:<10}"), style),
            Span::raw(format!("{role:<9}")),
            Span::styled(format!("{:<14}", condition.words()), status(*condition, theme)),
            Span::styled(numbers, if *changed { theme.strong() } else { Style::new() }),
        ]));
    }
    frame.render_widget(Paragraph::new(lines), inside);
}

fn status(condition: Condition, theme: Theme) -> Style {
    match condition {
        Condition::Normal => theme.good(),
        Condition::ViewChange | Condition::Recovering | Condition::Loading => theme.doubtful(),
        Condition::Paused | Condition::Down => theme.bad(),
    }
}

fn draw_steps(frame: &mut Frame, area: Rect, timeline: &Timeline, theme: Theme) {
    // The selected step is repeated below in full.
    let below = if area.height >= 9 { 2 } else { 0 };
    let [list, full] = Layout::vertical([Constraint::Min(0), Constraint::Length(below)]).areas(area);
    let recording = &timeline.recording;
    let left_out = match recording.left_out {
        0 => String::new(),
        count => format!(", {} before were left out", grouped(count as u64)),
    };
    let which = if timeline.notable_only { ", those worth a line" } else { "" };
    let (at, len) = (timeline.list.at + 1, timeline.list.len);
    let title = format!(" Step {} of {}{which}{left_out} ", grouped(at as u64), grouped(len as u64));
    let inside = boxed(frame, list, title);
    rows(frame, inside, timeline.list, |row| {
        let place = timeline.shown[row];
        let step = &recording.steps[place];
        let first = place == 0 || recording.steps[place - 1].event != step.event;
        line(step, first, theme)
    });
    if let Some(step) = timeline.step() {
        let text = format!("{}: {}", who(step), format::printable(&step.text));
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }), full);
    }
}

/// A step in one line. The number and the time of an event are at its first step.
fn line(step: &Step, first: bool, theme: Theme) -> Line<'static> {
    let style = match step.kind {
        Kind::Violation => theme.bad(),
        Kind::Fault => theme.doubtful(),
        Kind::ViewChange => theme.strong(),
        Kind::Message | Kind::Other => theme.faint(),
        Kind::Notable => Style::new(),
    };
    let event = if first { format!("{:>7} {:>12} ", step.event, format::moment(step.at)) } else { " ".repeat(21) };
    Line::from(vec![
        Span::raw(event),
        Span::raw(format!("{:<10}", who(step))),
        Span::styled(format::printable(&step.text), style),
    ])
}
