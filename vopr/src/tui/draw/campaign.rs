//! The screen that shows a campaign, started here or elsewhere.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Paragraph, Wrap};

use crate::tui::app::{App, Own};
use crate::tui::draw::{Theme, boxed, rows};
use crate::tui::list::List;
use engine::base::format;
use engine::base::terminal::{grouped, rate};
use engine::campaigns::campaign_log::Progress;
use engine::campaigns::data_dir::{Past, date};

/// The maximum number of points of a curve.
const POINTS_MAX: usize = 400;

/// Draws the screen.
pub fn draw(frame: &mut Frame, area: Rect, app: &App, theme: Theme) {
    let Some(past) = app.campaign().filter(|_| !app.is_starting()) else {
        let text = match app.own {
            Own::None => "No campaign has run in this directory yet. 1 goes to the targets, Enter starts one.",
            _ => "The campaign starts ...",
        };
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }), area);
        return;
    };
    let targets = past.progress.len().min(100) as u16;
    let room = area.height.saturating_sub(2);
    let [head, table, chart, news] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Length((targets + 1).min(room / 3)),
        Constraint::Min(0),
        Constraint::Length((app.news.len().min(4) as u16 + 2).max(3).min(room / 3)),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(heading(app, past, theme)), head);
    draw_table(frame, table, app, past, theme);
    draw_chart(frame, chart, app, past, theme);
    let inside = boxed(frame, news, " What it says ".to_string());
    let first = app.news.len().saturating_sub(usize::from(inside.height));
    let lines: Vec<_> = app.news.iter().skip(first).map(|line| Line::from(line.as_str())).collect();
    frame.render_widget(Paragraph::new(lines), inside);
}

fn heading(app: &App, past: &Past, theme: Theme) -> Vec<Line<'static>> {
    let started = &past.started;
    let (state, style) = match app.own {
        Own::Running if app.is_own() => ("running".to_string(), theme.good()),
        Own::Stopping if app.is_own() => ("stopping".to_string(), theme.doubtful()),
        _ if past.ended => (format!("ended {}", date(past.last)), theme.faint()),
        _ => (format!("last heard of {}", date(past.last)), theme.doubtful()),
    };
    let place = match (app.place(), app.data.campaigns.len()) {
        (Some(place), count @ 2..) => format!(" ({} of {count})", place + 1),
        _ => String::new(),
    };
    let name = past.name.as_ref().map_or(String::new(), |_| format!("   campaign {}", past.called()));
    let bugs = if started.bugs.is_empty() { "no bugs".to_string() } else { started.bugs.join(", ") };
    let about =
        format!("{} {}, {bugs}, jobs {}, seed {}", started.system, started.system_version, started.jobs, started.seed);
    let found = format!("   {} found", grouped(past.found as u64));
    let found = Span::styled(found, if past.found > 0 { theme.bad() } else { theme.faint() });
    let died = match past.died {
        0 => Span::raw(""),
        1 => Span::styled("   1 worker died", theme.doubtful()),
        count => Span::styled(format!("   {count} workers died"), theme.doubtful()),
    };
    vec![
        Line::from(vec![
            Span::styled(state, style),
            Span::raw(format!("{name}{place}   began {} (UTC)", date(past.at))),
            found,
            died,
        ]),
        Line::styled(format::printable(&about), theme.faint()),
    ]
}

fn draw_table(frame: &mut Frame, area: Rect, app: &App, past: &Past, theme: Theme) {
    if area.height == 0 {
        return;
    }
    let header = format!(
        "{:<24}{:>9}{:>13}{:>8}{:>8}{:>8}{:>9}",
        "target", "time", "runs", "runs/s", "states", "corpus", "broken"
    );
    frame.render_widget(Line::styled(header, theme.faint()), Rect { height: 1, ..area });
    let all: Vec<(&String, &Vec<(u64, Progress)>)> = past.progress.iter().collect();
    let list = List { at: app.watched, len: all.len() };
    let below = Rect { y: area.y + 1, height: area.height - 1, ..area };
    rows(frame, below, list, |index| {
        let (name, series) = all[index];
        let Some((_, progress)) = series.last() else { return Line::default() };
        let style = if progress.violated > 0 { theme.bad() } else { theme.faint() };
        let name: String = format::printable(name).chars().take(23).collect();
        Line::from(vec![
            Span::raw(format!(
                "{name:<24}{:>7} s{:>13}{:>8}{:>8}{:>8}",
                grouped(progress.milliseconds / 1_000),
                grouped(progress.runs),
                grouped(speed(series)),
                grouped(progress.reached.states as u64),
                grouped(progress.corpus as u64),
            )),
            Span::styled(format!("{:>9}", grouped(progress.violated)), style),
        ])
    });
}

/// The current number of runs per second, from the latest progress records.
fn speed(series: &[(u64, Progress)]) -> u64 {
    let Some((_, last)) = series.last() else { return 0 };
    let recent =
        series.iter().rev().map(|(_, it)| it).find(|it| it.milliseconds.saturating_add(1_000) <= last.milliseconds);
    let (runs, time) = recent.map_or((0, 0), |before| (before.runs, before.milliseconds));
    rate(last.runs.saturating_sub(runs), Duration::from_millis(last.milliseconds.saturating_sub(time)))
}

fn draw_chart(frame: &mut Frame, area: Rect, app: &App, past: &Past, theme: Theme) {
    let Some((name, series)) = past.progress.iter().nth(app.watched) else { return };
    let points = curve(series);
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
    let highest = points.iter().map(|point| point.1).fold(1.0, f64::max);
    let reached = &series[series.len() - 1].1.reached;
    let inside = boxed(
        frame,
        area,
        format!(
            " {}: {} states, estimated at least {} ",
            format::printable(name),
            grouped(reached.states as u64),
            grouped(reached.estimated() as u64)
        ),
    );
    let data =
        Dataset::default().marker(Marker::Braille).graph_type(GraphType::Line).style(theme.strong()).data(&points);
    let label = |value: f64| grouped(value as u64);
    let chart = Chart::new(vec![data])
        .x_axis(
            Axis::default()
                .bounds([first.0, last.0.max(first.0 + 1.0)])
                .labels([format!("{} s", label(first.0)), format!("{} s", label(last.0))])
                .style(theme.faint()),
        )
        .y_axis(Axis::default().bounds([0.0, highest]).labels(["0".to_string(), label(highest)]).style(theme.faint()));
    frame.render_widget(chart, inside);
}

/// The number of states over the time spent, with a bounded number of points.
fn curve(series: &[(u64, Progress)]) -> Vec<(f64, f64)> {
    let every = series.len().div_ceil(POINTS_MAX).max(1);
    let point = |(_, it): &(u64, Progress)| (it.milliseconds as f64 / 1_000.0, it.reached.states as f64);
    let mut points: Vec<_> = series.iter().step_by(every).map(point).collect();
    points.extend(series.last().filter(|_| !(series.len() - 1).is_multiple_of(every)).map(point));
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(length: u64) -> Vec<(u64, Progress)> {
        (0..length)
            .map(|n| (n, Progress { milliseconds: n * 10_000, runs: n * n * 1_000, ..Progress::default() }))
            .collect()
    }

    #[test]
    fn the_rate_is_the_latest() {
        assert_eq!((speed(&series(0)), speed(&series(1))), (0, 0));
        assert_eq!(speed(&series(3)), 300, "from 1,000 to 4,000 runs in ten seconds");
    }

    #[test]
    fn a_long_curve_has_few_points_and_its_end() {
        let points = curve(&series(10_000));
        assert!(points.len() <= POINTS_MAX + 1);
        assert_eq!((points[0].0, points[points.len() - 1].0), (0.0, 99_990.0));
        assert_eq!(curve(&series(1)).len(), 1);
    }
}
