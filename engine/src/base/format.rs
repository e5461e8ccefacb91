//! Formats the parts of a case as text: actions, observations, marks, violations. Text from files is made safe for
//! terminals.

use sim::base::time::{MICROSECOND, MILLISECOND};
use sim::config::settings::Setting;
use sim::config::spec::Workload;
use sim::protocol::reason::SkipReason;
use sim::{Action, Observation, Operation, OperationKind, ReplicaId, Seen, Time, When, Who};

use crate::base::terminal::count;

pub use sim::base::words::{replicas, spaced, time};

/// Formats a point in virtual time. It is always in milliseconds, so that points can be compared and distinguished at
/// any time of a run.
pub fn moment(at: Time) -> String {
    format!("{}.{:03} ms", at / MILLISECOND, at % MILLISECOND / MICROSECOND)
}

/// Formats the size of a workload.
pub fn workload(workload: &Workload) -> String {
    let requests = count(workload.requests as usize, "request", "requests");
    format!("{requests} of {}", count(workload.clients.into(), "client", "clients"))
}

/// Formats the value of a setting.
pub fn setting(setting: &Setting) -> String {
    if setting.is_time { time(setting.value) } else { setting.value.to_string() }
}

/// Replaces the control characters of a text from a file, so that a terminal does not interpret them.
pub fn printable(text: &str) -> String {
    text.chars().map(|symbol| if symbol.is_control() { '\u{FFFD}' } else { symbol }).collect()
}

/// Quotes an argument for a shell where necessary.
pub fn quoted(argument: &str) -> String {
    let plain = |symbol: char| symbol.is_alphanumeric() || "_-./:=+,@%".contains(symbol);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_string()
    } else {
        format!("'{}'", printable(argument).replace('\'', r"'\''"))
    }
}

/// The options that switch planted bugs on, each preceded by a space.
pub fn bug_options(bugs: &[String]) -> String {
    bugs.iter().flat_map(|bug| [" --bug ", bug]).collect()
}

/// Formats an action: when, and what.
pub fn action(action: &Action) -> String {
    format!("{}: {}", when(&action.when), action.what)
}

fn when(when: &When) -> String {
    match when {
        When::At(at) => format!("at {}", time(*at)),
        When::After { watch, replica, count, delay } => {
            let watch = format!("{watch:?}").replace('(', " ").replace(')', "");
            let who = replica.map_or("any replica".to_string(), |ReplicaId(id)| format!("replica {id}"));
            let delay = if *delay == 0 { "just".to_string() } else { time(*delay) };
            format!("{delay} after {who}'s {watch} number {count}")
        }
    }
}

/// Whether an observation is listed in the course of events for a person. The traffic of messages is not.
pub fn notable(what: &Observation) -> bool {
    !matches!(
        what,
        Observation::Sent { .. }
            | Observation::Delivered { .. }
            | Observation::Dropped { .. }
            | Observation::Invoked { .. }
            | Observation::Answered { .. }
            | Observation::Appended { .. }
            | Observation::Acknowledged { .. }
            | Observation::Executed { .. }
            | Observation::Holding { .. }
            | Observation::ClockSynchronized { .. }
            | Observation::Timestamped { .. }
            | Observation::Registering { .. }
            | Observation::SessionRegistered { .. }
            | Observation::Loaded { .. }
            | Observation::ScrubTourCovers { .. }
            | Observation::ScrubRead { .. }
            | Observation::ScrubReadDone { .. }
            | Observation::ViewChangeWanted { .. }
    )
}

/// Formats an observation: when, who, what.
pub fn observation(seen: &Seen) -> String {
    let who = match seen.who {
        Who::World => "world".to_string(),
        Who::Replica(replica) => replica.to_string(),
        Who::Client(client) => format!("client {}", client.0),
    };
    let mut line = format!("{:>14}  {:>7}  {who:<10}  ", moment(seen.at), seen.event);
    line.push_str(&happening(&seen.what));
    line
}

/// Formats the request of a client.
pub fn operation(operation: &Operation) -> String {
    let what = match operation.kind {
        OperationKind::Put { key, .. } => format!("put key {key}"),
        OperationKind::Get { key } => format!("get key {key}"),
        OperationKind::GetAsOf { key, position } => format!("get key {key} as of position {position}"),
        OperationKind::Append { stream, .. } => format!("append to stream {stream}"),
        OperationKind::Read { stream, index } => format!("read element {index} of stream {stream}"),
    };
    format!("{what} of tenant {}", operation.tenant)
}

/// Formats what an observation says.
pub fn happening(what: &Observation) -> String {
    let debug = format!("{what:?}");
    let (name, rest) = debug.split_once(' ').unwrap_or((&debug, ""));
    let rest = rest.trim_start_matches('{').trim_end_matches('}').trim();
    let name = spaced(name);
    if rest.is_empty() { name } else { format!("{name} ({rest})") }
}

/// Formats the reason why an action was skipped.
pub fn skipped(why: SkipReason) -> &'static str {
    match why {
        SkipReason::TooMuchDamage => "one more damaged copy, and nothing would be owed any more",
        SkipReason::NoTarget => "there is no such target, or it is down already",
        SkipReason::NothingWritten => "there is nothing on the disk yet that could be damaged",
        SkipReason::NoLiar => "the run has no liar",
        SkipReason::NotAllowed => "the configuration does not allow it",
    }
}

#[cfg(test)]
mod tests {
    use sim::base::time::SECOND;
    use sim::plan::Trigger;
    use sim::{ActionKind, ReplicaSet, Target};

    use super::*;

    #[test]
    fn times_and_actions_are_formatted() {
        assert_eq!(moment(0), "0.000 ms");
        assert_eq!(moment(3 * SECOND + 20_070_999), "3020.070 ms");
        assert_eq!(time(5), "5 ns");
        assert_eq!(time(1_500), "1.5 us");
        assert_eq!(time(40 * MILLISECOND), "40 ms");
        assert_eq!(time(3 * SECOND + 20 * MILLISECOND), "3.02 s");
        let crash = Action {
            when: When::After { watch: Trigger::Committed, replica: Some(ReplicaId(2)), count: 3, delay: 0 },
            what: ActionKind::Crash { target: Target::Subject, down: SECOND },
        };
        assert_eq!(action(&crash), "just after replica 2's Committed number 3: crash that replica for 1 s");
        assert_eq!(replicas(ReplicaSet(0b101)), "replicas 0, 2");
        assert_eq!(spaced("StartViewChange"), "start view change");
    }

    #[test]
    fn control_characters_from_files_are_replaced() {
        assert_eq!(printable("a\u{1b}[2Jb\nc"), "a\u{FFFD}[2Jb\u{FFFD}c");
    }

    #[test]
    fn arguments_are_quoted_where_a_shell_requires_it() {
        assert_eq!(quoted("./failures/failure-1.kmb"), "./failures/failure-1.kmb");
        assert_eq!(quoted("a b; it's"), r"'a b; it'\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn an_observation_is_one_line() {
        let seen = Seen {
            at: 12 * MILLISECOND,
            event: 7,
            who: Who::Replica(ReplicaId(1)),
            what: Observation::ViewChangeStarted { view: 3 },
        };
        assert_eq!(observation(&seen), "     12.000 ms        7  replica 1   view change started (view: 3)");
    }
}
