//! End to end: the binary as its users call it. One binary of tests, a module a topic.

mod commands;
mod interfaces;
mod repository;
mod runs;
mod support;
