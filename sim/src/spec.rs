//! The configuration of a run: cluster, network, disks, clocks, workload. It is plain data, travels whole inside every
//! `.kmb` file, and is therefore checked (`Config::check`) before anything is built from it. `settings.rs` lists it by name.

use crate::time::{MICROSECOND, MILLISECOND, SECOND, Time};

pub use crate::ids::{CLIENTS_MAX, ClientId, REPLICAS_MAX, ReplicaId, ReplicaSet};

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
    /// n: how many of the replicas, the first ones, are members from the start; the others are spares, which a
    /// reconfiguration may make members. 0: all of them are members.
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
            clock: Clock { offset_max: 2 * MILLISECOND, drift_max: 50 },
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
            crate::workload::OPERATION_BYTES as u64,
            self.cluster.request_bytes_max.into(),
        )?;
        within("tenants", self.workload.tenants.into(), 1, 1024)?;
        within("reads", self.workload.reads.into(), 0, 1_000_000)?;
        within("think_min", self.workload.think_min, 0, 60 * SECOND)?;
        within("think_max", self.workload.think_max, 0, 60 * SECOND)?;
        ordered("think time", self.workload.think_min, self.workload.think_max)?;
        within("client timeout", self.workload.timeout, MILLISECOND, 60 * SECOND)?;
        within("heal_at", self.heal_at, 0, 600 * SECOND)?;
        within("heal_max", self.heal_max, MILLISECOND, 600 * SECOND)
    }
}
