//! Phase 7: client sessions, the part of Viewstamped Replication Revisited with two known defects.
//!
//! Not runnable yet: the protocol lacks what these scenarios are about.

use crate::entry::Entry;

/// The scenarios of this phase.
pub const SCENARIOS: &[Entry] = &[
    Entry {
        name: "client_session_crash",
        description: "Clients crash and come back again and again; each request is executed at most once and \
                      gets its own answer.",
        faults: "crashing clients, repeated requests",
        invariants: &["exactly_once", "linearizability"],
        run: None,
    },
    Entry {
        name: "client_session_view_change_lockout",
        description: "A view changes while requests are under way; their clients are served by the new \
                      primary and never locked out.",
        faults: "deposed primaries under load",
        invariants: &["exactly_once", "liveness"],
        run: None,
    },
    Entry {
        name: "client_session_eviction",
        description: "More clients come than the session table has room for; all replicas evict the same \
                      ones, and those come back.",
        faults: "more sessions than places",
        invariants: &["exactly_once", "resource_limits", "liveness"],
        run: None,
    },
];
