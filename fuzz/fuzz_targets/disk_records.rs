//! Reads arbitrary bytes as the disk records of a replica of the reference protocol.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| engine::search::formats::read_disk_records(input));
