//! Facts about the environment of the protocol: disks, scrubbers, clocks, membership, and clients.

use sim::{ClientId, Observation, ReplicaId, Seen, Who};

use crate::analysis::explain::facts::{Facts, Merge};
use crate::analysis::explain::phrase;
use crate::base::format;

impl Facts<'_> {
    /// Facts about disks, scrubbers and clocks, if the invariant uses these observations.
    pub(super) fn devices(&mut self, seen: &Seen, id: ReplicaId) {
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
                let verb = format!("complete[s] a scrub tour of {reads} reads in {}", format::time(duration));
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
                let range = format::time(uncertainty);
                let verb = format!("agree[s] with others on a time {off} {way} [its] own clock, give or take {range}");
                (74, Merge::Last, verb)
            }
            Observation::ClockLost => (70, Merge::Last, "[is] no longer synchronized".to_string()),
            Observation::TimestampAssigned { op, timestamp, .. } => {
                let verb = format!("give[s] op {op} the timestamp {}", format::time(timestamp));
                (if self.focus.ops.contains(&op) { 88 } else { 40 }, Merge::Last, verb)
            }
            Observation::Timestamped { op, timestamp } if self.focus.ops.contains(&op) => {
                (70, Merge::Phase, format!("execute[s] op {op} with the timestamp {}", format::time(timestamp)))
            }
            Observation::ContentRequested { peer, op } => {
                (60, Merge::Habit, format!("ask[s] {peer} for the content of op {op}"))
            }
            _ => return,
        };
        self.record(seen, weight, merge, verb);
    }

    /// Facts about changes of the membership.
    pub(super) fn members(&mut self, seen: &Seen, id: ReplicaId) {
        let judged = self.focus.judges_by(&seen.what);
        // A replica that loads its disk reports the membership that it had before.
        if self.cluster_view.replicas[id.index()].loading {
            return;
        }
        let (weight, verb) = match seen.what {
            Observation::ReconfigurationStarted { members } => {
                (66, format!("begin[s] to change the members to {}", phrase::members(members)))
            }
            Observation::ReconfigurationRefused { members, why } => {
                let why = format::spaced(&format!("{why:?}"));
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
        self.record(seen, if judged { weight + 12 } else { weight }, Merge::Phase, verb);
    }

    /// Facts about clients, if the violation names them.
    pub(super) fn clients(&mut self, seen: &Seen) {
        let end = seen.event == self.violation.event;
        let named = |client: ClientId| end || self.focus.clients.contains(&u64::from(client.0));
        // If the violation names a client but no request, the content of its requests is not relevant.
        let asked = |number: u32| end || self.focus.requests.contains(&u64::from(number));
        match seen.what {
            Observation::Invoked { client, session, number, operation } if named(client) && asked(number) => {
                let what = phrase::operation(&operation);
                let text = format!("client {} sends request {number} of its session {session}, {what}", client.0);
                self.add_sentence(seen, 77, text);
            }
            Observation::Retried { client, number } if named(client) && asked(number) => {
                self.add_or_count_sentence(
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
                self.add_sentence(seen, if end { 95 } else { 79 }, text);
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
                    self.record(seen, weight, Merge::Run, verb);
                }
            }
            Observation::Registering { client, .. } if named(client) => {
                self.add_sentence(seen, 58, format!("client {} asks for a session", client.0));
            }
            Observation::SessionRegistered { client, session } if named(client) => match seen.who {
                Who::Replica(_) => {
                    self.record(seen, 66, Merge::Run, format!("register[s] session {session} for client {}", client.0));
                }
                _ => self.add_sentence(seen, 50, format!("client {} learns that its session is {session}", client.0)),
            },
            Observation::SessionEvicted { client, session } if named(client) || self.focus.judges_by(&seen.what) => {
                match seen.who {
                    Who::Replica(_) => {
                        let weight = if named(client) { 82 } else { 47 };
                        let verb = format!("evict[s] session {session} of client {} to make room", client.0);
                        self.record(seen, weight, Merge::Run, verb);
                    }
                    _ => self.add_sentence(
                        seen,
                        60,
                        format!("client {} learns that its session {session} is over", client.0),
                    ),
                }
            }
            Observation::ReconfigurationAsked { members } => {
                self.add_sentence(
                    seen,
                    70,
                    format!("the administrator asks for {} as the members", phrase::members(members)),
                );
            }
            _ => {}
        }
    }
}

/// The absolute value of an offset between two times, and its direction.
fn offset(nanoseconds: i64) -> (String, &'static str) {
    (format::time(nanoseconds.unsigned_abs()), if nanoseconds < 0 { "behind" } else { "ahead of" })
}
