//! The facts of a failing run that may be told, and how much each of them bears on the violation.
//!
//! A weight is a rank and nothing more: 90 and above is the violation itself and what contradicts it, 70 and above the
//! faults, the lies and the steps of the protocol that lead there, less is what makes it easier to follow.

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

/// Something that happened, perhaps at several replicas.
#[derive(Clone, Debug)]
pub struct Fact {
    /// How much it bears on the violation.
    pub weight: u32,
    /// Its place in the story.
    pub index: usize,
    at: sim::Time,
    event: u64,
    replicas: BTreeSet<u8>,
    /// A liar's name is followed by this word.
    lying: bool,
    /// The message that made it happen.
    cause: String,
    /// What the replicas do, or the whole sentence if there are none.
    verb: String,
    times: u32,
}

/// With which earlier fact of the same words a fact is merged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Merge {
    /// With one since the last turn of events.
    Phase,
    /// With any.
    Run,
    /// With any, and it is counted: a habit.
    Habit,
    /// It takes the place of the earlier one of the same kind at its replica.
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
    /// Facts that may be merged with, by their words.
    phase: BTreeMap<String, usize>,
    habits: BTreeMap<String, usize>,
    last: BTreeMap<(u8, usize), usize>,
    /// Who acknowledged which entry at which op of the focus.
    holders: BTreeMap<(u64, EntryHash), BTreeSet<u8>>,
    /// Which entry was committed first at which op of the focus, and by whom.
    committed: BTreeMap<u64, (EntryHash, ReplicaId)>,
    /// Which entries of ops of the focus were told already.
    entries: BTreeSet<(u64, EntryHash)>,
    /// Who voted for which view, during which event.
    votes: BTreeMap<u64, Vec<(u64, ReplicaId)>>,
    /// What replicas had when they crashed: the last op that they had acknowledged.
    promised: BTreeMap<u8, u64>,
    /// At which op a request was executed first.
    executed: BTreeMap<(u64, u32, u32), u64>,
    disturbed: bool,
}

impl Fact {
    /// Whether the same replicas did it during the same event, for the same reason.
    pub fn same_step(&self, other: &Fact) -> bool {
        (self.event, &self.replicas, &self.cause) == (other.event, &other.replicas, &other.cause)
    }

    /// The message that made it happen was named before.
    pub fn forget_cause(&mut self) {
        self.cause.clear();
    }

    /// As a sentence.
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
    /// All facts of a run that bear on its violation, in order.
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
            disturbed: false,
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

    /// Whether it happened during the event of the violation, to a replica that the violation names.
    fn at_the_end(&self, seen: &Seen, id: ReplicaId) -> bool {
        seen.event == self.violation.event && self.focus.names(id)
    }

    fn tell(&mut self, seen: &Seen, weight: u32, merge: Merge, verb: String) {
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

    /// A whole sentence.
    fn say(&mut self, seen: &Seen, weight: u32, sentence: String) {
        self.add(seen, weight, BTreeSet::new(), String::new(), sentence);
    }

    /// Things take a turn: what is done from now on is not the same as what was done before.
    fn turn(&mut self) {
        self.phase.clear();
    }

    /// The message that a replica acts on, between commas.
    fn cause(&self, seen: &Seen, id: ReplicaId) -> String {
        match self.past.cause(seen.event, id) {
            // A request comes from a client, or by way of another replica.
            Some(cause) if cause.from != id => {
                let lying = if cause.lie { "lying " } else { "" };
                format!(", on {}'s {lying}{:?},", cause.from, cause.kind)
            }
            _ => String::new(),
        }
    }

    /// How things stand before anything goes wrong for the first time.
    fn disturb(&mut self, seen: &Seen) {
        if std::mem::replace(&mut self.disturbed, true) {
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
        self.say(seen, 66, format!("{leader}, and {ops}"));
    }

    /// Faults, and the lies that are told.
    fn fault(&mut self, seen: &Seen) {
        match seen.what {
            Observation::Injected { fault } => {
                let Some((begun, rest)) = self.begun.split_first() else { return };
                let mut what = self.case.actions[usize::from(begun.action)].what;
                // Of several liars each is said to be told the same lie.
                if begun.event != seen.event || what.fault() != fault {
                    return;
                }
                self.begun = rest;
                // A lie is told of when it is told, and others speak of these when they come.
                if matches!(what, ActionKind::Lie(_) | ActionKind::Reconfigure { .. }) {
                    return;
                }
                self.disturb(seen);
                self.turn();
                if let (Some(target), Some(id)) = (what.target_mut(), seen.who.replica()) {
                    *target = Target::Replica(id);
                }
                let until = match what {
                    ActionKind::Crash { .. } | ActionKind::PowerLoss { .. } => None,
                    _ => what.duration().map(|duration| format::moment(seen.at.saturating_add(duration))),
                };
                let until = until.map_or_else(String::new, |until| format!(" (until {until})"));
                let what = format!("{}{until}", format::what(&what));
                let weight = if self.begun_in_all() > 8 { 72 } else { 88 };
                let (number, of) = (begun.action + 1, self.case.actions.len());
                self.say(seen, weight, format!("fault, action {number} of {of}: {what}"));
            }
            Observation::Lied { kind, field, how, .. } => {
                self.disturb(seen);
                let lie = self.case.actions.iter().filter_map(|action| match action.what {
                    ActionKind::Lie(lie) if (lie.kind, lie.field, lie.how) == (kind, field, how) => Some(lie),
                    _ => None,
                });
                let Some(lie) = lie.min_by_key(|lie| lie.amount) else { return };
                let truth = seen.who.replica().and_then(|id| self.truth(lie.field, id));
                let before = self.told.len();
                self.tell(seen, 100, Merge::Habit, phrase::lie(lie, truth));
                if let Some(fact) = self.told.get_mut(before) {
                    (fact.lying, fact.cause) = (true, String::new());
                }
            }
            Observation::Garbled { to, kind } => {
                let verb = format!("send[s] {to} what is damaged on the way, and taken for a sound {kind:?}");
                self.disturb(seen);
                self.tell(seen, 84, Merge::Habit, verb);
            }
            Observation::Healed => {
                let weight = if self.focus.absence { 75 } else { 30 };
                self.say(seen, weight, "all faults end, and the cluster has time to heal".to_string());
                self.turn();
            }
            _ => {}
        }
    }

    fn begun_in_all(&self) -> usize {
        self.case.actions.iter().filter(|action| !matches!(action.what, ActionKind::Lie(_))).count()
    }

    /// What the liar would have said truly.
    fn truth(&self, field: sim::Field, id: ReplicaId) -> Option<u64> {
        let replica = &self.cluster_view.replicas[id.index()];
        match field {
            sim::Field::View => Some(replica.view),
            sim::Field::Op | sim::Field::TailLength => Some(replica.op()),
            sim::Field::Commit => Some(replica.commit),
            _ => None,
        }
    }

    /// A whole sentence that may be said again.
    fn say_again(&mut self, seen: &Seen, weight: u32, sentence: String) {
        if let Some(place) = self.habits.get(&sentence) {
            self.told[*place].times += 1;
        } else {
            self.habits.insert(sentence.clone(), self.told.len());
            self.say(seen, weight, sentence);
        }
    }

    /// How each replica ends up, where the failure is what does not happen.
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

/// An entry as violations name it.
fn short(entry: EntryHash) -> String {
    let digits = format!("{entry:032x}");
    format!("entry {}", &digits[..8])
}
