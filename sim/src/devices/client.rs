//! The clients: their requests, the times of these, and the replies that they accept.
//!
//! A client has one request in progress at a time. It sends the request to the replica that it believes to be the
//! primary, and after each timeout to all replicas, until the first reply to it arrives. Then it pauses and sends the
//! next request, until its share of the workload is used up. A client that crashes forgets its request, which no
//! replica has to answer any more, and continues in a new session whose request numbers start at 1 again.
//!
//! Where the cluster keeps sessions (`Cluster::sessions_max`), a client registers first: a request with session 0 and
//! the number of its lives, which is answered with the session. A client that is told that its session has ended
//! cannot know whether its request was executed (Viewstamped Replication Revisited, section 4.5, says the same of a
//! client that crashes). It gives that request up, registers again, and asks something new instead. The workload is
//! over when all of its requests are answered, and no request is ever sent in two sessions.
//!
//! Requests and pauses are drawn from (client, life, number). Tenants use the same few key and stream numbers, so that
//! data that leaks from one tenant to another is read.
//!
//! Left out: clients with several requests in progress, and clients that lie.

use std::rc::Rc;

use crate::base::ids::{ClientId, ReplicaId};
use crate::base::random::{Domain, Keys, MILLION, below};
use crate::base::time::Time;
use crate::config::spec::{self, Config};
use crate::config::workload::{Operation, OperationKind, Reply, Request, value};

/// How many keys each tenant uses.
const KEYS: u64 = 8;
/// How many streams each tenant uses.
const STREAMS: u64 = 4;
/// Lives are mixed into the numbers of values above this bit; request numbers stay below it (`Config::check`).
const LIFE_SHIFT: u32 = 20;

/// A request that a client waits for.
#[derive(Clone, Debug)]
struct Waiting {
    payload: Rc<[u8]>,
    /// When the client sends it again.
    deadline: Time,
    /// How often it was sent to some replica; numbers the messages.
    sent: u64,
}

/// One client.
#[derive(Clone, Debug)]
struct Client {
    /// How often it began anew: each life has a session of its own.
    life: u32,
    /// The session; 0 while it has none.
    session: u32,
    number: u32,
    /// How many requests of its share it has not asked yet.
    unasked: u32,
    /// How many of the next requests come without a pause.
    burst: u32,
    waiting: Option<Waiting>,
    /// When it asks the next thing.
    wake_at: Option<Time>,
    /// Whether an event for its deadline is queued.
    timer_queued: bool,
    primary: ReplicaId,
}

/// What happens when a client's deadline event comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// Nothing is waited for any more.
    Idle,
    /// The deadline has moved: come back then.
    Later(Time),
    /// The client waited in vain for this request.
    Passed {
        /// The request's number.
        number: u32,
    },
}

/// What a client makes of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It does not wait for this.
    Nothing,
    /// It has this session now.
    Session(u32),
    /// Its request is answered.
    Answer,
}

/// All clients of a run.
#[derive(Clone, Debug)]
pub struct Clients {
    all: Vec<Client>,
    workload: spec::Workload,
    replicas: u8,
    /// Whether they have to register.
    register: bool,
    /// How many requests are neither answered nor forgotten yet.
    unfinished: u32,
    /// The highest position in an answer so far.
    position_max: u64,
}

/// The primary of a view, as nearly all protocols have it.
pub fn primary_of(view: u64, replicas: u8) -> ReplicaId {
    ReplicaId((view % u64::from(replicas)) as u8)
}

impl Default for Clients {
    fn default() -> Self {
        let Config { workload, .. } = Config::default();
        Clients { all: Vec::new(), workload, replicas: 1, register: false, unfinished: 0, position_max: 0 }
    }
}

impl Clients {
    /// Forgets everything; the clients of a new run with this configuration share its requests evenly.
    pub fn reset(&mut self, config: &Config) {
        self.workload = config.workload.clone();
        self.replicas = config.cluster.replicas;
        self.register = config.cluster.sessions_max > 0;
        self.unfinished = self.workload.requests;
        self.position_max = 0;
        self.all.clear();
        let clients = u32::from(self.workload.clients);
        for client in 0..clients {
            let unasked = self.workload.requests / clients + u32::from(client < self.workload.requests % clients);
            self.all.push(Client {
                life: 1,
                session: u32::from(!self.register),
                number: 0,
                unasked,
                burst: 0,
                waiting: None,
                wake_at: None,
                timer_queued: false,
                primary: ReplicaId(0),
            });
        }
    }

    /// How many clients there are.
    pub fn len(&self) -> u16 {
        self.all.len() as u16
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether every request of the workload is answered or forgotten.
    pub fn finished(&self) -> bool {
        self.unfinished == 0
    }

    /// The client with this number, modulo how many there are.
    pub fn wrap(&self, client: ClientId) -> ClientId {
        ClientId(client.0 % self.len())
    }

    /// Lets a client that waits for nothing ask its next thing, if it has any left; returns when.
    pub fn think(&mut self, keys: &Keys, now: Time, id: ClientId) -> Option<Time> {
        let (min, max) = (self.workload.think_min, self.workload.think_max);
        let client = &mut self.all[id.index()];
        if client.unasked == 0 || client.waiting.is_some() {
            return None;
        }
        let what = (id.0.into(), client.life.into(), u64::from(client.number) + 1);
        // It has paused before it registered.
        let just_registered = self.register && client.session != 0 && client.number == 0;
        let pause = if client.burst > 0 || just_registered { 0 } else { keys.uniform(Domain::Think, what, min, max) };
        client.wake_at = Some(now + pause);
        client.wake_at
    }

    /// The client's next request, if it is time for it; then the client waits for its answer. A client without a session
    /// asks for one: then there is no operation.
    pub fn ask(&mut self, keys: &Keys, now: Time, id: ClientId) -> Option<(Request, Option<Operation>)> {
        let client = &mut self.all[id.index()];
        if client.wake_at != Some(now) || client.unasked == 0 || client.waiting.is_some() {
            return None;
        }
        client.wake_at = None;
        let deadline = now + self.workload.timeout;
        if client.session == 0 {
            client.waiting = Some(Waiting { payload: Rc::from([]), deadline, sent: 0 });
            return Some((self.waiting(id)?, None));
        }
        client.unasked -= 1;
        client.burst = client.burst.saturating_sub(1);
        client.number += 1;
        let (life, session, number) = (client.life, client.session, client.number);
        let operation = self.operation(keys, id, life, number);
        let mut payload: Rc<[u8]> = std::iter::repeat_n(0, self.workload.request_bytes.into()).collect();
        let bytes = Rc::make_mut(&mut payload);
        for (place, chunk) in bytes.chunks_mut(8).enumerate() {
            let filler = keys.draw(Domain::Filler, id.0.into(), call(life, number), place as u64);
            chunk.copy_from_slice(&filler.to_le_bytes()[..chunk.len()]);
        }
        operation.encode(bytes);
        let request = Request { client: id, session, number, payload: payload.clone() };
        self.all[id.index()].waiting = Some(Waiting { payload, deadline, sent: 0 });
        Some((request, Some(operation)))
    }

    /// Whether an event for the client's deadline has to be queued, and for when; from then on one is.
    pub fn arm(&mut self, id: ClientId) -> Option<Time> {
        let client = &mut self.all[id.index()];
        let deadline = client.waiting.as_ref()?.deadline;
        (!std::mem::replace(&mut client.timer_queued, true)).then_some(deadline)
    }

    /// The event for the client's deadline came.
    pub fn deadline(&mut self, now: Time, id: ClientId) -> Deadline {
        let timeout = self.workload.timeout;
        let client = &mut self.all[id.index()];
        client.timer_queued = false;
        match &mut client.waiting {
            None => Deadline::Idle,
            Some(waiting) if now < waiting.deadline => Deadline::Later(waiting.deadline),
            Some(waiting) => {
                waiting.deadline = now + timeout;
                Deadline::Passed { number: client.asked() }
            }
        }
    }

    /// The client loses its patience now: its deadline moves as if it had passed. Returns the request's number, if it waits
    /// for one.
    pub fn retry_now(&mut self, now: Time, id: ClientId) -> Option<u32> {
        let timeout = self.workload.timeout;
        let client = &mut self.all[id.index()];
        client.waiting.as_mut()?.deadline = now + timeout;
        Some(client.asked())
    }

    /// The request that the client waits for.
    pub fn waiting(&self, id: ClientId) -> Option<Request> {
        let client = &self.all[id.index()];
        let payload = client.waiting.as_ref()?.payload.clone();
        Some(Request { client: id, session: client.session, number: client.asked(), payload })
    }

    /// Which replica the client sends a new request to.
    pub fn primary(&self, id: ClientId) -> ReplicaId {
        self.all[id.index()].primary
    }

    /// Counts one more message of the request that the client waits for; tells it from the client's other messages.
    pub fn message(&mut self, id: ClientId) -> u64 {
        let client = &mut self.all[id.index()];
        let sent = client.waiting.as_mut().map_or(0, |waiting| {
            waiting.sent += 1;
            waiting.sent
        });
        message(client.session, client.asked(), sent)
    }

    /// A reply arrived. If it answers what its client waits for, the client waits no longer.
    pub fn accept(&mut self, reply: &Reply) -> Accepted {
        let Some(client) = self.all.get_mut(reply.client.index()) else { return Accepted::Nothing };
        if client.waiting.is_none() || (client.session, client.asked()) != (reply.session, reply.number) {
            return Accepted::Nothing;
        }
        client.waiting = None;
        client.primary = primary_of(reply.view, self.replicas);
        self.position_max = self.position_max.max(reply.answer.position);
        if client.session == 0 {
            client.session = u32::try_from(reply.answer.position).unwrap_or(u32::MAX);
            return Accepted::Session(client.session);
        }
        self.unfinished -= 1;
        Accepted::Answer
    }

    /// The client is told that this session is over. Returns whether it is the client's: then it has none any more, and what
    /// it waits for is given up and something else asked in its place.
    pub fn session_over(&mut self, id: ClientId, session: u32) -> bool {
        let Some(client) = self.all.get_mut(id.index()) else { return false };
        if !self.register || session == 0 || client.session != session {
            return false;
        }
        client.unasked += u32::from(client.waiting.take().is_some());
        client.begin_anew(true);
        true
    }

    /// Lets the client's next requests come without a pause.
    pub fn burst(&mut self, id: ClientId, requests: u8) {
        let client = &mut self.all[id.index()];
        client.burst = client.burst.saturating_add(requests.into());
    }

    /// The client crashes: it forgets its request, if any, and has a new session.
    pub fn crash(&mut self, id: ClientId) {
        let client = &mut self.all[id.index()];
        if client.waiting.take().is_some() && client.session != 0 {
            self.unfinished -= 1;
        }
        client.begin_anew(self.register);
    }

    /// The clients ask nothing more; what they have asked is still waited for.
    pub fn stop(&mut self) {
        for client in &mut self.all {
            self.unfinished -= std::mem::take(&mut client.unasked);
        }
    }

    fn operation(&self, keys: &Keys, id: ClientId, life: u32, number: u32) -> Operation {
        let draw = |detail| keys.draw(Domain::Operation, id.0.into(), call(life, number), detail);
        let tenant = id.0 % self.workload.tenants;
        let value = value(tenant, id, life << LIFE_SHIFT | number);
        let (key, stream) = (below(draw(0), KEYS) as u16, below(draw(1), STREAMS) as u16);
        let reads = below(draw(2), MILLION.into()) < self.workload.reads.into();
        let kind = match (reads, below(draw(3), 8)) {
            (false, 0..4) => OperationKind::Put { key, value },
            (false, _) => OperationKind::Append { stream, value },
            (true, 0..3) => OperationKind::Get { key },
            (true, 3..6) => OperationKind::GetAsOf { key, position: self.position(draw(4)) },
            // There are more elements the longer the run is; some of those asked for do not exist.
            (true, _) => OperationKind::Read { stream, index: 1 + below(draw(5), 3 + self.position_max / 8) },
        };
        Operation { tenant, kind }
    }

    /// A position that somebody wants to see: mostly a recent one, sometimes none, sometimes one that is yet to come.
    fn position(&self, draw: u64) -> u64 {
        match draw % 16 {
            0 => 0,
            1 => self.position_max + 1 + draw / 16 % 8,
            _ => self.position_max.saturating_sub(draw / 16 % 16),
        }
    }
}

impl Client {
    /// The number of the request that it waits for: where it registers, that of its life.
    fn asked(&self) -> u32 {
        if self.session == 0 { self.life } else { self.number }
    }

    fn begin_anew(&mut self, register: bool) {
        self.life += 1;
        self.session = if register { 0 } else { self.life };
        self.number = 0;
    }
}

/// A request of one client as one number.
fn call(life: u32, number: u32) -> u64 {
    u64::from(life) << 32 | u64::from(number)
}

/// A message about a request as one number: the `count`-th from its sender to its receiver.
pub fn message(session: u32, number: u32, count: u64) -> u64 {
    u64::from(session) << 48 | u64::from(number) << 32 | count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::workload::Answer;

    const CLIENT: ClientId = ClientId(1);

    fn clients() -> Clients {
        let mut clients = Clients::default();
        clients.reset(&Config::default());
        clients
    }

    fn ask(clients: &mut Clients, keys: &Keys) -> (Request, Option<Operation>) {
        let at = clients.think(keys, 0, CLIENT).expect("something left to ask");
        clients.ask(keys, at, CLIENT).expect("it is time")
    }

    fn reply_to(request: &Request) -> Reply {
        let Request { client, session, number, .. } = *request;
        Reply { client, session, number, view: 5, answer: Answer { position: 9, ..Answer::default() } }
    }

    #[test]
    fn the_requests_are_shared_out_and_each_is_answered_once() {
        let (mut clients, keys) = (clients(), Keys::new(1));
        let mut asked = 0;
        for id in (0..clients.len()).map(ClientId) {
            while let Some(at) = clients.think(&keys, 0, id) {
                let (request, operation) = clients.ask(&keys, at, id).unwrap();
                assert_eq!(Operation::decode(&request.payload), operation);
                assert_eq!(clients.think(&keys, at, id), None, "one request at a time");
                assert_eq!(clients.accept(&reply_to(&request)), Accepted::Answer);
                assert_eq!(clients.accept(&reply_to(&request)), Accepted::Nothing, "the second reply is ignored");
                assert_eq!(clients.primary(id), ReplicaId(2), "view 5 of 3 replicas");
                asked += 1;
            }
        }
        assert_eq!(asked, Config::default().workload.requests);
        assert!(clients.finished());
    }

    #[test]
    fn a_crashed_client_forgets_and_writes_other_values() {
        let (mut clients, keys) = (clients(), Keys::new(1));
        let (before, _) = ask(&mut clients, &keys);
        clients.crash(CLIENT);
        assert!(clients.waiting(CLIENT).is_none());
        assert_eq!(clients.accept(&reply_to(&before)), Accepted::Nothing);
        let (after, _) = ask(&mut clients, &keys);
        assert_eq!((before.session, before.number), (1, 1));
        assert_eq!((after.session, after.number), (2, 1));
        assert_ne!(before.payload, after.payload);
    }

    #[test]
    fn a_deadline_passes_again_and_again_until_the_answer_comes() {
        let (mut clients, keys) = (clients(), Keys::new(1));
        let (request, _) = ask(&mut clients, &keys);
        let first = clients.arm(CLIENT).unwrap();
        assert_eq!(clients.arm(CLIENT), None, "one event is enough");
        assert_eq!(clients.deadline(first - 1, CLIENT), Deadline::Later(first));
        assert_eq!(clients.deadline(first, CLIENT), Deadline::Passed { number: 1 });
        let second = clients.arm(CLIENT).unwrap();
        assert_eq!(second, first + Config::default().workload.timeout);
        clients.accept(&reply_to(&request));
        assert_eq!(clients.deadline(second, CLIENT), Deadline::Idle);
    }

    #[test]
    fn bursts_come_without_a_pause_and_stopping_leaves_what_was_asked() {
        let (mut clients, keys) = (clients(), Keys::new(1));
        clients.burst(CLIENT, 1);
        assert_eq!(clients.think(&keys, 7, CLIENT), Some(7));
        assert!(clients.ask(&keys, 6, CLIENT).is_none(), "not yet");
        let (request, _) = clients.ask(&keys, 7, CLIENT).unwrap();
        clients.stop();
        assert!(!clients.finished());
        assert_eq!(clients.accept(&reply_to(&request)), Accepted::Answer);
        assert!(clients.finished());
        assert_eq!(clients.think(&keys, 7, CLIENT), None);
    }

    #[test]
    fn a_client_registers_asks_and_begins_anew_when_its_session_is_over() {
        let mut config = Config::default();
        config.cluster.sessions_max = 2;
        let (mut clients, keys) = (Clients::default(), Keys::new(1));
        clients.reset(&config);
        let (registration, operation) = ask(&mut clients, &keys);
        assert_eq!((registration.session, registration.number, operation), (0, 1, None));
        assert!(!clients.session_over(CLIENT, 0), "it has none");
        assert_eq!(clients.accept(&reply_to(&registration)), Accepted::Session(9));
        assert_eq!(clients.think(&keys, 7, CLIENT), Some(7), "it has thought already");
        let (request, operation) = clients.ask(&keys, 7, CLIENT).unwrap();
        assert_eq!((request.session, request.number, operation.is_some()), (9, 1, true));

        let left = clients.unfinished;
        assert!(!clients.session_over(CLIENT, 8), "an earlier one");
        assert!(clients.session_over(CLIENT, 9));
        assert_eq!(clients.accept(&reply_to(&request)), Accepted::Nothing, "it has given this up");
        assert_eq!(clients.unfinished, left, "and asks something else in its place");
        let (registration, _) = ask(&mut clients, &keys);
        assert_eq!((registration.session, registration.number), (0, 2));
        clients.crash(CLIENT);
        assert_eq!(clients.unfinished, left, "a registration is none of the workload's requests");
        let (registration, _) = ask(&mut clients, &keys);
        assert_eq!((registration.session, registration.number), (0, 3));
    }
}
