//! The extra counters of libFuzzer: a byte for each slot of the coverage map, in the ELF section where libFuzzer looks.
//! It clears them before each input and keeps the inputs that set a byte which none has set before.
//!
//! On other systems than Linux the section is not known to libFuzzer: publishing does nothing there.

use sim::observers::coverage::MAP_SIZE;

#[cfg(target_os = "linux")]
mod section {
    use std::sync::atomic::AtomicU8;

    use super::MAP_SIZE;

    #[repr(C, align(64))]
    pub(super) struct Counters(pub(super) [AtomicU8; MAP_SIZE]);

    // Without `used` the compiler would be free to drop them. `link_section` counts as unsafe since a section can have a
    // meaning to the linker or the loader: this one has none but to libFuzzer, which reads and clears plain bytes in it.
    // Atomic bytes are plain bytes in memory, and make a shared static that needs no unsafe code to be written.
    #[allow(unsafe_code)]
    #[used]
    #[unsafe(link_section = "__libfuzzer_extra_counters")]
    pub(super) static COUNTERS: Counters = Counters([const { AtomicU8::new(0) }; MAP_SIZE]);
}

/// Tells libFuzzer which slots a run reached.
pub fn publish(slots: &[u32]) {
    #[cfg(target_os = "linux")]
    for slot in slots {
        section::COUNTERS.0[*slot as usize % MAP_SIZE].store(1, std::sync::atomic::Ordering::Relaxed);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (slots, MAP_SIZE);
}
