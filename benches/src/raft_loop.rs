//! tikv's `raft` in the smallest loop that runs the workload: in-memory storage, no disk, no invariants.
//!
//! It uses the same event queue and the same random function as the simulator, so that the two differ in what they do
//! and not in how they wait. When the leader crashes, everything is dropped but its storage, from which it restarts.
//! The state machine (the set of applied requests) is lost and rebuilt from the log. The run ends when all nodes have
//! applied all requests. `raft` draws its election timeouts from the system's random numbers, so its runs differ
//! slightly even for the same seed.

use raft::eraftpb::{Entry, Message};
use raft::storage::MemStorage;
use raft::{Config, RawNode, StateRole};
use sim::base::queue::Queue;
use sim::base::random::{Domain, Keys};
use sim::base::time::{MILLISECOND, Time};

use crate::Contender;
use crate::workload as w;

/// The length of a tick; `raft` counts its timeouts in ticks.
const TICK: Time = 20 * MILLISECOND;
/// A run with more events than this has failed.
const EVENTS_MAX: u64 = 100_000;
/// All requests, one bit each.
const ALL: u128 = (1 << w::REQUESTS) - 1;

enum Event {
    Tick { node: usize },
    Message(Message),
    Proposal { node: usize, request: u32 },
    Reply { request: u32 },
    Ask { client: u16 },
    Deadline { client: u16, request: u32 },
    Restart { node: usize },
}

struct Node {
    /// `None` while it is down.
    raft: Option<RawNode<MemStorage>>,
    storage: MemStorage,
    /// The requests that it has applied since it started.
    applied: u128,
}

#[derive(Default)]
struct Client {
    waiting: Option<u32>,
    leader: usize,
}

/// The loop, which is reused for each run.
pub struct RaftLoop {
    logger: slog::Logger,
    queue: Queue<Event>,
    keys: Keys,
    now: Time,
    nodes: Vec<Node>,
    clients: Vec<Client>,
    asked: u32,
    /// The number of messages sent, which numbers them.
    sent: u64,
    crashed: bool,
}

impl RaftLoop {
    pub fn new() -> Self {
        RaftLoop {
            logger: slog::Logger::root(slog::Discard, slog::o!()),
            queue: Queue::default(),
            keys: Keys::new(0),
            now: 0,
            nodes: Vec::new(),
            clients: Vec::new(),
            asked: 0,
            sent: 0,
            crashed: false,
        }
    }

    fn start(&self, node: usize, storage: MemStorage) -> RawNode<MemStorage> {
        let config = Config {
            id: node as u64 + 1,
            election_tick: (w::LEADER_TIMEOUT / TICK) as usize,
            heartbeat_tick: (w::HEARTBEAT / TICK) as usize,
            max_size_per_msg: 1024 * 1024,
            max_inflight_msgs: 256,
            ..Config::default()
        };
        RawNode::new(&config, storage, &self.logger).expect("a valid configuration")
    }

    fn reset(&mut self, seed: u64) {
        self.queue.clear();
        self.keys = Keys::new(seed);
        (self.now, self.asked, self.sent, self.crashed) = (0, 0, 0, false);
        self.nodes.clear();
        let voters: Vec<u64> = (1..=u64::from(w::REPLICAS)).collect();
        for node in 0..usize::from(w::REPLICAS) {
            let storage = MemStorage::new_with_conf_state((voters.clone(), vec![]));
            let raft = Some(self.start(node, storage.clone()));
            self.nodes.push(Node { raft, storage, applied: 0 });
            self.queue.push(TICK, Event::Tick { node });
        }
        self.clients.clear();
        for client in 0..w::CLIENTS {
            self.clients.push(Client::default());
            self.think(client);
        }
        // The first leader is fixed, like the first primary of the reference protocol.
        self.node(0).campaign().expect("it is up");
        self.ready(0);
    }

    fn node(&mut self, node: usize) -> &mut RawNode<MemStorage> {
        self.nodes[node].raft.as_mut().expect("it is up")
    }

    fn think(&mut self, client: u16) {
        let pause = self.keys.uniform(Domain::Think, (client.into(), self.asked.into(), 0), 0, w::THINK_MAX);
        self.queue.push(self.now + pause, Event::Ask { client });
    }

    fn post(&mut self, event: Event) {
        self.sent += 1;
        let delay = self.keys.uniform(Domain::Delay, (self.sent, 0, 0), w::DELAY_MIN, w::DELAY_MAX);
        self.queue.push(self.now + delay, event);
    }

    fn dispatch(&mut self, event: Event) {
        match event {
            Event::Tick { node } => {
                self.queue.push(self.now + TICK, Event::Tick { node });
                if let Some(raft) = &mut self.nodes[node].raft {
                    raft.tick();
                    self.ready(node);
                }
            }
            Event::Message(message) => {
                let node = message.to as usize - 1;
                if let Some(raft) = &mut self.nodes[node].raft {
                    // The protocol rejects messages of an old term and similar ones.
                    let _ = raft.step(message);
                    self.ready(node);
                }
            }
            Event::Proposal { node, request } => {
                let Node { raft: Some(raft), applied, .. } = &mut self.nodes[node] else { return };
                if *applied >> request & 1 == 1 {
                    self.post(Event::Reply { request });
                } else if raft.raft.state == StateRole::Leader {
                    let mut data = vec![0; w::REQUEST_BYTES.into()];
                    data[..4].copy_from_slice(&request.to_le_bytes());
                    let _ = raft.propose(Vec::new(), data);
                    self.ready(node);
                }
            }
            Event::Reply { request } => {
                // Requests are numbered in the order in which clients send them, so a client that waits for a request
                // has sent it.
                let client = self.clients.iter().position(|client| client.waiting == Some(request));
                if let Some(client) = client {
                    self.clients[client].waiting = None;
                    self.think(client as u16);
                }
            }
            Event::Ask { client } => {
                if self.asked < w::REQUESTS {
                    let request = self.asked;
                    self.asked += 1;
                    self.clients[usize::from(client)].waiting = Some(request);
                    let node = self.clients[usize::from(client)].leader;
                    self.post(Event::Proposal { node, request });
                    self.queue.push(self.now + w::TIMEOUT, Event::Deadline { client, request });
                }
            }
            Event::Deadline { client, request } => {
                if self.clients[usize::from(client)].waiting == Some(request) {
                    for node in 0..self.nodes.len() {
                        self.post(Event::Proposal { node, request });
                    }
                    self.queue.push(self.now + w::TIMEOUT, Event::Deadline { client, request });
                }
            }
            Event::Restart { node } => {
                let storage = self.nodes[node].storage.clone();
                self.nodes[node].raft = Some(self.start(node, storage));
                self.ready(node);
            }
        }
    }

    /// Does what a node requests, in the order that the documentation of `RawNode` gives.
    fn ready(&mut self, node: usize) {
        while self.nodes[node].raft.as_ref().is_some_and(RawNode::has_ready) {
            let mut ready = self.node(node).ready();
            self.post_all(ready.take_messages());
            if !ready.snapshot().is_empty() {
                let snapshot = ready.snapshot().clone();
                self.nodes[node].storage.wl().apply_snapshot(snapshot).expect("a fitting snapshot");
            }
            self.apply(node, ready.take_committed_entries());
            {
                let mut storage = self.nodes[node].storage.wl();
                storage.append(ready.entries()).expect("fitting entries");
                if let Some(state) = ready.hs() {
                    storage.set_hardstate(state.clone());
                }
            }
            self.post_all(ready.take_persisted_messages());
            let mut rest = self.node(node).advance(ready);
            if let Some(commit) = rest.commit_index() {
                self.nodes[node].storage.wl().mut_hard_state().set_commit(commit);
            }
            self.post_all(rest.take_messages());
            self.apply(node, rest.take_committed_entries());
            self.node(node).advance_apply();
            if !self.crashed && node == 0 && self.nodes[node].applied.count_ones() >= w::CRASH_AT.into() {
                self.crashed = true;
                self.nodes[node].raft = None;
                self.nodes[node].applied = 0;
                self.queue.push(self.now + w::DOWN, Event::Restart { node });
            }
        }
    }

    fn post_all(&mut self, messages: Vec<Message>) {
        for message in messages {
            self.post(Event::Message(message));
        }
    }

    fn apply(&mut self, node: usize, entries: Vec<Entry>) {
        let leads = self.node(node).raft.state == StateRole::Leader;
        for entry in entries {
            // The entry with which a leader begins its term is empty.
            let Some(request) = entry.data.get(..4) else { continue };
            let request = u32::from_le_bytes(request.try_into().expect("4 bytes"));
            self.nodes[node].applied |= 1 << request;
            if leads {
                let client = self.clients.iter_mut().find(|client| client.waiting == Some(request));
                if let Some(client) = client {
                    client.leader = node;
                    self.post(Event::Reply { request });
                }
            }
        }
    }
}

impl Contender for RaftLoop {
    fn run(&mut self, seed: u64) -> u64 {
        self.reset(seed);
        let mut events = 0;
        while let Some((now, event)) = self.queue.pop() {
            self.now = now;
            events += 1;
            self.dispatch(event);
            if self.nodes.iter().all(|node| node.applied == ALL) {
                break;
            }
            assert!(events < EVENTS_MAX, "seed {seed}: it does not end");
        }
        assert!(self.crashed, "seed {seed}: the leader crashed");
        events
    }
}
