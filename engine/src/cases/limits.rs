//! Whether a case from an untrusted file stays within bounds: `Case::check` looks at the configuration and at the numbers
//! of things, this module at the names and at the numbers inside the actions.

use sim::base::ids::REPLICAS_MAX;
use sim::base::time::SECOND;
use sim::{Action, ActionKind, Case, Lie, ReplicaId, Target, Time, When};

/// No action lasts longer, or waits longer, than an hour of virtual time: sums of times then never overflow.
const SPAN_MAX: Time = 3_600 * SECOND;
/// No name is longer than this.
const NAME_BYTES_MAX: usize = 64;
/// No more bugs than a `BugSet` can hold.
const BUGS_MAX: usize = 128;

/// Whether the case can be run.
///
/// # Errors
/// One line that says what is wrong.
pub fn check(case: &Case) -> Result<(), String> {
    case.check()?;
    check_name("system", &case.system)?;
    check_name("scenario", &case.scenario)?;
    if case.bugs.len() > BUGS_MAX {
        return Err(format!("{} planted bugs; at most {BUGS_MAX} are allowed", case.bugs.len()));
    }
    case.bugs.iter().try_for_each(|bug| check_name("bug", bug))?;
    let replicas = case.config.cluster.replicas;
    if let Some(liar) = case.liars.iter().find(|liar| liar.0 >= replicas) {
        return Err(format!("the liar is {liar}; there are {replicas} replicas"));
    }
    for (index, action) in case.actions.iter().enumerate() {
        check_action(action).map_err(|what| format!("action {}: {what}", index + 1))?;
    }
    Ok(())
}

/// Whether a name is short and plain, so that it can be printed anywhere.
pub fn check_name(what: &str, name: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.+".contains(&byte);
    if name.len() > NAME_BYTES_MAX || !name.bytes().all(plain) {
        return Err(format!("the name of the {what} is longer than {NAME_BYTES_MAX} bytes or not plain ASCII"));
    }
    Ok(())
}

fn check_action(action: &Action) -> Result<(), String> {
    match action.when {
        When::At(at) => check_span(at)?,
        When::After { replica, delay, .. } => {
            check_span(delay)?;
            replica.map_or(Ok(()), check_replica)?;
        }
    }
    if let Some(Target::Replica(replica)) = action.what.target() {
        check_replica(replica)?;
    }
    action.what.duration().map_or(Ok(()), check_span)?;
    match action.what {
        ActionKind::Delay { extra, .. } | ActionKind::DiskSlow { extra, .. } => check_span(extra),
        ActionKind::ClockDrift { ppm, .. } if ppm.unsigned_abs() >= 1_000_000 => {
            Err(format!("a drift of {ppm} ppm would turn the clock around"))
        }
        ActionKind::Lie(Lie { to, .. }) => to.map_or(Ok(()), check_replica),
        _ => Ok(()),
    }
}

fn check_span(span: Time) -> Result<(), String> {
    if span <= SPAN_MAX { Ok(()) } else { Err(format!("{span} ns are more than an hour")) }
}

fn check_replica(replica: ReplicaId) -> Result<(), String> {
    if replica.index() < REPLICAS_MAX { Ok(()) } else { Err(format!("there is never a {replica}")) }
}
