//! The fuzz target `byzantine_dvc`: see `vopr scenarios`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| vopr::fuzz_entry::run("byzantine_dvc", input));
