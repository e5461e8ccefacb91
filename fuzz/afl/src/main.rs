//! All fuzz targets under AFL++: the target's name is the argument. docs/fuzzing.md has the commands.
//!
//! The slots of the protocol-state map go into IJON's part of AFL++'s map, which has as many, beside the edges of the code.

use std::process::ExitCode;

/// AFL++ looks at its variable of this name: without it, what IJON's functions set is not part of its map.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static mut __afl_ijon_enabled: u32 = 1;

fn main() -> ExitCode {
    let target = std::env::args().nth(1).unwrap_or_default();
    if let Err(error) = engine::search::fuzz_entry::prepare(&target) {
        eprintln!("error: {error}");
        return ExitCode::from(engine::base::exit::USAGE);
    }
    // No hook that aborts at every panic: those of replicas are caught, and become findings with a `.kmb` file.
    afl::fuzz(false, |input| engine::search::fuzz_entry::test(&target, input, publish));
    ExitCode::SUCCESS
}

/// Tells AFL++ which slots a run reached.
fn publish(slots: &[u32]) {
    for slot in slots {
        // SAFETY: it sets a byte of the map that AFL++'s runtime has set up before the first input.
        unsafe { afl::ijon_set(*slot, 0) };
    }
}
