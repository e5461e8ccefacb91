//! The decoder of plans against arbitrary bytes: total, and `encode` its inverse.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| engine::search::formats::round_trip_plan(input));
