//! Output on its way out of the process of the cells: what their `print!` holds back, and what passes
//! every buffer.

use std::ffi::c_void;
use std::io::Write;
use std::os::fd::{FromRawFd, IntoRawFd};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

use libloading::Library;

/// Flushes what cells have printed; exported by the kernel's own code among the cells.
const FLUSH: &[u8] = b"twoviews_flush";

/// `twoviews_flush` of the prelude, once it is loaded.
static FLUSHER: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());

#[allow(unsafe_code, reason = "calls a function of a loaded library")]
pub(super) fn flush_cells() {
    let flusher = FLUSHER.load(Ordering::Acquire);
    if !flusher.is_null() {
        // SAFETY: it was loaded as a function of this type from a library that is never unloaded.
        let flush: extern "C" fn() = unsafe { std::mem::transmute(flusher) };
        flush();
    }
}

/// A line that is not finished yet shall be seen, too.
pub(super) fn flush_now_and_then() {
    loop {
        std::thread::sleep(Duration::from_millis(50));
        flush_cells();
    }
}

/// From here on, this library's function flushes, if it has one.
#[allow(unsafe_code, reason = "calls a function of a loaded library")]
pub(super) fn use_flusher_of(library: &Library) {
    // SAFETY: the name belongs to a function of this type.
    if let Ok(flush) = unsafe { library.get::<extern "C" fn()>(FLUSH) } {
        FLUSHER.store(*flush as *mut c_void, Ordering::Release);
    }
}

/// Writes past every buffer.
#[allow(unsafe_code, reason = "borrows a descriptor")]
pub(super) fn raw_write(descriptor: i32, text: &str) {
    // SAFETY: the descriptor is open, and it is given back instead of being closed.
    let mut file = unsafe { std::fs::File::from_raw_fd(descriptor) };
    let _ = file.write_all(text.as_bytes());
    let _ = file.into_raw_fd();
}
