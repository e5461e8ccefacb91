//! A line of text with positioned parts, and the notation of times.

use std::fmt::Write;

use anstyle::Style;
use sim::Time;
use sim::base::time::MILLISECOND;

/// Formats a time as milliseconds with up to three decimals.
pub fn milliseconds(at: Time) -> String {
    let text = format!("{}.{:03}", at / MILLISECOND, at % MILLISECOND / 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// A line of styled characters.
pub(super) struct Row {
    cells: Vec<(char, Style)>,
}

impl Row {
    pub(super) fn new(width: usize) -> Self {
        Row { cells: vec![(' ', Style::new()); width] }
    }

    /// Writes a text. The part beyond the right end is cut off.
    pub(super) fn put(&mut self, column: usize, text: &str, style: Style) {
        for (cell, symbol) in self.cells.iter_mut().skip(column).zip(text.chars()) {
            *cell = (symbol, style);
        }
    }

    pub(super) fn fill(&mut self, from: usize, to: usize, symbol: char, style: Style) {
        let to = to.min(self.cells.len());
        if let Some(cells) = self.cells.get_mut(from..to) {
            cells.fill((symbol, style));
        }
    }

    /// Whether these columns are free.
    pub(super) fn is_free(&self, from: usize, to: usize) -> bool {
        to <= self.cells.len() && self.cells.get(from..to).is_some_and(|cells| cells.iter().all(|cell| cell.0 == ' '))
    }

    pub(super) fn is_blank(&self, from: usize) -> bool {
        self.cells.iter().skip(from).all(|cell| cell.0 == ' ')
    }

    /// Appends the line to a text, with as few changes of style as possible.
    pub(super) fn write(&self, text: &mut String) {
        let used = self.cells.iter().rposition(|(symbol, style)| *symbol != ' ' || *style != Style::new());
        let mut current = Style::new();
        for (symbol, style) in &self.cells[..used.map_or(0, |last| last + 1)] {
            if *style != current {
                let _ = write!(text, "{current:#}{style}");
                current = *style;
            }
            text.push(*symbol);
        }
        let _ = writeln!(text, "{current:#}");
    }
}
