//! The configuration of a run: cluster, network, disks, clocks, workload. It is plain data and part of every `.kmb`
//! file, so it is checked (`Config::check`) before anything is built from it. `settings.rs` lists it by name.

use crate::base::ids::{CLIENTS_MAX, REPLICAS_MAX, ReplicaSet};
use crate::base::time::{MICROSECOND, MILLISECOND, SECOND, Time};

/// Sizes, quorums and timeouts of the cluster under test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// How many replicas there are, members of the cluster or not.
    pub replicas: u8,
    /// r: how many replicas must hold an entry durably before it is committed.
    pub replication_quorum: u8,
    /// v: how many DoViewChange messages a new view needs.
    pub view_change_quorum: u8,
    /// b: how many replicas may lie. Honest protocols run with 0.
    pub byzantine: u8,
    /// How many uncommitted entries a primary may have in its log.
    pub pipeline_max: u16,
    /// The largest payload of a request, in bytes.
    pub request_bytes_max: u16,
    /// How many entries a replica's log can hold.
    pub log_slots: u32,
    /// How often a primary that has nothing else to say tells its commit number.
    pub heartbeat: Time,
    /// How long a backup waits for its primary before it asks for the next view.
    pub view_change_timeout: Time,
    /// How often a replica asks the others for their time; 0: never, and commit timestamps merely count.
    pub clock_ping: Time,
    /// For how long answers are collected before the clocks are compared.
    pub clock_epoch: Time,
    /// How far off the true time a good clock may be.
    pub clock_tolerance: Time,
    /// How many client sessions the cluster keeps. Clients then register before they ask, and may be evicted; with 0 they
    /// name their sessions themselves, and none is ever evicted.
    pub sessions_max: u16,
    /// How many reads a second a replica's background scrubber may make; 0 switches it off.
    pub scrub_iops: u32,
    /// Within this time the scrubber has to have looked at everything once.
    pub scrub_tour_max: Time,
    /// How many requests for missing entries a replica may have under way.
    pub repair_credits: u16,
    /// How many entries it may ask for in one of them.
    pub repair_entries: u16,
    /// After this long without an answer such a request is no longer under way.
    pub repair_expiry: Time,
    /// At least one in so many such requests goes to the peer that was asked longest ago, however slow it was then.
    pub repair_explore: u16,
    /// A primary that has not heard of a replication quorum for this long steps down; 0 for never.
    pub abdicate_timeout: Time,
    /// A replica whose primary commits nothing for this long, although there is something to commit, wants another one;
    /// 0 for never.
    pub commit_stall_timeout: Time,
    /// How long the wish for a view counts; 0 for twice `view_change_timeout`.
    pub start_view_change_window: Time,
    /// After so many committed ops a replica writes a checkpoint of its state and drops the log before it; 0: never, and
    /// the log is whole.
    pub checkpoint_interval: u32,
    /// How long a replica that misses entries tries to get them one by one before it asks for a whole state.
    pub sync_timeout: Time,
    /// n: how many of the replicas, the first ones, are members from the start; the others are spares, which a
    /// reconfiguration may make members. 0: all of them are members, and stay so. Not with checkpoints.
    pub members: u8,
}

impl Cluster {
    /// n: how many replicas are members from the start.
    pub fn size(&self) -> u8 {
        if self.members == 0 { self.replicas } else { self.members }
    }

    /// The replicas that are members from the start.
    pub fn initial(&self) -> ReplicaSet {
        ReplicaSet::first(self.size())
    }

    /// Whether the members may change.
    pub fn reconfigures(&self) -> bool {
        self.members > 0
    }

    /// How many clocks have to agree on the time, so that a good one is always among them: any two such sets share more
    /// than the liars.
    pub fn clock_quorum(&self) -> usize {
        clock_quorum(self.replicas.into(), self.byzantine)
    }
}

/// See [`Cluster::clock_quorum`]; of so many clocks.
pub fn clock_quorum(clocks: u32, byzantine: u8) -> usize {
    (clocks + u32::from(byzantine)) as usize / 2 + 1
}

/// The network without faults. Delays are drawn uniformly from the range; shares are per million.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The shortest delay of a message.
    pub delay_min: Time,
    /// The longest delay of a message.
    pub delay_max: Time,
    /// Messages lost, per million.
    pub loss: u32,
    /// Messages delivered twice, per million.
    pub duplication: u32,
    /// Messages allowed to overtake earlier ones of the same link, per million.
    pub reordering: u32,
}

/// The disks without faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// The shortest time that a read or a sync takes.
    pub latency_min: Time,
    /// The longest time that a read or a sync takes.
    pub latency_max: Time,
}

/// The clocks without faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    /// A replica's wall clock starts up to this much before or after the true time.
    pub offset_max: Time,
    /// A replica's clocks run up to this much too slow or too fast, in parts per million.
    pub drift_max: u32,
    /// How often the time service sets each wall clock; 0: there is none.
    pub ntp_interval: Time,
    /// How far off the true time it may set it.
    pub ntp_error_max: Time,
}

/// What the clients do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// How many clients there are; each has one request under way at a time.
    pub clients: u16,
    /// How many requests all clients together issue.
    pub requests: u32,
    /// The payload of a request in bytes; at least `workload::OPERATION_BYTES`.
    pub request_bytes: u16,
    /// How many tenants share the cluster.
    pub tenants: u16,
    /// Reads among the requests, per million.
    pub reads: u32,
    /// The shortest pause of a client between an answer and its next request.
    pub think_min: Time,
    /// The longest pause of a client between an answer and its next request.
    pub think_max: Time,
    /// After this long without an answer a client sends its request again, to every replica.
    pub timeout: Time,
}

/// The whole effective configuration of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Replicas, quorums, timeouts.
    pub cluster: Cluster,
    /// The network without faults.
    pub network: Network,
    /// The disks without faults.
    pub disk: Disk,
    /// The clocks without faults.
    pub clock: Clock,
    /// The clients.
    pub workload: Workload,
    /// From this time on no fault is injected any more and all that are active end: the heal phase.
    pub heal_at: Time,
    /// How long after `heal_at` the cluster has to answer every request and to converge.
    pub heal_max: Time,
}

impl Default for Config {
    /// Three replicas that crash but do not lie, on a local network, with 40 small requests of three clients.
    fn default() -> Self {
        Config {
            cluster: Cluster {
                replicas: 3,
                replication_quorum: 2,
                view_change_quorum: 2,
                byzantine: 0,
                pipeline_max: 16,
                request_bytes_max: 96,
                log_slots: 1024,
                heartbeat: 40 * MILLISECOND,
                view_change_timeout: 200 * MILLISECOND,
                clock_ping: 0,
                clock_epoch: 150 * MILLISECOND,
                clock_tolerance: 10 * MILLISECOND,
                sessions_max: 0,
                scrub_iops: 0,
                scrub_tour_max: SECOND,
                repair_credits: 2,
                repair_entries: 16,
                repair_expiry: 60 * MILLISECOND,
                repair_explore: 16,
                abdicate_timeout: 0,
                commit_stall_timeout: 0,
                start_view_change_window: 0,
                checkpoint_interval: 0,
                sync_timeout: 150 * MILLISECOND,
                members: 0,
            },
            network: Network {
                delay_min: 500 * MICROSECOND,
                delay_max: 2 * MILLISECOND,
                loss: 0,
                duplication: 0,
                reordering: 0,
            },
            disk: Disk { latency_min: 100 * MICROSECOND, latency_max: 800 * MICROSECOND },
            clock: Clock { offset_max: 2 * MILLISECOND, drift_max: 50, ntp_interval: 0, ntp_error_max: MILLISECOND },
            workload: Workload {
                clients: 3,
                requests: 40,
                request_bytes: 64,
                tenants: 2,
                reads: 300_000,
                think_min: 5 * MILLISECOND,
                think_max: 60 * MILLISECOND,
                timeout: 300 * MILLISECOND,
            },
            heal_at: 3 * SECOND,
            heal_max: 20 * SECOND,
        }
    }
}

impl Config {
    /// Whether a run can be built from this configuration within bounded time and memory.
    ///
    /// # Errors
    /// One line that names the first setting that is out of its bounds.
    pub fn check(&self) -> Result<(), String> {
        let Cluster { replicas, replication_quorum, view_change_quorum, byzantine, .. } = self.cluster;
        let within = |name: &str, value: u64, min: u64, max: u64| {
            if (min..=max).contains(&value) {
                Ok(())
            } else {
                Err(format!("{name} is {value}; it must be between {min} and {max}"))
            }
        };
        let ordered = |name: &str, min: Time, max: Time| {
            if min <= max { Ok(()) } else { Err(format!("{name}: the minimum {min} is above the maximum {max}")) }
        };
        within("replicas", replicas.into(), 1, REPLICAS_MAX as u64)?;
        within("members", self.cluster.members.into(), 0, replicas.into())?;
        let members = self.cluster.size();
        within("replication_quorum", replication_quorum.into(), 1, members.into())?;
        within("view_change_quorum", view_change_quorum.into(), 1, members.into())?;
        within("byzantine", byzantine.into(), 0, u64::from(members) - 1)?;
        if replication_quorum + view_change_quorum <= members + 2 * byzantine {
            return Err(format!(
                "quorums: replication {replication_quorum} + view change {view_change_quorum} must be more than \
                 members {members} + twice the liars {byzantine}"
            ));
        }
        if byzantine > 0 && members < replicas {
            return Err(format!(
                "{members} of {replicas} replicas are members; where replicas may lie, all have to be"
            ));
        }
        within("pipeline_max", self.cluster.pipeline_max.into(), 1, 1024)?;
        within("request_bytes_max", self.cluster.request_bytes_max.into(), 32, 4096)?;
        within("log_slots", self.cluster.log_slots.into(), 8, 65_536)?;
        within("heartbeat", self.cluster.heartbeat, MILLISECOND, 10 * SECOND)?;
        within("view_change_timeout", self.cluster.view_change_timeout, MILLISECOND, 60 * SECOND)?;
        within("scrub_iops", self.cluster.scrub_iops.into(), 0, 10_000)?;
        within("scrub_tour_max", self.cluster.scrub_tour_max, MILLISECOND, 600 * SECOND)?;
        within("repair_credits", self.cluster.repair_credits.into(), 1, 64)?;
        within("repair_entries", self.cluster.repair_entries.into(), 1, 32)?;
        within("repair_expiry", self.cluster.repair_expiry, MILLISECOND, 60 * SECOND)?;
        within("repair_explore", self.cluster.repair_explore.into(), 1, 1024)?;
        within("abdicate_timeout", self.cluster.abdicate_timeout, 0, 60 * SECOND)?;
        within("commit_stall_timeout", self.cluster.commit_stall_timeout, 0, 60 * SECOND)?;
        within("start_view_change_window", self.cluster.start_view_change_window, 0, 60 * SECOND)?;
        let interval = u64::from(self.cluster.checkpoint_interval);
        if interval > 0 {
            within("checkpoint_interval", interval, 2, 16_384)?;
            // Two checkpoints may lie between the newest durable one and the commit number, and the pipeline beyond it.
            let needed = 2 * interval + u64::from(self.cluster.pipeline_max);
            within("log_slots", self.cluster.log_slots.into(), needed, 65_536)?;
            if byzantine > 0 {
                return Err("checkpoint_interval: checkpoints are only for clusters in which nobody lies".to_owned());
            }
            if self.cluster.reconfigures() {
                return Err("checkpoint_interval: a replica learns the members from a whole log".to_owned());
            }
            if self.cluster.scrub_iops > 0 {
                return Err("checkpoint_interval: the scrubber does not know checkpoints".to_owned());
            }
        }
        within("sync_timeout", self.cluster.sync_timeout, MILLISECOND, 60 * SECOND)?;
        within("delay_min", self.network.delay_min, 1, 10 * SECOND)?;
        within("delay_max", self.network.delay_max, 1, 10 * SECOND)?;
        ordered("network delay", self.network.delay_min, self.network.delay_max)?;
        within("loss", self.network.loss.into(), 0, 1_000_000)?;
        within("duplication", self.network.duplication.into(), 0, 1_000_000)?;
        within("reordering", self.network.reordering.into(), 0, 1_000_000)?;
        within("disk latency_min", self.disk.latency_min, 1, 10 * SECOND)?;
        within("disk latency_max", self.disk.latency_max, 1, 10 * SECOND)?;
        ordered("disk latency", self.disk.latency_min, self.disk.latency_max)?;
        within("clock offset_max", self.clock.offset_max, 0, 1000 * SECOND)?;
        within("clock drift_max", self.clock.drift_max.into(), 0, 100_000)?;
        within("clients", self.workload.clients.into(), 1, CLIENTS_MAX as u64)?;
        within("requests", self.workload.requests.into(), 1, 10_000)?;
        within(
            "request_bytes",
            self.workload.request_bytes.into(),
            crate::config::workload::OPERATION_BYTES as u64,
            self.cluster.request_bytes_max.into(),
        )?;
        within("tenants", self.workload.tenants.into(), 1, 1024)?;
        within("reads", self.workload.reads.into(), 0, 1_000_000)?;
        within("think_min", self.workload.think_min, 0, 60 * SECOND)?;
        within("think_max", self.workload.think_max, 0, 60 * SECOND)?;
        ordered("think time", self.workload.think_min, self.workload.think_max)?;
        within("client timeout", self.workload.timeout, MILLISECOND, 60 * SECOND)?;
        within("sessions_max", self.cluster.sessions_max.into(), 0, CLIENTS_MAX as u64)?;
        if self.cluster.sessions_max > 0 {
            // Each registration takes a place in the log, and a client's values tell only so many of its sessions apart.
            within("log_slots where clients register", self.cluster.log_slots.into(), 8, 2048)?;
        }
        within("heal_at", self.heal_at, 0, 600 * SECOND)?;
        within("heal_max", self.heal_max, MILLISECOND, 600 * SECOND)?;
        self.check_clocks()
    }

    /// What the promises about clocks rest on (`invariants/clocks/clock_offset_detection.rs`): epochs that see several answers, and
    /// that are short enough for drift to matter less than the tolerance.
    fn check_clocks(&self) -> Result<(), String> {
        let Cluster { clock_ping, clock_epoch, clock_tolerance, .. } = self.cluster;
        let Clock { ntp_interval, ntp_error_max, .. } = self.clock;
        for (name, value, max) in [
            ("clock_ping", clock_ping, clock_epoch / 4),
            ("clock_epoch", clock_epoch, 20 * clock_tolerance.min(SECOND)),
            ("clock_tolerance", clock_tolerance, SECOND),
            ("ntp_interval", ntp_interval, 600 * SECOND),
            ("ntp_error_max", ntp_error_max, 1000 * SECOND),
        ] {
            if value > max {
                return Err(format!("{name} is {value}; it must be at most {max}"));
            }
        }
        for (name, value) in [("clock_ping", clock_ping), ("ntp_interval", ntp_interval)] {
            if value != 0 && value < MILLISECOND {
                return Err(format!("{name} is {value}; it must be 0 or at least {MILLISECOND}"));
            }
        }
        Ok(())
    }
}
