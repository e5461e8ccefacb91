//! What a replica of the reference protocol reads from its disk, against arbitrary bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| vopr::fuzz_entry::read_disk_records(input));
