//! libFuzzer, embedded: the only calls of foreign code. It needs no instrumentation of this program, since it is guided by
//! the extra counters (`vopr::counters`) alone.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::ffi::{CString, c_char, c_int};

use vopr::Next;

type Test = Box<dyn FnMut(&[u8]) -> Next>;
type Callback = extern "C" fn(*const u8, usize) -> c_int;

unsafe extern "C" {
    /// Runs the fuzzer; ends the process rather than to return, but for some errors.
    fn LLVMFuzzerRunDriver(argc: *mut c_int, argv: *mut *mut *mut c_char, callback: Callback) -> c_int;
    /// Ends the process at once.
    fn _exit(code: c_int) -> !;
}

thread_local! {
    /// libFuzzer's callback has no room for a closure. It calls it on the thread that runs the driver.
    static TEST: RefCell<Option<Test>> = const { RefCell::new(None) };
}

/// Lets libFuzzer call `test` until that says to leave, or libFuzzer itself ends the process.
pub fn drive(arguments: &[String], test: Test) -> c_int {
    TEST.set(Some(test));
    let arguments: Vec<CString> = arguments.iter().filter_map(|text| CString::new(text.as_str()).ok()).collect();
    let mut pointers: Vec<*mut c_char> = arguments.iter().map(|text| text.as_ptr().cast_mut()).collect();
    let mut count = pointers.len() as c_int;
    pointers.push(std::ptr::null_mut());
    let mut pointer = pointers.as_mut_ptr();
    // SAFETY: `count` and `pointer` are those of a C main: so many strings that end with 0, then a null pointer. All of it
    // outlives the call, and libFuzzer copies the strings before it changes any.
    unsafe { LLVMFuzzerRunDriver(&raw mut count, &raw mut pointer, call_test) }
}

extern "C" fn call_test(data: *const u8, size: usize) -> c_int {
    let input = if size == 0 {
        &[]
    } else {
        // SAFETY: libFuzzer hands over `size` readable bytes, which stay as they are until this function returns.
        unsafe { std::slice::from_raw_parts(data, size) }
    };
    let next = TEST.with_borrow_mut(|test| test.as_mut().map_or(Next::Leave(0), |test| test(input)));
    match next {
        Next::Continue => 0,
        // SAFETY: nothing is left to be done; all output has been flushed. A plain exit would run libFuzzer's own handler,
        // which takes an exit during a test for a crash.
        Next::Leave(code) => unsafe { _exit(code) },
    }
}

/// libfuzzer-sys refers to this function, as `fuzz_target!` defines it; `drive` hands its own callback to libFuzzer.
#[unsafe(no_mangle)]
pub extern "Rust" fn rust_fuzzer_test_input(_input: &[u8]) -> i32 {
    0
}

// Brings libFuzzer's library into the link.
use libfuzzer_sys as _;
