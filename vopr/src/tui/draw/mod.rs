//! Drawing: the frame around the screens, and the overlays. This module makes no decisions, and draws on a terminal of
//! any size. Texts from files have passed through `format::printable` before.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

use crate::tui::app::{App, Overlay, Own, Screen};
use crate::tui::keys::{KEYS, Key, Scope};
use crate::tui::list::List;

mod campaign;
mod failures;
mod targets;
mod timeline;

/// From this width on, related parts are side by side. On narrower terminals they are stacked.
const WIDE: u16 = 120;

/// The styles. Without colours, only text attributes distinguish them.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    /// Whether colours are enabled.
    pub colors: bool,
}

impl Theme {
    fn color(self, color: Color, otherwise: Modifier) -> Style {
        if self.colors { Style::new().fg(color) } else { Style::new().add_modifier(otherwise) }
    }

    /// Expected results.
    pub fn good(self) -> Style {
        self.color(Color::Green, Modifier::empty())
    }

    /// Failures.
    pub fn bad(self) -> Style {
        self.color(Color::Red, Modifier::BOLD).add_modifier(Modifier::BOLD)
    }

    /// Warnings, and faults of the cluster.
    pub fn doubtful(self) -> Style {
        self.color(Color::Yellow, Modifier::UNDERLINED)
    }

    /// Emphasis.
    pub fn strong(self) -> Style {
        self.color(Color::Cyan, Modifier::BOLD)
    }

    /// Secondary information.
    pub fn faint(self) -> Style {
        self.color(Color::DarkGray, Modifier::DIM)
    }

    /// The selected row.
    pub fn chosen() -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }
}

/// Draws the whole interface.
pub fn draw(frame: &mut Frame, app: &App, theme: Theme) {
    let [top, body, message, keys] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(0), Constraint::Length(1), Constraint::Length(1)])
            .areas(frame.area());
    frame.render_widget(tabs(app, theme), top);
    match app.screen {
        Screen::Targets => targets::draw(frame, body, app, theme),
        Screen::Campaign => campaign::draw(frame, body, app, theme),
        Screen::Failures => failures::draw(frame, body, app, theme),
        Screen::Timeline => timeline::draw(frame, body, app, theme),
    }
    frame.render_widget(news(app, theme), message);
    frame.render_widget(last_line(app.scope(), theme), keys);
    match app.overlay {
        Some(Overlay::Help) => help(frame, app.scope(), theme),
        Some(Overlay::Bugs) => targets::bugs(frame, app, theme),
        Some(Overlay::Leave) => {
            let text = "A campaign is running.\nStop it and leave? y, or any other key to stay.";
            draw_box_above(frame, "Leave", text.lines().map(Line::from).collect());
        }
        None => {}
    }
}

fn tabs(app: &App, theme: Theme) -> Line<'static> {
    let mut spans = vec![Span::styled(" vopr ", theme.strong())];
    let failures = app.data.failures.len() + app.data.unreadable.len();
    let tabs = [
        (Screen::Targets, "1 Targets".to_string()),
        (Screen::Campaign, format!("2 Campaign{}", if app.own == Own::None { "" } else { " *" })),
        (Screen::Failures, format!("3 Failures ({failures})")),
        (Screen::Timeline, "4 Timeline".to_string()),
    ];
    for (screen, name) in tabs {
        let style = match screen {
            _ if screen == app.screen => Theme::chosen(),
            Screen::Timeline if app.timeline.is_none() => continue,
            _ => Style::new(),
        };
        spans.extend([Span::raw(" "), Span::styled(format!(" {name} "), style)]);
    }
    let directory = engine::base::format::printable(&app.directory.display().to_string());
    spans.push(Span::styled(format!("  {directory}"), theme.faint()));
    Line::from(spans)
}

/// The text being typed, or the last message.
fn news(app: &App, theme: Theme) -> Line<'_> {
    match (&app.typed, &app.recording) {
        (Some(typed), _) => Line::from(format!("/{typed}_")),
        (None, Some(file)) => {
            let file = engine::base::format::printable(file);
            Line::styled(format!("running {file} (Esc: leave it)"), theme.doubtful())
        }
        (None, None) => Line::styled(app.message.as_str(), theme.doubtful()),
    }
}

fn last_line(scope: Scope, theme: Theme) -> Line<'static> {
    let mut spans = Vec::new();
    // The list of bugs receives all keys.
    let everywhere = scope != Scope::Bugs;
    let valid = |key: &&Key| key.scope == scope || everywhere && key.scope == Scope::Everywhere;
    for Key { keys, word, .. } in KEYS.iter().filter(valid) {
        if !word.is_empty() {
            spans.extend([Span::styled(*keys, theme.strong()), Span::raw(format!(" {word}  "))]);
        }
    }
    Line::from(spans)
}

fn help(frame: &mut Frame, scope: Scope, theme: Theme) {
    let shown = KEYS.iter().filter(|key| key.scope == scope || key.scope == Scope::Everywhere);
    let line = |Key { keys, what, .. }: &Key| {
        Line::from(vec![Span::styled(format!("{keys:<18}"), theme.strong()), Span::raw(*what)])
    };
    draw_box_above(frame, "Keys (any key goes back)", shown.map(line).collect());
}

/// Draws lines in a box above the screen.
fn draw_box_above(frame: &mut Frame, title: &str, lines: Vec<Line<'_>>) {
    let width = lines.iter().map(Line::width).max().unwrap_or(0).max(title.len()) as u16 + 4;
    let area = centered(frame.area(), width, lines.len() as u16 + 2);
    frame.render_widget(Clear, area);
    let text = Paragraph::new(lines).wrap(Wrap { trim: false });
    frame.render_widget(text.block(Block::bordered().title(title)), area);
}

/// A centered area of this size, limited to the available room.
fn centered(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

/// Splits an area into two parts: side by side if it is wide enough, else with the second part below, of this height.
fn split_in_two(area: Rect, below: u16) -> [Rect; 2] {
    if area.width >= WIDE {
        Layout::horizontal([Constraint::Percentage(50), Constraint::Min(0)]).areas(area)
    } else {
        // The list has priority on a small terminal.
        let below = if area.height < 10 { 0 } else { below.min(area.height / 2) };
        Layout::vertical([Constraint::Min(0), Constraint::Length(below)]).areas(area)
    }
}

/// Draws a box with a title, and returns the area inside.
fn boxed(frame: &mut Frame, area: Rect, title: String) -> Rect {
    let block = Block::bordered().title(title);
    let inside = block.inner(area);
    frame.render_widget(block, area);
    inside
}

/// Draws the rows of a list around the selected one, as many as fit.
fn rows<'a>(frame: &mut Frame, area: Rect, list: List, row: impl Fn(usize) -> Line<'a>) {
    let height = usize::from(area.height);
    let first = list.at.saturating_sub(height / 2).min(list.len.saturating_sub(height));
    let shown = first..list.len.min(first + height);
    for (index, y) in shown.zip(area.y..area.bottom()) {
        let mut line = row(index);
        if index == list.at {
            line.style = line.style.patch(Theme::chosen());
        }
        frame.render_widget(line, Rect { y, height: 1, ..area });
    }
}

#[cfg(test)]
mod tests;
