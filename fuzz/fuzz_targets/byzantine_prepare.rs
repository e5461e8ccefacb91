//! The fuzz target `byzantine_prepare`. `vopr scenarios` describes it.
#![no_main]

use libfuzzer_sys::{fuzz_crossover, fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|input: &[u8]| engine::search::fuzz_entry::run("byzantine_prepare", input));

// Mutates actions; part of the calls use libFuzzer's own mutations of bytes.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    engine::search::fuzz_entry::mutate("byzantine_prepare", data, size, max_size, seed, fuzzer_mutate)
});

fuzz_crossover!(|first: &[u8], second: &[u8], out: &mut [u8], seed: u32| {
    engine::search::fuzz_entry::cross_over("byzantine_prepare", first, second, out, seed)
});
