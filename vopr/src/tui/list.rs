//! A list with a cursor, moved by the arrow keys and the keys of vi.

use ratatui::crossterm::event::KeyCode;

/// The number of rows that a page key moves.
pub const PAGE: isize = 10;

/// The selected row of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// The row.
    pub at: usize,
    /// How many rows there are.
    pub len: usize,
}

impl List {
    /// Creates a list with this number of rows and selects the first.
    pub fn new(len: usize) -> List {
        List { at: 0, len }
    }

    /// Changes the number of rows.
    pub fn resize(&mut self, len: usize) {
        self.len = len;
        self.at = self.at.min(len.saturating_sub(1));
    }

    /// Moves by this number of rows, up to the ends of the list.
    pub fn by(&mut self, rows: isize) {
        self.at = self.at.saturating_add_signed(rows).min(self.len.saturating_sub(1));
    }

    /// Handles a key. Returns whether the key is one of this list.
    pub fn key(&mut self, code: KeyCode) -> bool {
        match code {
            KeyCode::Down | KeyCode::Char('j') => self.by(1),
            KeyCode::Up | KeyCode::Char('k') => self.by(-1),
            KeyCode::PageDown => self.by(PAGE),
            KeyCode::PageUp => self.by(-PAGE),
            KeyCode::Home | KeyCode::Char('g') => self.at = 0,
            KeyCode::End | KeyCode::Char('G') => self.at = self.len.saturating_sub(1),
            _ => return false,
        }
        true
    }
}
