//! Memory in chunks: blocks lie in a chunk one behind the other, and it is free when all of them are.

use std::alloc::Layout;
use std::cell::Cell;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Bytes of a chunk.
const CHUNK: usize = 1 << 16;
/// Addresses of 1 GiB, several times what trees of large crates take; memory is taken page by page, when it is written to.
const CHUNKS: usize = 1 << 14;

/// The address of the first chunk; 0 if there are none.
static FIRST: AtomicUsize = AtomicUsize::new(0);
/// Blocks of each chunk, and one more while blocks are taken from it.
static BLOCKS: [AtomicU32; CHUNKS] = [const { AtomicU32::new(0) }; CHUNKS];
/// For a chunk that is free, the free one behind it. Zeros at first, which take no place in the program.
static BEHIND: [AtomicU32; CHUNKS] = [const { AtomicU32::new(0) }; CHUNKS];
const NONE: u32 = u32::MAX;

struct Free {
    /// The first free chunk that was used before.
    first: u32,
    /// Chunks from this one on were never used.
    fresh: usize,
}

static FREE: Mutex<Free> = Mutex::new(Free { first: NONE, fresh: 0 });

thread_local! {
    /// What is left of the chunk from which this thread takes its blocks: from here to there.
    static REST: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// Reserves the addresses. Says whether the system gave them.
#[allow(unsafe_code, reason = "calls the C library")]
pub(super) fn reserve() -> bool {
    let (access, kind) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
    );
    // SAFETY: it maps new addresses only. One chunk more, for the first to begin at a multiple of its size.
    let place = unsafe { libc::mmap(null_mut(), (CHUNKS + 1) * CHUNK, access, kind, -1, 0) };
    if place == libc::MAP_FAILED {
        return false;
    }
    // Huge pages would be given back in part only by being split.
    // SAFETY: it says only how the new addresses get their memory.
    unsafe { libc::madvise(place, (CHUNKS + 1) * CHUNK, libc::MADV_NOHUGEPAGE) };
    FIRST.store((place as usize).next_multiple_of(CHUNK), Ordering::Release);
    true
}

/// The chunk in which a block lies.
pub(super) fn of(block: *mut u8) -> Option<usize> {
    let first = FIRST.load(Ordering::Relaxed);
    let chunk = (block as usize).wrapping_sub(first) / CHUNK;
    (first != 0 && chunk < CHUNKS).then_some(chunk)
}

/// A block of this thread's chunk; null if there is no chunk left. Size and alignment are below a chunk's.
pub(super) fn take(layout: Layout) -> *mut u8 {
    let (here, end) = REST.get();
    let block = here.next_multiple_of(layout.align());
    if here != 0 && block + layout.size() <= end {
        REST.set((block + layout.size(), end));
        BLOCKS[chunk_at(end)].fetch_add(1, Ordering::Relaxed);
        return block as *mut u8;
    }
    if here != 0 {
        leave(chunk_at(end));
        REST.set((0, 0));
    }
    let Some(chunk) = free() else { return null_mut() };
    BLOCKS[chunk].store(2, Ordering::Relaxed);
    let begin = FIRST.load(Ordering::Relaxed) + chunk * CHUNK;
    REST.set((begin + layout.size(), begin + CHUNK));
    begin as *mut u8
}

/// The chunk that ends at an address.
fn chunk_at(end: usize) -> usize {
    (end - FIRST.load(Ordering::Relaxed)) / CHUNK - 1
}

/// One block of the chunk is no longer used.
pub(super) fn leave(chunk: usize) {
    if BLOCKS[chunk].fetch_sub(1, Ordering::AcqRel) == 1 {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        BEHIND[chunk].store(free.first, Ordering::Relaxed);
        free.first = chunk as u32;
    }
}

fn free() -> Option<usize> {
    let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
    if free.first != NONE {
        let chunk = free.first as usize;
        free.first = BEHIND[chunk].load(Ordering::Relaxed);
        return Some(chunk);
    }
    let fresh = (free.fresh < CHUNKS).then_some(free.fresh)?;
    free.fresh += 1;
    Some(fresh)
}

/// Gives the memory of free chunks back to the system.
#[allow(unsafe_code, reason = "calls the C library")]
pub(super) fn give_back() {
    let free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut chunk = free.first;
    while chunk != NONE {
        let begin = FIRST.load(Ordering::Relaxed) + chunk as usize * CHUNK;
        // SAFETY: nobody uses a free chunk, and as long as the lock is held nobody takes it.
        unsafe { libc::madvise(begin as *mut libc::c_void, CHUNK, libc::MADV_DONTNEED) };
        chunk = BEHIND[chunk as usize].load(Ordering::Relaxed);
    }
}

#[cfg(test)]
pub(super) fn is_used() -> bool {
    FREE.lock().unwrap_or_else(PoisonError::into_inner).fresh > 0
}
