//! The client table (Viewstamped Replication Revisited, section 4): for each client the newest executed request with
//! its answer, so that a repeated request is answered again and never executed twice.
//!
//! The table has two parts. The *committed* part changes only when an op is executed. So it follows from the log alone
//! and is equal in all replicas, including evictions. The *logged* part belongs to the current log: when a view
//! replaces the log, its marks are replaced by those of the new log. A mark of an entry that no log contains any more
//! would block its client for ever.
//!
//! Where the cluster keeps sessions (`Cluster::sessions_max`), a client registers first, and the op of its registration
//! is its session. So a replica that has executed that op and does not find the session knows that it has ended for
//! good. A replica that has not executed that op does not know. A full table evicts the least recently used session, in
//! the order of the log. An evicted client is informed, and learns nothing about its last request.
//!
//! Where clients choose their own sessions, a higher one replaces a lower one, and there is no eviction.
//!
//! Left out: clients with several pending requests.

use sim::{Answer, ClientId, Request};

use crate::bugs::{Bugs, PlantedBug};
use crate::log::entry::Reader;

/// What the executed ops determine for one client.
#[derive(Clone, Copy, Debug)]
struct Committed {
    client: ClientId,
    session: u32,
    /// The number of the newest executed request; 0 before the first.
    number: u32,
    /// Its answer.
    answer: Answer,
    /// The number of the registration, which counts the registrations of the client; 0 where clients choose their own
    /// sessions.
    registration: u32,
    /// The op at which the session was last used.
    used: u64,
}

/// What the log contains for one client beyond what is executed.
#[derive(Clone, Copy, Debug)]
struct Logged {
    client: ClientId,
    /// The session and number of the newest request.
    request: (u32, u32),
    /// The number of the newest registration.
    registration: u32,
}

/// The client table of a replica.
#[derive(Debug, Default)]
pub struct Sessions {
    /// The maximum number of sessions; 0 where clients choose their own.
    max: usize,
    bugs: Bugs,
    /// Ordered by client.
    committed: Vec<Committed>,
    /// Ordered by client.
    logged: Vec<Logged>,
    /// The last op on the replica's disk when it started.
    found: u64,
}

/// What a primary does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStatus {
    /// It is new: append it to the log.
    New,
    /// It is in the log and not executed yet: wait.
    Logged,
    /// It was the client's last request: repeat the answer.
    Executed(Answer),
    /// The client has sent later requests: ignore it.
    Stale,
    /// Its session was evicted or replaced: inform the client.
    Over,
    /// Its session may begin in a part of the log that is not executed yet: wait.
    Unknown,
}

/// What a replica does with a request when the log reaches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Execute it.
    Execute,
    /// Create a session for the client.
    Register,
    /// Nothing: it was executed before.
    Repeated,
    /// Nothing: its session has ended.
    Over,
}

impl Sessions {
    /// An empty table with room for `max` sessions; 0 where clients choose their own.
    pub fn new(max: u16, bugs: Bugs) -> Self {
        Sessions { max: max.into(), bugs, ..Sessions::default() }
    }

    /// Appends the committed part to `into`. Equal wherever the same log was executed. `forget` is a planted bug.
    pub fn encode(&self, into: &mut Vec<u8>, forget: bool) {
        let known = if forget { &[] } else { &self.committed[..] };
        into.extend_from_slice(&(known.len() as u32).to_le_bytes());
        for Committed { client, session, number, answer, registration, used } in known {
            for word in [client.0.into(), *session, *number, *registration] {
                into.extend_from_slice(&word.to_le_bytes());
            }
            for word in [answer.position, answer.version, answer.value, *used] {
                into.extend_from_slice(&word.to_le_bytes());
            }
        }
    }

    /// Decodes a table of the same kind as this one; `None` if the bytes are not one.
    pub fn decode(&self, from: &mut Reader<'_>) -> Option<Sessions> {
        let mut sessions = Sessions { committed: Vec::new(), logged: Vec::new(), ..*self };
        for _ in 0..from.try_u32()? {
            let client = ClientId(u16::try_from(from.try_u32()?).ok()?);
            let (session, number, registration) = (from.try_u32()?, from.try_u32()?, from.try_u32()?);
            let (position, version, value) = (from.try_u64()?, from.try_u64()?, from.try_u64()?);
            let (answer, used) = (Answer { position, version, value }, from.try_u64()?);
            sessions.committed.push(Committed { client, session, number, answer, registration, used });
        }
        Some(sessions)
    }

    /// The replica starts with a log that ends at `op`.
    pub fn found(&mut self, op: u64) {
        self.found = op;
    }

    /// Whether the request is a registration.
    pub fn is_registration(&self, request: &Request) -> bool {
        self.max > 0 && request.session == 0
    }

    fn place(&self, client: ClientId) -> Result<usize, usize> {
        self.committed.binary_search_by_key(&client, |session| session.client)
    }

    fn of(&self, client: ClientId) -> Option<&Committed> {
        self.committed.get(self.place(client).ok()?)
    }

    /// What to do with a request that arrived at a replica which has executed the ops up to `executed`.
    pub fn session_status(&self, request: &Request, executed: u64) -> SessionStatus {
        let asked = (request.session, request.number);
        let session = self.of(request.client);
        let logged = self.logged.iter().find(|logged| logged.client == request.client);
        if self.is_registration(request) {
            let logged = logged.map_or(0, |logged| logged.registration);
            return match session {
                Some(known) if self.registered_before(known, request) => {
                    SessionStatus::Executed(Answer { position: known.session.into(), ..Answer::default() })
                }
                Some(known) if request.number < known.registration => SessionStatus::Stale,
                _ if request.number == logged => SessionStatus::Logged,
                _ if request.number < logged => SessionStatus::Stale,
                _ => SessionStatus::New,
            };
        }
        let newest = session.map_or((0, 0), |known| (known.session, known.number));
        if self.max > 0 && newest.0 != request.session {
            return if u64::from(request.session) <= executed { SessionStatus::Over } else { SessionStatus::Unknown };
        }
        let answer = session.map_or(Answer::default(), |known| known.answer);
        let logged = logged.map_or((0, 0), |logged| logged.request);
        let is_logged = asked == logged;
        let is_executed = asked == newest && !self.bugs.on(PlantedBug::DuplicateExecuted);
        if is_executed || is_logged && self.bugs.on(PlantedBug::SessionTableRace) {
            SessionStatus::Executed(answer)
        } else if is_logged && asked > newest && !self.bugs.on(PlantedBug::DuplicateLogged) {
            SessionStatus::Logged
        } else if asked < newest || asked < logged {
            SessionStatus::Stale
        } else {
            SessionStatus::New
        }
    }

    fn registered_before(&self, known: &Committed, request: &Request) -> bool {
        request.number == known.registration
            || request.number > known.registration && self.bugs.on(PlantedBug::CachedReplyOfOldSession)
    }

    /// Marks a request that is in the log, at `op`.
    pub fn log(&mut self, request: &Request, op: u64) {
        let client = request.client;
        if client == crate::log::configuration::ADMIN {
            return;
        }
        let place = match self.logged.binary_search_by_key(&client, |logged| logged.client) {
            Ok(place) => place,
            Err(place) => {
                self.logged.insert(place, Logged { client, request: (0, 0), registration: 0 });
                place
            }
        };
        if self.is_registration(request) {
            self.logged[place].registration = self.logged[place].registration.max(request.number);
        } else {
            let asked = (request.session, request.number);
            self.logged[place].request = self.logged[place].request.max(asked);
        }
        if self.bugs.on(PlantedBug::EvictionAtArrival)
            && let Ok(place) = self.place(client)
        {
            self.committed[place].used = op;
        }
    }

    /// Clears the marks, as the log was replaced. `log` is called for the new log next.
    pub fn forget_logged(&mut self) {
        if !self.bugs.on(PlantedBug::ViewChangeLockout) {
            self.logged.clear();
        }
    }

    /// What to do with the request when the log reaches it.
    pub fn turn(&self, request: &Request) -> Turn {
        let session = self.of(request.client);
        if self.is_registration(request) {
            let repeated = session.is_some_and(|known| request.number <= known.registration);
            return if repeated { Turn::Repeated } else { Turn::Register };
        }
        let newest = session.map_or((0, 0), |known| (known.session, known.number));
        if self.max > 0 && newest.0 != request.session && !self.bugs.on(PlantedBug::EvictedSessionServed) {
            Turn::Over
        } else if (request.session, request.number) <= newest && !self.bugs.on(PlantedBug::DuplicateExecuted) {
            Turn::Repeated
        } else {
            Turn::Execute
        }
    }

    /// Records the execution of a request at `op`.
    pub fn execute(&mut self, request: &Request, answer: Answer, op: u64) {
        let Request { client, session, number, .. } = *request;
        let place = self.place(client);
        let registration = place.map_or(0, |place| self.committed[place].registration);
        let known = Committed { client, session, number, answer, registration, used: op };
        let forgotten = self.bugs.on(PlantedBug::SessionsNotRestored) && op <= self.found;
        match place {
            _ if forgotten => {}
            Ok(place) => self.committed[place] = known,
            Err(place) if self.max == 0 => self.committed.insert(place, known),
            Err(_) => {}
        }
        self.remove_executed_marks(client, (session, number), registration);
    }

    /// Records the execution of a registration at `op`, which becomes the client's session. Returns the evicted
    /// session.
    pub fn register(&mut self, request: &Request, op: u64) -> Option<(ClientId, u32)> {
        let Request { client, number: registration, .. } = *request;
        let session = u32::try_from(op).unwrap_or(u32::MAX);
        let mut new = Committed { client, session, number: 0, answer: Answer::default(), registration, used: op };
        let mut evicted = None;
        if let Ok(place) = self.place(client) {
            if self.bugs.on(PlantedBug::ClientCrash) {
                let Committed { number, answer, .. } = self.committed[place];
                new = Committed { number, answer, ..new };
            }
            self.committed[place] = new;
        } else {
            if self.committed.len() >= self.max + usize::from(self.bugs.on(PlantedBug::SessionTableOverfull)) {
                let oldest = self.oldest();
                evicted = Some((oldest.client, oldest.session));
                self.committed.retain(|known| known.client != oldest.client);
            }
            let place = self.place(client).unwrap_or_else(|place| place);
            self.committed.insert(place, new);
        }
        // The log of a new view may contain requests of the new session already: their marks stay.
        let all = self.bugs.on(PlantedBug::RegistrationDropsMarks);
        self.remove_executed_marks(client, (session, if all { u32::MAX } else { 0 }), registration);
        evicted
    }

    /// The least recently used session, which is evicted next.
    fn oldest(&self) -> Committed {
        let most_recent = self.bugs.on(PlantedBug::EvictionMostRecent);
        let order = |known: &&Committed| if most_recent { u64::MAX - known.used } else { known.used };
        *self.committed.iter().min_by_key(order).expect("a full table has sessions")
    }

    /// Removes the client's marks, if all marked requests are executed.
    fn remove_executed_marks(&mut self, client: ClientId, request: (u32, u32), registration: u32) {
        if let Ok(place) = self.logged.binary_search_by_key(&client, |logged| logged.client)
            && self.logged[place].request <= request
            && self.logged[place].registration <= registration
        {
            self.logged.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    fn request(client: u16, session: u32, number: u32) -> Request {
        Request { client: ClientId(client), session, number, payload: Rc::from([]) }
    }

    fn answer(position: u64) -> Answer {
        Answer { position, ..Answer::default() }
    }

    fn table(max: u16) -> Sessions {
        Sessions::new(max, Bugs::default())
    }

    #[test]
    fn a_request_is_new_then_logged_then_executed_then_stale() {
        let mut table = table(0);
        let first = request(3, 1, 1);
        assert_eq!(table.session_status(&first, 0), SessionStatus::New);
        table.log(&first, 1);
        assert_eq!(table.session_status(&first, 0), SessionStatus::Logged);
        assert_eq!(table.turn(&first), Turn::Execute);
        table.execute(&first, answer(1), 1);
        assert_eq!(table.session_status(&first, 1), SessionStatus::Executed(answer(1)));
        assert_eq!(table.turn(&first), Turn::Repeated);
        // A session that the client chooses itself starts anew.
        let next = request(3, 2, 1);
        table.log(&next, 2);
        table.execute(&next, answer(2), 2);
        assert_eq!(table.session_status(&first, 2), SessionStatus::Stale);
        assert_eq!(table.session_status(&next, 2), SessionStatus::Executed(answer(2)));
    }

    #[test]
    fn the_marks_of_a_replaced_log_are_cleared() {
        let mut table = table(0);
        table.log(&request(3, 1, 1), 1);
        table.forget_logged();
        assert_eq!(table.session_status(&request(3, 1, 1), 0), SessionStatus::New);
    }

    #[test]
    fn a_session_is_the_op_of_its_registration_and_the_least_recently_used_is_evicted() {
        let mut table = table(2);
        for (client, op) in [(7, 1), (4, 2)] {
            assert_eq!(table.turn(&request(client, 0, 1)), Turn::Register);
            assert_eq!(table.register(&request(client, 0, 1), op), None);
        }
        assert_eq!(table.session_status(&request(7, 0, 1), 2), SessionStatus::Executed(answer(1)));
        table.execute(&request(7, 1, 1), answer(3), 3);
        assert_eq!(table.register(&request(5, 0, 1), 4), Some((ClientId(4), 2)));
        assert_eq!(table.session_status(&request(4, 2, 1), 4), SessionStatus::Over);
        assert_eq!(table.turn(&request(4, 2, 1)), Turn::Over);
        assert_eq!(table.session_status(&request(4, 9, 1), 4), SessionStatus::Unknown, "op 9 is yet to be executed");
        // The evicted client returns. The next eviction is that of the session that was not used since.
        assert_eq!(table.session_status(&request(4, 0, 2), 4), SessionStatus::New);
        assert_eq!(table.register(&request(4, 0, 2), 5), Some((ClientId(7), 1)));
    }

    #[test]
    fn a_client_that_registers_again_replaces_its_session_and_its_numbers_begin_anew() {
        let mut table = table(1);
        table.register(&request(7, 0, 1), 1);
        table.execute(&request(7, 1, 1), answer(2), 2);
        assert_eq!(table.session_status(&request(7, 0, 2), 2), SessionStatus::New);
        assert_eq!(table.register(&request(7, 0, 2), 3), None);
        assert_eq!(table.session_status(&request(7, 3, 1), 3), SessionStatus::New);
        assert_eq!(table.session_status(&request(7, 1, 1), 3), SessionStatus::Over);
        assert_eq!(table.session_status(&request(7, 0, 1), 3), SessionStatus::Stale);
        assert_eq!(table.turn(&request(7, 0, 1)), Turn::Repeated);
    }

    #[test]
    fn a_registration_leaves_the_marks_of_requests_that_follow_it_in_the_log() {
        let mut table = table(1);
        table.log(&request(7, 0, 1), 1);
        table.log(&request(7, 1, 1), 2);
        table.register(&request(7, 0, 1), 1);
        assert_eq!(table.session_status(&request(7, 1, 1), 1), SessionStatus::Logged);
    }

    #[test]
    fn a_registration_in_the_log_hides_no_request() {
        let mut table = table(1);
        table.register(&request(7, 0, 1), 1);
        table.log(&request(7, 1, 1), 2);
        table.log(&request(7, 0, 2), 3);
        assert_eq!(table.session_status(&request(7, 1, 1), 1), SessionStatus::Logged);
        assert_eq!(table.session_status(&request(7, 0, 2), 1), SessionStatus::Logged);
    }

    #[test]
    fn a_table_is_decoded_to_itself_whatever_the_log_contains() {
        let (mut one, mut other) = (table(0), table(0));
        for table in [&mut one, &mut other] {
            table.execute(&request(2, 1, 5), answer(9), 9);
        }
        other.log(&request(2, 1, 6), 10);
        let (mut bytes, mut same) = (Vec::new(), Vec::new());
        one.encode(&mut bytes, false);
        other.encode(&mut same, false);
        assert_eq!(bytes, same);
        let back = other.decode(&mut Reader::new(&bytes)).expect("it is whole");
        assert_eq!(back.session_status(&request(2, 1, 5), 9), SessionStatus::Executed(answer(9)));
        assert_eq!(back.session_status(&request(2, 1, 6), 9), SessionStatus::New);
        assert!((0..bytes.len()).all(|end| one.decode(&mut Reader::new(&bytes[..end])).is_none()));
    }
}
