//! What a replica of the reference protocol reads from the wire, against arbitrary bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| vopr::fuzz_entry::read_message(input));
