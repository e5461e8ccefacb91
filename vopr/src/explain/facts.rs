//! The facts of a failing run that may be told, and how much each of them bears on the violation.
//!
//! A weight is a rank and nothing more: 90 and above is the violation itself and what contradicts it, 70 and above the faults, the
//! lies and the steps of the protocol that lead there, less is what makes it easier to follow. A fact of weight 0 is not told.

use std::collections::{BTreeMap, BTreeSet};

use sim::invariants::resource_limits;
use sim::shadow::Shadow;
use sim::{Begun, Case, EntryHash, Observation, ReplicaId, Seen, Status, Target, Violation, What, Who};

use super::Step;
use super::focus::Focus;
use super::past::{Cone, Past};
use super::phrase;
use crate::words;

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
    shadow: Shadow,
    facts: Vec<Fact>,
    next: usize,
    /// Facts that may be merged with, by their words.
    phase: BTreeMap<String, usize>,
    habits: BTreeMap<String, usize>,
    last: BTreeMap<(u8, usize), usize>,
    /// Who acknowledged which op of the focus.
    holders: BTreeMap<u64, BTreeSet<u8>>,
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
            text.push_str(&format!(" ({} times in all)", self.times));
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
        let mut shadow = Shadow::default();
        shadow.reset(&case.config, case.liars);
        let mut facts = Facts {
            case,
            violation,
            focus,
            past,
            cone: past.cone(&focus.roots),
            begun,
            shadow,
            facts: Vec::new(),
            next: 0,
            phase: BTreeMap::new(),
            habits: BTreeMap::new(),
            last: BTreeMap::new(),
            holders: BTreeMap::new(),
            entries: BTreeSet::new(),
            votes: BTreeMap::new(),
            promised: BTreeMap::new(),
            executed: BTreeMap::new(),
            disturbed: false,
        };
        for seen in recorded {
            facts.observe(seen);
            facts.shadow.apply(seen);
        }
        if focus.absence {
            facts.final_states(recorded);
        }
        facts.facts
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
            let fact = &mut self.facts[place];
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
        let place = self.facts.len();
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
        self.facts.push(Fact { weight, index, at, event, replicas, lying: false, cause, verb, times: 1 });
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
        let leads = |(id, replica): (u8, &sim::shadow::ReplicaShadow)| {
            let leads = replica.primary && replica.status == Status::Normal;
            leads.then(|| (replica.view, ReplicaId(id)))
        };
        let leader = (0..).zip(&self.shadow.replicas).filter_map(leads).max_by_key(|(view, _)| *view);
        let leader = leader.map_or("nobody leads yet".to_string(), |(view, id)| format!("{id} leads view {view}"));
        let ops = match self.shadow.committed.len() {
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
                if matches!(what, What::Lie(_) | What::Reconfigure { .. }) {
                    return;
                }
                self.disturb(seen);
                self.turn();
                if let (Some(target), Some(id)) = (what.target_mut(), seen.who.replica()) {
                    *target = Target::Replica(id);
                }
                let until = match what {
                    What::Crash { .. } | What::PowerLoss { .. } => None,
                    _ => what.duration().map(|duration| words::time(seen.at.saturating_add(duration))),
                };
                let until = until.map_or_else(String::new, |until| format!(" (until {until})"));
                let what = format!("{}{until}", words::what(&what));
                let weight = if self.begun_in_all() > 8 { 72 } else { 88 };
                let (number, of) = (begun.action + 1, self.case.actions.len());
                self.say(seen, weight, format!("fault, action {number} of {of}: {what}"));
            }
            Observation::Lied { kind, field, how, .. } => {
                self.disturb(seen);
                let lie = self.case.actions.iter().filter_map(|action| match action.what {
                    What::Lie(lie) if (lie.kind, lie.field, lie.how) == (kind, field, how) => Some(lie),
                    _ => None,
                });
                let Some(lie) = lie.min_by_key(|lie| lie.amount) else { return };
                let truth = seen.who.replica().and_then(|id| self.truth(lie.field, id));
                let before = self.facts.len();
                self.tell(seen, 100, Merge::Habit, phrase::lie(&lie, truth));
                if let Some(fact) = self.facts.get_mut(before) {
                    (fact.lying, fact.cause) = (true, String::new());
                }
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
        self.case.actions.iter().filter(|action| !matches!(action.what, What::Lie(_))).count()
    }

    /// What the liar would have said truly.
    fn truth(&self, field: sim::Field, id: ReplicaId) -> Option<u64> {
        let replica = &self.shadow.replicas[id.index()];
        match field {
            sim::Field::View => Some(replica.view),
            sim::Field::Op | sim::Field::TailLength => Some(replica.op()),
            sim::Field::Commit => Some(replica.commit),
            _ => None,
        }
    }

    /// Entries: prepared, acknowledged, committed, cut off.
    fn log(&mut self, seen: &Seen, id: ReplicaId) {
        let replica = &self.shadow.replicas[id.index()];
        let (end, commit, loading) = (replica.op(), replica.commit, replica.loading);
        let names = self.focus.names(id);
        match seen.what {
            Observation::Appended { op, view, entry, .. } if self.focus.ops.contains(&op) && !loading => {
                let leads = replica.primary && replica.status == Status::Normal && replica.view == view;
                let hash = short(entry);
                if leads && self.entries.insert((op, entry)) {
                    self.tell(
                        seen,
                        80,
                        Merge::Phase,
                        format!("prepare[s] {hash} at op {op} as the primary of view {view}"),
                    );
                } else {
                    let weight = if self.focus.judges_by(&seen.what) && names { 48 } else { 28 };
                    self.tell(seen, weight, Merge::Phase, format!("append[s] {hash} of view {view} at op {op}"));
                }
            }
            Observation::Appended { op, view, entry, .. } if self.at_the_end(seen, id) && !loading => {
                let weight = if self.focus.judges_by(&seen.what) { 60 } else { 30 };
                self.tell(seen, weight, Merge::Phase, format!("append[s] {} of view {view} at op {op}", short(entry)));
            }
            Observation::Acknowledged { op, view, .. } => {
                let covered: Vec<u64> = self.focus.ops.range(..=op).copied().collect();
                for focused in covered {
                    if self.holders.entry(focused).or_default().insert(id.0) {
                        let weight = if names { 68 } else { 56 };
                        self.tell(seen, weight, Merge::Phase, format!("acknowledge[s] op {focused} in view {view}"));
                    }
                }
            }
            Observation::Committed { op, entry } if self.focus.ops.contains(&op) => {
                self.commits(seen, id, op, entry);
            }
            Observation::Committed { op, .. } if self.at_the_end(seen, id) => {
                self.tell(seen, 40, Merge::Phase, format!("commit[s] op {op}"));
            }
            Observation::Truncated { op } if op < end && !loading => {
                let lost = self.focus.ops.iter().any(|focused| (op + 1..=end).contains(focused));
                let weight = match (names, lost) {
                    (true, true) => 92,
                    (false, true) => 50,
                    (true, false) => 40,
                    (false, false) => 10,
                };
                let but = if commit > op {
                    format!(", though [it] [has] committed up to op {commit}")
                } else {
                    String::new()
                };
                self.tell(
                    seen,
                    weight,
                    Merge::Phase,
                    format!("cut[s] [its] log, which ends at op {end}, off after op {op}{but}"),
                );
            }
            Observation::Damaged { op } => {
                let weight = if self.focus.ops.contains(&op) { 85 } else { 45 };
                self.tell(seen, weight, Merge::Phase, format!("find[s] the entry at op {op} damaged"));
            }
            Observation::Repaired { op } if self.focus.ops.contains(&op) => {
                self.tell(seen, 55, Merge::Phase, format!("get[s] the entry at op {op} from another"));
            }
            Observation::Loaded { op, content } if self.at_the_end(seen, id) => {
                self.tell(
                    seen,
                    80,
                    Merge::Phase,
                    format!("take[s] {} for the entry at op {op} from [its] disk", short(content)),
                );
            }
            _ => {}
        }
    }

    fn commits(&mut self, seen: &Seen, id: ReplicaId, op: u64, entry: EntryHash) {
        let first = self.shadow.committed_at(op);
        let held = short(entry);
        match first {
            None => {
                let holders = self.holders.get(&op).cloned().unwrap_or_default();
                let quorum = u32::from(self.case.config.cluster.replication_quorum);
                let few = if (holders.len() as u32) < quorum { "only " } else { "" };
                let holders = phrase::replicas(holders.into_iter().map(ReplicaId));
                let verb = format!("commit[s] op {op} ({held}), which {few}{holders} had acknowledged");
                self.tell(seen, 90, Merge::Phase, verb);
                self.turn();
            }
            Some(first) if first.entry != entry && entry != 0 => {
                let verb = format!("commit[s] {held} at op {op}, where {} committed {}", first.by, short(first.entry));
                self.tell(seen, 95, Merge::Phase, verb);
            }
            Some(_) => {
                let weight = if self.focus.names(id) { 70 } else { 46 };
                self.tell(seen, weight, Merge::Phase, format!("commit[s] op {op}, too"));
            }
        }
    }

    /// Views: wanted, voted for, started.
    fn views(&mut self, seen: &Seen, id: ReplicaId) {
        let near = |view: u64| self.focus.views.contains(&view);
        match seen.what {
            Observation::ViewChangeWanted { view } => {
                let weight = if self.focus.judges_by(&seen.what) { 62 } else { 24 };
                self.tell(seen, weight, Merge::Run, format!("want[s] view {view} to start"));
            }
            Observation::ViewChangeStarted { view } => {
                self.disturb(seen);
                let weight = if near(view) { 57 } else { 25 };
                self.tell(seen, weight, Merge::Run, format!("leave[s] for view {view}"));
            }
            Observation::Voted { view, last_normal, op, commit } => {
                self.votes.entry(view).or_default().push((seen.event, id));
                let weight = if near(view) { 71 } else { 22 };
                let verb = format!(
                    "vote[s] for view {view} with a log up to op {op}, last normal in view {last_normal}, commit number {commit}"
                );
                self.tell(seen, weight, Merge::Run, verb);
            }
            Observation::ViewStarted { view, op, commit, primary: true } if view > 0 => {
                self.disturb(seen);
                let weight = if near(view) { 90 } else { 60 };
                let known = self.past.cone(&[(seen.event, id)]);
                let votes = self.votes.get(&view).into_iter().flatten().filter(|(event, id)| known.has(*event, *id));
                let votes: BTreeSet<ReplicaId> = votes.map(|(_, id)| *id).collect();
                let votes = match votes.len() {
                    0 => String::new(),
                    _ => format!(" on the votes of {}", phrase::replicas(votes)),
                };
                let past = if commit > op { ", past its end" } else { "" };
                let verb =
                    format!("lead[s] view {view}{votes}, with a log up to op {op} and commit number {commit}{past}");
                self.tell(seen, weight, Merge::Phase, verb);
                self.turn();
            }
            Observation::ViewStarted { view, op, commit, primary: false } if view > 0 => {
                let weight = if near(view) { 61 } else { 21 };
                let past = if commit > op { ", past its end" } else { "" };
                let verb =
                    format!("follow[s] into view {view}, with a log up to op {op} and commit number {commit}{past}");
                self.tell(seen, weight, Merge::Phase, verb);
            }
            Observation::Abdicated { view } => {
                self.tell(seen, 70, Merge::Run, format!("step[s] down as the primary of view {view}"));
            }
            Observation::CommitStalled { view } => {
                self.tell(seen, 52, Merge::Run, format!("notice[s] that nothing is committed in view {view}"));
            }
            Observation::Rejected { kind, why } => {
                let verb = format!("refuse[s] a {kind:?}: {}", words::spaced(&format!("{why:?}")));
                if self.at_the_end(seen, id) {
                    self.tell(seen, 90, Merge::Phase, verb);
                } else if self.focus.absence && self.shadow.healed {
                    self.tell(seen, 64, Merge::Habit, verb);
                }
            }
            Observation::Panicked => self.tell(seen, 100, Merge::Phase, "panic[s]".to_string()),
            _ => {}
        }
    }

    /// Crashes and what is left after them.
    fn restarts(&mut self, seen: &Seen, id: ReplicaId) {
        let replica = &self.shadow.replicas[id.index()];
        match seen.what {
            Observation::Crashed => {
                self.promised.insert(id.0, replica.acknowledged.map_or(0, |(_, op, _)| op));
            }
            Observation::Recovered { view, op, .. } => {
                let Some(promised) = self.promised.get(&id.0).copied() else { return };
                let (weight, but) = if promised > op {
                    (91, format!(", though [it] had acknowledged op {promised}"))
                } else {
                    (if self.focus.names(id) { 78 } else { 58 }, String::new())
                };
                let verb = format!("restart[s] and find[s] a log up to op {op} on [its] disk, view {view}{but}");
                self.tell(seen, weight, Merge::Phase, verb);
            }
            Observation::StateTransferStarted { at_least } => {
                let weight = if self.focus.judges_by(&seen.what) { 72 } else { 42 };
                self.tell(seen, weight, Merge::Habit, format!("ask[s] for a whole state, of op {at_least} at least"));
            }
            Observation::StateInstalled { op, last, .. } => {
                let weight = if self.focus.judges_by(&seen.what) || self.focus.names(id) { 84 } else { 44 };
                let how = if replica.loading { "find[s] on [its] disk" } else { "install[s]" };
                let verb = format!("{how} the state after op {op}, with a log up to op {last}");
                self.tell(seen, weight, Merge::Phase, verb);
            }
            Observation::Checkpointed { op, .. } => {
                let weight = if self.focus.judges_by(&seen.what) && self.focus.names(id) { 66 } else { 20 };
                self.tell(seen, weight, Merge::Last, format!("hold[s] a durable checkpoint after op {op}"));
            }
            Observation::LogDropped { op } => {
                let weight = if self.focus.judges_by(&seen.what) && self.focus.names(id) { 54 } else { 15 };
                self.tell(
                    seen,
                    weight,
                    Merge::Last,
                    format!("drop[s] [its] log up to op {op}, since a checkpoint stands for it"),
                );
            }
            Observation::RepairRequested { peer, from, to } => {
                let focused = self.focus.ops.range(from..=to.max(from)).next().is_some();
                if self.focus.judges_by(&seen.what) && self.focus.names(id) {
                    self.tell(seen, 67, Merge::Habit, format!("ask[s] {peer} for missing entries"));
                } else if focused {
                    self.tell(seen, 36, Merge::Habit, format!("ask[s] for ops {from} to {to}, which [it] lack[s]"));
                } else if self.focus.absence && self.shadow.healed {
                    self.tell(seen, 63, Merge::Habit, "ask[s] for entries that [it] lack[s]".to_string());
                }
            }
            Observation::RepairEnded { peer, answered: false } if self.focus.judges_by(&seen.what) => {
                self.tell(seen, 55, Merge::Habit, format!("get[s] no answer from {peer} in time"));
            }
            Observation::Holding { items, bytes }
                if self.at_the_end(seen, id) && self.violation.invariant == resource_limits::NAME =>
            {
                self.tell(seen, 93, Merge::Phase, format!("hold[s] {items} items of {bytes} bytes beside [its] log"));
            }
            _ => {}
        }
    }

    /// Disks, scrubbers and clocks, where the invariant judges by them.
    fn devices(&mut self, seen: &Seen, id: ReplicaId) {
        if !self.focus.names(id) || !self.focus.judges_by(&seen.what) {
            return;
        }
        let (weight, merge, verb) = match seen.what {
            Observation::DiskFailed => (50, Merge::Habit, "see[s] a read or sync fail".to_string()),
            Observation::Misread { zone, record } => {
                (74, Merge::Phase, format!("read[s] record {record} of zone {zone} other than it was written"))
            }
            Observation::ScrubTourStarted => (64, Merge::Last, "begin[s] a scrub tour".to_string()),
            Observation::ScrubTourCovers { zone, records } => {
                let verb = format!("begin[s] a scrub tour, over {records} records of zone {zone} among others");
                (60, Merge::Last, verb)
            }
            Observation::ScrubRead { zone, record, records, .. } => {
                (62, Merge::Last, format!("scrub[s] {records} records of zone {zone} from record {record} on"))
            }
            Observation::ScrubReadDone { judged: false } => {
                (50, Merge::Habit, "cannot judge what a scrub read brought".to_string())
            }
            Observation::ScrubFound { zone, record } => {
                (80, Merge::Phase, format!("find[s] record {record} of zone {zone} damaged while scrubbing"))
            }
            Observation::ScrubRepaired { zone, record } => {
                (78, Merge::Phase, format!("[has] record {record} of zone {zone} right again on [its] disk"))
            }
            Observation::ScrubTourCompleted { duration, reads } => {
                let verb = format!("complete[s] a scrub tour of {reads} reads in {}", words::time(duration));
                (70, Merge::Last, verb)
            }
            Observation::ClockSet { error, rate } => {
                let (off, way) = offset(error);
                let pace = match rate {
                    1_000_000 => String::new(),
                    _ => format!(", and runs at {rate} millionths of its pace"),
                };
                let verb = format!("[has] a wall clock that is {off} {way} the true time{pace}");
                (72, Merge::Last, verb)
            }
            Observation::ClockSynchronized { offset: ahead, uncertainty } => {
                let (off, way) = offset(ahead);
                let range = words::time(uncertainty);
                let verb = format!("agree[s] with others on a time {off} {way} [its] own clock, give or take {range}");
                (74, Merge::Last, verb)
            }
            Observation::ClockLost => (70, Merge::Last, "[is] no longer synchronized".to_string()),
            Observation::TimestampAssigned { op, timestamp, .. } => {
                let verb = format!("give[s] op {op} the timestamp {}", words::time(timestamp));
                (if self.focus.ops.contains(&op) { 88 } else { 40 }, Merge::Last, verb)
            }
            Observation::Timestamped { op, timestamp } if self.focus.ops.contains(&op) => {
                (70, Merge::Phase, format!("execute[s] op {op} with the timestamp {}", words::time(timestamp)))
            }
            Observation::ContentRequested { peer, op } => {
                (60, Merge::Habit, format!("ask[s] {peer} for the content of op {op}"))
            }
            _ => return,
        };
        self.tell(seen, weight, merge, verb);
    }

    /// Changes of the membership.
    fn members(&mut self, seen: &Seen, _: ReplicaId) {
        let judged = self.focus.judges_by(&seen.what);
        let (weight, verb) = match seen.what {
            Observation::ReconfigurationStarted { members } => {
                (66, format!("begin[s] to change the members to {}", phrase::members(members)))
            }
            Observation::ReconfigurationRefused { members, why } => {
                let why = words::spaced(&format!("{why:?}"));
                (50, format!("refuse[s] to change the members to {}: {why}", phrase::members(members)))
            }
            Observation::ConfigurationAppended { op, old, new } if old == new => {
                (65, format!("append[s] at op {op} that {} alone are the members", phrase::members(new)))
            }
            Observation::ConfigurationAppended { op, old, new } => {
                let (old, new) = (phrase::members(old), phrase::members(new));
                (66, format!("append[s] at op {op} the change from {old} to {new}"))
            }
            Observation::Reconfigured { members, .. } => {
                (60, format!("know[s] that {} are the members", phrase::members(members)))
            }
            Observation::Retired { .. } => (52, "retire[s]".to_string()),
            _ => return,
        };
        self.tell(seen, if judged { weight + 12 } else { weight }, Merge::Phase, verb);
    }

    /// Clients, where the violation names them.
    fn clients(&mut self, seen: &Seen) {
        let end = seen.event == self.violation.event;
        let named = |client: sim::ClientId| end || self.focus.clients.contains(&u64::from(client.0));
        // Where a client is named and no request of it, what it asks is not the point.
        let asked = |number: u32| end || self.focus.requests.contains(&u64::from(number));
        match seen.what {
            Observation::Invoked { client, session, number, operation } if named(client) && asked(number) => {
                let what = phrase::operation(&operation);
                let text = format!("client {} sends request {number} of its session {session}, {what}", client.0);
                self.say(seen, 77, text);
            }
            Observation::Retried { client, number } if named(client) && asked(number) => {
                self.say_again(
                    seen,
                    54,
                    format!("client {} has waited in vain and sends request {number} again", client.0),
                );
            }
            Observation::Answered { client, session, number, answer } if named(client) && asked(number) => {
                let position = answer.position;
                let text = format!(
                    "client {} is told that request {number} of session {session} took effect at op {position}",
                    client.0
                );
                self.say(seen, if end { 95 } else { 79 }, text);
            }
            Observation::Executed { op, client, session, number, operation, answer } => {
                let judged = self.focus.ops.contains(&op) && self.focus.judges_by(&seen.what);
                if judged || (self.focus.clients.contains(&u64::from(client.0)) && asked(number)) {
                    let key = (u64::from(client.0), session, number);
                    let first = *self.executed.entry(key).or_insert(op);
                    let request = format!("request {number} of client {} in session {session}", client.0);
                    let (weight, verb) = match operation {
                        None => (62, format!("come[s] to op {op} with {request}, which changes nothing in the store")),
                        Some(operation) if first == op => {
                            let what = phrase::operation(&operation);
                            let result = phrase::answer(&operation, &answer);
                            (69, format!("execute[s] {request} at op {op}: {what}{result}"))
                        }
                        Some(_) => {
                            (92, format!("execute[s] {request} at op {op}, though it took effect at op {first}"))
                        }
                    };
                    self.tell(seen, weight, Merge::Run, verb);
                }
            }
            Observation::Registering { client, .. } if named(client) => {
                self.say(seen, 58, format!("client {} asks for a session", client.0));
            }
            Observation::SessionRegistered { client, session } if named(client) => match seen.who {
                Who::Replica(_) => {
                    self.tell(seen, 66, Merge::Run, format!("register[s] session {session} for client {}", client.0));
                }
                _ => self.say(seen, 50, format!("client {} learns that its session is {session}", client.0)),
            },
            Observation::SessionEvicted { client, session } if named(client) || self.focus.judges_by(&seen.what) => {
                match seen.who {
                    Who::Replica(_) => {
                        let weight = if named(client) { 82 } else { 47 };
                        let verb = format!("evict[s] session {session} of client {} to make room", client.0);
                        self.tell(seen, weight, Merge::Run, verb);
                    }
                    _ => self.say(seen, 60, format!("client {} learns that its session {session} is over", client.0)),
                }
            }
            Observation::ReconfigurationAsked { members } => {
                self.say(seen, 70, format!("the administrator asks for {} as the members", phrase::members(members)));
            }
            _ => {}
        }
    }

    /// A whole sentence that may be said again.
    fn say_again(&mut self, seen: &Seen, weight: u32, sentence: String) {
        if let Some(place) = self.habits.get(&sentence) {
            self.facts[*place].times += 1;
        } else {
            self.habits.insert(sentence.clone(), self.facts.len());
            self.say(seen, weight, sentence);
        }
    }

    /// How each replica ends up, where the failure is what does not happen.
    fn final_states(&mut self, recorded: &[Seen]) {
        let Some(last) = recorded.last().copied() else { return };
        let mut states: BTreeMap<String, BTreeSet<u8>> = BTreeMap::new();
        for (id, replica) in (0..).zip(&self.shadow.replicas) {
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

/// An offset between two times, without its sign, and in which direction it is.
fn offset(nanoseconds: i64) -> (String, &'static str) {
    (words::time(nanoseconds.unsigned_abs()), if nanoseconds < 0 { "behind" } else { "ahead of" })
}
