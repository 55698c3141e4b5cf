//! Batches in order, prepared ahead by worker threads.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use crate::{Error, Result};

/// Makes batches by number, each as a function of its number alone.
pub(super) trait BatchSource: Send + Sync + 'static {
    /// What is made.
    type Batch: Send + 'static;
    /// Buffers that a worker keeps from one batch to the next.
    type Buffers: Default;
    /// The worker's name in errors.
    const WORKER: &'static str;
    /// What to do about a panic.
    const HINT: &'static str;

    /// Batch `number`; `None` if `stop` was set meanwhile.
    fn batch(
        &self,
        number: usize,
        buffers: &mut Self::Buffers,
        stop: &AtomicBool,
    ) -> Result<Option<Self::Batch>>;

    /// Batch `number` in errors.
    fn describe(&self, number: usize) -> String;
}

/// An iterator over the batches of a source, which ends after the first error.
///
/// Worker w of W makes the batches w, w + W, w + 2W ... counted from the first one, so that neither
/// the number of workers nor their speed changes the order. The workers stop when it is dropped.
pub(super) struct Prefetch<S: BatchSource> {
    shared: Arc<Shared<S>>,
    first: usize,
    next: usize,
    end: usize,
    buffers: S::Buffers,
    channels: Vec<Receiver<Result<S::Batch>>>,
    threads: Vec<JoinHandle<()>>,
}

/// What the workers share.
struct Shared<S> {
    source: S,
    stop: AtomicBool,
}

impl<S: BatchSource> Prefetch<S> {
    /// The batches from `first` to `end` (exclusive) of `source`. Each of the `workers` may be
    /// `prefetch` batches ahead; without a worker the calling thread makes them. There are no more of them than
    /// processors that this process may use.
    pub(super) fn new(
        source: S,
        first: usize,
        end: usize,
        workers: usize,
        prefetch: usize,
    ) -> Self {
        let shared = Arc::new(Shared { source, stop: AtomicBool::new(false) });
        // More than one for each processor, a container's share included, would only wait for one another.
        let processors = thread::available_parallelism().map_or(usize::MAX, usize::from);
        let workers = workers.min(end - first).min(processors);
        let (mut channels, mut threads) = (Vec::new(), Vec::new());
        for worker in 0..workers {
            // The worker holds one more batch while the channel is full.
            let (sender, receiver) = sync_channel(prefetch.min(end - first));
            let shared = Arc::clone(&shared);
            let numbers = (first + worker..end).step_by(workers);
            // Without its thread the channel is closed, and the first batch is an error.
            let thread = thread::Builder::new().spawn(move || shared.work(numbers, &sender));
            threads.extend(thread);
            channels.push(receiver);
        }
        let buffers = S::Buffers::default();
        Self { shared, first, next: first, end, buffers, channels, threads }
    }

    /// The source of the batches.
    pub(super) fn source(&self) -> &S {
        &self.shared.source
    }

    /// The number of the batch that comes next, `None` at the end.
    pub(super) fn next_number(&self) -> Option<usize> {
        (self.next < self.end).then_some(self.next)
    }

    /// Leaves out the batches that are left.
    pub(super) fn finish(&mut self) {
        self.next = self.end;
    }

    /// Batch `number`, from its worker or made here.
    fn receive(&mut self, number: usize) -> Result<S::Batch> {
        let batch = if self.channels.is_empty() {
            self.shared.guarded_batch(number, &mut self.buffers)
        } else {
            self.channels[(number - self.first) % self.channels.len()].recv().ok()
        };
        batch.unwrap_or_else(|| {
            Err(worker_error(&self.shared.source, number, "the thread ended early".into()))
        })
    }
}

impl<S: BatchSource> Iterator for Prefetch<S> {
    type Item = Result<S::Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        let number = self.next_number()?;
        self.next += 1;
        let batch = self.receive(number);
        if batch.is_err() {
            self.finish();
        }
        Some(batch)
    }
}

impl<S: BatchSource> Drop for Prefetch<S> {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.channels.clear();
        for thread in self.threads.drain(..) {
            // A worker's panic was handed out as an error; here only its end matters.
            let _ = thread.join();
        }
    }
}

impl<S: BatchSource> fmt::Debug for Prefetch<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "batches {} to {}, {} workers", self.next, self.end, self.channels.len())
    }
}

impl<S: BatchSource> Shared<S> {
    /// Makes batches until nobody wants more.
    fn work(&self, numbers: impl Iterator<Item = usize>, sender: &SyncSender<Result<S::Batch>>) {
        let mut buffers = S::Buffers::default();
        for number in numbers {
            let Some(batch) = self.guarded_batch(number, &mut buffers) else { break };
            if sender.send(batch).is_err() {
                break;
            }
        }
    }

    /// Batch `number`, with a panic turned into an error; `None` when nobody wants it any more.
    fn guarded_batch(&self, number: usize, buffers: &mut S::Buffers) -> Option<Result<S::Batch>> {
        let batch = || self.source.batch(number, buffers, &self.stop).transpose();
        catch_unwind(AssertUnwindSafe(batch)).unwrap_or_else(|panic| {
            Some(Err(worker_error(&self.source, number, panic_message(&*panic))))
        })
    }
}

fn worker_error<S: BatchSource>(source: &S, number: usize, message: String) -> Error {
    Error::Worker {
        worker: S::WORKER,
        place: source.describe(number),
        message,
        hint: S::HINT.into(),
    }
}

/// A panic's text: `panic!` makes a `&str` of plain text and a `String` of text with values.
fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Panics at batch 5, in one of the two ways.
    struct Faulty {
        with_value: bool,
    }

    impl BatchSource for Faulty {
        type Batch = usize;
        type Buffers = ();
        const WORKER: &'static str = "test loader";
        const HINT: &'static str = "Look here";

        fn batch(&self, number: usize, (): &mut (), _: &AtomicBool) -> Result<Option<usize>> {
            match (number, self.with_value) {
                (5, false) => panic!("plain words"),
                (5, true) => panic!("words and {number}"),
                _ => Ok(Some(number)),
            }
        }

        fn describe(&self, number: usize) -> String {
            format!("batch {number}")
        }
    }

    #[test]
    fn a_panic_reaches_the_user_with_its_words() {
        for workers in [0, 1, 3] {
            for (with_value, words) in [(false, "plain words"), (true, "words and 5")] {
                let mut batches = Prefetch::new(Faulty { with_value }, 2, 9, workers, 2);
                let before: Vec<usize> = batches.by_ref().take(3).map(Result::unwrap).collect();
                assert_eq!(before, [2, 3, 4]);
                let error = batches.next().unwrap().unwrap_err();
                assert_eq!(
                    error.to_string(),
                    format!("test loader stopped at batch 5: {words}. Look here")
                );
                assert!(batches.next().is_none());
            }
        }
    }
}
