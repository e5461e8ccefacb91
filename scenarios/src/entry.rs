//! A row of a phase's table, and the configurations that several scenarios share.

use sim::base::time::MILLISECOND;
use sim::config::spec::{Cluster, Workload};
use sim::{Action, Config, Mark};

use crate::palette::Palette;
use crate::script::Setup;

/// A scenario as its phase's table states it.
pub struct Entry {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its purpose, in one sentence.
    pub description: &'static str,
    /// Its faults, in words.
    pub faults: &'static str,
    /// The invariants that it targets.
    pub invariants: &'static [&'static str],
    /// The cluster, network, disks, clocks and workload.
    pub config: fn() -> Config,
    /// The faults and lies that may be added to its own.
    pub palette: Palette,
    /// Its own faults.
    pub baseline: fn(&mut Setup<'_>) -> Vec<Action>,
    /// What a run has to show; otherwise it is vacuous.
    pub marks: &'static [Mark],
}

/// Three replicas that may crash and do not lie. The clients are busy for at least the first second.
pub fn crash_config() -> Config {
    let config = Config::default();
    Config {
        workload: Workload {
            clients: 3,
            requests: 45,
            think_min: 5 * MILLISECOND,
            think_max: 110 * MILLISECOND,
            ..config.workload
        },
        heal_at: 2000 * MILLISECOND,
        ..config
    }
}

/// Five replicas that may crash and do not lie. Two may be absent.
pub fn five_config() -> Config {
    let config = crash_config();
    Config {
        cluster: Cluster { replicas: 5, replication_quorum: 3, view_change_quorum: 3, ..config.cluster },
        ..config
    }
}

/// The same, with a checkpoint every `interval` ops, and four times as many log slots plus the pipeline.
pub fn with_checkpoints(config: Config, interval: u32) -> Config {
    let log_slots = 4 * interval + u32::from(config.cluster.pipeline_max);
    Config { cluster: Cluster { checkpoint_interval: interval, log_slots, ..config.cluster }, ..config }
}

/// Three replicas whose scrubbers read everything several times while the clients are busy.
pub fn scrub_config() -> Config {
    let config = crash_config();
    Config {
        cluster: Cluster { scrub_iops: 100, scrub_tour_max: 600 * MILLISECOND, ..config.cluster },
        workload: Workload { think_max: 220 * MILLISECOND, ..config.workload },
        heal_at: 3000 * MILLISECOND,
        ..config
    }
}

/// Five replicas of which one may lie, with the quorums that this needs. The timeouts of replicas and clients are
/// short, so that the liar soon becomes the primary, and each primary has requests to process.
pub fn byzantine_config() -> Config {
    let config = crash_config();
    Config {
        cluster: Cluster {
            replicas: 5,
            replication_quorum: 4,
            view_change_quorum: 4,
            byzantine: 1,
            heartbeat: 30 * MILLISECOND,
            view_change_timeout: 120 * MILLISECOND,
            ..config.cluster
        },
        workload: Workload { requests: 50, think_max: 140 * MILLISECOND, timeout: 90 * MILLISECOND, ..config.workload },
        heal_at: 2600 * MILLISECOND,
        ..config
    }
}
