//! End-to-end tests: they run the binary as its users do. They are one test binary with one module for each topic.

mod commands;
mod interfaces;
mod repository;
mod runs;
mod support;
