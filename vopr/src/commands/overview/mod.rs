//! Commands that show what there is: scenarios, planted bugs, and what campaigns reached and found.

pub(crate) mod bugs;
#[cfg(feature = "dashboard")]
pub(crate) mod dashboard;
pub(crate) mod scenarios;
pub(crate) mod stats;
#[cfg(feature = "tui")]
pub(crate) mod tui;
