//! The reader of packed corpora against arbitrary bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| engine::search::formats::read_packed(input));
