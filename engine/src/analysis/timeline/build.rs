//! Builds a timeline from a recorded run: maps each observation to its effect on a lane.

use sim::observers::outcomes::{ActionOutcome, Outcomes};
use sim::{ActionKind, Case, Observation, Outcome, ReplicaId, Seen, Status, Target, Time, Verdict, Violation, Who};

use crate::analysis::timeline::model::{
    Commit, Fault, Finding, Lane, Mark, MarkKind, Message, Request, Span, State, Timeline,
};
use crate::base::error::Error;
use crate::base::format;
use crate::cases::kmb::Kmb;
use crate::cases::systems::Engine;

/// Runs the case in a failure file and builds its timeline.
pub fn replay(kmb: &Kmb) -> Result<Timeline, Error> {
    let mut engine = Engine::for_case(&kmb.case)?;
    let outcome = engine.run(&kmb.case, true);
    let system = format!("{} {}", engine.system().name, engine.system().version);
    Ok(timeline(kmb.name(), system, &kmb.case, &outcome, engine.recorded(), engine.outcomes()))
}

/// Builds the timeline of a recorded run.
pub fn timeline(
    name: String,
    system: String,
    case: &Case,
    outcome: &Outcome,
    recorded: &[Seen],
    outcomes: &Outcomes,
) -> Timeline {
    let mut builder = Builder::new(case, recorded, outcomes);
    for (index, seen) in recorded.iter().enumerate() {
        builder.observe(index, seen);
    }
    let (finding, owed) = match (&outcome.verdict, &outcome.beyond_the_promise) {
        (Verdict::Violated(violation), _) => (Some(violation), true),
        (_, beyond) => (beyond.as_ref(), false),
    };
    let end = outcome.time;
    for lane in &mut builder.lanes {
        lane.enter(end, State::Down, None);
    }
    Timeline {
        name,
        // `limits` guarantees that names from files are short and plain. The renderers escape them nevertheless.
        scenario: case.scenario.clone(),
        system,
        bugs: case.bugs.clone(),
        from: 0,
        to: end,
        faults: faults(case, outcomes, builder.healed.unwrap_or(end)),
        lanes: builder.lanes.into_iter().map(|lane| lane.lane).collect(),
        requests: builder.requests,
        messages: builder.messages,
        healed: builder.healed,
        finding: finding.map(|violation| self::finding(violation, owed)),
        left_out: 0,
        thinned: Vec::new(),
    }
}

fn finding(violation: &Violation, owed: bool) -> Finding {
    Finding {
        invariant: violation.invariant.to_string(),
        rule: violation.rule.to_string(),
        at: violation.at,
        event: violation.event,
        replicas: violation.replicas.iter().map(|replica| replica.0).collect(),
        expected: format::printable(&violation.expected),
        seen: format::printable(&violation.seen),
        owed,
    }
}

/// The outcomes of the actions of the plan. The heal phase ends all lasting effects.
fn faults(case: &Case, outcomes: &Outcomes, healed: Time) -> Vec<Fault> {
    let fault = |(number, (action, fate)): (usize, (&sim::Action, &ActionOutcome))| {
        let what = action.resolved(&case.config).what;
        let (at, target, skipped) = match *fate {
            ActionOutcome::NotDue => (None, None, None),
            ActionOutcome::Done { at, target, .. } => (Some(at), target, None),
            ActionOutcome::Skipped { at, target, why, .. } => (Some(at), target, Some(why)),
        };
        let lasts = if matches!(what, ActionKind::Lie(_)) { None } else { what.duration() };
        let until = at.filter(|_| skipped.is_none()).zip(lasts).map(|(at, lasts)| at.saturating_add(lasts).min(healed));
        let target = target.map(|target| target.0);
        Fault { number, words: action_words(&what, target), at, until, target, skipped }
    };
    (1..).zip(case.actions.iter().zip(outcomes.actions())).map(fault).collect()
}

/// Describes an action, with its target if the plan leaves the target open.
pub fn action_words(what: &ActionKind, target: Option<u8>) -> String {
    let words = what.to_string();
    match (what.target(), target) {
        (Some(Target::Primary), Some(target)) => words.replacen("the primary", &format!("the primary ({target})"), 1),
        (Some(Target::Subject), Some(target)) => words.replacen("that replica", &format!("replica {target}"), 1),
        _ => words,
    }
}

/// A lane under construction.
struct Growing {
    lane: Lane,
    since: Time,
    state: State,
    view: Option<u64>,
    /// The state before the pause.
    before: Option<(State, Option<u64>)>,
    /// The lie that the next message tells.
    lie: Option<String>,
}

impl Growing {
    fn new(id: u8, liar: bool) -> Self {
        let (spans, marks, commits) = Default::default();
        let lane = Lane { replica: id, liar, spans, marks, commits };
        Growing { lane, since: 0, state: State::Loading, view: None, before: None, lie: None }
    }

    /// Ends the current span and begins another.
    fn enter(&mut self, at: Time, state: State, view: Option<u64>) {
        if at > self.since {
            let span = Span { from: self.since, to: at, state: self.state, view: self.view };
            match self.lane.spans.last_mut() {
                Some(last) if (last.state, last.view) == (span.state, span.view) => last.to = at,
                _ => self.lane.spans.push(span),
            }
        }
        (self.since, self.state, self.view) = (at, state, view);
    }

    fn status(&mut self, at: Time, status: Status, view: u64, primary: bool) {
        let state = match (status, primary) {
            (Status::Normal, true) => State::Primary,
            (Status::Normal, false) => State::Backup,
            (Status::ViewChange, _) => State::ViewChange,
            (Status::Recovering, _) => State::Recovering,
        };
        self.enter(at, state, Some(view));
    }

    fn commit(&mut self, seen: &Seen, op: u64) {
        match self.lane.commits.last_mut() {
            Some(last) if last.at == seen.at && last.last + 1 == op => last.last = op,
            _ => self.lane.commits.push(Commit { at: seen.at, event: seen.event, first: op, last: op }),
        }
    }

    fn observe(&mut self, seen: &Seen) {
        use Observation as O;
        let at = seen.at;
        match seen.what {
            O::Crashed => self.enter(at, State::Down, None),
            O::Restarted | O::Loading => self.enter(at, State::Loading, None),
            O::Recovered { view, .. } => self.enter(at, State::Recovering, Some(view)),
            O::Paused => {
                self.before = Some((self.state, self.view));
                self.enter(at, State::Paused, self.view);
            }
            O::Resumed => {
                if let Some((state, view)) = self.before.take() {
                    self.enter(at, state, view);
                }
            }
            O::StatusChanged { status, view, primary } => self.status(at, status, view, primary),
            O::ViewStarted { view, primary, .. } => self.status(at, Status::Normal, view, primary),
            O::ViewChangeStarted { view } => self.status(at, Status::ViewChange, view, false),
            O::Committed { op, .. } => self.commit(seen, op),
            _ => {}
        }
        if let Some((kind, words)) = mark(&seen.what) {
            self.lane.marks.push(Mark { at, event: seen.event, kind, words });
        }
    }
}

/// The mark for an observation of a replica, with its text; `None` if the observation is not drawn.
fn mark(what: &Observation) -> Option<(MarkKind, String)> {
    use Observation as O;
    let said = match *what {
        O::Crashed => (MarkKind::Crash, "crashes".to_string()),
        O::Panicked => (MarkKind::Crash, "panics".to_string()),
        O::Lied { kind, field, how, .. } => (MarkKind::Lie, lie(kind, field, how)),
        O::ViewStarted { view, op, commit, primary } => {
            let role = if primary { "primary" } else { "backup" };
            (MarkKind::ViewStart, format!("view {view} starts here ({role}), with op {op} and commit {commit}"))
        }
        O::Voted { view, last_normal, op, commit } => {
            let log = format!("op {op}, commit {commit}, last normal in view {last_normal}");
            (MarkKind::Vote, format!("hands its log to the primary of view {view}: {log}"))
        }
        O::Truncated { op } => (MarkKind::Loss, format!("cuts its log off after op {op}")),
        O::Damaged { op } => (MarkKind::Loss, format!("cannot read the entry at op {op}")),
        O::DiskFailed => (MarkKind::Loss, "a sync or a read of its disk fails".to_string()),
        O::Misread { .. } | O::ScrubFound { .. } | O::Garbled { .. } => (MarkKind::Loss, format::happening(what)),
        O::Rejected { kind, why } => {
            (MarkKind::Reject, format!("refuses a {kind:?}: {}", format::spaced(&format!("{why:?}"))))
        }
        O::Restarted => (MarkKind::Other, "restarts".to_string()),
        O::Recovered { view, op, .. } => {
            (MarkKind::Other, format!("has read its disk: view {view}, log up to op {op}"))
        }
        O::ViewChangeStarted { view } => (MarkKind::Other, format!("leaves its view for view {view}")),
        O::Abdicated { .. }
        | O::CommitStalled { .. }
        | O::RepairRequested { .. }
        | O::StateTransferStarted { .. }
        | O::StateInstalled { .. }
        | O::ReconfigurationStarted { .. }
        | O::ReconfigurationRefused { .. }
        | O::ConfigurationAppended { .. }
        | O::Reconfigured { .. }
        | O::Retired { .. }
        | O::SessionEvicted { .. }
        | O::ScrubRepaired { .. }
        | O::ClockLost => (MarkKind::Other, format::happening(what)),
        _ => return None,
    };
    Some(said)
}

fn lie(kind: sim::MessageKind, field: sim::Field, how: sim::How) -> String {
    let words = |name: String| format::spaced(&name);
    format!("lies in a {kind:?}: {}, {}", words(format!("{field:?}")), words(format!("{how:?}")))
}

struct Builder<'a> {
    recorded: &'a [Seen],
    outcomes: &'a Outcomes,
    /// The index of the next passage.
    passage: usize,
    lanes: Vec<Growing>,
    messages: Vec<Message>,
    requests: Vec<Request>,
    healed: Option<Time>,
}

impl<'a> Builder<'a> {
    fn new(case: &Case, recorded: &'a [Seen], outcomes: &'a Outcomes) -> Self {
        let ids = 0..case.config.cluster.replicas;
        let lanes = ids.map(|id| Growing::new(id, case.liars.has(ReplicaId(id)))).collect();
        let (messages, requests) = (Vec::with_capacity(outcomes.passages().len()), Vec::new());
        Builder { recorded, outcomes, passage: 0, lanes, messages, requests, healed: None }
    }

    fn observe(&mut self, index: usize, seen: &Seen) {
        match seen.who {
            Who::World => {
                if seen.what == Observation::Healed {
                    self.healed = Some(seen.at);
                }
            }
            Who::Client(_) => self.client(seen),
            Who::Replica(id) => self.replica(index, seen, id),
        }
    }

    fn client(&mut self, seen: &Seen) {
        match seen.what {
            Observation::Invoked { client, session, number, operation } => {
                let operation = format::operation(&operation);
                let (client, asked) = (client.0, seen.at);
                self.requests.push(Request { client, session, number, asked, answered: None, retries: 0, operation });
            }
            Observation::Answered { client, session, number, .. } => {
                let mut waiting = self.requests.iter_mut().rev();
                let mine = waiting.find(|it| (it.client, it.session, it.number) == (client.0, session, number));
                if let Some(request) = mine {
                    request.answered.get_or_insert(seen.at);
                }
            }
            Observation::Retried { client, number } => {
                let mut waiting = self.requests.iter_mut().rev();
                if let Some(request) = waiting.find(|it| (it.client, it.number) == (client.0, number)) {
                    request.retries += 1;
                }
            }
            _ => {}
        }
    }

    fn replica(&mut self, index: usize, seen: &Seen, id: ReplicaId) {
        let Some(lane) = self.lanes.get_mut(id.index()) else { return };
        lane.observe(seen);
        match seen.what {
            Observation::Lied { kind, field, how, .. } => {
                let told = lie(kind, field, how);
                lane.lie = Some(lane.lie.take().map_or(told.clone(), |before| format!("{before}; {told}")));
            }
            Observation::Dropped { to, kind, why: why @ sim::protocol::observation::DropReason::Silenced } => {
                let (from, to, sent, event, lie) = (id.0, to.0, seen.at, seen.event, lane.lie.take());
                let (end, lost, copy) = (Some(sent), Some(why), false);
                self.messages.push(Message { from, to, kind, sent, event, end, lost, lie, copy, faint: false });
            }
            Observation::Sent { to, kind } => {
                let lie = lane.lie.take();
                let Some(passage) = self.outcomes.passages().get(self.passage).filter(|it| it.sent == index) else {
                    return;
                };
                self.passage += 1;
                for (number, place) in passage.ends.into_iter().enumerate() {
                    let copy = number > 0;
                    let end = place.and_then(|place| self.recorded.get(place));
                    if copy && end.is_none() {
                        continue;
                    }
                    let lost = end.and_then(|end| match end.what {
                        Observation::Dropped { why, .. } => Some(why),
                        _ => None,
                    });
                    let (from, to, sent, event, lie) = (id.0, to.0, seen.at, seen.event, lie.clone());
                    let end = end.map(|end| end.at);
                    self.messages.push(Message { from, to, kind, sent, event, end, lost, lie, copy, faint: false });
                }
            }
            _ => {}
        }
    }
}
