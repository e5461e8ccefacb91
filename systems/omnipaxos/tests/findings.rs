//! The findings in omnipaxos 0.2.4, each shown with the crate alone, and tests that it no longer has those of earlier
//! versions.
//!
//! The tests assert what the crate does, not what it should do. A failure after an update of the crate means that a
//! finding was fixed. docs/findings/omnipaxos.md explains each finding.

mod cluster;

use std::collections::VecDeque;

use omnipaxos::messages::Message;
use omnipaxos::messages::sequence_paxos::PaxosMsg;
use omnipaxos_system::{library, store};

use crate::cluster::{Cluster, all, without};
use crate::store::Command;

#[test]
fn a_leader_leaves_no_gap_in_the_shorter_log_of_a_follower_any_more() {
    let mut cluster = Cluster::led_by(3);
    cluster.append(3, b"a");
    cluster.tick(5, all);
    cluster.append(3, b"bc");
    cluster.tick(2, without(1));
    cluster.stop(3);
    cluster.tick(20, all);
    cluster.assert_leads(2);
    cluster.append(2, b"d");
    cluster.tick(5, all);
    assert_eq!((cluster.log(2), cluster.log(1)), (b"abcd".to_vec(), b"abcd".to_vec()));
}

#[test]
fn a_new_leader_replaces_what_it_should_replace() {
    let mut cluster = Cluster::led_by(1);
    cluster.append(1, b"x");
    // The others elect another leader.
    cluster.tick(20, without(1));
    cluster.append(3, b"abc");
    cluster.tick(5, without(1));
    assert_eq!((cluster.log(1), cluster.log(2)), (b"x".to_vec(), b"abc".to_vec()));
    // Replica 1 receives replica 3's heartbeats, but no request for a promise yet.
    cluster.tick(4, all);
    assert_eq!(cluster.log(1), b"x");
    cluster.stop(3);
    cluster.tick(40, all);
    cluster.assert_leads(1);
    assert_eq!((cluster.log(1), cluster.decided(1)), (b"abc".to_vec(), 3));
}

#[test]
fn an_acceptsync_is_one_transaction() {
    let mut cluster = Cluster::led_by(2);
    cluster.append(2, b"a");
    cluster.tick(5, all);
    cluster.append(2, b"bc");
    cluster.tick(2, without(3));
    cluster.stop(2);
    cluster.prefer(1);
    let before = cluster.store(3).written.len();
    cluster.tick(20, all);
    cluster.assert_leads(1);
    let written = cluster.stop(3).written;
    let sync = written[before..].iter().find(|ops| ops.iter().any(|op| matches!(op, store::Op::Replace(..))));
    assert_eq!(sync.map(Vec::len), Some(3), "round, decided index and log: {sync:?}");
}

#[test]
fn a_replica_that_crashes_with_a_promise_to_itself_takes_no_part_until_there_is_another_leader() {
    let mut cluster = Cluster::led_by(2);
    cluster.append(2, b"a");
    cluster.tick(5, all);

    // The leader stops, so the others elect another one. Replica 3 promises its own ballot, and crashes before another
    // replica learns of it.
    let second = cluster.stop(2);
    let mut promised = false;
    for _ in 0..100 {
        cluster.replicas.values_mut().for_each(library::Library::tick);
        promised = cluster.store(3).promise.is_some_and(|promise| promise.pid == 3);
        if promised {
            break;
        }
        cluster.deliver(all);
    }
    assert!(promised);
    let third = cluster.stop(3);
    cluster.start(2, second);
    cluster.tick(100, all);
    let leader = cluster.store(1).promise.expect("they have one").pid;
    cluster.assert_leads(leader);

    // After a restart, with every link up for 10,000 ticks, it does not follow.
    cluster.start(3, third);
    cluster.append(leader, b"b");
    cluster.tick(10_000, all);
    assert_eq!((cluster.decided(1), cluster.decided(2), cluster.decided(3)), (2, 2, 1));
    assert_eq!(cluster.store(3).promise.map(|promise| promise.pid), Some(3));

    // This lasts until the others elect a leader again.
    let store = cluster.stop(leader);
    cluster.tick(100, all);
    cluster.start(leader, store);
    cluster.tick(100, all);
    assert_eq!((cluster.decided(1), cluster.decided(2), cluster.decided(3)), (2, 2, 2));
}

/// Replica 3 leads. Replica 1 lost its connection to it three times. Messages between these two are in order, but late.
struct Late {
    cluster: Cluster,
    /// The messages of the leader to the follower, in order.
    coming: VecDeque<Message<Command>>,
    /// The messages of the follower to the leader.
    going: VecDeque<Message<Command>>,
}

impl Late {
    /// Collects the messages of the two. Messages between the leader and replica 2 are delivered at once.
    fn collect(&mut self) {
        loop {
            let said: Vec<_> = [1, 2, 3].into_iter().flat_map(|pid| self.cluster.outgoing(pid)).collect();
            if said.is_empty() {
                return;
            }
            for message in said {
                match (message.get_sender(), message.get_receiver()) {
                    (3, 1) => self.coming.push_back(message),
                    (1, 3) => self.going.push_back(message),
                    (_, to) => self.cluster.replicas.get_mut(&to).expect("it is up").handle_incoming(message),
                }
            }
        }
    }

    fn lose_connection(&mut self) {
        self.cluster.replicas.get_mut(&1).expect("it is up").reconnected(3);
        self.collect();
    }

    /// Delivers the next message, which must be of this kind.
    fn arrives(&mut self, to: u64, kind: fn(&PaxosMsg<Command>) -> bool) {
        let queue = if to == 1 { &mut self.coming } else { &mut self.going };
        let message = queue.pop_front().expect("something was said");
        match &message {
            Message::SequencePaxos(paxos) => assert!(kind(&paxos.msg), "{message:?}"),
            Message::BLE(_) => panic!("{message:?}"),
        }
        self.cluster.replicas.get_mut(&to).expect("it is up").handle_incoming(message);
        self.collect();
    }

    /// Replica 3 leads, with an entry that all have decided. Replica 1 lost its connection, requested to be prepared
    /// twice, and lost the connection again before the second Prepare. So it promised twice, and the second promise
    /// arrives after its third request.
    fn new() -> Self {
        let mut cluster = Cluster::led_by(3);
        cluster.append(3, b"a");
        cluster.tick(5, all);
        let mut late = Late { cluster, coming: VecDeque::new(), going: VecDeque::new() };
        late.lose_connection();
        late.lose_connection();
        for _ in 0..2 {
            late.arrives(3, |message| matches!(message, PaxosMsg::PrepareReq(_)));
        }
        late.arrives(1, |message| matches!(message, PaxosMsg::Prepare(_)));
        late.lose_connection();
        late.arrives(1, |message| matches!(message, PaxosMsg::Prepare(_)));
        late.arrives(3, |message| matches!(message, PaxosMsg::Promise(_)));
        late
    }
}

#[test]
fn a_follower_ignores_the_answer_to_its_second_promise() {
    let mut late = Late::new();
    late.arrives(3, |message| matches!(message, PaxosMsg::PrepareReq(_)));
    // The follower is not informed of this entry, because it is being prepared.
    late.cluster.append(3, b"b");
    late.collect();
    assert_eq!((late.cluster.decided(3), late.cluster.decided(2)), (2, 2));
    late.arrives(3, |message| matches!(message, PaxosMsg::Promise(_)));
    late.arrives(1, |message| matches!(message, PaxosMsg::AcceptSync(_)));
    late.arrives(1, |message| matches!(message, PaxosMsg::Prepare(_)));
    late.arrives(1, |message| matches!(message, PaxosMsg::AcceptSync(sync) if sync.decided_idx == 2));
    let Late { mut cluster, coming, going } = late;
    assert!(coming.is_empty());
    for message in going {
        cluster.replicas.get_mut(&3).expect("it is up").handle_incoming(message);
    }

    // Every link is up for 10,000 ticks, and it does not get the second entry.
    cluster.tick(10_000, all);
    assert_eq!((cluster.log(3), cluster.log(1)), (b"ab".to_vec(), b"a".to_vec()));

    // This lasts until there is another entry.
    cluster.append(3, b"c");
    cluster.tick(20, all);
    assert_eq!((cluster.log(1), cluster.decided(1)), (b"abc".to_vec(), 3));
}

/// With debug assertions of the crate, the last message panics: "log sync from 1 would overwrite decided entries up to
/// 2".
#[test]
fn an_acceptsync_may_begin_below_what_is_decided_and_does_no_harm() {
    let mut late = Late::new();
    late.cluster.append(3, b"b");
    late.collect();
    late.arrives(1, |message| matches!(message, PaxosMsg::AcceptSync(_)));
    late.arrives(1, |message| matches!(message, PaxosMsg::AcceptDecide(_)));
    late.arrives(1, |message| matches!(message, PaxosMsg::Decide(_)));
    assert_eq!(late.cluster.decided(1), 2);
    late.lose_connection();
    late.arrives(3, |message| matches!(message, PaxosMsg::PrepareReq(_)));
    late.arrives(3, |message| matches!(message, PaxosMsg::Promise(_)));
    late.arrives(1, |message| matches!(message, PaxosMsg::Prepare(_)));
    late.arrives(1, |message| matches!(message, PaxosMsg::AcceptSync(sync) if sync.log_sync.sync_idx == 1));
    assert_eq!((late.cluster.log(1), late.cluster.decided(1)), (b"ab".to_vec(), 2));
}
