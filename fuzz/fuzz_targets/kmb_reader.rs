//! Reads arbitrary bytes as a `.kmb` file.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| engine::search::formats::read_kmb(input));
