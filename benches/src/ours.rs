//! This simulator with its reference protocol: replicas, network, disks, clocks, clients, all invariants and coverage.

use sim::plan::{ActionKind, Target, Trigger, When};
use sim::{Action, Case, Config, ReplicaId, ReplicaSet, Verdict, World};
use vsr::Vsr;

use crate::Contender;
use crate::workload as w;

/// A world that is reused for each run, as a fuzzer does.
pub struct Ours {
    world: World<Vsr>,
    case: Case,
}

impl Ours {
    pub fn new() -> Self {
        let mut config = Config::default();
        config.cluster.replicas = w::REPLICAS;
        config.cluster.heartbeat = w::HEARTBEAT;
        config.cluster.view_change_timeout = w::LEADER_TIMEOUT;
        config.network.delay_min = w::DELAY_MIN;
        config.network.delay_max = w::DELAY_MAX;
        config.workload.clients = w::CLIENTS;
        config.workload.requests = w::REQUESTS;
        config.workload.request_bytes = w::REQUEST_BYTES;
        config.workload.think_min = 0;
        config.workload.think_max = w::THINK_MAX;
        config.workload.timeout = w::TIMEOUT;
        let crash = Action {
            when: When::After { watch: Trigger::Executed, replica: Some(ReplicaId(0)), count: w::CRASH_AT, delay: 0 },
            what: ActionKind::Crash { target: Target::Subject, down: w::DOWN },
        };
        let case = Case {
            system: "vsr".into(),
            scenario: "benchmark".into(),
            config,
            seed: 0,
            liars: ReplicaSet::default(),
            actions: vec![crash],
            bugs: Vec::new(),
            marks: Vec::new(),
        };
        case.check().expect("the case can be run");
        Ours { world: World::new(), case }
    }
}

impl Contender for Ours {
    fn run(&mut self, seed: u64) -> u64 {
        self.case.seed = seed;
        let outcome = self.world.run(&self.case, false);
        assert_eq!(outcome.verdict, Verdict::Passed, "seed {seed}");
        assert_eq!(outcome.actions_done, 1, "seed {seed}: the primary crashed");
        assert!(outcome.committed >= u64::from(w::REQUESTS), "seed {seed}: {} committed", outcome.committed);
        outcome.events
    }
}
