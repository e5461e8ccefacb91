//! Invariants of progress: requests are answered, and neither view changes nor repairs are wasted.

pub mod availability;
pub mod liveness;
pub mod needless_view_change;
pub mod primary_abdication;
pub mod repair_budget;
pub mod repair_efficiency;
