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
    /// What it is for, in one sentence.
    pub description: &'static str,
    /// Its faults, in words.
    pub faults: &'static str,
    /// The invariants that it is there for.
    pub invariants: &'static [&'static str],
    /// The cluster, network, disks, clocks and workload.
    pub config: fn() -> Config,
    /// The faults and lies that may be laid over its own.
    pub palette: Palette,
    /// Its own faults.
    pub baseline: fn(&mut Setup<'_>) -> Vec<Action>,
    /// What a run of it has to show.
    pub marks: &'static [Mark],
}

/// Three replicas that crash and do not lie; the clients are busy for the first second or more.
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

/// Five replicas that crash and do not lie: two may be away.
pub fn five_config() -> Config {
    let config = crash_config();
    Config {
        cluster: Cluster { replicas: 5, replication_quorum: 3, view_change_quorum: 3, ..config.cluster },
        ..config
    }
}

/// The same, with a checkpoint every so many ops, and a log of a few times as many places.
pub fn with_checkpoints(config: Config, interval: u32) -> Config {
    let log_slots = 4 * interval + u32::from(config.cluster.pipeline_max);
    Config { cluster: Cluster { checkpoint_interval: interval, log_slots, ..config.cluster }, ..config }
}

/// Three replicas whose scrubbers look at everything several times while the clients are busy.
pub fn scrub_config() -> Config {
    let config = crash_config();
    Config {
        cluster: Cluster { scrub_iops: 100, scrub_tour_max: 600 * MILLISECOND, ..config.cluster },
        workload: Workload { think_max: 220 * MILLISECOND, ..config.workload },
        heal_at: 3000 * MILLISECOND,
        ..config
    }
}

/// Five replicas of which one may lie, with the quorums that this needs. Replicas and clients lose patience sooner, so that
/// it is soon the liar's turn, and each primary has something to do.
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
