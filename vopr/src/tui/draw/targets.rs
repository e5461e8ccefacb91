//! The screen on which a target is selected.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph, Wrap};

use crate::tui::app::App;
use crate::tui::draw::{Theme, boxed, centered, rows, split_in_two};
use crate::tui::targets::{TIMES, Target};

/// Draws the screen.
pub fn draw(frame: &mut Frame, area: Rect, app: &App, theme: Theme) {
    let targets = &app.targets;
    let [list, details] = split_in_two(area, 10);
    let filter = match targets.filter.as_str() {
        "" => String::new(),
        filter => format!(" with `{filter}`"),
    };
    let title = format!(" {} targets and scenarios{filter} ", targets.shown.len());
    let inside = boxed(frame, list, title);
    rows(frame, inside, targets.list, |index| row(&targets.shown[index], theme));
    let inside = boxed(frame, details, " The next campaign ".to_string());
    frame.render_widget(Paragraph::new(describe(app, theme)).wrap(Wrap { trim: false }), inside);
}

fn row(target: &Target, theme: Theme) -> Line<'static> {
    let what = match target.phase {
        None => "target".to_string(),
        Some(phase) => format!("phase {phase}"),
    };
    Line::from(vec![
        Span::styled(format!("{what:<9}"), theme.faint()),
        Span::raw(format!("{:<34} ", target.name)),
        Span::styled(target.description, theme.faint()),
    ])
}

fn describe(app: &App, theme: Theme) -> Vec<Line<'static>> {
    let targets = &app.targets;
    let mut lines = Vec::new();
    if let Some(target) = targets.chosen() {
        let what = match (target.phase, target.scenarios) {
            (Some(phase), _) => format!(", a scenario of phase {phase}"),
            (None, 1) => ", a target of one scenario".to_string(),
            (None, count) => format!(", a target of {count} scenarios"),
        };
        lines.push(Line::from(vec![Span::styled(target.name, theme.strong()), Span::raw(what)]));
        lines.push(Line::from(target.description));
    }
    let bugs = match targets.bug_names() {
        names if names.is_empty() => "none".to_string(),
        names => names.join(", "),
    };
    let time = match TIMES[targets.time] {
        "" => "until it is stopped",
        time => time,
    };
    for (name, value) in
        [("system", targets.system.name), ("bugs", &bugs), ("jobs", &targets.jobs.to_string()), ("time", time)]
    {
        lines.push(Line::from(vec![Span::styled(format!("{name:<8}"), theme.faint()), Span::raw(value.to_string())]));
    }
    lines
}

/// Draws the list of planted bugs above the screen.
pub fn bugs(frame: &mut Frame, app: &App, theme: Theme) {
    let targets = &app.targets;
    let screen = frame.area();
    let area = centered(screen, screen.width.saturating_sub(4).min(110), screen.height.saturating_sub(4));
    frame.render_widget(Clear, area);
    let inside = boxed(frame, area, format!(" Planted bugs ({} on) ", targets.bug_names().len()));
    rows(frame, inside, targets.bugs, |index| {
        let bug = &targets.system.bugs[index];
        let (mark, style) = if targets.switched_on[index] { ("[x] ", theme.bad()) } else { ("[ ] ", theme.faint()) };
        Line::from(vec![
            Span::styled(mark, style),
            Span::raw(format!("{:<34} ", bug.name)),
            Span::styled(bug.breaks, theme.faint()),
        ])
    });
}
