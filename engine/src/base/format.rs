//! Cases in words: actions, observations, marks, violations. Whatever comes from a file is made harmless for terminals.

use sim::base::time::{MICROSECOND, MILLISECOND, SECOND};
use sim::config::settings::Setting;
use sim::config::spec::Workload;
use sim::protocol::reason::SkipReason;
use sim::{
    Action, ActionKind, Lie, Observation, Operation, OperationKind, ReplicaId, ReplicaSet, Seen, Target, Time, When,
    Who,
};

use crate::base::terminal::count;

/// A span of virtual time.
pub fn time(time: Time) -> String {
    let (unit, name) = match time {
        SECOND.. => (SECOND, "s"),
        MILLISECOND.. => (MILLISECOND, "ms"),
        MICROSECOND.. => (MICROSECOND, "us"),
        _ => return format!("{time} ns"),
    };
    let (whole, thousandths) = (time / unit, time % unit * 1_000 / unit);
    if thousandths == 0 {
        return format!("{whole} {name}");
    }
    let digits = format!("{thousandths:03}");
    format!("{whole}.{} {name}", digits.trim_end_matches('0'))
}

/// A point in virtual time: always in milliseconds, so that moments can be compared and are told apart however late they
/// are.
pub fn moment(at: Time) -> String {
    format!("{}.{:03} ms", at / MILLISECOND, at % MILLISECOND / MICROSECOND)
}

/// How much clients ask.
pub fn workload(workload: &Workload) -> String {
    let requests = count(workload.requests as usize, "request", "requests");
    format!("{requests} of {}", count(workload.clients.into(), "client", "clients"))
}

/// The value of a setting.
pub fn setting(setting: &Setting) -> String {
    if setting.is_time { time(setting.value) } else { setting.value.to_string() }
}

/// A text from a file, without anything that a terminal would obey.
pub fn printable(text: &str) -> String {
    text.chars().map(|symbol| if symbol.is_control() { '\u{FFFD}' } else { symbol }).collect()
}

/// An argument as one types it into a shell.
pub fn quoted(argument: &str) -> String {
    let plain = |symbol: char| symbol.is_alphanumeric() || "_-./:=+,@%".contains(symbol);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_string()
    } else {
        format!("'{}'", printable(argument).replace('\'', r"'\''"))
    }
}

/// The replicas of a set: `replicas 0, 2`.
pub fn replicas(set: ReplicaSet) -> String {
    let members: Vec<_> = set.iter().map(|replica| replica.0.to_string()).collect();
    match members.len() {
        0 => "no replica".to_string(),
        1 => format!("replica {}", members[0]),
        _ => format!("replicas {}", members.join(", ")),
    }
}

/// The options that switch planted bugs on, each with a space before it.
pub fn bug_options(bugs: &[String]) -> String {
    bugs.iter().flat_map(|bug| [" --bug ", bug]).collect()
}

/// A name in capital letters as words in small ones: `StartViewChange` is `start view change`.
pub fn spaced(name: &str) -> String {
    let mut words = String::new();
    for symbol in name.chars() {
        if symbol.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(symbol.to_lowercase());
    }
    words
}

/// An action: when, and what.
pub fn action(action: &Action) -> String {
    format!("{}: {}", when(&action.when), what(&action.what))
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

fn target(target: Target) -> String {
    match target {
        Target::Replica(replica) => replica.to_string(),
        Target::Primary => "the primary".to_string(),
        Target::Subject => "that replica".to_string(),
    }
}

/// What an action does.
pub fn what(what: &ActionKind) -> String {
    let way = |outgoing: bool| if outgoing { "sends" } else { "is sent" };
    match *what {
        ActionKind::Partition { side, duration } => {
            format!("cut {} off from the others for {}", replicas(side), time(duration))
        }
        ActionKind::Isolate { target: whom, duration } => format!("isolate {} for {}", target(whom), time(duration)),
        ActionKind::Cut { target: whom, outgoing, duration } => {
            format!("lose all that {} {} for {}", target(whom), way(outgoing), time(duration))
        }
        ActionKind::Clog { target: whom, outgoing, duration } => {
            format!("hold back all that {} {} for {}", target(whom), way(outgoing), time(duration))
        }
        ActionKind::Loss { per_mille, duration } => format!("lose {per_mille} in 1000 messages for {}", time(duration)),
        ActionKind::Delay { target: whom, extra, duration } => {
            format!("delay the messages of {} by up to {} for {}", target(whom), time(extra), time(duration))
        }
        ActionKind::Duplicate { per_mille, duration } => {
            format!("deliver {per_mille} in 1000 messages twice for {}", time(duration))
        }
        ActionKind::Reorder { per_mille, duration } => {
            format!("reorder {per_mille} in 1000 messages for {}", time(duration))
        }
        ActionKind::Garble { target: whom, per_mille, duration } => {
            format!("damage {per_mille} in 1000 messages of {} for {}", target(whom), time(duration))
        }
        ActionKind::Crash { target: whom, down } => format!("crash {} for {}", target(whom), time(down)),
        ActionKind::PowerLoss { down } => format!("crash all replicas for {}", time(down)),
        ActionKind::Pause { target: whom, duration } => format!("pause {} for {}", target(whom), time(duration)),
        ActionKind::BitFlip { target: whom, zone, record, bit } => {
            format!("flip bit {bit} of record {record} from the last in zone {zone} of {}'s disk", target(whom))
        }
        ActionKind::LostWrite { target: whom, zone, record } => {
            format!("undo the last write of record {record} from the last in zone {zone} of {}'s disk", target(whom))
        }
        ActionKind::MisdirectedWrite { target: whom, zone, record, away } => {
            let disk = target(whom);
            format!("put record {record} from the last in zone {zone} of {disk}'s disk {away} records before its place")
        }
        ActionKind::FlippedBits { target: whom, zone, record, bit, count } => {
            let disk = target(whom);
            format!("flip {count} bits from {bit} on of record {record} from the last in zone {zone} of {disk}'s disk")
        }
        ActionKind::TruncatedRecord { target: whom, zone, record, keep } => {
            let disk = target(whom);
            format!("cut record {record} from the last in zone {zone} of {disk}'s disk off at byte {keep}")
        }
        ActionKind::ShiftedRecord { target: whom, zone, record, from, by } => {
            let disk = target(whom);
            format!(
                "push {by} bytes in at byte {from} of record {record} from the last in zone {zone} of {disk}'s disk"
            )
        }
        ActionKind::StaleRead { target: whom, zone, away, per_mille, duration } => {
            let what = if away == 0 { "its older content".to_string() } else { format!("the record {away} before it") };
            let disk = target(whom);
            let span = time(duration);
            format!("let reads in zone {zone} of {disk}'s disk bring {what} for {per_mille} in 1000 records for {span}")
        }
        ActionKind::DiskError { target: whom, per_mille, duration } => {
            format!("fail {per_mille} in 1000 syncs and reads of {} for {}", target(whom), time(duration))
        }
        ActionKind::DiskSlow { target: whom, extra, duration } => {
            format!("slow the disk of {} by up to {} for {}", target(whom), time(extra), time(duration))
        }
        ActionKind::DiskFull { target: whom, duration } => {
            format!("fill the disk of {} for {}", target(whom), time(duration))
        }
        ActionKind::ClockStep { target: whom, micros } => {
            let direction = if micros < 0 { "back" } else { "forward" };
            let span = time(u64::from(micros.unsigned_abs()) * MICROSECOND);
            format!("set the wall clock of {} {direction} by {span}", target(whom))
        }
        ActionKind::ClockDrift { target: whom, ppm, duration } => {
            format!("let the clocks of {} drift by {ppm} ppm for {}", target(whom), time(duration))
        }
        ActionKind::ClockFreeze { target: whom, duration } => {
            format!("freeze the clocks of {} for {}", target(whom), time(duration))
        }
        ActionKind::NoNtp { side, duration } => {
            let whom = if side.is_empty() { "all replicas".to_string() } else { replicas(side) };
            format!("keep the time service from {whom} for {}", time(duration))
        }
        ActionKind::WrongNtp { target: whom, micros, duration } => {
            let direction = if micros < 0 { "behind" } else { "ahead" };
            let span = time(u64::from(micros.unsigned_abs()) * MICROSECOND);
            format!("tell {} a time that is {span} {direction} for {}", target(whom), time(duration))
        }
        ActionKind::Burst { client, requests } => {
            format!("let client {} send {} at once", client.0, count(requests.into(), "request", "requests"))
        }
        ActionKind::ClientCrash { client } => format!("crash client {}", client.0),
        ActionKind::DuplicateRequest { client } => format!("let client {} send its request twice", client.0),
        ActionKind::Reconfigure { members } => format!("ask for {} as the members", replicas(members)),
        ActionKind::Lie(lie) => self::lie(lie),
    }
}

fn lie(lie: Lie) -> String {
    let to = lie.to.map_or(String::new(), |to| format!(" to {to}"));
    let [how, field] = [format!("{:?}", lie.how), format!("{:?}", lie.field)].map(|name| spaced(&name));
    format!("lie in {} {:?} message(s){to}: {how} {field} by {}", lie.count, lie.kind, lie.amount)
}

/// Whether an observation is worth a line when a person reads what happened: the course of events, without the mail.
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

/// An observation: when, who, what.
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

/// What a client asks for.
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

/// What an observation says happened.
pub fn happening(what: &Observation) -> String {
    let debug = format!("{what:?}");
    let (name, rest) = debug.split_once(' ').unwrap_or((&debug, ""));
    let rest = rest.trim_start_matches('{').trim_end_matches('}').trim();
    let name = spaced(name);
    if rest.is_empty() { name } else { format!("{name} ({rest})") }
}

/// Why an action was not carried out.
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
    use sim::plan::Trigger;

    use super::*;

    #[test]
    fn times_and_actions_read_well() {
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
    fn a_terminal_obeys_nothing_from_a_file() {
        assert_eq!(printable("a\u{1b}[2Jb\nc"), "a\u{FFFD}[2Jb\u{FFFD}c");
    }

    #[test]
    fn arguments_are_quoted_where_a_shell_would_take_them_apart() {
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
