//! The findings in kimberlite-vsr 0.9.1. Each is shown with the crate alone, by messages that the test delivers,
//! without simulator and adapter.
//!
//! The tests assert what the crate does, not what it should do. A failure after an update of the crate means that a
//! finding was fixed. docs/findings explains each finding.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::time::Duration;

use kimberlite_crypto::verified::VerifiedSigningKey;
use kimberlite_kernel::Command;
use kimberlite_types::{DataClass, Generation, Offset, Placement, StreamId, StreamName};
use kimberlite_vsr::{
    ClientId, ClusterConfig, Message, MessagePayload, OpNumber, ReconfigCommand, ReplicaEvent, ReplicaId, ReplicaState,
    ReplicaStatus, TimeoutKind,
};

/// A cluster. The test delivers the messages that a replica sends.
struct Cluster {
    replicas: Vec<Option<ReplicaState>>,
}

impl Cluster {
    fn new(size: u8) -> Self {
        let config = ClusterConfig::new((0..size).map(ReplicaId::new).collect());
        let replica = |id| Some(ReplicaState::new(ReplicaId::new(id), config.clone()));
        Cluster { replicas: (0..size).map(replica).collect() }
    }

    fn at(&self, id: usize) -> &ReplicaState {
        self.replicas[id].as_ref().unwrap()
    }

    /// Lets a replica process an event, and then its messages to itself. Returns the messages to others.
    fn step(&mut self, id: usize, event: ReplicaEvent) -> Vec<Message> {
        let (state, output) = self.replicas[id].take().unwrap().process(event);
        self.replicas[id] = Some(state);
        let (own, mut sent): (Vec<_>, Vec<_>) =
            output.messages.into_iter().partition(|message| message.to == Some(ReplicaId::new(id as u8)));
        for message in own {
            sent.extend(self.step(id, ReplicaEvent::Message(Box::new(message))));
        }
        sent
    }

    fn timeout(&mut self, id: usize, kind: TimeoutKind) -> Vec<Message> {
        self.step(id, ReplicaEvent::Timeout(kind))
    }

    /// Delivers messages, and all messages that result, to these replicas only.
    fn deliver(&mut self, messages: Vec<Message>, among: &[usize]) {
        let mut waiting = std::collections::VecDeque::from(messages);
        while let Some(message) = waiting.pop_front() {
            for to in among.iter().copied() {
                let meant = message.to.is_none_or(|wanted| wanted.as_usize() == to);
                if meant && message.from.as_usize() != to {
                    waiting.extend(self.step(to, ReplicaEvent::Message(Box::new(message.clone()))));
                }
            }
        }
    }

    fn request(&mut self, id: usize, name: &str, number: u64) -> Vec<Message> {
        self.step(id, request(create(name), number))
    }

    /// A view change among these replicas, started by the first of them.
    fn change_view(&mut self, among: &[usize]) {
        let messages = self.timeout(among[0], TimeoutKind::Heartbeat);
        self.deliver(messages, among);
    }

    /// The names of the streams in a replica's kernel, in the order of their creation.
    fn names(&self, id: usize) -> Vec<String> {
        let streams = self.at(id).kernel_state().streams().values();
        let mut streams: Vec<_> = streams.map(|it| (it.stream_id, it.stream_name.as_str().to_owned())).collect();
        streams.sort();
        streams.into_iter().map(|(_, name)| name).collect()
    }

    fn numbers(&self, id: usize) -> (u64, u64, usize) {
        let state = self.at(id);
        (state.op_number().as_u64(), state.commit_number().as_u64(), state.log_len())
    }
}

fn create(name: &str) -> Command {
    Command::CreateStreamWithAutoId {
        stream_name: StreamName::new(name),
        data_class: DataClass::Public,
        placement: Placement::Global,
    }
}

fn request(command: Command, number: u64) -> ReplicaEvent {
    let (client_id, request_number) = (Some(ClientId::new(1)), Some(number));
    ReplicaEvent::ClientRequest { command, idempotency_id: None, client_id, request_number }
}

const ALL: &[usize] = &[0, 1, 2];

#[test]
fn a_cluster_commits_where_every_message_arrives() {
    let mut cluster = Cluster::new(3);
    for number in 1..=10 {
        let messages = cluster.request(0, "a", number);
        cluster.deliver(messages, ALL);
    }
    let messages = cluster.step(0, ReplicaEvent::Tick);
    cluster.deliver(messages, ALL);
    for id in 0..3 {
        assert_eq!(cluster.numbers(id), (10, 10, 10));
        assert_eq!(cluster.names(id).len(), 10);
    }
}

#[test]
fn a_new_leader_that_was_behind_forgets_what_was_committed() {
    let mut cluster = Cluster::new(3);
    // Replica 1 is cut off while the others commit three requests.
    for (number, name) in (1..).zip(["a", "b", "c"]) {
        let messages = cluster.request(0, name, number);
        cluster.deliver(messages, &[0, 2]);
    }
    assert_eq!((cluster.numbers(0), cluster.numbers(2)), ((3, 3, 3), (3, 3, 3)));
    // Then replica 0 is absent, and replica 1 is the next leader.
    cluster.change_view(&[2, 1]);
    assert!(cluster.at(1).is_acting_leader());
    assert_eq!(cluster.numbers(1), (0, 0, 0), "it leads with an empty log, from a vote that says: three are committed");
    let messages = cluster.request(1, "d", 4);
    cluster.deliver(messages, &[1, 2]);
    assert_eq!(
        cluster.numbers(1),
        (1, 1, 1),
        "and commits another request at op 1: replica 2 has an op 1 already, and agrees"
    );
    assert_eq!((cluster.names(1), cluster.names(2)), (vec!["d".into()], vec!["a".into(), "b".into(), "c".into()]));
}

#[test]
fn a_deposed_leader_commits_its_own_entry_in_the_place_of_the_committed_one() {
    let mut cluster = Cluster::new(3);
    // The first leader's request reaches no other replica. The others continue without it, and commit another one at op
    // 1.
    let _lost = cluster.request(0, "lost", 1);
    cluster.change_view(&[1, 2]);
    let messages = cluster.request(1, "kept", 2);
    cluster.deliver(messages, &[1, 2]);
    assert_eq!((cluster.names(1), cluster.names(2)), (vec!["kept".into()], vec!["kept".into()]));
    // A view change includes it again: the StartView of view 2 says that op 1 is committed, and contains no entry for
    // it.
    let messages = cluster.timeout(1, TimeoutKind::PrimaryAbdicate);
    cluster.deliver(messages, ALL);
    assert_eq!(cluster.at(0).view(), cluster.at(2).view());
    assert_eq!(cluster.at(0).status(), ReplicaStatus::Normal);
    assert_eq!(cluster.names(0), ["lost"], "it has committed what it had itself");
}

#[test]
fn a_state_transfer_appends_behind_entries_that_were_never_committed() {
    let mut cluster = Cluster::new(3);
    let _lost = cluster.request(0, "lost", 1);
    cluster.change_view(&[1, 2]);
    for (number, name) in (2..).zip(["b", "c"]) {
        let messages = cluster.request(1, name, number);
        cluster.deliver(messages, &[1, 2]);
    }
    // The heartbeat of the later view makes the old leader request a state.
    let messages = cluster.step(1, ReplicaEvent::Tick);
    cluster.deliver(messages, ALL);
    let entry = |op| cluster.at(0).log_entry(OpNumber::new(op)).unwrap().op_number.as_u64();
    assert_eq!(cluster.numbers(0), (2, 2, 3), "two ops, and three entries");
    assert_eq!((entry(1), entry(2), entry(3)), (1, 1, 2), "op 2 of its log is op 1");
    assert_eq!(cluster.names(0), ["lost", "b"], "so it has executed what was never committed, and not op 2");
}

#[test]
fn a_recovery_commits_without_executing() {
    let mut cluster = Cluster::new(3);
    cluster.step(2, ReplicaEvent::Crash);
    for (number, name) in (1..).zip(["a", "b"]) {
        let messages = cluster.request(0, name, number);
        cluster.deliver(messages, &[0, 1]);
    }
    let (state, output) = cluster.replicas[2].take().unwrap().start_recovery(Generation::INITIAL);
    cluster.replicas[2] = Some(state);
    cluster.deliver(output.messages, ALL);
    assert_eq!(cluster.numbers(2), (2, 2, 2));
    assert!(cluster.names(2).is_empty(), "its kernel has none of it");
    let messages = cluster.request(0, "c", 3);
    cluster.deliver(messages, ALL);
    assert_eq!((cluster.names(0).len(), cluster.names(2)), (3, vec!["c".into()]), "nor ever will");
}

#[test]
fn a_recovery_timeout_after_a_crash_begins_no_recovery() {
    let mut cluster = Cluster::new(3);
    cluster.step(2, ReplicaEvent::Crash);
    assert!(cluster.timeout(2, TimeoutKind::Recovery).is_empty(), "the documentation of Crash says that it would");
    assert!(cluster.at(2).is_recovering() && cluster.at(2).recovery_state().is_none());
}

#[test]
fn a_prepare_whose_answer_was_lost_is_never_answered_again() {
    let mut cluster = Cluster::new(3);
    let messages = cluster.request(0, "a", 1);
    // The backups have the entry, but all their answers are lost.
    for to in [1, 2] {
        assert_eq!(cluster.step(to, ReplicaEvent::Message(Box::new(messages[0].clone()))).len(), 1);
    }
    let again = cluster.timeout(0, TimeoutKind::Prepare(OpNumber::new(1)));
    assert!(matches!(again[0].payload, MessagePayload::Prepare(_)), "the leader says it again");
    for to in [1, 2] {
        let answer = cluster.step(to, ReplicaEvent::Message(Box::new(again[0].clone())));
        assert!(answer.is_empty(), "which is taken for an attack");
    }
    let messages = cluster.request(0, "b", 2);
    cluster.deliver(messages, ALL);
    assert_eq!(
        cluster.numbers(0),
        (2, 0, 2),
        "and nothing after it can be committed, though a later op has its quorum"
    );
}

#[test]
fn an_idle_leader_that_hears_of_everybody_steps_down() {
    let mut cluster = Cluster::new(3);
    let messages = cluster.request(0, "a", 1);
    cluster.deliver(messages, ALL);
    cluster.timeout(0, TimeoutKind::PrimaryAbdicate);
    assert_eq!(cluster.at(0).status(), ReplicaStatus::ViewChange);
}

#[test]
fn a_leader_that_is_cut_off_does_not_step_down() {
    let mut cluster = Cluster::new(3);
    let _lost = cluster.request(0, "a", 1);
    cluster.timeout(0, TimeoutKind::PrimaryAbdicate);
    assert!(cluster.at(0).is_acting_leader(), "its own vote counts twice");
}

#[test]
fn a_request_is_executed_again_by_the_next_leader() {
    let mut cluster = Cluster::new(3);
    let messages = cluster.request(0, "a", 1);
    cluster.deliver(messages, ALL);
    cluster.change_view(&[1, 2]);
    assert!(cluster.at(1).is_acting_leader());
    assert_eq!(cluster.names(1), ["a"]);
    // The client has not received the answer, and sends the request again.
    let messages = cluster.request(1, "a", 1);
    cluster.deliver(messages, &[1, 2]);
    assert_eq!(cluster.names(1), ["a", "a"]);
}

#[test]
fn a_request_that_is_repeated_before_it_is_committed_panics_the_leader() {
    let mut cluster = Cluster::new(3);
    let mut messages = cluster.request(0, "a", 1);
    messages.extend(cluster.request(0, "a", 1));
    let panic = catch_unwind(AssertUnwindSafe(|| cluster.deliver(messages, ALL))).unwrap_err();
    assert!(panic.downcast_ref::<String>().unwrap().contains("duplicate commit"));
}

#[test]
fn a_leader_that_restarts_after_it_has_committed_panics() {
    let mut cluster = Cluster::new(3);
    let prepares = cluster.request(0, "a", 1);
    let answers = cluster.step(1, ReplicaEvent::Message(Box::new(prepares[0].clone())));
    // The leader commits, and crashes before any other replica learns of it.
    let _lost = cluster.step(0, ReplicaEvent::Message(Box::new(answers[0].clone())));
    assert_eq!(cluster.numbers(0), (1, 1, 1));
    cluster.step(0, ReplicaEvent::Crash);
    let (state, output) = cluster.replicas[0].take().unwrap().start_recovery(Generation::INITIAL);
    cluster.replicas[0] = Some(state);
    let panic = catch_unwind(AssertUnwindSafe(|| cluster.deliver(output.messages, ALL))).unwrap_err();
    assert!(panic.downcast_ref::<String>().unwrap().contains("RecoveryPreservesCommits"));
}

/// Replica 1 restarts while the others change to view 1, whose leader it is.
fn recovered_into_a_view_change() -> Cluster {
    let mut cluster = Cluster::new(3);
    let prepares = cluster.request(0, "a", 1);
    let _lost = cluster.step(2, ReplicaEvent::Message(Box::new(prepares[0].clone())));
    cluster.step(1, ReplicaEvent::Crash);
    cluster.change_view(&[2, 0]);
    assert_eq!(
        (cluster.at(0).status(), cluster.at(2).status()),
        (ReplicaStatus::ViewChange, ReplicaStatus::ViewChange)
    );
    let (state, output) = cluster.replicas[1].take().unwrap().start_recovery(Generation::INITIAL);
    cluster.replicas[1] = Some(state);
    cluster.deliver(output.messages, ALL);
    cluster
}

#[test]
fn a_recovered_replica_leads_a_view_that_nobody_has_started() {
    let cluster = recovered_into_a_view_change();
    assert!(cluster.at(1).is_acting_leader(), "without a single vote");
    assert_eq!(cluster.numbers(1), (1, 0, 1));
}

#[test]
fn a_leader_that_repeats_an_entry_of_an_earlier_view_panics() {
    let mut cluster = recovered_into_a_view_change();
    let repeat = || cluster.timeout(1, TimeoutKind::Prepare(OpNumber::new(1)));
    let panic = catch_unwind(AssertUnwindSafe(repeat)).unwrap_err();
    assert!(panic.downcast_ref::<String>().unwrap().contains("entry view must match message view"));
}

#[test]
fn a_replica_acknowledges_an_entry_that_it_does_not_have() {
    let mut cluster = Cluster::new(3);
    let _lost = cluster.request(0, "lost", 1);
    cluster.change_view(&[1, 2]);
    // The StartView of view 2 ends before op 1, and the old leader keeps its entry there.
    let messages = cluster.timeout(1, TimeoutKind::PrimaryAbdicate);
    cluster.deliver(messages, ALL);
    assert_eq!((cluster.numbers(0), cluster.numbers(2)), ((1, 0, 1), (0, 0, 0)));
    // Then its acknowledgement of op 1 commits another entry.
    let messages = cluster.request(2, "kept", 2);
    cluster.deliver(messages, &[0, 2]);
    assert_eq!((cluster.names(2), cluster.names(0)), (vec!["kept".into()], vec!["lost".into()]));
}

#[test]
fn a_new_leader_commits_what_no_majority_holds() {
    let mut cluster = Cluster::new(5);
    let _lost = cluster.request(0, "a", 1);
    // The votes of three replicas reach replica 1. Its StartView reaches no other replica.
    let begin = cluster.timeout(0, TimeoutKind::Heartbeat);
    assert!(begin.is_empty(), "a leader has no heartbeat timeout");
    let mut messages = cluster.timeout(2, TimeoutKind::Heartbeat);
    let mut started = Vec::new();
    while let Some(message) = messages.pop() {
        for to in [0, 1, 2].into_iter().filter(|to| message.from.as_usize() != *to) {
            if message.to.is_none_or(|wanted| wanted.as_usize() == to) {
                for said in cluster.step(to, ReplicaEvent::Message(Box::new(message.clone()))) {
                    let list =
                        if matches!(said.payload, MessagePayload::StartView(_)) { &mut started } else { &mut messages };
                    list.push(said);
                }
            }
        }
    }
    assert_eq!(started.len(), 1, "view 1 has started");
    assert_eq!(cluster.numbers(1), (1, 1, 1), "and op 1 is committed there, executed and answered");
    let holders = (0..5).filter(|id| cluster.numbers(*id).2 > 0).count();
    assert_eq!(holders, 2, "two of five have it");
}

#[test]
fn a_repair_commits_an_entry_of_another_view() {
    // A replica chooses at random which peer it asks. Repeat until it is the old leader.
    for _ in 0..200 {
        let mut cluster = Cluster::new(3);
        let _lost = cluster.request(0, "lost", 1);
        cluster.change_view(&[1, 2]);
        // Replica 2 misses the first entry of view 1, and requests it when it receives the second.
        let _missed = cluster.request(1, "kept", 2);
        let messages = cluster.request(1, "b", 3);
        let asked = cluster.step(2, ReplicaEvent::Message(Box::new(messages[0].clone())));
        if asked[0].to == Some(ReplicaId::new(0)) {
            cluster.deliver(asked, &[0, 2]);
            assert_eq!(cluster.numbers(2), (1, 1, 1));
            assert_eq!(cluster.names(2), ["lost"], "which was prepared in view 0, and never committed");
            return;
        }
    }
    panic!("it never asked the old leader");
}

#[test]
fn a_late_vote_ends_the_view_that_it_was_for() {
    let mut cluster = Cluster::new(3);
    let votes = cluster.timeout(1, TimeoutKind::Heartbeat);
    cluster.deliver(votes.clone(), &[1, 2]);
    assert!(cluster.at(1).is_acting_leader() && cluster.at(1).view().as_u64() == 1);
    // Replica 0 receives the vote for view 1 later, and votes for it as well.
    let late = cluster.step(0, ReplicaEvent::Message(Box::new(votes[0].clone())));
    assert!(matches!(late[0].payload, MessagePayload::StartViewChange(_)));
    cluster.step(1, ReplicaEvent::Message(Box::new(late[0].clone())));
    assert_eq!((cluster.at(1).view().as_u64(), cluster.at(1).status()), (2, ReplicaStatus::ViewChange));
}

#[test]
fn a_recovery_leads_back_to_a_lower_view() {
    let mut cluster = Cluster::new(3);
    let _lost = cluster.timeout(2, TimeoutKind::Heartbeat);
    cluster.step(2, ReplicaEvent::Crash);
    assert_eq!(cluster.at(2).view().as_u64(), 1, "a crash leaves it its view");
    let (state, output) = cluster.replicas[2].take().unwrap().start_recovery(Generation::INITIAL);
    cluster.replicas[2] = Some(state);
    cluster.deliver(output.messages, ALL);
    assert_eq!((cluster.at(2).view().as_u64(), cluster.at(2).status()), (0, ReplicaStatus::Normal));
}

#[test]
fn a_backup_that_missed_the_last_prepare_does_not_ask_for_it() {
    let mut cluster = Cluster::new(3);
    let messages = cluster.request(0, "a", 1);
    cluster.deliver(messages, &[0, 1]);
    for _ in 0..3 {
        let messages = cluster.step(0, ReplicaEvent::Tick);
        cluster.deliver(messages, ALL);
    }
    assert_eq!(cluster.numbers(2), (0, 0, 0), "every heartbeat says that op 1 is committed");
    assert!(!cluster.at(2).is_repairing());
}

#[test]
fn a_deposed_leader_that_lacks_nothing_stays_in_its_view() {
    let mut cluster = Cluster::new(3);
    let messages = cluster.request(0, "a", 1);
    cluster.deliver(messages, ALL);
    let messages = cluster.step(0, ReplicaEvent::Tick);
    cluster.deliver(messages, ALL);
    // Replica 0 is cut off while the others change views, and then hears from the new leader.
    cluster.change_view(&[2, 1]);
    for _ in 0..100 {
        let messages = cluster.step(1, ReplicaEvent::Tick);
        cluster.deliver(messages, ALL);
    }
    assert_eq!((cluster.at(1).view().as_u64(), cluster.at(0).view().as_u64()), (1, 0));
    assert!(cluster.at(0).is_acting_leader(), "it asks for a state, and nobody has a newer one to send");
    // The next commit ends this.
    let messages = cluster.request(1, "b", 2);
    cluster.deliver(messages, ALL);
    let messages = cluster.step(1, ReplicaEvent::Tick);
    cluster.deliver(messages, ALL);
    assert_eq!(cluster.at(0).view().as_u64(), 1);
}

/// Whether `event` at the leader, and the backups' answers, are processed within two seconds. If not, a thread is left
/// behind that ends with the process.
fn ends(event: ReplicaEvent) -> bool {
    let (done, wait) = channel();
    std::thread::spawn(move || {
        let mut cluster = Cluster::new(3);
        let messages = cluster.step(0, event);
        cluster.deliver(messages, ALL);
        done.send(())
    });
    wait.recv_timeout(Duration::from_secs(2)).is_ok()
}

#[test]
fn a_command_that_the_kernel_refuses_keeps_the_leader_in_an_endless_loop() {
    assert!(ends(request(create("a"), 1)));
    let (stream_id, expected_offset) = (StreamId::new(99), Offset::ZERO);
    assert!(!ends(request(Command::AppendBatch { stream_id, events: Vec::new(), expected_offset }, 1)));
    // A reconfiguration appends such a command to the log, for a stream 0 that does not exist.
    let (add, remove) = (Vec::new(), vec![ReplicaId::new(1), ReplicaId::new(2)]);
    assert!(!ends(ReplicaEvent::ReconfigCommand(ReconfigCommand::Replace { add, remove })));
}

/// Whether a replica that recovers, and then scrubs its log, is done within two seconds, if one of the two replicas
/// that answer it claims this op number.
fn scrubs_after(claimed: u64) -> bool {
    let (done, wait) = channel();
    std::thread::spawn(move || {
        let mut cluster = Cluster::new(3);
        let messages = cluster.request(0, "a", 1);
        cluster.deliver(messages, ALL);
        cluster.step(2, ReplicaEvent::Crash);
        let (state, output) = cluster.replicas[2].take().unwrap().start_recovery(Generation::INITIAL);
        cluster.replicas[2] = Some(state);
        let mut answers = Vec::new();
        for (id, message) in [0, 1].into_iter().flat_map(|id| output.messages.iter().map(move |it| (id, it.clone()))) {
            answers.extend(cluster.step(id, ReplicaEvent::Message(Box::new(message))));
        }
        let lied = answers.iter_mut().find(|answer| answer.from == ReplicaId::new(1)).unwrap();
        let MessagePayload::RecoveryResponse(answer) = &mut lied.payload else { panic!("it answers a recovery") };
        answer.op_number = OpNumber::new(claimed);
        // Signed with its own key: the crate derives the keys for tests from the replica's number.
        let mut seed = [0; 32];
        seed[..9].copy_from_slice(b"\x01kimbrlte");
        *lied = lied.clone().sign(&VerifiedSigningKey::from_bytes(&seed));
        cluster.deliver(answers, &[2]);
        assert_eq!(cluster.at(2).op_number().as_u64(), claimed);
        cluster.timeout(2, TimeoutKind::Scrub);
        done.send(())
    });
    wait.recv_timeout(Duration::from_secs(2)).is_ok()
}

#[test]
fn a_false_op_number_keeps_the_scrubber_of_who_recovers_busy_for_ever() {
    assert!(scrubs_after(1));
    assert!(!scrubs_after(1 << 40));
}
