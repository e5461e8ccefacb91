//! libFuzzer, embedded: the only calls of foreign code. It needs no instrumentation of this program, since it is guided by
//! the extra counters (`engine::search::counters`) alone.
#![allow(unsafe_code)]
// libFuzzer's names.
#![allow(non_snake_case)]

use std::cell::RefCell;
use std::ffi::{CString, c_char, c_int, c_uint};

use vopr::{Harness, Next};

type Callback = extern "C" fn(*const u8, usize) -> c_int;

unsafe extern "C" {
    /// Runs the fuzzer; ends the process rather than to return, but for some errors.
    fn LLVMFuzzerRunDriver(argc: *mut c_int, argv: *mut *mut *mut c_char, callback: Callback) -> c_int;
    /// Changes the bytes at `data` by one of libFuzzer's own mutations; the new length.
    fn LLVMFuzzerMutate(data: *mut u8, size: usize, max_size: usize) -> usize;
    /// Ends the process at once.
    fn _exit(code: c_int) -> !;
}

thread_local! {
    /// libFuzzer's callbacks have no room for a closure. It calls them on the thread that runs the driver, one at a time.
    static HARNESS: RefCell<Option<Box<dyn Harness>>> = const { RefCell::new(None) };
}

/// Lets libFuzzer call `harness` until that says to leave, or libFuzzer itself ends the process.
pub fn drive(arguments: &[String], harness: Box<dyn Harness>) -> c_int {
    HARNESS.set(Some(harness));
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
    // SAFETY: libFuzzer hands over `size` readable bytes, which stay as they are until this function returns.
    let input = unsafe { bytes(data, size) };
    let next =
        HARNESS.with_borrow_mut(|harness| harness.as_mut().map_or(Next::Leave(0), |harness| harness.test(input)));
    match next {
        Next::Continue => 0,
        // SAFETY: nothing is left to be done; all output has been flushed. A plain exit would run libFuzzer's own handler,
        // which takes an exit during a test for a crash.
        Next::Leave(code) => unsafe { _exit(code) },
    }
}

/// The bytes at a pointer that may be null if there are none.
///
/// # Safety
/// There are `size` readable bytes, and they stay as they are for as long as the slice is used.
unsafe fn bytes<'a>(data: *const u8, size: usize) -> &'a [u8] {
    if size == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(data, size) }
}

/// libFuzzer looks for this name, and leaves mutations to it. In the binary alone: a cargo-fuzz target that uses the
/// library brings its own.
#[unsafe(no_mangle)]
extern "C" fn LLVMFuzzerCustomMutator(data: *mut u8, size: usize, max_size: usize, seed: c_uint) -> usize {
    // SAFETY: libFuzzer hands over a buffer of its own that is as long as the greater of both.
    let data = unsafe { std::slice::from_raw_parts_mut(data, size.max(max_size)) };
    HARNESS.with_borrow_mut(|harness| match harness {
        Some(harness) => harness.mutate(data, size, max_size, seed, mutate_bytes),
        None => mutate_bytes(data, size, max_size),
    })
}

fn mutate_bytes(data: &mut [u8], size: usize, max_size: usize) -> usize {
    assert!(size.max(max_size) <= data.len());
    // SAFETY: libFuzzer reads and writes no more bytes than these two numbers say, and they are there.
    unsafe { LLVMFuzzerMutate(data.as_mut_ptr(), size, max_size) }
}

/// The same for crosses of two inputs.
#[unsafe(no_mangle)]
extern "C" fn LLVMFuzzerCustomCrossOver(
    first: *const u8,
    first_size: usize,
    second: *const u8,
    second_size: usize,
    out: *mut u8,
    out_size: usize,
    seed: c_uint,
) -> usize {
    // SAFETY: libFuzzer hands over two inputs, and a buffer that overlaps with neither; none is used after the call.
    let (first, second, out) = unsafe {
        (bytes(first, first_size), bytes(second, second_size), std::slice::from_raw_parts_mut(out, out_size))
    };
    HARNESS
        .with_borrow_mut(|harness| harness.as_mut().map_or(0, |harness| harness.cross_over(first, second, out, seed)))
}

/// libfuzzer-sys refers to this function, as `fuzz_target!` defines it; `drive` hands its own callback to libFuzzer.
#[unsafe(no_mangle)]
pub extern "Rust" fn rust_fuzzer_test_input(_input: &[u8]) -> i32 {
    0
}

// Brings libFuzzer's library into the link.
use libfuzzer_sys as _;
