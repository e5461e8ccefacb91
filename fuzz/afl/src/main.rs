//! All fuzz targets for AFL++. The argument is the name of the target; docs/fuzzing.md has the commands.
//!
//! The slots of the protocol-state map are recorded in IJON's part of AFL++'s map, which has as many slots, in addition
//! to the edges of the code.

use std::process::ExitCode;

/// AFL++ reads a variable of this name. Without it, the slots set by IJON's functions are not part of its map.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static mut __afl_ijon_enabled: u32 = 1;

fn main() -> ExitCode {
    let target = std::env::args().nth(1).unwrap_or_default();
    if let Err(error) = engine::search::fuzz_entry::prepare(&target) {
        eprintln!("error: {error}");
        return ExitCode::from(engine::base::exit::USAGE);
    }
    // `false` installs no hook that aborts at every panic. Panics of replicas are caught, and become findings with a
    // `.kmb` file.
    afl::fuzz(false, |input| engine::search::fuzz_entry::test(&target, input, publish));
    ExitCode::SUCCESS
}

/// Reports the slots that a run reached to AFL++.
fn publish(slots: &[u32]) {
    for slot in slots {
        // SAFETY: this sets a byte of the map that AFL++'s runtime has set up before the first input.
        unsafe { afl::ijon_set(*slot, 0) };
    }
}
