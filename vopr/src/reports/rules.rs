//! What each invariant says, in a sentence: the first one of its file in `sim/src/invariants/`.

/// The sentence of an invariant.
pub(super) fn sentence(invariant: &str) -> Option<&'static str> {
    SENTENCES.iter().find(|(name, _)| *name == invariant).map(|(_, sentence)| *sentence)
}

const SENTENCES: &[(&str, &str)] = &[
    ("resource_limits", "Resource limits: what a correct replica holds stays bounded, whatever it is sent."),
    (
        "view_monotonic",
        "View monotonicity: within one life of a replica, from its start to its crash, its view never decreases.",
    ),
    (
        "vsr_agreement",
        "Agreement: no two correct replicas commit different entries at one op, and none takes back what it has committed.",
    ),
    (
        "vsr_prefix_property",
        "The prefix property: a replica commits its own log from the front, without gaps, and never more of it than it holds.",
    ),
    (
        "vsr_view_change_safety",
        "View change safety: what was committed in earlier views is in the log that a new view starts from.",
    ),
    (
        "vsr_recovery_safety",
        "Recovery safety: a replica that comes back from its disk still keeps every promise that it made before.",
    ),
    (
        "hash_chain",
        "The hash chain: every entry of a correct replica's log names the entry before it, down to the first, which names none.",
    ),
    ("log_consistency", "Log consistency: a replica's log is what it says, and one view prepares one entry at one op."),
    ("applied_position_monotonic", "Applied positions: a replica executes its committed log from the front, op by op."),
    ("tenant_isolation", "Tenant isolation: no tenant is ever shown a value of another one."),
    ("mvcc_visibility", "MVCC visibility: a read sees the newest version within its bound, and nothing beyond it."),
    (
        "kernel_command_validation",
        "Kernel command validation: only commands that the store accepts are committed and executed.",
    ),
    (
        "session_eviction",
        "Session eviction: where the cluster keeps the clients' sessions, all replicas keep the same ones, and a full table loses the one that was used least recently.",
    ),
    (
        "exactly_once",
        "Exactly once: a request takes effect at one op, however often it is sent, and every replica agrees on what came of it.",
    ),
    (
        "message_deduplication",
        "Message deduplication: however often the network delivers a request, it gets one place in the log.",
    ),
    (
        "linearizability",
        "Linearizability: the committed log is a sequential history of the store that explains every answer, in real time.",
    ),
    (
        "commit_timestamp_order",
        "Commit timestamps: strictly increasing along the committed log, and the same everywhere.",
    ),
    (
        "clock_offset_detection",
        "Clock offset detection: a replica whose clock is false does not hand out times, and those that are handed out are true.",
    ),
    ("scrub_completeness", "The scrubber's tours: who says that it has looked at everything has, and within its time."),
    ("scrub_rate", "The scrubber's budget: its reads never cost the rest of the replica more than they may."),
    ("scrub_repair", "From finding to repair: what a scrubber finds damaged is soon what it should be, and stays so."),
    (
        "corruption_detection",
        "Corruption is detected: a replica believes nothing that its disk did not hold rightly, and says what it has lost.",
    ),
    ("repair_budget", "Repair budget: however much a replica misses, its requests for it stay few and small."),
    (
        "repair_efficiency",
        "Repair efficiency: a replica that misses entries asks those peers that answer fast, and gives none up for ever.",
    ),
    (
        "needless_view_change",
        "Needless view changes: a cluster in which all is well stays in its view, and one replica alone does not end it.",
    ),
    (
        "primary_abdication",
        "Primary abdication: a primary that is cut off from its quorum does not lead on into the void.",
    ),
    (
        "availability",
        "Availability: while a quorum of replicas could serve the clients, it does, whatever is wrong with the others.",
    ),
    (
        "state_transfer",
        "State transfer: a state that stands for a part of the log is the state of the committed log, and loses nothing.",
    ),
    (
        "reconfiguration_safety",
        "Reconfiguration safety: while the members change, no two groups of replicas decide without each other.",
    ),
    ("durability", "Durability: what a client was told is never lost."),
    (
        "liveness",
        "Liveness: once all faults have ended, the cluster answers every request and converges within the time it is given.",
    ),
    ("no_panic", "No panic: a correct replica never panics, whatever it is sent and whatever its disk says."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_invariant_has_the_first_sentence_of_its_file() {
        assert_eq!(SENTENCES.len(), sim::invariants::NAMES.len());
        for name in sim::invariants::NAMES {
            let folders = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../sim/src/invariants")).unwrap();
            let files = folders.map(|folder| folder.unwrap().path().join(name).with_extension("rs"));
            let text = files.into_iter().find_map(|file| std::fs::read_to_string(file).ok()).unwrap();
            let lines = text.lines().map_while(|line| line.strip_prefix("//! "));
            let first = lines.collect::<Vec<_>>().join(" ");
            let sentence = sentence(name).unwrap();
            assert!(first.starts_with(sentence), "{name}: {first}");
        }
    }
}
