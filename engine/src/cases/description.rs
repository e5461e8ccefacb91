//! A case in words: its actions, and the command that it came from.

use sim::Case;
use sim::observers::outcomes::ActionOutcome;

use crate::base::format;
use crate::cases::kmb::{Kmb, Origin};
use crate::cases::systems::{Engine, system_option};

/// The actions as the run understands them; where it was run, with what became of those that were not carried out.
pub fn actions(case: &Case, engine: Option<&Engine>) -> Vec<String> {
    let outcomes = engine.map_or(&[][..], |engine| engine.outcomes().actions());
    let in_words = |(index, action): (usize, &sim::Action)| {
        let words = format::action(&action.resolved(&case.config));
        match outcomes.get(index) {
            Some(ActionOutcome::NotDue) => format!("{words} [it did not come to it]"),
            Some(ActionOutcome::Skipped { why, .. }) => format!("{words} [skipped: {}]", format::skipped(*why)),
            Some(ActionOutcome::Done { .. }) | None => words,
        }
    };
    case.actions.iter().enumerate().map(in_words).collect()
}

/// Where the case came from: the command that runs it again, or the fuzz target.
pub fn origin(kmb: &Kmb) -> String {
    match &kmb.origin {
        Origin::Run { seed, scenario } => {
            let (system, bugs) = (system_option(&kmb.case.system), format::bug_options(&kmb.case.bugs));
            format!("vopr run --scenario {scenario} --seed {seed} --iterations 1{system}{bugs}")
        }
        Origin::Fuzz { target, input } => format!("fuzz target {target}, an input of {} bytes", input.len()),
    }
}
