//! Bugs to plant, so that race models are seen to find them.
//!
//! A bug is one line at the place whose rule it breaks, or one below, in the atomics themselves.
//! Only models that ask for it meet it: `engine::explore` runs each model also with the bugs that
//! it says it finds. In every other build [`planted`] is the constant `false`, and nothing is left
//! of those lines.

/// A bug, named for what goes wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// An exchange is a load and then a store.
    #[cfg(all(test, breaker_loom))]
    TornExchange,
    /// No atomic operation orders another.
    #[cfg(all(test, breaker_loom))]
    Unordered,
    /// Admission goes by the word that it read before it had the lock.
    OldWord,
    /// A deadline is taken to be that of the word that was read before it.
    UnpairedDeadline,
    /// The deadline of the old epoch still stands when the new one is published.
    OldDeadline,
    /// A trip does not ask, under the lock, whether its epoch is over.
    OldTrip,
    /// A probe does not ask, under the lock, whether its epoch is over.
    OldProbe,
    /// A probe that ends gives back the slots of all.
    AllSlots,
    /// A reservation is called although its lease is over.
    OldLease,
    /// The beginning of a run is set to that of an older failure.
    OldBeginning,
    /// A failure lengthens the run of whatever epoch it finds.
    OldRun,
    /// A result counts in whatever epoch it finds in its place.
    OldResult,
    /// A thread that prepares a block or bucket does not ask whether others have long done so.
    OldCursor,
    /// A failure is judged by the window as it is a little later.
    LaterWindow,
    /// A reader does not ask whether what it read was used again meanwhile.
    OldCounts,
    /// A bucket that another thread has wiped for a later tick is taken back.
    TakenBack,
    /// A bucket that is being wiped is read as it is.
    HalfBucket,
    /// Changes go to the inboxes in the order in which their threads arrive.
    OutOfOrder,
    /// Whether a verdict of the fleet is new is asked before the lock is held.
    OldVerdict,
    /// Whether the circuit has begun an epoch itself is asked before the lock is held.
    OldEnd,
    /// Two threads call a listener at once.
    TwoTellers,
    /// A waiting task does not ask again once its waker is in place.
    AskedOnce,
    /// A waiting task that was woken and leaves does not wake the next.
    KeptWake,
    /// A reader of events lets go of the lock between reading and leaving its waker.
    ReadsThenWaits,
    /// The end of a ramp is published whatever has become of the circuit.
    OldRamp,
    /// A health probe closes a circuit whatever has become of it.
    OldHealth,
    /// A call is counted as in flight in whatever epoch it finds.
    OldStart,
    /// The place of a group's member is given back while its circuit is still seen open.
    EarlyPlace,
    /// Whether a handle is the last one is asked before the lock is held.
    OldIsolation,
    /// Isolating a group looks for its members before the isolation can be seen.
    UnseenMember,
    /// A member's isolation is kept although the last handle of the group has gone meanwhile.
    KeptIsolation,
    /// Keeping a new circuit does not ask again, under the lock, whether there is one.
    KeptTwice,
    /// A circuit that is evicted may be used between being chosen and going.
    UsedAgain,
}

/// Whether the model that runs has `bug` planted.
#[cfg(not(all(test, breaker_loom)))]
#[inline]
pub(crate) const fn planted(_bug: Bug) -> bool {
    false
}

#[cfg(all(test, breaker_loom))]
pub(crate) use race::{AtomicU64, Counted, WeakCounted, fence, planted, planting};

#[cfg(all(test, breaker_loom))]
mod race {
    use std::cell::Cell;
    use std::ops::Deref;

    use loom::sync::atomic;

    use super::Bug;
    use crate::sync::{Arc, Ordering};

    thread_local! {
        /// Loom runs all threads of a model on the thread of its test, so that the tests that run
        /// beside it do not meet its bug.
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    pub(crate) fn planted(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }

    /// Runs `model` with `bug` planted. It must not panic.
    pub(crate) fn planting<T>(bug: Bug, model: impl FnOnce() -> T) -> T {
        PLANTED.set(Some(bug));
        let result = model();
        PLANTED.set(None);
        result
    }

    /// Loom's, with the bugs that are not those of one place.
    #[derive(Debug)]
    pub(crate) struct AtomicU64(atomic::AtomicU64);

    impl AtomicU64 {
        pub(crate) fn new(value: u64) -> Self {
            Self(atomic::AtomicU64::new(value))
        }

        pub(crate) fn load(&self, ordering: Ordering) -> u64 {
            self.0.load(weakened(ordering))
        }

        pub(crate) fn store(&self, value: u64, ordering: Ordering) {
            self.0.store(value, weakened(ordering));
        }

        pub(crate) fn swap(&self, value: u64, ordering: Ordering) -> u64 {
            if planted(Bug::TornExchange) {
                let old = self.0.load(Ordering::Acquire);
                self.0.store(value, Ordering::Release);
                return old;
            }
            self.0.swap(value, weakened(ordering))
        }

        pub(crate) fn fetch_add(&self, value: u64, ordering: Ordering) -> u64 {
            self.0.fetch_add(value, weakened(ordering))
        }

        pub(crate) fn fetch_max(&self, value: u64, ordering: Ordering) -> u64 {
            self.0.fetch_max(value, weakened(ordering))
        }

        pub(crate) fn compare_exchange(
            &self,
            current: u64,
            new: u64,
            success: Ordering,
            failure: Ordering,
        ) -> Result<u64, u64> {
            if planted(Bug::TornExchange) {
                let old = self.0.load(Ordering::Acquire);
                if old != current {
                    return Err(old);
                }
                self.0.store(new, Ordering::Release);
                return Ok(old);
            }
            self.0.compare_exchange(current, new, weakened(success), weakened(failure))
        }

        pub(crate) fn compare_exchange_weak(
            &self,
            current: u64,
            new: u64,
            success: Ordering,
            failure: Ordering,
        ) -> Result<u64, u64> {
            self.compare_exchange(current, new, success, failure)
        }
    }

    /// Counts its holders as std's `Arc` does, where loom sees it.
    pub(crate) struct Counted<T> {
        value: Arc<(AtomicU64, T)>,
    }

    impl<T> Counted<T> {
        pub(crate) fn new(value: T) -> Self {
            Self { value: Arc::new((AtomicU64::new(1), value)) }
        }

        pub(crate) fn strong_count(this: &Self) -> usize {
            usize::try_from(this.value.0.load(Ordering::Relaxed)).expect("few hold it")
        }

        pub(crate) fn ptr_eq(this: &Self, other: &Self) -> bool {
            Arc::ptr_eq(&this.value, &other.value)
        }

        pub(crate) fn downgrade(this: &Self) -> WeakCounted<T> {
            WeakCounted(Arc::downgrade(&this.value))
        }
    }

    /// Does not keep what it counts alive, as std's `Weak`.
    pub(crate) struct WeakCounted<T>(std::sync::Weak<(AtomicU64, T)>);

    impl<T> WeakCounted<T> {
        pub(crate) fn upgrade(&self) -> Option<Counted<T>> {
            let value = self.0.upgrade()?;
            let mut held = value.0.load(Ordering::Relaxed);
            while held > 0 {
                let (done, found) = (Ordering::Acquire, Ordering::Relaxed);
                match value.0.0.compare_exchange(held, held + 1, done, found) {
                    Ok(_) => return Some(Counted { value }),
                    Err(newer) => held = newer,
                }
            }
            None
        }

        pub(crate) fn strong_count(&self) -> usize {
            usize::from(self.0.upgrade().is_some_and(|value| value.0.load(Ordering::Relaxed) > 0))
        }

        pub(crate) fn ptr_eq(&self, other: &Self) -> bool {
            self.0.ptr_eq(&other.0)
        }
    }

    impl<T> Clone for WeakCounted<T> {
        fn clone(&self) -> Self {
            Self(self.0.clone())
        }
    }

    impl<T> Clone for Counted<T> {
        fn clone(&self) -> Self {
            self.value.0.fetch_add(1, Ordering::Relaxed);
            Self { value: Arc::clone(&self.value) }
        }
    }

    impl<T> Drop for Counted<T> {
        fn drop(&mut self) {
            self.value.0.fetch_add(u64::MAX, Ordering::Release);
        }
    }

    impl<T> Deref for Counted<T> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.value.1
        }
    }

    pub(crate) fn fence(ordering: Ordering) {
        if !planted(Bug::Unordered) {
            atomic::fence(ordering);
        }
    }

    fn weakened(ordering: Ordering) -> Ordering {
        if planted(Bug::Unordered) { Ordering::Relaxed } else { ordering }
    }
}
