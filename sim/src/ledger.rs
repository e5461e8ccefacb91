//! The damage ledger: how much disk damage a run may contain while everything is still owed.
