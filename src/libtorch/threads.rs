//! libtorch's own threads.

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
pub(crate) fn parallel<F: Fn(usize) + Sync>(parts: usize, run: F) {
    struct State<F> {
        run: F,
        panic: Mutex<Option<Box<dyn std::any::Any + Send>>>,
    }

    extern "C" fn call<F: Fn(usize)>(state: *mut c_void, part: i64) {
        // SAFETY: it points to the state below, which lives until all parts are done.
        let state = unsafe { &*state.cast::<State<F>>() };
        let outcome = catch_unwind(AssertUnwindSafe(|| (state.run)(part as usize)));
        if let (Err(panic), Ok(mut first)) = (outcome, state.panic.lock()) {
            first.get_or_insert(panic);
        }
    }

    let mut state = State { run, panic: Mutex::new(None) };
    // SAFETY: `call` is made for this very state, does not unwind, and `run` may be shared.
    let done = unsafe { twoviews_parallel(parts as i64, call::<F>, (&raw mut state).cast()) };
    if let Ok(Some(panic)) = state.panic.into_inner() {
        resume_unwind(panic);
    }
    assert!(done, "libtorch could not start {parts} parts");
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::parallel;

    #[test]
    fn every_part_runs_once() {
        for parts in [0, 1, 2, 7, 100] {
            let runs: Vec<AtomicUsize> = (0..parts).map(|_| AtomicUsize::new(0)).collect();
            parallel(parts, |part| {
                runs[part].fetch_add(1, Ordering::Relaxed);
            });
            assert!(runs.iter().all(|runs| runs.load(Ordering::Relaxed) == 1), "{runs:?}");
        }
    }

    #[test]
    #[should_panic(expected = "part 3")]
    fn a_panic_reaches_the_caller() {
        parallel(8, |part| assert!(part != 3, "part {part}"));
    }
}
