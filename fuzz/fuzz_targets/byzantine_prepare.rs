//! The fuzz target `byzantine_prepare`: see `vopr scenarios`.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|input: &[u8]| vopr::fuzz_entry::run("byzantine_prepare", input));

// The mutations are libFuzzer's own. That there is a mutator at all switches its length control off, which would spend the
// first minutes on inputs that are shorter than one action.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, _seed: u32| { fuzzer_mutate(data, size, max_size) });
