//! Reads arbitrary bytes as a packed corpus.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| engine::search::formats::read_packed(input));
