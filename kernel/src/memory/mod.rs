//! Where rust-analyzer's syntax trees lie: apart from everything else.
//!
//! While it loads crates it builds more trees than it keeps, and between them what it keeps for as long as the
//! kernel runs. In one heap the gaps that the trees leave are almost half of the memory at rest. So small blocks
//! that are asked for while a tree is built lie in chunks of their own, which are free as a whole when it goes.

#[cfg(target_os = "linux")]
mod chunks;
#[cfg(target_os = "linux")]
mod spans;

use std::alloc::{GlobalAlloc, Layout, System};

/// Larger blocks are as well off in the common heap.
const SMALL: usize = 256;

pub(crate) struct Heap;

#[allow(unsafe_code, reason = "an allocator is unsafe to implement")]
// SAFETY: each block comes from the chunks or from the system, and goes back to where its address lies.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        #[cfg(target_os = "linux")]
        if spans::is_tree() && layout.size().max(layout.align()) <= SMALL {
            let block = chunks::take(layout);
            if !block.is_null() {
                return block;
            }
        }
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        #[cfg(target_os = "linux")]
        if let Some(chunk) = chunks::of(block) {
            return chunks::leave(chunk);
        }
        // SAFETY: it is not of the chunks, and otherwise as the caller promises.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        #[cfg(target_os = "linux")]
        if chunks::of(block).is_some() {
            if size <= layout.size() {
                return block;
            }
            // SAFETY: the caller promises that the size fits; the new block is larger than the old one.
            unsafe {
                let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
                if !new.is_null() {
                    std::ptr::copy_nonoverlapping(block, new, layout.size());
                    self.dealloc(block, layout);
                }
                return new;
            }
        }
        // SAFETY: it is not of the chunks, and otherwise as the caller promises.
        unsafe { System.realloc(block, layout, size) }
    }
}

/// From now on trees lie apart. Without effect where the system does not give the addresses.
pub(crate) fn part_trees() {
    #[cfg(target_os = "linux")]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| {
            if chunks::reserve() {
                spans::watch();
            }
        });
    }
}

/// Gives what is free back to the system.
#[allow(unsafe_code, reason = "calls the C library")]
pub(crate) fn give_back() {
    #[cfg(target_os = "linux")]
    chunks::give_back();
    // SAFETY: it looks only at what is free.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use proptest::prelude::*;
    use ra_ap_syntax::{Edition, SourceFile};

    use super::*;

    #[test]
    fn trees_lie_in_chunks_and_nothing_else() {
        part_trees();
        let text = "fn f() { g(1 + 2) }".repeat(100);
        let tree = SourceFile::parse(&text, Edition::Edition2024).syntax_node();
        assert_eq!(tree.text().to_string(), text);
        assert!(chunks::is_used());
        assert!(!spans::is_tree());
        let block = Box::into_raw(Box::new(1u8));
        assert_eq!(chunks::of(block), None);
        #[allow(unsafe_code, reason = "it was a box")]
        // SAFETY: it comes from `Box::into_raw`.
        drop(unsafe { Box::from_raw(block) });
    }

    proptest! {
        /// Blocks keep what is written to them, whatever others come, grow and go, in whichever thread.
        #[test]
        fn blocks_are_apart(steps in prop::collection::vec((0usize..40, 1usize..300), 1..400)) {
            part_trees();
            let mut blocks: Vec<Vec<u8>> = Vec::new();
            for (i, (which, size)) in steps.into_iter().enumerate() {
                let fill = i as u8;
                if which < blocks.len() && which % 3 == 0 {
                    let gone = blocks.swap_remove(which);
                    std::thread::spawn(move || drop(gone)).join().unwrap();
                } else if which < blocks.len() {
                    let first = blocks[which][0];
                    let _tree = spans::tests::tree();
                    blocks[which].extend(std::iter::repeat_n(first, size));
                } else {
                    let _tree = spans::tests::tree();
                    blocks.push(vec![fill; size]);
                }
                if i % 50 == 0 {
                    give_back();
                }
            }
            for block in &blocks {
                prop_assert!(block.iter().all(|byte| *byte == block[0]));
            }
        }
    }
}
