//! Panics inside a run: they are silenced, caught and converted to text.
//!
//! A replica that panics is a finding, not a crash of the fuzzer. The panic hook checks a thread-local flag, so that
//! all other panics are reported as usual.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

static INSTALL: Once = Once::new();

/// From now on, panics inside a run print nothing; all others go to the hook that is installed now. Call it once at the
/// start, after whatever else installs a hook: libFuzzer's would end the process at every panic, also at one that is caught.
pub fn silence() {
    INSTALL.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                others(panic);
            }
        }));
    });
}

/// Runs `body`, quietly; the payload if it panics.
pub(crate) fn caught<T>(body: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    let before = QUIET.replace(true);
    let result = catch_unwind(AssertUnwindSafe(body));
    QUIET.set(before);
    result
}

/// The message of a panic.
pub(crate) fn words(payload: &(dyn Any + Send)) -> String {
    if let Some(words) = payload.downcast_ref::<&str>() {
        (*words).to_owned()
    } else if let Some(words) = payload.downcast_ref::<String>() {
        words.clone()
    } else {
        "a panic without words".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_are_caught_with_their_words() {
        silence();
        silence();
        assert_eq!(words(&*caught(|| panic!("plain")).unwrap_err()), "plain");
        assert_eq!(words(&*caught(|| panic!("number {}", 7)).unwrap_err()), "number 7");
        assert_eq!(words(&*caught(|| std::panic::panic_any(7_u32)).unwrap_err()), "a panic without words");
        assert_eq!(caught(|| 7).unwrap(), 7);
        assert!(!QUIET.get());
    }
}
