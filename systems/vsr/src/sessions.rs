//! The client table (Viewstamped Replication Revisited, section 4): per client the newest executed request with its
//! answer, so that a repeated request is answered again and never executed twice.

use sim::{Answer, Request};

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
        if request.client == crate::membership::ADMIN {
            return;
        }
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
