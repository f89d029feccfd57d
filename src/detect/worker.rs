//! Work on a thread of its own, one piece at a time, for a caller that never waits.
//!
//! What is worked on (say, a detector with its filled input tensor) is handed over and comes back with the result, so
//! that caller and thread never touch it at the same time, and nothing is allocated on the way.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// The thread ended without giving back what it had: its work panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the thread of the runtime died; this is a fault of the plugin, see the log")]
pub struct Died;

/// A thread that turns a `T` into the same `T` and an `R`.
#[derive(Debug)]
pub struct Worker<T, R> {
    shared: Arc<Shared<T, R>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared<T, R> {
    desk: Mutex<Desk<T, R>>,
    changed: Condvar,
}

#[derive(Debug)]
enum Desk<T, R> {
    Empty,
    Given(T),
    /// The thread has it in hand.
    Busy,
    Done(T, R),
    /// The thread is to end, or has ended.
    Closed,
}

impl<T: Send + 'static, R: Send + 'static> Worker<T, R> {
    pub fn start(name: &str, mut work: impl FnMut(&mut T) -> R + Send + 'static) -> std::io::Result<Worker<T, R>> {
        let shared = Arc::new(Shared { desk: Mutex::new(Desk::Empty), changed: Condvar::new() });
        let theirs = shared.clone();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Dropped also when the work panics.
            let _closing = Closing(&theirs);
            while let Some(mut piece) = theirs.next() {
                let result = work(&mut piece);
                if !theirs.put_back(piece, result) {
                    return;
                }
            }
        })?;
        Ok(Worker { shared, thread: Some(thread) })
    }

    /// Hands over the next piece; what was given before is to be taken first.
    ///
    /// # Panics
    /// If a piece is under way.
    pub fn give(&self, piece: T) {
        let mut desk = self.shared.lock();
        match *desk {
            Desk::Empty => *desk = Desk::Given(piece),
            // The next `take` says so.
            Desk::Closed => return,
            _ => panic!("one piece at a time"),
        }
        drop(desk);
        self.shared.changed.notify_all();
    }

    /// What is done, if something is. Does not wait.
    pub fn take(&self) -> Result<Option<(T, R)>, Died> {
        self.shared.lock().take()
    }

    /// What is under way, as soon as it is done; `None` if nothing is.
    pub fn wait(&self) -> Result<Option<(T, R)>, Died> {
        let under_way = |desk: &mut Desk<T, R>| matches!(desk, Desk::Given(_) | Desk::Busy);
        let desk = self.shared.lock();
        self.shared.changed.wait_while(desk, under_way).unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<T, R> Drop for Worker<T, R> {
    /// Waits for the end of what is under way.
    fn drop(&mut self) {
        *self.shared.lock() = Desk::Closed;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It panicked: whoever took from the worker was told.
            let _ = thread.join();
        }
    }
}

impl<T, R> Desk<T, R> {
    fn take(&mut self) -> Result<Option<(T, R)>, Died> {
        match std::mem::replace(self, Desk::Empty) {
            Desk::Done(piece, result) => Ok(Some((piece, result))),
            Desk::Closed => {
                *self = Desk::Closed;
                Err(Died)
            }
            other => {
                *self = other;
                Ok(None)
            }
        }
    }
}

impl<T, R> Shared<T, R> {
    fn lock(&self) -> MutexGuard<'_, Desk<T, R>> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next piece; `None`: there will be none.
    fn next(&self) -> Option<T> {
        let nothing = |desk: &mut Desk<T, R>| matches!(desk, Desk::Empty | Desk::Done(..));
        let mut desk = self.changed.wait_while(self.lock(), nothing).unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *desk, Desk::Busy) {
            Desk::Given(piece) => Some(piece),
            other => {
                *desk = other;
                None
            }
        }
    }

    /// Returns false if nobody wants it any more.
    fn put_back(&self, piece: T, result: R) -> bool {
        let mut desk = self.lock();
        let wanted = matches!(*desk, Desk::Busy);
        if wanted {
            *desk = Desk::Done(piece, result);
        }
        drop(desk);
        self.changed.notify_all();
        wanted
    }
}

struct Closing<'a, T, R>(&'a Shared<T, R>);

impl<T, R> Drop for Closing<'_, T, R> {
    fn drop(&mut self) {
        *self.0.lock() = Desk::Closed;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A worker that adds one when it is told to.
    fn counting() -> (Worker<u32, bool>, Sender<()>) {
        let (go, told): (_, Receiver<()>) = channel();
        let work = move |piece: &mut u32| {
            *piece += 1;
            told.recv().is_ok()
        };
        (Worker::start("test", work).unwrap(), go)
    }

    #[test]
    fn a_piece_comes_back_with_its_result_when_it_is_done_and_not_before() {
        let (worker, go) = counting();
        assert_eq!(worker.take(), Ok(None));
        worker.give(1);
        assert_eq!(worker.take(), Ok(None));
        go.send(()).unwrap();
        assert_eq!(worker.wait(), Ok(Some((2, true))));
        assert_eq!(worker.wait(), Ok(None));
        worker.give(2);
        go.send(()).unwrap();
        assert_eq!(worker.wait(), Ok(Some((3, true))));
    }

    #[test]
    fn dropping_the_worker_waits_for_the_piece_under_way() {
        let (worker, go) = counting();
        let held = Arc::downgrade(&worker.shared);
        worker.give(1);
        drop(go);
        drop(worker);
        assert!(held.upgrade().is_none(), "the thread has ended and let go");
    }

    #[test]
    fn work_that_panics_is_said_each_time_and_never_waited_for() {
        let worker = Worker::start("test", |_: &mut u32| -> u32 { panic!("as this test wants") }).unwrap();
        worker.give(1);
        assert_eq!(worker.wait(), Err(Died));
        worker.give(2);
        assert_eq!((worker.take(), worker.wait()), (Err(Died), Err(Died)));
    }
}
