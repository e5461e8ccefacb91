//! Session eviction: where the cluster keeps the clients' sessions, all replicas keep the same ones, and a full table loses
//! the one that was used least recently.
//!
//! 1. There are never more sessions than places. A session is evicted only when another one needs its place, and then it is
//!    the one whose newest registration or request was executed longest ago.
//! 2. Whoever executes an op, also again after a restart, registers and evicts the same sessions at it.
//! 3. A session that is handed out is newer than all before it, and it belongs to the client that asked.
//! 4. A request takes effect only while its session lives.
//! 5. Where nobody lies, a client is told of no end of a session that lives, and given no session from before it asked.
//!
//! A session is used by what takes effect in it: the rule has to follow from the log alone, or replicas could not agree.
//! Source: "Viewstamped Replication Revisited", section 4 (the client table); the user's scenario 33.
//! Not checked: clusters whose clients name their own sessions (`Cluster::sessions_max` is 0); that evicted clients come
//! back (see `liveness`).

use crate::base::ids::ClientId;
use crate::invariants::support::context::Answered;
use crate::invariants::support::session_history::Change;
use crate::invariants::support::{Context, Violation, kinds};
use crate::protocol::observation::Observation;

/// The invariant's name.
pub const NAME: &str = "session_eviction";
pub(in crate::invariants) const INTERESTS: u128 = kinds::EXECUTED | kinds::SESSION_REGISTERED | kinds::SESSION_EVICTED;

type Session = (ClientId, u32);

fn name(session: Option<Session>) -> String {
    match session {
        Some((client, session)) => format!("session {session} of client {}", client.0),
        None => "no session".to_owned(),
    }
}

pub(in crate::invariants) fn observe(context: &Context<'_>) -> Option<Box<Violation>> {
    let sessions = &context.history.sessions;
    let pending = sessions.pending[context.id.index()];
    match context.seen.what {
        Observation::SessionEvicted { client, session } if pending.evicted.is_some() => context.violation(
            NAME,
            "two sessions are evicted for one",
            format!("{} evicts {} and no other at one op", context.id, name(pending.evicted)),
            format!("it evicted {} as well", name(Some((client, session)))),
        ),
        Observation::Executed { op, client, session, operation, .. } if sessions.max > 0 => {
            if op == context.history.next() {
                first(context, op, (client, session), operation.is_some(), pending)
            } else if op < context.history.next() && pending != sessions.change(op) {
                differ(context, op, pending)
            } else {
                None
            }
        }
        _ => None,
    }
}

/// The first execution of an op.
fn first(context: &Context<'_>, op: u64, asked: Session, effect: bool, change: Change) -> Option<Box<Violation>> {
    let (id, sessions) = (context.id, &context.history.sessions);
    if effect && !sessions.lives(asked.0, asked.1) {
        return context.violation(
            NAME,
            "a request takes effect after its session",
            format!("{id} executes nothing at op {op}: {} is over", name(Some(asked))),
            "it executed the request".to_owned(),
        );
    }
    let Some((client, session)) = change.registered else {
        change.evicted?;
        return context.violation(
            NAME,
            "evicted without need",
            format!("{id} evicts nobody at op {op}, which registers nobody"),
            format!("it evicted {}", name(change.evicted)),
        );
    };
    if (client, 0) != asked || session <= sessions.handed {
        return context.violation(
            NAME,
            "a session is handed out wrongly",
            format!("{id} gives client {} a session after {} at op {op}", asked.0.0, sessions.handed),
            format!("it registered {}", name(change.registered)),
        );
    }
    let known = sessions.living.iter().any(|living| living.client == client);
    let full = !known && sessions.living.len() >= sessions.max;
    let expected = if full { sessions.oldest() } else { None };
    if change.evicted == expected {
        return None;
    }
    let rule = match (expected, change.evicted) {
        (None, _) => "evicted while there is room",
        (_, None) => "more sessions than places",
        _ => "evicted another than the least recently used",
    };
    context.violation(
        NAME,
        rule,
        format!(
            "{id} evicts {} at op {op}; {} of {} places are taken",
            name(expected),
            sessions.living.len(),
            sessions.max
        ),
        format!("it evicted {}", name(change.evicted)),
    )
}

#[cold]
fn differ(context: &Context<'_>, op: u64, change: Change) -> Option<Box<Violation>> {
    let first = context.history.sessions.change(op);
    let tell = |change: Change| format!("registers {} and evicts {}", name(change.registered), name(change.evicted));
    context.violation(
        NAME,
        "replicas keep different sessions",
        format!("{} {} at op {op}", context.id, tell(first)),
        format!("it {}", tell(change)),
    )
}

/// What a client is told of its session, by a cluster in which nobody lies.
pub(in crate::invariants) fn told(answered: &Answered<'_>) -> Option<Box<Violation>> {
    let sessions = &answered.history.sessions;
    if !answered.cluster_view.liars.is_empty() {
        return None;
    }
    match answered.seen.what {
        Observation::SessionEvicted { client, session } if sessions.lives(client, session) => answered.violation(
            NAME,
            "a living session is called over",
            format!("client {} is told that its session is over when it is", client.0),
            format!("{} lives", name(Some((client, session)))),
        ),
        Observation::SessionRegistered { client, session } if session <= sessions.floor(client) => answered.violation(
            NAME,
            "a session from the past",
            format!("client {} is given a session after {}", client.0, sessions.floor(client)),
            format!("it was given session {session}"),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::spec::Config;
    use crate::config::workload::Answer;
    use crate::invariants::harness::{Script, found, put};
    use crate::protocol::observation::Who;
    use Observation as O;

    /// A cluster with room for two sessions, whose committed log has six ops.
    fn script() -> Script {
        let mut config = Config::default();
        config.cluster.sessions_max = 2;
        let mut script = Script::with_config(&config);
        script.committed(&[0, 1], 1..=6);
        script
    }

    fn executed(op: u64, client: u16) -> Observation {
        let answer = Answer { position: op, ..Answer::default() };
        O::Executed { op, client: ClientId(client), session: 0, number: 1, operation: None, answer }
    }

    fn registered(client: u16, session: u32) -> Observation {
        O::SessionRegistered { client: ClientId(client), session }
    }

    fn evicted(client: u16, session: u32) -> Observation {
        O::SessionEvicted { client: ClientId(client), session }
    }

    /// Clients 0 and 1 register at ops 1 and 2, and client 0 asks for something at op 3.
    fn full(script: &mut Script, replica: u8) {
        for (op, client) in [(1, 0), (2, 1)] {
            script.ok(replica, registered(client, op));
            script.ok(replica, executed(op.into(), client));
        }
        if replica == 0 {
            script.invoke(1, put(1));
        }
        script.ok(replica, Script::executed(3, 1, put(1), found(3, 3, 1)));
    }

    fn tell(script: &mut Script, what: Observation) -> Option<&'static str> {
        script.see(Who::Client(ClientId(1)), what).map(|violation| violation.rule)
    }

    #[test]
    fn the_least_recently_used_makes_room_on_every_replica() {
        let mut script = script();
        for replica in [0, 1] {
            full(&mut script, replica);
            script.ok(replica, evicted(1, 2));
            script.ok(replica, registered(2, 4));
            script.ok(replica, executed(4, 2));
            // A client that comes back replaces its own session.
            script.ok(replica, registered(2, 5));
            script.ok(replica, executed(5, 2));
        }
        assert_eq!(tell(&mut script, evicted(1, 2)), None);
        assert_eq!(tell(&mut script, O::Registering { client: ClientId(1), number: 2 }), None);
        assert_eq!(tell(&mut script, registered(1, 6)), None);
    }

    #[test]
    fn a_wrong_choice_is_caught() {
        for (evicts, rule) in
            [(Some((0, 1)), "evicted another than the least recently used"), (None, "more sessions than places")]
        {
            let mut script = script();
            full(&mut script, 0);
            if let Some((client, session)) = evicts {
                script.ok(0, evicted(client, session));
            }
            script.ok(0, registered(2, 4));
            script.caught(0, executed(4, 2), NAME, rule);
        }
    }

    #[test]
    fn needless_evictions_are_caught() {
        let mut one = script();
        one.ok(0, registered(0, 1));
        one.ok(0, executed(1, 0));
        one.ok(0, evicted(0, 1));
        one.ok(0, registered(1, 2));
        one.caught(0, executed(2, 1), NAME, "evicted while there is room");

        let mut two = script();
        full(&mut two, 0);
        two.ok(0, evicted(1, 2));
        two.caught(0, executed(4, 2), NAME, "evicted without need");

        let mut three = script();
        full(&mut three, 0);
        three.ok(0, evicted(1, 2));
        three.caught(0, evicted(0, 1), NAME, "two sessions are evicted for one");
    }

    #[test]
    fn replicas_that_differ_are_caught() {
        let mut script = script();
        full(&mut script, 0);
        script.ok(1, registered(0, 1));
        script.ok(1, executed(1, 0));
        script.caught(1, executed(2, 1), NAME, "replicas keep different sessions");
    }

    #[test]
    fn a_session_that_was_handed_out_before_and_one_for_somebody_else_are_caught() {
        for (client, session) in [(2, 2), (1, 4)] {
            let mut script = script();
            full(&mut script, 0);
            script.ok(0, registered(client, session));
            script.caught(0, executed(4, 2), NAME, "a session is handed out wrongly");
        }
    }

    #[test]
    fn an_effect_after_the_session_is_caught() {
        let mut script = script();
        full(&mut script, 0);
        script.ok(0, registered(0, 4));
        script.ok(0, executed(4, 0));
        script.invoke(2, put(2));
        script.caught(
            0,
            Script::executed(5, 2, put(2), found(5, 5, 2)),
            NAME,
            "a request takes effect after its session",
        );
    }

    #[test]
    fn false_news_are_caught() {
        let mut script = script();
        full(&mut script, 0);
        assert_eq!(tell(&mut script, evicted(1, 2)), Some("a living session is called over"));
        assert_eq!(tell(&mut script, O::Registering { client: ClientId(1), number: 2 }), None);
        assert_eq!(tell(&mut script, registered(1, 2)), Some("a session from the past"));
    }
}
