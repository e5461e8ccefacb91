//! Tests of the web pages and the terminal interface.

#[cfg(feature = "dashboard")]
pub(crate) mod browser;
#[cfg(feature = "dashboard")]
pub(crate) mod dashboard;
#[cfg(unix)]
pub(crate) mod tui;
