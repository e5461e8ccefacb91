//! The history that several invariants share: what clients asked and were told, and how each op of the committed log
//! was first executed. It reports no violations. It takes an observation in after the invariants have checked it.

use super::session_history::Sessions;
use crate::base::ids::{ClientId, ReplicaId};
use crate::config::workload::{Answer, Operation};
use crate::protocol::observation::Observation;

/// A request as its client sent it.
#[derive(Clone, Copy, Debug)]
pub(in crate::invariants) struct Asked {
    pub client: ClientId,
    pub session: u32,
    pub number: u32,
    pub operation: Operation,
    /// The highest position that anybody had been told when the request was sent; its own has to be higher.
    pub floor: u64,
    pub answered: bool,
    /// Whether the client still waits for it: it has neither crashed nor lost its session since.
    pub live: bool,
    /// The first op at which it was executed or refused; 0 where it has not been.
    place: u64,
}

/// How an op was executed, by the first correct replica that did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::invariants) struct Execution {
    pub client: ClientId,
    pub session: u32,
    pub number: u32,
    pub operation: Option<Operation>,
    pub answer: Answer,
}

/// What was asked, told and executed so far.
#[derive(Debug, Default)]
pub(in crate::invariants) struct History {
    /// All requests, in the order of their sending.
    pub asked: Vec<Asked>,
    /// Per client (session, number, index in `asked`), sorted.
    clients: Vec<Vec<(u32, u32, usize)>>,
    /// How many requests of live sessions are not answered.
    pub outstanding: u32,
    /// The highest position that a client was told.
    pub answered_max: u64,
    /// The executions; op 1 is at index 0.
    pub executed: Vec<Execution>,
    /// The clients' sessions.
    pub sessions: Sessions,
}

impl History {
    pub fn reset(&mut self, sessions_max: u16) {
        self.asked.clear();
        self.clients.iter_mut().for_each(Vec::clear);
        self.outstanding = 0;
        self.answered_max = 0;
        self.executed.clear();
        self.sessions.reset(sessions_max);
    }

    /// The request's index in `asked`.
    pub fn find(&self, client: ClientId, session: u32, number: u32) -> Option<usize> {
        let requests = self.clients.get(client.index())?;
        let place = requests.binary_search_by_key(&(session, number), |request| (request.0, request.1)).ok()?;
        Some(requests[place].2)
    }

    /// The op that is executed next.
    pub fn next(&self) -> u64 {
        self.executed.len() as u64 + 1
    }

    /// How `op` was executed first.
    pub fn execution(&self, op: u64) -> Option<&Execution> {
        self.executed.get(usize::try_from(op.checked_sub(1)?).ok()?)
    }

    pub fn invoked(&mut self, client: ClientId, session: u32, number: u32, operation: Operation) {
        if client.index() >= self.clients.len() {
            self.clients.resize_with(client.index() + 1, Vec::new);
        }
        let requests = &mut self.clients[client.index()];
        // Nearly always the end: a client counts its sessions and its requests upwards.
        if let Err(place) = requests.binary_search_by_key(&(session, number), |request| (request.0, request.1)) {
            requests.insert(place, (session, number, self.asked.len()));
            let floor = self.answered_max;
            let (answered, live, place) = (false, true, 0);
            self.asked.push(Asked { client, session, number, operation, floor, answered, live, place });
            self.outstanding += 1;
        }
    }

    pub fn answered(&mut self, asked: Option<usize>, position: u64) {
        if let Some(asked) = asked {
            let asked = &mut self.asked[asked];
            if asked.live && !asked.answered {
                self.outstanding -= 1;
            }
            asked.answered = true;
            self.answered_max = self.answered_max.max(position);
        }
    }

    /// The op at which the request was executed or refused.
    pub fn placed_at(&self, client: ClientId, session: u32, number: u32) -> Option<u64> {
        let place = self.asked[self.find(client, session, number)?].place;
        (place > 0).then_some(place)
    }

    /// The client crashed, or its session is over: it waits for nothing any more.
    pub fn client_gave_up(&mut self, client: ClientId) {
        self.sessions.asks_no_more(client);
        let Some(requests) = self.clients.get(client.index()) else { return };
        for (_, _, index) in requests.iter().rev() {
            let asked = &mut self.asked[*index];
            if !asked.live {
                break;
            }
            asked.live = false;
            if !asked.answered {
                self.outstanding -= 1;
            }
        }
    }

    /// Takes in what a correct replica says of its executions.
    pub fn executed(&mut self, id: ReplicaId, what: &Observation) {
        match *what {
            Observation::Executed { op, client, session, number, operation, answer } => {
                let first = op == self.next();
                self.sessions.executed(id, first, op, (client, session, number), operation.is_some());
                if first {
                    self.executed.push(Execution { client, session, number, operation, answer });
                    if let Some(asked) = self.find(client, session, number) {
                        self.asked[asked].place = op;
                    }
                }
            }
            Observation::SessionRegistered { client, session } => {
                self.sessions.pending[id.index()].registered = Some((client, session));
            }
            Observation::SessionEvicted { client, session } => {
                self.sessions.pending[id.index()].evicted = Some((client, session));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::workload::OperationKind;

    #[test]
    fn a_crashed_client_waits_for_nothing() {
        let mut history = History::default();
        let operation = Operation { tenant: 0, kind: OperationKind::Get { key: 1 } };
        for number in 1..=3 {
            history.invoked(ClientId(2), 1, number, operation);
        }
        history.invoked(ClientId(0), 1, 1, operation);
        let first = history.find(ClientId(2), 1, 1);
        history.answered(first, 5);
        history.answered(first, 5);
        assert_eq!((history.outstanding, history.answered_max), (3, 5));
        history.client_gave_up(ClientId(2));
        history.client_gave_up(ClientId(2));
        assert_eq!(history.outstanding, 1);
        history.answered(history.find(ClientId(2), 1, 2), 6);
        assert_eq!(history.outstanding, 1, "an answer to a session that is over changes nothing");
        history.invoked(ClientId(2), 2, 1, operation);
        assert_eq!(history.outstanding, 2);
        assert_eq!(history.asked[history.find(ClientId(2), 2, 1).unwrap()].floor, 6);
        assert_eq!(history.find(ClientId(9), 1, 1), None);
    }
}
