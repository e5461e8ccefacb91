//! A configuration in the log: a request that no client can make, whose payload is the old and the new members.

use std::rc::Rc;

use sim::{ClientId, ReplicaSet, Request};

/// Who asks for configurations in the log: no client has this number (`sim::base::ids::CLIENTS_MAX`).
pub const ADMIN: ClientId = ClientId(u16::MAX);

/// The request that stands for a configuration in the log.
pub fn request(old: ReplicaSet, new: ReplicaSet) -> Request {
    Request { client: ADMIN, session: 0, number: 0, payload: Rc::from([old.0, new.0]) }
}

/// The configuration that a request in the log stands for, if it is one: the old and the new members.
pub fn sets(request: &Request) -> Option<(ReplicaSet, ReplicaSet)> {
    match (request.client, &request.payload[..]) {
        (ADMIN, [old, new]) => Some((ReplicaSet(*old), ReplicaSet(*new))),
        _ => None,
    }
}
