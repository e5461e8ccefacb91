//! The workload that all contenders run: 3 replicas; 4 clients in a closed loop, who ask 100 requests of 64 bytes and think
//! for up to 1 ms after each answer; messages take 0.5 to 2 ms. The primary crashes at the 50th executed request and comes
//! back 400 ms later. A client without an answer for 300 ms asks everybody again.

use sim::base::time::{MICROSECOND, MILLISECOND, Time};

/// How many replicas.
pub const REPLICAS: u8 = 3;
/// How many clients, each with one request under way.
pub const CLIENTS: u16 = 4;
/// How many requests in all.
pub const REQUESTS: u32 = 100;
/// The size of each.
pub const REQUEST_BYTES: u16 = 64;
/// The primary crashes when it has executed this many.
pub const CRASH_AT: u8 = 50;
/// For how long it is down.
pub const DOWN: Time = 400 * MILLISECOND;
/// The longest pause of a client between an answer and its next request.
pub const THINK_MAX: Time = MILLISECOND;
/// How long a client waits for an answer.
pub const TIMEOUT: Time = 300 * MILLISECOND;
/// The shortest delay of a message.
pub const DELAY_MIN: Time = 500 * MICROSECOND;
/// The longest delay of a message.
pub const DELAY_MAX: Time = 2 * MILLISECOND;
/// How often a leader is heard of.
pub const HEARTBEAT: Time = 40 * MILLISECOND;
/// For how long, at least, a leader is silent before it is replaced.
pub const LEADER_TIMEOUT: Time = 200 * MILLISECOND;
