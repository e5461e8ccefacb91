//! Panics. A panic of a replica is a finding: the simulator catches it, and nobody wants to read about each of a million.
//! A panic of vopr itself is told in full.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Once;

thread_local! {
    static INSIDE_RUN: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs `run` with panics noted instead of printed. One that is not caught inside is printed then, and goes on.
///
/// It takes the place of whatever hook there was: libfuzzer-sys sets one that aborts the process at once, before a
/// replica's panic could be caught.
pub fn quietly<T>(run: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let printing = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if INSIDE_RUN.get() {
                LAST.with_borrow_mut(|last| *last = info.to_string());
            } else {
                printing(info);
            }
        }));
    });
    INSIDE_RUN.set(true);
    let result = catch_unwind(AssertUnwindSafe(run));
    INSIDE_RUN.set(false);
    result.unwrap_or_else(|panic| {
        eprintln!("{}", LAST.take());
        resume_unwind(panic)
    })
}
