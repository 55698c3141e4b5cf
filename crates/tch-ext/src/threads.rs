//! libtorch's own threads.

#![allow(unsafe_code, reason = "calls C++, and is called by it")]

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;

unsafe extern "C" {
    fn twoviews_parallel(
        parts: i64,
        run: extern "C" fn(*mut c_void, i64),
        state: *mut c_void,
    ) -> bool;
}

/// Calls `run` for every part from 0 to `parts` - 1, spread over libtorch's threads.
///
/// Threads of our own would compete with these, which stay awake for a while after each operation.
pub fn parallel(parts: usize, run: &(dyn Fn(usize) + Sync)) {
    struct State<'a> {
        run: &'a (dyn Fn(usize) + Sync),
        panic: Mutex<Option<Box<dyn std::any::Any + Send>>>,
    }

    extern "C" fn call(state: *mut c_void, part: i64) {
        // SAFETY: it points to the state below, which lives until all parts are done.
        let state = unsafe { &*state.cast::<State<'_>>() };
        let outcome = catch_unwind(AssertUnwindSafe(|| (state.run)(part as usize)));
        if let (Err(panic), Ok(mut first)) = (outcome, state.panic.lock()) {
            first.get_or_insert(panic);
        }
    }

    let mut state = State { run, panic: Mutex::new(None) };
    // SAFETY: `call` takes such a state, does not unwind, and `run` may be shared.
    let done = unsafe { twoviews_parallel(parts as i64, call, (&raw mut state).cast()) };
    if let Ok(Some(panic)) = state.panic.into_inner() {
        resume_unwind(panic);
    }
    assert!(done, "libtorch could not start {parts} parts");
}

/// Restores the number of libtorch's threads when it is dropped, also in a panic: what one thread sets
/// is what later threads begin with.
#[derive(Debug)]
#[must_use = "the number is restored when this is dropped"]
pub struct ThreadCountGuard(i32);

impl ThreadCountGuard {
    /// Remembers the number that is set now.
    pub fn save() -> Self {
        Self(tch::get_num_threads())
    }
}

impl Drop for ThreadCountGuard {
    fn drop(&mut self) {
        tch::set_num_threads(self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{ThreadCountGuard, parallel};

    #[test]
    fn every_part_runs_once() {
        for parts in [0, 1, 2, 7, 100] {
            let runs: Vec<AtomicUsize> = (0..parts).map(|_| AtomicUsize::new(0)).collect();
            parallel(parts, &|part| {
                runs[part].fetch_add(1, Ordering::Relaxed);
            });
            assert!(runs.iter().all(|runs| runs.load(Ordering::Relaxed) == 1), "{runs:?}");
        }
    }

    #[test]
    #[should_panic(expected = "part 3")]
    fn a_panic_reaches_the_caller() {
        parallel(8, &|part| assert!(part != 3, "part {part}"));
    }

    #[test]
    fn a_panic_leaves_the_number_of_threads_as_it_was() {
        // More than any other test of this program wants, or the machine has.
        tch::set_num_threads(3);
        let panicked = std::panic::catch_unwind(|| {
            let _restored = ThreadCountGuard::save();
            std::thread::scope(|scope| {
                let worker = scope.spawn(|| {
                    tch::set_num_threads(1);
                    panic!("on purpose");
                });
                worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            });
        });
        assert!(panicked.is_err());
        assert_eq!(tch::get_num_threads(), 3);
        assert_eq!(std::thread::spawn(tch::get_num_threads).join().unwrap(), 3);
    }
}
