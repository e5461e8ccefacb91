//! Tests of the commands.

mod bench;
mod corpus;
mod errors;
mod failures;
mod fuzzing;
mod lists;
mod matrix;
mod packing;
mod reports;
mod running;
mod scenario_files;
mod timeline;
