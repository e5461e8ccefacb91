//! The facts of a failing run that an explanation may include, and their relevance to the violation.
//!
//! A weight is only a rank. 90 and above is the violation itself and what contradicts it. 70 and above are the faults,
//! the lies and the protocol steps that lead to it. Lower weights are context.

mod environment;
mod protocol;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use sim::observers::cluster_view::ClusterView;
use sim::{ActionKind, Begun, Case, EntryHash, Observation, ReplicaId, Seen, Status, Target, Violation, Who};

use crate::analysis::explain::Step;
use crate::analysis::explain::causality::{Cone, Past};
use crate::analysis::explain::focus::Focus;
use crate::analysis::explain::phrase;
use crate::base::format;

/// Something that one or more replicas did, or that happened to them.
#[derive(Clone, Debug)]
pub struct Fact {
    /// The relevance to the violation.
    pub weight: u32,
    /// The position in the explanation.
    pub index: usize,
    at: sim::Time,
    event: u64,
    replicas: BTreeSet<u8>,
    /// Whether the replica is marked as lying.
    lying: bool,
    /// The message that caused it.
    cause: String,
    /// What the replicas do, or a full sentence if there are no replicas.
    verb: String,
    times: u32,
}

/// The earlier fact of the same text with which a fact is merged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Merge {
    /// One of the same phase.
    Phase,
    /// One of the whole run.
    Run,
    /// One of the whole run; repetitions are counted.
    Habit,
    /// It replaces the earlier fact of the same kind at its replica.
    Last,
}

/// Collects facts.
pub struct Facts<'a> {
    case: &'a Case,
    violation: &'a Violation,
    focus: &'a Focus,
    past: &'a Past,
    cone: Cone,
    begun: &'a [Begun],
    cluster_view: ClusterView,
    told: Vec<Fact>,
    next: usize,
    /// The facts to merge with, by their text.
    phase: BTreeMap<String, usize>,
    habits: BTreeMap<String, usize>,
    last: BTreeMap<(u8, usize), usize>,
    /// The replicas that acknowledged an entry at an op of the focus.
    holders: BTreeMap<(u64, EntryHash), BTreeSet<u8>>,
    /// The entry that was committed first at an op of the focus, and the replica that committed it.
    committed: BTreeMap<u64, (EntryHash, ReplicaId)>,
    /// The entries of ops of the focus that have been described.
    entries: BTreeSet<(u64, EntryHash)>,
    /// The replicas that voted for a view, with the event of the vote.
    votes: BTreeMap<u64, Vec<(u64, ReplicaId)>>,
    /// The last op that a replica had acknowledged when it crashed.
    promised: BTreeMap<u8, u64>,
    /// The op at which a request was executed first.
    executed: BTreeMap<(u64, u32, u32), u64>,
    initial_state_described: bool,
}

impl Fact {
    /// Whether the same replicas did it during the same event, for the same reason.
    pub fn same_step(&self, other: &Fact) -> bool {
        (self.event, &self.replicas, &self.cause) == (other.event, &other.replicas, &other.cause)
    }

    /// Removes the cause, because the previous step names it.
    pub fn forget_cause(&mut self) {
        self.cause.clear();
    }

    /// Converts the fact to a sentence.
    pub fn told(self) -> Step {
        let ids: Vec<ReplicaId> = self.replicas.iter().map(|id| ReplicaId(*id)).collect();
        let mut text = if ids.is_empty() {
            self.verb
        } else {
            let verb = phrase::agree(&self.verb, ids.len() > 1);
            let lying = if self.lying { ", lying," } else { "" };
            format!("{}{lying}{} {verb}", phrase::replicas(ids.iter().copied()), self.cause)
        };
        if self.times > 1 {
            let _ = write!(text, " ({} times in all)", self.times);
        }
        Step { at: self.at, event: self.event, replicas: ids, text: format!("{}.", phrase::capital(&text)) }
    }
}

impl<'a> Facts<'a> {
    /// Collects all facts of a run that are relevant to its violation, in order.
    pub fn collect(
        case: &'a Case,
        recorded: &'a [Seen],
        begun: &'a [Begun],
        violation: &'a Violation,
        focus: &'a Focus,
        past: &'a Past,
    ) -> Vec<Fact> {
        let mut cluster_view = ClusterView::default();
        cluster_view.reset(&case.config, case.liars);
        let mut facts = Facts {
            case,
            violation,
            focus,
            past,
            cone: past.cone(&focus.roots),
            begun,
            cluster_view,
            told: Vec::new(),
            next: 0,
            phase: BTreeMap::new(),
            habits: BTreeMap::new(),
            last: BTreeMap::new(),
            holders: BTreeMap::new(),
            committed: BTreeMap::new(),
            entries: BTreeSet::new(),
            votes: BTreeMap::new(),
            promised: BTreeMap::new(),
            executed: BTreeMap::new(),
            initial_state_described: false,
        };
        for seen in recorded {
            facts.observe(seen);
            facts.cluster_view.apply(seen);
        }
        if focus.absence {
            facts.final_states(recorded);
        }
        facts.told
    }

    fn observe(&mut self, seen: &Seen) {
        match seen.who {
            Who::Replica(id) => {
                self.fault(seen);
                self.log(seen, id);
                self.views(seen, id);
                self.restarts(seen, id);
                self.devices(seen, id);
                self.members(seen, id);
            }
            Who::Client(_) | Who::World => self.fault(seen),
        }
        self.clients(seen);
    }

    /// Whether it happened during the event of the violation, at a replica that the violation names.
    fn at_the_end(&self, seen: &Seen, id: ReplicaId) -> bool {
        seen.event == self.violation.event && self.focus.names(id)
    }

    fn record(&mut self, seen: &Seen, weight: u32, merge: Merge, verb: String) {
        let Some(id) = seen.who.replica() else { return };
        if !self.cone.has(seen.event, id) {
            return;
        }
        let weight = if weight >= 57 && self.at_the_end(seen, id) { weight.max(93) } else { weight };
        let cause = if weight >= 80 { self.cause(seen, id) } else { String::new() };
        let key = format!("{cause}{verb}");
        let known = match merge {
            Merge::Phase => self.phase.get(&key),
            Merge::Run | Merge::Habit => self.habits.get(&key),
            Merge::Last => self.last.get(&(id.0, seen.what.kind())),
        };
        if let Some(place) = known.copied() {
            let fact = &mut self.told[place];
            if merge == Merge::Last {
                (fact.at, fact.event, fact.verb, fact.cause) = (seen.at, seen.event, verb, cause);
                fact.index = self.next;
                self.next += 1;
            } else if !fact.replicas.insert(id.0) && merge == Merge::Habit {
                fact.times += 1;
            }
            fact.weight = fact.weight.max(weight);
            return;
        }
        let place = self.told.len();
        self.add(seen, weight, BTreeSet::from([id.0]), cause, verb);
        match merge {
            Merge::Phase => drop(self.phase.insert(key, place)),
            Merge::Run | Merge::Habit => drop(self.habits.insert(key, place)),
            Merge::Last => drop(self.last.insert((id.0, seen.what.kind()), place)),
        }
    }

    fn add(&mut self, seen: &Seen, weight: u32, replicas: BTreeSet<u8>, cause: String, verb: String) {
        let index = self.next;
        self.next += 1;
        let (at, event) = (seen.at, seen.event);
        self.told.push(Fact { weight, index, at, event, replicas, lying: false, cause, verb, times: 1 });
    }

    /// Adds a full sentence.
    fn add_sentence(&mut self, seen: &Seen, weight: u32, sentence: String) {
        self.add(seen, weight, BTreeSet::new(), String::new(), sentence);
    }

    /// Starts a new phase: facts are no longer merged with those of the phase before.
    fn start_phase(&mut self) {
        self.phase.clear();
    }

    /// The message that a replica acts on, between commas.
    fn cause(&self, seen: &Seen, id: ReplicaId) -> String {
        match self.past.cause(seen.event, id) {
            // A request comes from a client, possibly through another replica.
            Some(cause) if cause.from != id => {
                let lying = if cause.lie { "lying " } else { "" };
                format!(", on {}'s {lying}{:?},", cause.from, cause.kind)
            }
            _ => String::new(),
        }
    }

    /// Describes the state of the cluster before the first fault.
    fn describe_initial_state(&mut self, seen: &Seen) {
        if std::mem::replace(&mut self.initial_state_described, true) {
            return;
        }
        let leads = |(id, replica): (u8, &sim::observers::cluster_view::ReplicaView)| {
            let leads = replica.primary && replica.status == Status::Normal;
            leads.then_some((replica.view, ReplicaId(id)))
        };
        let leader = (0..).zip(&self.cluster_view.replicas).filter_map(leads).max_by_key(|(view, _)| *view);
        let leader = leader.map_or("nobody leads yet".to_string(), |(view, id)| format!("{id} leads view {view}"));
        let ops = match self.cluster_view.committed.len() {
            0 => "nothing is committed".to_string(),
            1 => "op 1 is committed".to_string(),
            count => format!("ops 1 to {count} are committed"),
        };
        self.add_sentence(seen, 66, format!("{leader}, and {ops}"));
    }

    /// Faults, and lies that were told.
    fn fault(&mut self, seen: &Seen) {
        match seen.what {
            Observation::Injected { fault } => {
                let Some((begun, rest)) = self.begun.split_first() else { return };
                let mut what = self.case.actions[usize::from(begun.action)].what;
                // If there are several liars, a lie action is observed once for each of them.
                if begun.event != seen.event || what.fault() != fault {
                    return;
                }
                self.begun = rest;
                // A lie is described when it is told, and a reconfiguration by its own observations.
                if matches!(what, ActionKind::Lie(_) | ActionKind::Reconfigure { .. }) {
                    return;
                }
                self.describe_initial_state(seen);
                self.start_phase();
                if let (Some(target), Some(id)) = (what.target_mut(), seen.who.replica()) {
                    *target = Target::Replica(id);
                }
                let until = match what {
                    ActionKind::Crash { .. } | ActionKind::PowerLoss { .. } => None,
                    _ => what.duration().map(|duration| format::moment(seen.at.saturating_add(duration))),
                };
                let until = until.map_or_else(String::new, |until| format!(" (until {until})"));
                let what = format!("{what}{until}");
                let weight = if self.begun_in_all() > 8 { 72 } else { 88 };
                let (number, of) = (begun.action + 1, self.case.actions.len());
                self.add_sentence(seen, weight, format!("fault, action {number} of {of}: {what}"));
            }
            Observation::Lied { kind, field, how, .. } => {
                self.describe_initial_state(seen);
                let lie = self.case.actions.iter().filter_map(|action| match action.what {
                    ActionKind::Lie(lie) if (lie.kind, lie.field, lie.how) == (kind, field, how) => Some(lie),
                    _ => None,
                });
                let Some(lie) = lie.min_by_key(|lie| lie.amount) else { return };
                let truth = seen.who.replica().and_then(|id| self.truth(lie.field, id));
                let before = self.told.len();
                self.record(seen, 100, Merge::Habit, phrase::lie(lie, truth));
                if let Some(fact) = self.told.get_mut(before) {
                    (fact.lying, fact.cause) = (true, String::new());
                }
            }
            Observation::Garbled { to, kind } => {
                let verb = format!("send[s] {to} what is damaged on the way, and taken for a sound {kind:?}");
                self.describe_initial_state(seen);
                self.record(seen, 84, Merge::Habit, verb);
            }
            Observation::Healed => {
                let weight = if self.focus.absence { 75 } else { 30 };
                self.add_sentence(seen, weight, "all faults end, and the cluster has time to heal".to_string());
                self.start_phase();
            }
            _ => {}
        }
    }

    fn begun_in_all(&self) -> usize {
        self.case.actions.iter().filter(|action| !matches!(action.what, ActionKind::Lie(_))).count()
    }

    /// The value that the field would have without the lie.
    fn truth(&self, field: sim::Field, id: ReplicaId) -> Option<u64> {
        let replica = &self.cluster_view.replicas[id.index()];
        match field {
            sim::Field::View => Some(replica.view),
            sim::Field::Op | sim::Field::TailLength => Some(replica.op()),
            sim::Field::Commit => Some(replica.commit),
            _ => None,
        }
    }

    /// Adds a full sentence, or counts it if it was added before.
    fn add_or_count_sentence(&mut self, seen: &Seen, weight: u32, sentence: String) {
        if let Some(place) = self.habits.get(&sentence) {
            self.told[*place].times += 1;
        } else {
            self.habits.insert(sentence.clone(), self.told.len());
            self.add_sentence(seen, weight, sentence);
        }
    }

    /// Describes the final state of each replica, for a failure that consists in something not happening.
    fn final_states(&mut self, recorded: &[Seen]) {
        let Some(last) = recorded.last().copied() else { return };
        let mut states: BTreeMap<String, BTreeSet<u8>> = BTreeMap::new();
        for (id, replica) in (0..).zip(&self.cluster_view.replicas) {
            let (view, op, commit) = (replica.view, replica.op(), replica.commit);
            let role = if replica.primary { "primary" } else { "backup" };
            let state = match replica.status {
                _ if !replica.up => "[is] down".to_string(),
                Status::Normal => format!("[is] normal in view {view} ({role})"),
                Status::ViewChange => format!("[is] on the way to view {view}"),
                Status::Recovering => format!("[is] still recovering, in view {view}"),
            };
            let verb = format!("{state} in the end, with a log up to op {op}, committed up to op {commit}");
            states.entry(verb).or_default().insert(id);
        }
        for (verb, replicas) in states {
            let seen = Seen { at: self.violation.at, event: self.violation.event, ..last };
            self.add(&seen, 96, replicas, String::new(), verb);
        }
    }
}

/// An entry in the notation of violations.
fn short(entry: EntryHash) -> String {
    let digits = format!("{entry:032x}");
    format!("entry {}", &digits[..8])
}
