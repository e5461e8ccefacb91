//! The reference protocol under random plans: random bytes, decoded like a fuzzer's. Nothing that is owed may break,
//! and the cluster has to answer every request after it has healed.

use sim::{Action, Case, Config, ReplicaSet, Verdict, World};
use vsr::Vsr;

/// A random number generator (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }
}

fn actions(seed: u64) -> Vec<Action> {
    let mut random = Random(seed);
    let records = 1 + random.next() % 12;
    let bytes: Vec<u8> = (0..2 * records).flat_map(|_| random.next().to_le_bytes()).collect();
    sim::plan::codec::decode(&bytes).actions
}

fn config(replicas: u8, quorum: u8, byzantine: u8) -> Config {
    let mut config = Config::default();
    config.cluster.replicas = replicas;
    config.cluster.replication_quorum = quorum;
    config.cluster.view_change_quorum = quorum;
    config.cluster.byzantine = byzantine;
    config
}

fn check(config: &Config, seeds: std::ops::Range<u64>) {
    let mut world = World::<Vsr>::new();
    for seed in seeds {
        let liars = if config.cluster.byzantine > 0 { 1 << (seed % u64::from(config.cluster.replicas)) } else { 0 };
        let case = Case {
            system: "vsr".into(),
            scenario: "random".into(),
            config: config.clone(),
            seed,
            liars: ReplicaSet(liars),
            actions: actions(seed),
            bugs: Vec::new(),
            marks: Vec::new(),
        };
        let outcome = world.run(&case, false);
        assert_eq!(outcome.verdict, Verdict::Passed, "seed {seed}: {:#?}", case.actions);
    }
}

/// The same cluster, with clocks that are compared and, if `ntp_interval` is not 0, a time service.
fn with_clocks(config: Config, ntp_interval: sim::Time) -> Config {
    let mut config = config;
    config.cluster.clock_ping = 35 * sim::base::time::MILLISECOND;
    config.clock.ntp_interval = ntp_interval;
    config
}

/// The seeds that each test tries; more with `VOPR_SEEDS=100000`.
fn seeds() -> std::ops::Range<u64> {
    0..std::env::var("VOPR_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(300)
}

#[test]
fn three_replicas() {
    check(&config(3, 2, 0), seeds());
}

#[test]
fn replicas_that_compare_their_clocks() {
    check(&with_clocks(config(3, 2, 0), 0), seeds());
    check(&with_clocks(config(5, 3, 0), 250 * sim::base::time::MILLISECOND), seeds());
    check(&with_clocks(config(5, 4, 1), 250 * sim::base::time::MILLISECOND), seeds());
}

#[test]
fn five_replicas() {
    check(&config(5, 3, 0), seeds());
}

#[test]
fn five_replicas_one_of_them_a_liar() {
    check(&config(5, 4, 1), seeds());
}

#[test]
fn three_of_five_replicas_are_members_at_first() {
    let mut config = config(5, 2, 0);
    config.cluster.members = 3;
    check(&config, seeds());
}

/// A checkpoint every two ops, and the minimum number of log slots.
fn with_checkpoints(mut config: Config) -> Config {
    config.cluster.checkpoint_interval = 2;
    config.cluster.pipeline_max = 8;
    config.cluster.log_slots = 12;
    config
}

#[test]
fn three_replicas_with_checkpoints() {
    check(&with_checkpoints(config(3, 2, 0)), seeds());
}

#[test]
fn five_replicas_with_checkpoints() {
    check(&with_checkpoints(config(5, 3, 0)), seeds());
}

#[test]
fn three_replicas_with_scrubbers() {
    let mut config = config(3, 2, 0);
    config.cluster.scrub_iops = 100;
    check(&config, seeds());
}

/// Clocks and abdication depend on the membership as well; sessions do not.
#[test]
fn members_change_with_clocks_abdication_and_sessions() {
    let mut config = with_clocks(config(5, 2, 0), 0);
    config.cluster.members = 3;
    config.cluster.sessions_max = 8;
    config.cluster.abdicate_timeout = 5 * config.cluster.heartbeat;
    config.cluster.commit_stall_timeout = 6 * config.cluster.heartbeat;
    check(&config, seeds());
}

#[test]
fn checkpoints_and_membership_changes_exclude_each_other() {
    let mut config = with_checkpoints(config(5, 2, 0));
    config.cluster.members = 3;
    assert!(config.check().is_err());
}
