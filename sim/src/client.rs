//! The clients: what they ask, when, and which replies they accept.
//!
//! A client has one request under way at a time. It sends it to the replica that it believes to be the primary, and after
//! each timeout to all replicas, until the first reply to it arrives; then it thinks and asks the next thing, until its
//! share of the workload is used up. A client that crashes forgets its request, which nobody has to answer any more, and
//! goes on in a new session whose request numbers start at 1 again.
//!
//! What a client asks and how long it thinks are drawn from (client, session, number). Tenants use the same few key and
//! stream numbers, so that data which leaks from one to another is really read.
//!
//! Left out: clients with several requests under way, and clients that lie.

use std::rc::Rc;

use crate::random::{Domain, Keys, MILLION, below};
use crate::spec::{self, ClientId, Config, ReplicaId};
use crate::time::Time;
use crate::workload::{Operation, OperationKind, Reply, Request, value};

/// How many keys each tenant uses.
const KEYS: u64 = 8;
/// How many streams each tenant uses.
const STREAMS: u64 = 4;
/// Sessions are mixed into the numbers of values above this bit; request numbers stay below it (`Config::check`).
const SESSION_SHIFT: u32 = 20;

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

/// All clients of a run.
#[derive(Clone, Debug)]
pub struct Clients {
    all: Vec<Client>,
    workload: spec::Workload,
    replicas: u8,
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
        Clients { all: Vec::new(), workload, replicas: 1, unfinished: 0, position_max: 0 }
    }
}

impl Clients {
    /// Forgets everything; the clients of a new run with this configuration share its requests evenly.
    pub fn reset(&mut self, config: &Config) {
        self.workload = config.workload.clone();
        self.replicas = config.cluster.replicas;
        self.unfinished = self.workload.requests;
        self.position_max = 0;
        self.all.clear();
        let clients = u32::from(self.workload.clients);
        for client in 0..clients {
            let unasked = self.workload.requests / clients + u32::from(client < self.workload.requests % clients);
            self.all.push(Client {
                session: 1,
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
        let what = (id.0.into(), client.session.into(), u64::from(client.number) + 1);
        let pause = if client.burst > 0 { 0 } else { keys.uniform(Domain::Think, what, min, max) };
        client.wake_at = Some(now + pause);
        client.wake_at
    }

    /// The client's next request, if it is time for it; then the client waits for its answer.
    pub fn ask(&mut self, keys: &Keys, now: Time, id: ClientId) -> Option<(Request, Operation)> {
        let client = &mut self.all[id.index()];
        if client.wake_at != Some(now) || client.unasked == 0 || client.waiting.is_some() {
            return None;
        }
        client.wake_at = None;
        client.unasked -= 1;
        client.burst = client.burst.saturating_sub(1);
        client.number += 1;
        let (session, number) = (client.session, client.number);
        let operation = self.operation(keys, id, session, number);
        let mut payload: Rc<[u8]> = std::iter::repeat_n(0, self.workload.request_bytes.into()).collect();
        let bytes = Rc::make_mut(&mut payload);
        for (place, chunk) in bytes.chunks_mut(8).enumerate() {
            let filler = keys.draw(Domain::Filler, id.0.into(), call(session, number), place as u64);
            chunk.copy_from_slice(&filler.to_le_bytes()[..chunk.len()]);
        }
        operation.encode(bytes);
        let deadline = now + self.workload.timeout;
        let request = Request { client: id, session, number, payload: payload.clone() };
        self.all[id.index()].waiting = Some(Waiting { payload, deadline, sent: 0 });
        Some((request, operation))
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
                Deadline::Passed { number: client.number }
            }
        }
    }

    /// The client loses its patience now: its deadline moves as if it had passed. Returns the request's number, if it waits
    /// for one.
    pub fn hurry(&mut self, now: Time, id: ClientId) -> Option<u32> {
        let timeout = self.workload.timeout;
        let client = &mut self.all[id.index()];
        client.waiting.as_mut()?.deadline = now + timeout;
        Some(client.number)
    }

    /// The request that the client waits for.
    pub fn waiting(&self, id: ClientId) -> Option<Request> {
        let client = &self.all[id.index()];
        let payload = client.waiting.as_ref()?.payload.clone();
        Some(Request { client: id, session: client.session, number: client.number, payload })
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
        message(client.session, client.number, sent)
    }

    /// A reply arrived: whether it answers the request that its client waits for. If so, it waits no longer.
    pub fn accept(&mut self, reply: &Reply) -> bool {
        let Some(client) = self.all.get_mut(reply.client.index()) else { return false };
        if client.waiting.is_none() || (client.session, client.number) != (reply.session, reply.number) {
            return false;
        }
        client.waiting = None;
        client.primary = primary_of(reply.view, self.replicas);
        self.unfinished -= 1;
        self.position_max = self.position_max.max(reply.answer.position);
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
        client.session += 1;
        client.number = 0;
        if client.waiting.take().is_some() {
            self.unfinished -= 1;
        }
    }

    /// The clients ask nothing more; what they have asked is still waited for.
    pub fn stop(&mut self) {
        for client in &mut self.all {
            self.unfinished -= std::mem::take(&mut client.unasked);
        }
    }

    fn operation(&self, keys: &Keys, id: ClientId, session: u32, number: u32) -> Operation {
        let draw = |detail| keys.draw(Domain::Operation, id.0.into(), call(session, number), detail);
        let tenant = id.0 % self.workload.tenants;
        let value = value(tenant, id, session << SESSION_SHIFT | number);
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

/// A request of one client as one number.
fn call(session: u32, number: u32) -> u64 {
    u64::from(session) << 32 | u64::from(number)
}

/// A message about a request as one number: the `count`-th from its sender to its receiver.
pub fn message(session: u32, number: u32, count: u64) -> u64 {
    u64::from(session) << 48 | u64::from(number) << 32 | count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Answer;

    const CLIENT: ClientId = ClientId(1);

    fn clients() -> Clients {
        let mut clients = Clients::default();
        clients.reset(&Config::default());
        clients
    }

    fn ask(clients: &mut Clients, keys: &Keys) -> (Request, Operation) {
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
                assert_eq!(Operation::decode(&request.payload), Some(operation));
                assert_eq!(clients.think(&keys, at, id), None, "one request at a time");
                assert!(clients.accept(&reply_to(&request)));
                assert!(!clients.accept(&reply_to(&request)), "the second reply is ignored");
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
        assert!(!clients.accept(&reply_to(&before)));
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
        assert!(clients.accept(&reply_to(&request)));
        assert!(clients.finished());
        assert_eq!(clients.think(&keys, 7, CLIENT), None);
    }
}
