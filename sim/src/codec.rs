//! Bytes to plans and back: fixed-width records, decoded by `arbitrary`.

use crate::plan::Plan;

/// The length of the header and of each action's record, in bytes.
pub const RECORD_BYTES: usize = 16;

/// The plan that `bytes` mean. Every byte string means some plan.
pub fn decode(bytes: &[u8]) -> Plan {
    let _ = bytes;
    todo!()
}

/// The bytes of a plan: `decode(&encode(&plan)) == plan` for every plan that came out of `decode`.
pub fn encode(plan: &Plan) -> Vec<u8> {
    let _ = plan;
    todo!()
}
