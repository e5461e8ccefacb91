//! Conversion of requests of the simulated workload to kernel commands, and back.
//!
//! A request creates a stream whose name is the encoded request in hexadecimal digits. This is the one command of the
//! kernel that never fails, and its effect contains the whole request.

use std::fmt::Write;

use kimberlite_kernel::{Command, Effect};
use kimberlite_types::{DataClass, Placement, StreamName};
use kimberlite_vsr::ClientId as SessionId;
use sim::{ClientId, Request};

/// The kernel command of a request.
pub fn command(request: &Request) -> Command {
    let mut name = format!("{:04x}{:08x}{:08x}", request.client.0, request.session, request.number);
    for byte in &*request.payload {
        let _ = write!(name, "{byte:02x}");
    }
    Command::CreateStreamWithAutoId {
        stream_name: StreamName::new(name),
        data_class: DataClass::Public,
        placement: Placement::Global,
    }
}

/// The crate's identifier of a client's session. `ReplicaState` offers no registration, so the host makes the
/// identifier.
pub fn session(request: &Request) -> SessionId {
    SessionId::new(u64::from(request.client.0) << 32 | u64::from(request.session))
}

/// The request whose command the kernel applied, if this effect shows one.
pub fn applied(effect: &Effect) -> Option<Request> {
    let Effect::StreamMetadataWrite(stream) = effect else { return None };
    request(stream.stream_name.as_str())
}

fn request(name: &str) -> Option<Request> {
    let number = |from: usize, to: usize| u32::from_str_radix(name.get(from..to)?, 16).ok();
    let payload = (20..name.len()).step_by(2).map(|at| number(at, at + 2).map(|byte| byte as u8));
    Some(Request {
        client: ClientId(number(0, 4)? as u16),
        session: number(4, 12)?,
        number: number(12, 20)?,
        payload: payload.collect::<Option<Vec<u8>>>()?.into(),
    })
}

#[cfg(test)]
mod tests {
    use kimberlite_kernel::{State, apply_committed};

    use super::*;

    #[test]
    fn requests_are_decoded_from_the_kernels_effects() {
        let request = Request { client: ClientId(7), session: 3, number: 0x1_0000, payload: vec![0, 255, 16].into() };
        let (_, effects) = apply_committed(State::new(), command(&request)).unwrap();
        assert_eq!(effects.iter().filter_map(applied).collect::<Vec<_>>(), [request]);
    }
}
