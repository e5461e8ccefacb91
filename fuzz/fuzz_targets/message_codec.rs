//! Decodes arbitrary bytes as messages of the reference protocol.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| engine::search::formats::read_message(input));
