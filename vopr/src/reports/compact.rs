//! The compact format: one line per scenario or target, with name, runs, seconds, rate and verdict.

use std::fmt::Write;

use crate::reports::results::{Part, Results};
use engine::base::terminal::rate;

/// The lines.
pub(super) fn text(results: &Results) -> String {
    let mut text = String::new();
    for Part { name, runs, elapsed, verdict, .. } in &results.parts {
        let (seconds, rate) = (elapsed.as_secs_f64(), rate(*runs, *elapsed));
        let _ = writeln!(text, "{name} {runs} {seconds:.2}s {rate}/s {verdict}");
    }
    text
}
