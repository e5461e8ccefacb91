//! A list with a cursor: arrows and the keys of vi.

use ratatui::crossterm::event::KeyCode;

/// Page keys go so far.
pub const PAGE: isize = 10;

/// Which row of a list is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// The row.
    pub at: usize,
    /// How many rows there are.
    pub len: usize,
}

impl List {
    /// So many rows, the first chosen.
    pub fn new(len: usize) -> List {
        List { at: 0, len }
    }

    /// There are so many rows now.
    pub fn resize(&mut self, len: usize) {
        self.len = len;
        self.at = self.at.min(len.saturating_sub(1));
    }

    /// Moves by so many rows, as far as there are any.
    pub fn by(&mut self, rows: isize) {
        self.at = self.at.saturating_add_signed(rows).min(self.len.saturating_sub(1));
    }

    /// Takes a key; whether it meant something.
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
