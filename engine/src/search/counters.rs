//! The extra counters of libFuzzer: one byte for each slot of the coverage map, in the ELF section that libFuzzer
//! reads. libFuzzer clears them before each input, and keeps an input if it sets a byte that no input has set before.
//!
//! libFuzzer reads this section on Linux only. On other systems, publishing does nothing.

use sim::observers::coverage::MAP_SIZE;

#[cfg(target_os = "linux")]
mod section {
    use std::sync::atomic::AtomicU8;

    use super::MAP_SIZE;

    #[repr(C, align(64))]
    pub(super) struct Counters(pub(super) [AtomicU8; MAP_SIZE]);

    // Without `used`, the compiler would be free to remove the static. `link_section` counts as unsafe because the
    // linker or the loader may give a section a meaning. Only libFuzzer gives this one a meaning: it reads and clears
    // plain bytes. Atomic bytes have the layout of plain bytes, and writing a shared static of them needs no unsafe
    // code.
    #[allow(unsafe_code)]
    #[used]
    #[unsafe(link_section = "__libfuzzer_extra_counters")]
    pub(super) static COUNTERS: Counters = Counters([const { AtomicU8::new(0) }; MAP_SIZE]);
}

/// Reports the slots that a run reached to libFuzzer.
pub fn publish(slots: &[u32]) {
    #[cfg(target_os = "linux")]
    for slot in slots {
        section::COUNTERS.0[*slot as usize % MAP_SIZE].store(1, std::sync::atomic::Ordering::Relaxed);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (slots, MAP_SIZE);
}
