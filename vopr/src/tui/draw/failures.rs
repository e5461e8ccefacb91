//! The screen that lists the failures.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

use crate::tui::app::App;
use crate::tui::draw::{Theme, boxed, rows, split_in_two};
use crate::tui::failures::Row;
use engine::base::format;
use engine::base::format::printable;
use engine::campaigns::data_dir::Failure;

/// The length at which a text is truncated.
const TEXT_MAX: usize = 2_000;

/// Draws the screen.
pub fn draw(frame: &mut Frame, area: Rect, app: &App, theme: Theme) {
    let failures = &app.failures;
    if failures.rows.is_empty() {
        let text = "No failure is in this directory. 1 goes to the targets, Enter starts a campaign.";
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }), area);
        return;
    }
    let [list, details] = split_in_two(area, 13);
    let more = if app.data.more { ", and more files that were not looked at" } else { "" };
    let count = app.data.failures.len();
    let title = format!(" {count} failure{}{more} ", if count == 1 { "" } else { "s" });
    let inside = boxed(frame, list, title);
    rows(frame, inside, failures.list, |index| row(&failures.rows[index], app, theme));
    let (title, lines) = match (failures.failure(&app.data), failures.rows.get(failures.list.at)) {
        (Some(failure), _) => (printable(failure.smallest_file()), describe(app, failure, theme)),
        (None, Some(Row::Unreadable(file, why))) => (file.clone(), vec![Line::styled(clip(why), theme.doubtful())]),
        (None, _) => (String::new(), Vec::new()),
    };
    let inside = boxed(frame, details, format!(" {title} "));
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), inside);
}

fn row(row: &Row, app: &App, theme: Theme) -> Line<'static> {
    match row {
        Row::Cause { text, count, .. } => {
            let count = if *count == 1 { String::new() } else { format!("  ({count} files)") };
            Line::from(vec![Span::styled(clip(text), theme.bad()), Span::styled(count, theme.faint())])
        }
        Row::Failure(number) => {
            let Some(failure) = app.data.failures.get(*number) else { return Line::default() };
            let actions = match (failure.kmb.case.actions.len(), &failure.minimized) {
                (before, Some((_, smaller))) => format!("{} of {before} actions", smaller.case.actions.len()),
                (1, None) => "1 action".to_string(),
                (before, None) => format!("{before} actions"),
            };
            Line::from(vec![
                Span::raw(format!("  {:<34} ", clip(&printable(&failure.file)))),
                Span::styled(format!("{actions}, {}", printable(&failure.kmb.case.scenario)), theme.faint()),
            ])
        }
        Row::Unreadable(file, why) => Line::from(vec![
            Span::styled("unreadable  ", theme.doubtful()),
            Span::raw(format!("{}: ", clip(file))),
            Span::styled(clip(why), theme.faint()),
        ]),
    }
}

fn describe(app: &App, failure: &Failure, theme: Theme) -> Vec<Line<'static>> {
    let kmb = failure.smallest();
    let case = &kmb.case;
    let mut lines = Vec::new();
    if let Some(violation) = &kmb.expected {
        let rule = format!("{}: {}", violation.invariant, violation.rule);
        lines.push(Line::styled(clip(&printable(&rule)), theme.bad()));
        let (at, whom) = (format::moment(violation.at), format::replicas(violation.replicas));
        lines.push(Line::from(format!("at {at}, event {}, {whom}", violation.event)));
        lines.push(Line::from(format!("expected: {}", clip(&printable(&violation.expected)))));
        lines.push(Line::from(format!("seen:     {}", clip(&printable(&violation.seen)))));
    } else {
        lines.push(Line::styled("the process died at this input: the system under test, or vopr", theme.bad()));
    }
    let bugs = if case.bugs.is_empty() { String::new() } else { format!(", bugs: {}", case.bugs.join(", ")) };
    let about = format!("{} in {} {}{bugs}", case.scenario, case.system, kmb.system_version);
    lines.push(Line::styled(clip(&printable(&about)), theme.faint()));
    for (number, action) in (1..).zip(&case.actions) {
        lines.push(Line::from(format!("{number:>3}. {}", format::action(action))));
    }
    let file = app.directory.join(failure.smallest_file());
    let replay = format!("vopr repro {}", format::quoted(&file.display().to_string()));
    lines.push(Line::styled(clip(&printable(&replay)), theme.strong()));
    lines
}

fn clip(text: &str) -> String {
    text.chars().take(TEXT_MAX).collect()
}
