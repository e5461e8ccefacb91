//! Configurations in the log. A configuration is a request that no client can make. Its payload is the old and the new
//! members.

use std::rc::Rc;

use sim::{ClientId, ReplicaSet, Request};

/// The client number of configurations in the log. No client has this number (`sim::base::ids::CLIENTS_MAX`).
pub const ADMIN: ClientId = ClientId(u16::MAX);

/// The request that represents a configuration in the log.
pub fn request(old: ReplicaSet, new: ReplicaSet) -> Request {
    Request { client: ADMIN, session: 0, number: 0, payload: Rc::from([old.0, new.0]) }
}

/// The old and the new members, if the request represents a configuration.
pub fn sets(request: &Request) -> Option<(ReplicaSet, ReplicaSet)> {
    match (request.client, &request.payload[..]) {
        (ADMIN, [old, new]) => Some((ReplicaSet(*old), ReplicaSet(*new))),
        _ => None,
    }
}
