//! End to end: the binary as its users call it. One binary of tests, a module a topic.

mod bench;
mod corpus;
mod dependencies;
mod determinism;
mod errors;
mod failures;
mod fuzzing;
mod lists;
mod matrix;
mod running;
mod scenario_files;
mod support;
mod systems;
mod tidy;
