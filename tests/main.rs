//! End to end: the binary as its users call it. One binary of tests, a module a topic.

mod bench;
#[cfg(feature = "dashboard")]
mod browser;
mod corpus;
#[cfg(feature = "dashboard")]
mod dashboard;
mod deaths;
mod dependencies;
mod determinism;
mod errors;
mod failures;
mod findings;
mod fuzzing;
mod fuzzing_page;
mod lists;
mod matrix;
mod packing;
mod reports;
mod running;
mod scenario_files;
mod support;
mod systems;
mod tidy;
mod timeline;
#[cfg(unix)]
mod tui;
