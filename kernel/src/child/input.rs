//! Noticing that a cell waits for input.
//!
//! A cell that reads its standard input says nothing before it does so. In the process of the cells
//! this `read` takes the place of the C library's, which Rust's and C's input go through: a program's
//! own symbols come before those of its libraries.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::flush::{flush_cells, raw_write};
use super::markers::{END_OF_INPUT, marker};

static CELLS_RUN_HERE: AtomicBool = AtomicBool::new(false);
static BYTES: AtomicU64 = AtomicU64::new(0);

/// From here on, standard input is that of cells.
pub(crate) fn begin() {
    CELLS_RUN_HERE.store(true, Ordering::Release);
}

/// `read(2)`.
///
/// # Safety
/// `buffer` is valid for `count` bytes.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "takes the place of the C library's function")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn read(descriptor: c_int, buffer: *mut c_void, count: usize) -> isize {
    let input = descriptor == 0 && CELLS_RUN_HERE.load(Ordering::Acquire);
    if input && !is_ready() {
        flush_cells();
        raw_write(1, &marker("READ", &[&BYTES.load(Ordering::Relaxed).to_string()]));
    }
    // SAFETY: the caller's promise.
    let length = unsafe { libc::syscall(libc::SYS_read, descriptor, buffer, count) } as isize;
    if input && length > 0 {
        BYTES.fetch_add(length as u64, Ordering::Relaxed);
        // SAFETY: at least one byte was read.
        if length == 1 && unsafe { *buffer.cast::<u8>() } == END_OF_INPUT {
            return 0;
        }
    }
    length
}

/// Whether something is there to read.
#[allow(unsafe_code, reason = "calls the C library")]
fn is_ready() -> bool {
    let mut input = libc::pollfd { fd: 0, events: libc::POLLIN, revents: 0 };
    // SAFETY: one descriptor.
    unsafe { libc::poll(&raw mut input, 1, 0) > 0 }
}
