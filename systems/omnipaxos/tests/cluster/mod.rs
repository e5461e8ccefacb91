//! A cluster of the crate alone, for the tests of the findings. It uses no simulator, host or adapter, only the
//! in-memory storage. Links are up or down. Messages on a link that is up arrive in order and at once.

#![allow(dead_code, reason = "not every version's tests need all of it")]

use std::collections::{BTreeMap, VecDeque};

use omnipaxos::messages::Message;
use omnipaxos::{ClusterConfig, OmniPaxosConfig, ServerConfig};

use crate::library::{self, Library};
use crate::store::{Command, Shared, Store};

const SIZE: u64 = 3;

/// The replicas by their ids, which begin with 1, and their storage. Stopped replicas are not included.
pub struct Cluster {
    pub replicas: BTreeMap<u64, Library>,
    stores: BTreeMap<u64, Shared>,
    first: u64,
    preferred: u32,
}

impl Cluster {
    /// Three replicas that have elected `leader`.
    pub fn led_by(leader: u64) -> Self {
        let mut cluster = Cluster { replicas: BTreeMap::new(), stores: BTreeMap::new(), first: leader, preferred: 1 };
        for pid in 1..=SIZE {
            cluster.start(pid, Store::default());
        }
        cluster.tick(20, all);
        cluster.assert_leads(leader);
        cluster
    }

    /// Starts a replica from the storage of its previous run, or a part of it.
    pub fn start(&mut self, pid: u64, store: Store) {
        let leader_priority = u32::from(pid == self.first);
        let store = Shared(std::rc::Rc::new(store.into()));
        let config = OmniPaxosConfig {
            cluster_config: ClusterConfig {
                configuration_id: 1,
                nodes: (1..=SIZE).collect(),
                ..ClusterConfig::default()
            },
            server_config: ServerConfig {
                pid,
                leader_priority,
                election_tick_timeout: 2,
                resend_message_tick_timeout: 5,
                ..ServerConfig::default()
            },
        };
        self.replicas.insert(pid, config.build(store.clone()).expect("a valid configuration"));
        self.stores.insert(pid, store);
    }

    /// Stops a replica and returns its storage.
    pub fn stop(&mut self, pid: u64) -> Store {
        self.replicas.remove(&pid).expect("it is up");
        self.store(pid)
    }

    pub fn store(&self, pid: u64) -> Store {
        self.stores[&pid].0.borrow().clone()
    }

    /// The log, one byte per entry.
    pub fn log(&self, pid: u64) -> Vec<u8> {
        self.store(pid).log.iter().map(|Command(bytes)| bytes[0]).collect()
    }

    pub fn decided(&self, pid: u64) -> u64 {
        self.store(pid).decided
    }

    /// Proposes entries of one byte each.
    pub fn append(&mut self, pid: u64, entries: &[u8]) {
        let replica = self.replicas.get_mut(&pid).expect("it is up");
        for entry in entries {
            assert!(replica.append(Command([*entry].as_slice().into())).is_ok(), "nothing is being reconfigured");
        }
    }

    /// Takes the messages that a replica sends.
    pub fn outgoing(&mut self, pid: u64) -> Vec<Message<Command>> {
        library::outgoing(self.replicas.get_mut(&pid).expect("it is up"))
    }

    /// Delivers all messages, and those that result from them, where the link is up.
    pub fn deliver(&mut self, up: impl Fn(u64, u64) -> bool) {
        loop {
            let pids: Vec<u64> = self.replicas.keys().copied().collect();
            let mut messages: VecDeque<_> = pids.into_iter().flat_map(|pid| self.outgoing(pid)).collect();
            if messages.is_empty() {
                return;
            }
            while let Some(message) = messages.pop_front() {
                let (from, to) = (message.get_sender(), message.get_receiver());
                if let Some(replica) = self.replicas.get_mut(&to).filter(|_| up(from, to)) {
                    replica.handle_incoming(message);
                }
            }
        }
    }

    /// Advances all replicas by `times` ticks. All messages arrive where the link is up.
    pub fn tick(&mut self, times: usize, up: impl Fn(u64, u64) -> bool) {
        for _ in 0..times {
            self.replicas.values_mut().for_each(Library::tick);
            self.deliver(&up);
        }
    }

    /// Makes this replica preferred as the next leader over all that were preferred before.
    pub fn prefer(&mut self, pid: u64) {
        self.preferred += 1;
        self.replicas.get_mut(&pid).expect("it is up").set_priority(self.preferred);
    }

    /// Asserts that this replica leads the running ones.
    pub fn assert_leads(&self, pid: u64) {
        for follower in self.replicas.keys() {
            let promise = self.store(*follower).promise.map(|ballot| ballot.pid);
            assert_eq!(promise, Some(pid), "{follower} follows");
        }
    }
}

/// Every link is up.
pub fn all(_: u64, _: u64) -> bool {
    true
}

/// No link of this replica is up.
pub fn without(pid: u64) -> impl Fn(u64, u64) -> bool {
    move |from, to| from != pid && to != pid
}
