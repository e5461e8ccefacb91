//! The fuzz target `combined`: see `vopr scenarios`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| vopr::fuzz_entry::run("combined", input));
