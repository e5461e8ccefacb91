//! Requests and replies between clients and replicas.
//!
//! A client's message reaches any replica that is up. The configured loss and duplication and the faults of the same
//! names apply to it as to messages between replicas. A request that arrives is observed as `Delivered` from the
//! replica itself, since a client is not a replica. Lost requests and replies are not observed; their effect is
//! `Retried`.

use crate::base::ids::{ClientId, ReplicaId};
use crate::config::workload::{Reply, Request};
use crate::devices::client::{self, Accepted, Deadline};
use crate::devices::network::Arrivals;
use crate::protocol::observation::{MessageKind, Observation, Who};
use crate::world::core::{Core, Event};
use crate::world::system::System;

impl<S: System> Core<S> {
    /// A client that waits for nothing starts to think about its next request.
    pub(crate) fn think(&mut self, client: ClientId) {
        if let Some(at) = self.clients.think(&self.keys, self.now, client) {
            self.queue.push(at, Event::Ask(client));
        }
    }

    /// A client asks its next thing.
    pub(crate) fn ask(&mut self, id: ClientId) {
        let Some((request, operation)) = self.clients.ask(&self.keys, self.now, id) else { return };
        let Request { session, number, .. } = request;
        let what = match operation {
            Some(operation) => Observation::Invoked { client: id, session, number, operation },
            None => Observation::Registering { client: id, number },
        };
        self.observe(Who::Client(id), what);
        let primary = self.clients.primary(id);
        self.request(primary, request);
        self.arm(id);
    }

    /// A client may have waited too long.
    pub(crate) fn deadline(&mut self, id: ClientId) {
        match self.clients.deadline(self.now, id) {
            Deadline::Idle => {}
            Deadline::Later(_) => self.arm(id),
            Deadline::Passed { number } => {
                self.retry(id, number);
                self.arm(id);
            }
        }
    }

    /// No client waits for its deadline any longer; what it has asked it asks everybody again.
    pub(crate) fn retry_now(&mut self) {
        for id in (0..self.clients.len()).map(ClientId) {
            if let Some(number) = self.clients.retry_now(self.now, id) {
                self.retry(id, number);
            }
        }
    }

    fn retry(&mut self, id: ClientId, number: u32) {
        self.observe(Who::Client(id), Observation::Retried { client: id, number });
        self.request_all(id);
    }

    fn arm(&mut self, id: ClientId) {
        if let Some(at) = self.clients.arm(id) {
            self.queue.push(at, Event::Deadline(id));
        }
    }

    /// A client sends the request that it waits for to every replica. Returns whether there is one.
    pub(crate) fn request_all(&mut self, id: ClientId) -> bool {
        let Some(request) = self.clients.waiting(id) else { return false };
        for to in (0..self.replicas()).map(ReplicaId) {
            self.request(to, request.clone());
        }
        true
    }

    fn request(&mut self, to: ReplicaId, request: Request) {
        let number = self.clients.message(request.client);
        let pair = (request.client, to);
        let arrivals = self.network.send_client(&self.keys, self.faults.effects(), self.now, pair, true, number);
        let Arrivals { first, second, .. } = arrivals;
        if let Some(at) = second {
            self.queue.push(at, Event::Request { to, request: request.clone() });
        }
        if let Some(at) = first {
            self.queue.push(at, Event::Request { to, request });
        }
    }

    /// A request reaches a replica. Returns it if it gets through.
    pub(crate) fn request_arrives(&mut self, to: ReplicaId, request: Request) -> Option<Request> {
        let node = &mut self.nodes[to.index()];
        if node.paused {
            node.deferred.push(Event::Request { to, request });
            return None;
        }
        if !node.up {
            return None;
        }
        self.observe(Who::Replica(to), Observation::Delivered { from: to, kind: MessageKind::Request });
        Some(request)
    }

    /// A replica answers a client. An answer to a client that does not exist is lost without a trace.
    pub(crate) fn reply(&mut self, from: ReplicaId, reply: Reply) {
        self.tell(from, reply.client, reply.session, reply.number, &Event::Reply(reply));
    }

    /// A replica tells a client that its session is over.
    pub(crate) fn session_over(&mut self, from: ReplicaId, client: ClientId, session: u32) {
        self.tell(from, client, session, 0, &Event::SessionOver { client, session });
    }

    fn tell(&mut self, from: ReplicaId, client: ClientId, session: u32, number: u32, event: &Event<S::Message>) {
        let Some(count) = self.nodes[from.index()].replies.get_mut(client.index()) else { return };
        *count += 1;
        let number = client::message(session, number, *count);
        let pair = (client, from);
        let arrivals = self.network.send_client(&self.keys, self.faults.effects(), self.now, pair, false, number);
        let Arrivals { first, second, .. } = arrivals;
        for at in [first, second].into_iter().flatten() {
            self.queue.push(at, event.clone());
        }
    }

    /// A reply reaches its client.
    pub(crate) fn reply_arrives(&mut self, reply: &Reply) {
        let Reply { client, session, number, answer, .. } = *reply;
        let what = match self.clients.accept(reply) {
            Accepted::Nothing => return,
            Accepted::Session(session) => Observation::SessionRegistered { client, session },
            Accepted::Answer => Observation::Answered { client, session, number, answer },
        };
        self.activity = self.now;
        self.observe(Who::Client(client), what);
        self.think(client);
        self.heal_when_quiescent();
    }

    /// A client learns that its session is over. It asks anew in another session.
    pub(crate) fn session_over_arrives(&mut self, client: ClientId, session: u32) {
        if self.clients.session_over(client, session) {
            self.observe(Who::Client(client), Observation::SessionEvicted { client, session });
            self.think(client);
        }
    }
}
