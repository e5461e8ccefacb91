//! The workload that all contenders run: 3 replicas; 4 clients in a closed loop, which send 100 requests of 64 bytes in
//! total and think for up to 1 ms after each answer. Messages take 0.5 to 2 ms. The primary crashes at the 50th
//! executed request and restarts 400 ms later. A client without an answer for 300 ms sends its request again, to all
//! replicas.

use sim::base::time::{MICROSECOND, MILLISECOND, Time};

/// The number of replicas.
pub const REPLICAS: u8 = 3;
/// The number of clients, each with one pending request.
pub const CLIENTS: u16 = 4;
/// The total number of requests.
pub const REQUESTS: u32 = 100;
/// The size of a request.
pub const REQUEST_BYTES: u16 = 64;
/// The number of executed requests at which the primary crashes.
pub const CRASH_AT: u8 = 50;
/// How long it is down.
pub const DOWN: Time = 400 * MILLISECOND;
/// The maximum pause of a client between an answer and its next request.
pub const THINK_MAX: Time = MILLISECOND;
/// How long a client waits for an answer.
pub const TIMEOUT: Time = 300 * MILLISECOND;
/// The minimum delay of a message.
pub const DELAY_MIN: Time = 500 * MICROSECOND;
/// The maximum delay of a message.
pub const DELAY_MAX: Time = 2 * MILLISECOND;
/// The interval of a leader's heartbeats.
pub const HEARTBEAT: Time = 40 * MILLISECOND;
/// The minimum time without a heartbeat after which a leader is replaced.
pub const LEADER_TIMEOUT: Time = 200 * MILLISECOND;
