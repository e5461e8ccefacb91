//! The human format: a table or a sentence, then the findings and the commands that replay them.

use crate::reports::results::{Own, Results};

mod fuzz;
mod run;

/// The text.
pub(super) fn text(results: &Results) -> String {
    match results.own {
        Own::Run { verdict, scenarios, .. } => run::text(results, verdict, scenarios),
        Own::Fuzz { campaign, summary } => fuzz::text(campaign, summary),
    }
}
