//! Memory that one step frees is kept for the next.
//!
//! glibc hands blocks of more than 32 MB back to the system as soon as they are freed, and smaller
//! ones when they lie at the end of its heap. A training step frees every activation, so the next
//! one would have to be given zeroed pages again, 4 KiB at a time, which takes longer than many of
//! its layers do.

use std::sync::{Mutex, PoisonError};

/// How many there are.
///
/// The settings that it guards are the process's, so the number has to be, too. A cell of a notebook
/// is a library with a copy of every static: an encoder that one cell has made would lose its memory
/// when another cell has trained. With a name for the linker all copies are the first one, where
/// libraries are loaded so that they see each other, as the kernel does; a copy by itself hands memory
/// back too early, which costs speed and nothing else.
#[allow(unsafe_code, reason = "a name that nothing else in the process has")]
#[unsafe(export_name = "twoviews_heap_retentions_v1")]
static RETENTIONS: Mutex<usize> = Mutex::new(0);

/// While one lives, freed memory stays with the process; after the last one it goes back to the
/// system.
///
/// Threads that begin later share one heap, also afterwards, because heaps of their own would be
/// kept one by one and never handed back as a whole. It changes nothing but speed and memory, and
/// nothing at all where the C library is not glibc.
#[derive(Debug)]
#[must_use = "it ends when this is dropped"]
pub struct HeapRetention(());

impl HeapRetention {
    /// Begins it.
    pub fn start() -> Self {
        let mut retentions = RETENTIONS.lock().unwrap_or_else(PoisonError::into_inner);
        if *retentions == 0 {
            allocator::retain();
        }
        *retentions += 1;
        Self(())
    }
}

impl Drop for HeapRetention {
    fn drop(&mut self) {
        let mut retentions = RETENTIONS.lock().unwrap_or_else(PoisonError::into_inner);
        *retentions -= 1;
        if *retentions == 0 {
            allocator::release();
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "calls the C library")]
mod allocator {
    use libc::{M_ARENA_MAX, M_MMAP_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, mallopt};

    /// Where glibc's own adaptation of both thresholds ends: a block that is mapped, and a free end
    /// of the heap that is handed back.
    const MAPPED: i32 = 32 << 20;
    const TRIMMED: i32 = 2 * MAPPED;
    /// glibc's default.
    const MAPPINGS: i32 = 65_536;

    pub(super) fn retain() {
        set(&[(M_ARENA_MAX, 1), (M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, -1)]);
    }

    pub(super) fn release() {
        set(&[(M_MMAP_MAX, MAPPINGS), (M_MMAP_THRESHOLD, MAPPED), (M_TRIM_THRESHOLD, TRIMMED)]);
        // SAFETY: it takes the allocator's own locks and moves nothing that is in use.
        unsafe { libc::malloc_trim(0) };
    }

    /// A setting that glibc refuses keeps its value, which costs speed and nothing else.
    fn set(settings: &[(libc::c_int, libc::c_int)]) {
        for &(parameter, value) in settings {
            // SAFETY: mallopt takes two numbers and the allocator's own lock.
            unsafe { mallopt(parameter, value) };
        }
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod allocator {
    pub(super) fn retain() {}
    pub(super) fn release() {}
}
