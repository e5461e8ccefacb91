//! The failures of the data directory grouped by cause, and the files that cannot be read.

use crate::tui::list::List;
use engine::base::format;
use engine::campaigns::data_dir::{Data, Failure};

/// A row of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// A cause. Its failures follow.
    Cause {
        /// The invariant and the kinds of actions.
        text: String,
        /// The number of its failures.
        count: usize,
        /// The index of the failure with the fewest actions.
        smallest: usize,
    },
    /// A failure, as an index into `Data::failures`.
    Failure(usize),
    /// A file that cannot be read: its name, and the reason.
    Unreadable(String, String),
}

/// The list of failures.
#[derive(Default)]
pub struct Failures {
    /// The rows.
    pub rows: Vec<Row>,
    /// The selected row.
    pub list: List,
}

impl Failures {
    /// Updates the list after the data directory was read again. The selection stays on the same row.
    pub fn refresh(&mut self, before: &Data, data: &Data) {
        let chosen = self.rows.get(self.list.at).map(|row| name(row, before).to_string());
        self.rows.clear();
        for cause in data.causes() {
            let actions = |number: &&usize| data.failures[**number].smallest().case.actions.len();
            let smallest = cause.failures.iter().min_by_key(actions).copied().unwrap_or_default();
            let text = format::printable(&format!("{}: {}", cause.invariant, cause.shape));
            self.rows.push(Row::Cause { text, count: cause.failures.len(), smallest });
            self.rows.extend(cause.failures.into_iter().map(Row::Failure));
        }
        let unreadable =
            |(file, why): &(String, String)| Row::Unreadable(format::printable(file), format::printable(why));
        self.rows.extend(data.unreadable.iter().map(unreadable));
        self.list.resize(self.rows.len());
        let place = chosen.and_then(|chosen| self.rows.iter().position(|row| name(row, data) == chosen));
        self.list.at = place.unwrap_or(self.list.at);
    }

    /// The failure of the selected row; for a cause, its smallest failure.
    pub fn failure<'a>(&self, data: &'a Data) -> Option<&'a Failure> {
        match self.rows.get(self.list.at)? {
            Row::Cause { smallest, .. } => data.failures.get(*smallest),
            Row::Failure(number) => data.failures.get(*number),
            Row::Unreadable(..) => None,
        }
    }

    /// The file to step through: the smallest one, or the original. Or the reason why there is none.
    pub fn file(&self, data: &Data, original: bool) -> Result<String, String> {
        if let Some(failure) = self.failure(data) {
            let file = if original { &failure.file } else { failure.smallest_file() };
            return Ok(file.to_string());
        }
        Err(match self.rows.get(self.list.at) {
            Some(Row::Unreadable(file, why)) => format!("{file}: {why}"),
            _ => "there is no failure yet".to_string(),
        })
    }
}

/// The text that identifies a row.
fn name<'a>(row: &'a Row, data: &'a Data) -> &'a str {
    match row {
        Row::Cause { text, .. } => text,
        Row::Failure(number) => data.failures.get(*number).map_or("", |failure| &failure.file),
        Row::Unreadable(file, _) => file,
    }
}
