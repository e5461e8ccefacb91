//! Commands that list scenarios and planted bugs, and that show what campaigns reached and found.

pub(crate) mod bugs;
#[cfg(feature = "dashboard")]
pub(crate) mod dashboard;
pub(crate) mod scenarios;
pub(crate) mod stats;
#[cfg(feature = "tui")]
pub(crate) mod tui;
