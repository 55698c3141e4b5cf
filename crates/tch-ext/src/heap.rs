//! Memory that one step frees is kept for the next.
//!
//! glibc hands blocks of more than 32 MB back to the system as soon as they are freed, and smaller
//! ones when they lie at the end of its heap. A training step frees every activation, so the next
//! one would have to be given zeroed pages again, 4 KiB at a time, which takes longer than many of
//! its layers do.

use std::sync::{Mutex, PoisonError};

/// How many there are.
static KEEPERS: Mutex<usize> = Mutex::new(0);

/// While one lives, freed memory stays with the process; after the last one it goes back to the
/// system.
///
/// Threads that begin later share one heap, also afterwards, because heaps of their own would be
/// kept one by one and never handed back as a whole. It changes nothing but speed and memory, and
/// nothing at all where the C library is not glibc.
#[derive(Debug)]
pub struct HeapRetention(());

impl HeapRetention {
    /// Begins it.
    pub fn start() -> Self {
        let mut keepers = KEEPERS.lock().unwrap_or_else(PoisonError::into_inner);
        if *keepers == 0 {
            allocator::keep();
        }
        *keepers += 1;
        Self(())
    }
}

impl Drop for HeapRetention {
    fn drop(&mut self) {
        let mut keepers = KEEPERS.lock().unwrap_or_else(PoisonError::into_inner);
        *keepers -= 1;
        if *keepers == 0 {
            allocator::hand_back();
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod allocator {
    use libc::{M_ARENA_MAX, M_MMAP_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, mallopt};

    /// Where glibc's own adaptation of both thresholds ends: a block that is mapped, and a free end
    /// of the heap that is handed back.
    const MAPPED: i32 = 32 << 20;
    const TRIMMED: i32 = 2 * MAPPED;
    /// glibc's default.
    const MAPPINGS: i32 = 65_536;

    pub(super) fn keep() {
        set(&[(M_ARENA_MAX, 1), (M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, -1)]);
    }

    pub(super) fn hand_back() {
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
    pub(super) fn keep() {}
    pub(super) fn hand_back() {}
}
