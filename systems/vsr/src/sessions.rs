//! The client table (Viewstamped Replication Revisited, section 4): per client the newest executed request with its
//! answer, so that a repeated request is answered again and never executed twice.

use sim::spec::CLIENTS_MAX;
use sim::{Answer, Request};

use crate::entry::Reader;

/// What is known of one client.
#[derive(Clone, Copy, Debug, Default)]
struct Session {
    /// The session and number of the newest executed request; number 0 before the first.
    executed: (u32, u32),
    /// Its answer.
    answer: Answer,
    /// The session and number of the newest request in the log.
    logged: (u32, u32),
}

/// The client table of a replica, indexed by client.
#[derive(Debug, Default)]
pub struct Sessions(Vec<Session>);

/// What a primary does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is new: log it.
    New,
    /// It is in the log and not executed yet: wait.
    Logged,
    /// It was the client's last one: answer it again.
    Executed(Answer),
    /// The client has moved on: ignore it.
    Stale,
}

impl Sessions {
    fn of(&mut self, request: &Request) -> &mut Session {
        let index = request.client.index();
        if index >= self.0.len() {
            self.0.resize(index + 1, Session::default());
        }
        &mut self.0[index]
    }

    /// Appends what is executed to `into`, equal wherever the same log was executed. `forget` is a planted bug.
    pub fn encode(&self, into: &mut Vec<u8>, forget: bool) {
        let known = || (0u32..).zip(&self.0).filter(|(_, session)| session.executed != (0, 0) && !forget);
        into.extend_from_slice(&(known().count() as u32).to_le_bytes());
        for (client, Session { executed, answer, .. }) in known() {
            for word in [client, executed.0, executed.1] {
                into.extend_from_slice(&word.to_le_bytes());
            }
            for word in [answer.position, answer.version, answer.value] {
                into.extend_from_slice(&word.to_le_bytes());
            }
        }
    }

    /// The table that was encoded; `None` where it was not.
    pub fn decode(from: &mut Reader<'_>) -> Option<Sessions> {
        let mut sessions = Sessions::default();
        for _ in 0..from.try_u32()? {
            let client = from.try_u32()? as usize;
            if client >= CLIENTS_MAX {
                return None;
            }
            sessions.0.resize(sessions.0.len().max(client + 1), Session::default());
            let executed = (from.try_u32()?, from.try_u32()?);
            let (position, version, value) = (from.try_u64()?, from.try_u64()?, from.try_u64()?);
            let answer = Answer { position, version, value };
            sessions.0[client] = Session { executed, answer, logged: executed };
        }
        Some(sessions)
    }

    /// What to do with a request that arrived.
    pub fn standing(&mut self, request: &Request) -> Standing {
        let asked = (request.session, request.number);
        let session = self.of(request);
        if asked == session.executed {
            Standing::Executed(session.answer)
        } else if asked < session.executed || asked < session.logged {
            Standing::Stale
        } else if asked == session.logged {
            Standing::Logged
        } else {
            Standing::New
        }
    }

    /// The request is in the log.
    pub fn log(&mut self, request: &Request) {
        let session = self.of(request);
        session.logged = session.logged.max((request.session, request.number));
    }

    /// The log was replaced: only what is executed, and what `log` is told of next, still counts.
    pub fn forget_logged(&mut self) {
        for session in &mut self.0 {
            session.logged = session.executed;
        }
    }

    /// Whether the request, whose turn in the log has come, was executed before.
    pub fn executed_before(&mut self, request: &Request) -> bool {
        (request.session, request.number) <= self.of(request).executed
    }

    /// The request was executed.
    pub fn execute(&mut self, request: &Request, answer: Answer) {
        let session = self.of(request);
        session.executed = (request.session, request.number);
        session.answer = answer;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::ClientId;
    use std::rc::Rc;

    #[test]
    fn a_table_survives_its_encoding_whatever_else_the_replica_has_heard() {
        let request = |client, number| Request { client: ClientId(client), session: 1, number, payload: Rc::from([]) };
        let (mut one, mut other) = (Sessions::default(), Sessions::default());
        for table in [&mut one, &mut other] {
            table.execute(&request(2, 5), Answer { position: 9, version: 8, value: 7 });
        }
        other.standing(&request(4, 1));
        other.log(&request(2, 6));
        let (mut bytes, mut same) = (Vec::new(), Vec::new());
        one.encode(&mut bytes, false);
        other.encode(&mut same, false);
        assert_eq!(bytes, same);
        let mut back = Sessions::decode(&mut Reader::new(&bytes)).expect("it is whole");
        assert_eq!(back.standing(&request(2, 5)), Standing::Executed(Answer { position: 9, version: 8, value: 7 }));
        assert_eq!(back.standing(&request(2, 6)), Standing::New);
        assert!(Sessions::decode(&mut Reader::new(&bytes[1..])).is_none());
    }
}
