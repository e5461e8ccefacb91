//! What a replica of the reference protocol reads from the wire, against arbitrary bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| engine::search::formats::read_message(input));
