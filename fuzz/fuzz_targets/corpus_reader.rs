//! The reader of packed corpora against arbitrary bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| vopr::fuzz_entry::read_packed(input));
