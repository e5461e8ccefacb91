//! What a replica of the reference protocol reads from its disk, against arbitrary bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| engine::search::formats::read_disk_records(input));
