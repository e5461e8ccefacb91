//! vopr: a coverage-guided fuzzer for consensus protocols. This library is the command line; [`engine`] is what is behind it.
//!
//! A program of one's own that tests other systems hands them to [`systems::add`] and then calls [`main`].

mod arguments;
mod cli;
mod commands;
#[cfg(feature = "dashboard")]
mod dashboard;
mod reports;
#[cfg(feature = "tui")]
mod tui;

pub use cli::main;
pub use engine::cases::systems;
pub use engine::search::fuzzing::{Driver, Harness, Next};
