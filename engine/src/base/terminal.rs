//! The output of commands: results go to standard output in the requested format, progress and messages to standard
//! error.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use comfy_table::{LineStyle, TableStyle};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::base::error::Error;

/// The version of all JSON output. It is incremented when a field changes its meaning or is removed.
pub const JSON_VERSION: u32 = 1;

/// The interval of progress lines if the output is not a terminal.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// The style of expected results.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// The style of failures.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// The style of warnings.
pub const DOUBTFUL: Style = AnsiColor::Yellow.on_default().bold();

/// Applies a style to a text. Outputs without colour print the plain text.
pub fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Writes a text to standard output in one piece.
pub fn print(text: &str) -> Result<(), Error> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|error| Error::output(&error))
}

/// Writes a JSON document to standard output, on one line.
pub fn print_json(value: &impl Serialize) -> Result<(), Error> {
    print(&json_line(value)?)
}

/// A JSON document as a line of its own.
pub fn json_line(value: &impl Serialize) -> Result<String, Error> {
    let text = serde_json::to_string(value).map_err(|error| Error::Internal(format!("no JSON: {error}")))?;
    Ok(text + "\n")
}

/// Prints a message to standard error immediately, whatever the format of the results is. Errors are ignored, because
/// the reader may have closed the stream.
pub fn tell(line: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}

/// Progress: a bar or a spinner on a terminal, or else a plain line every few seconds.
pub struct Progress {
    bar: Option<ProgressBar>,
    told: Instant,
}

impl Progress {
    /// Creates a bar that is full at `total`, or a spinner for 0.
    pub fn new(total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let template = if total == 0 { "{spinner} {msg}" } else { "{bar:24} {pos}/{len}  {msg}" };
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()).with_style(style)
        });
        Progress { bar, told: Instant::now() }
    }

    /// Sets how much is done.
    pub fn set(&mut self, done: u64, message: impl FnOnce() -> String) {
        match &self.bar {
            Some(bar) => {
                bar.set_message(message());
                bar.set_position(done);
                bar.tick();
            }
            None if self.told.elapsed() >= PLAIN_EVERY => {
                self.told = Instant::now();
                tell(&message());
            }
            None => {}
        }
    }

    /// Prints a message that stays on the screen.
    pub fn tell(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| tell(line)),
            None => tell(line),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Lines above, below and under the header, and none between the rows.
const TABLE_STYLE: TableStyle = {
    let line = LineStyle::none().fill('─').junction('─');
    TableStyle::new().top_border(line).header_separator(line).bottom_border(line)
};

/// Creates a table in the common style.
pub fn table(headers: &[&str]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(TABLE_STYLE).set_header(headers.to_vec());
    // If the output is not a terminal, the width of a table is not limited.
    if let Some((_, columns)) = console::Term::stdout().size_checked() {
        table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic).set_width(columns);
    }
    table
}

/// Formats a large number with groups of digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a count with its noun.
pub fn count(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{} {many}", grouped(number as u64)) }
}

/// Formats a duration of real time.
pub fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds => format!("{:.1} h", seconds as f64 / 3_600.0),
    }
}

/// The number per second.
pub fn rate(count: u64, elapsed: Duration) -> u64 {
    let seconds = elapsed.as_secs_f64();
    if seconds > 0.0 { (count as f64 / seconds) as u64 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_formatted() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_234), "1,234");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(rate(10, Duration::from_millis(500)), 20);
        assert_eq!(rate(10, Duration::ZERO), 0);
    }
}
