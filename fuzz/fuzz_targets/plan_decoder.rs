//! Decodes arbitrary bytes as a plan. The decoder must be total, and decoding an encoded plan must give the same plan.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| engine::search::formats::round_trip_plan(input));
