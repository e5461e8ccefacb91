//! The three functions that replace those of the C library. They are unsafe, because C code calls them and they call C
//! code.
//!
//! In a run of the current thread they return the run's values. Otherwise they call the C library, whose functions are
//! looked up once by name.
#![allow(unsafe_code, reason = "functions with the names of the C library's can be defined and called no other way")]

use std::ffi::{CStr, c_char, c_int, c_long, c_uint, c_void};
use std::hint::black_box;
use std::mem::transmute;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::state;

/// `struct timespec` of 64-bit Linux.
#[repr(C)]
pub struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

#[cfg(target_arch = "x86_64")]
const SYS_GETRANDOM: c_long = 318;
#[cfg(target_arch = "aarch64")]
const SYS_GETRANDOM: c_long = 278;

/// "The next object after this program", for `dlsym`.
const RTLD_NEXT: *mut c_void = usize::MAX as *mut c_void;

// SAFETY: the declaration is that of the C library.
unsafe extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
}

type ClockGettime = unsafe extern "C" fn(c_int, *mut Timespec) -> c_int;
type Getrandom = unsafe extern "C" fn(*mut c_void, usize, c_uint) -> isize;
type Syscall = unsafe extern "C" fn(c_long, ...) -> c_long;

/// A function of the C library, and its address once it was looked up.
struct Original {
    name: &'static CStr,
    address: AtomicPtr<c_void>,
}

impl Original {
    const fn new(name: &'static CStr) -> Self {
        Original { name, address: AtomicPtr::new(null_mut()) }
    }

    fn address(&self) -> *mut c_void {
        let known = self.address.load(Ordering::Relaxed);
        if !known.is_null() {
            return known;
        }
        // SAFETY: the name ends with a zero byte, and the handle is one that dlsym knows.
        let found = unsafe { dlsym(RTLD_NEXT, self.name.as_ptr()) };
        if found.is_null() {
            // No message or formatting is possible here: the caller may hold any lock.
            std::process::abort();
        }
        self.address.store(found, Ordering::Relaxed);
        found
    }
}

static CLOCK_GETTIME: Original = Original::new(c"clock_gettime");
static GETRANDOM: Original = Original::new(c"getrandom");
static SYSCALL: Original = Original::new(c"syscall");

/// Makes the linker include these functions. A program that refers to none of them would get the C library's.
pub(crate) fn link() {
    black_box([clock_gettime as *const (), getrandom as *const (), syscall as *const ()]);
}

/// Fills a buffer from the run's random numbers. Returns false outside of a run.
///
/// # Safety
/// `length` bytes from `buffer` on must be writable.
unsafe fn fill(buffer: *mut c_void, length: usize) -> bool {
    if !state::inside() {
        return false;
    }
    let mut done = 0;
    while done < length {
        let Some(bytes) = state::random() else { return false };
        let part = bytes.len().min(length - done);
        // SAFETY: `done + part` is at most `length`, and `bytes` has at least `part` bytes.
        unsafe { buffer.cast::<u8>().add(done).copy_from_nonoverlapping(bytes.as_ptr(), part) };
        done += part;
    }
    true
}

/// `clock_gettime(2)`. `Instant::now` and `SystemTime::now` call it.
///
/// # Safety
/// As for the C library's.
// SAFETY (of the name): the signature is that of the C library's function, which callers expect.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: c_int, time: *mut Timespec) -> c_int {
    if let Some((monotonic, realtime)) = state::clocks() {
        // By number: realtime, realtime coarse and TAI; monotonic, raw, coarse and boot time. The others measure
        // processor time.
        let nanoseconds = match clock {
            0 | 5 | 11 => Some(realtime),
            1 | 4 | 6 | 7 => Some(monotonic),
            _ => None,
        };
        if let Some(nanoseconds) = nanoseconds {
            let (seconds, nanoseconds) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
            // SAFETY: the caller passes a writable timespec.
            unsafe { time.write(Timespec { seconds: seconds as i64, nanoseconds: nanoseconds as i64 }) };
            return 0;
        }
    }
    // SAFETY: the address is that of the C library's function of this name, and has its type.
    let original = unsafe { transmute::<*mut c_void, ClockGettime>(CLOCK_GETTIME.address()) };
    // SAFETY: the caller's promises are those that the original requires.
    unsafe { original(clock, time) }
}

/// `getrandom(2)`. The keys of hash maps and the newer versions of the crate of this name call it.
///
/// # Safety
/// As for the C library's.
// SAFETY (of the name): as above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut c_void, length: usize, flags: c_uint) -> isize {
    // SAFETY: the caller promises that the buffer has this length.
    if unsafe { fill(buffer, length) } {
        return length as isize;
    }
    // SAFETY: the address is that of the C library's function of this name, and has its type.
    let original = unsafe { transmute::<*mut c_void, Getrandom>(GETRANDOM.address()) };
    // SAFETY: the caller's promises are those that the original requires.
    unsafe { original(buffer, length, flags) }
}

/// `syscall(2)`, which version 0.2 of the crate getrandom calls. In C it takes a variable number of arguments. On these
/// targets, the first six are passed in the same way if they are declared one by one. An argument that the caller did
/// not pass is not used by the system call either; the C library passes on six as well.
///
/// # Safety
/// As for the C library's.
// SAFETY (of the name): as above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn syscall(
    number: c_long,
    first: c_long,
    second: c_long,
    third: c_long,
    fourth: c_long,
    fifth: c_long,
    sixth: c_long,
) -> c_long {
    // SAFETY: the first two arguments of this system call are a buffer and its length.
    if number == SYS_GETRANDOM && unsafe { fill(first as *mut c_void, second as usize) } {
        return second;
    }
    // SAFETY: the address is that of the C library's function of this name, and has its type.
    let original = unsafe { transmute::<*mut c_void, Syscall>(SYSCALL.address()) };
    // SAFETY: the caller's promises are those that the original requires.
    unsafe { original(number, first, second, third, fourth, fifth, sixth) }
}
