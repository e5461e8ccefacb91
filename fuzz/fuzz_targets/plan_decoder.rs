//! The decoder of plans against arbitrary bytes: total, and `encode` its inverse.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| vopr::fuzz_entry::round_trip_plan(input));
