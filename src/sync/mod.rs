//! The only place where locks, atomics and `Arc` come from: std, or loom's models of them.
//!
//! `Arc` is always std's: loom's cannot hold `str` or `dyn` values, and the orderings of a
//! reference count are std's to prove. Where the number of its holders decides something, it is a
//! [`Counted`].

pub(crate) mod catch_panic;

use std::sync::PoisonError;

#[cfg(feature = "serde")]
pub(crate) use std::sync::LazyLock;

#[cfg(breaker_loom)]
pub(crate) use loom::sync::{
    Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard,
    atomic::{AtomicU64, Ordering, fence},
};
pub(crate) use std::sync::{Arc, OnceLock, Weak};
#[cfg(not(breaker_loom))]
pub(crate) use std::sync::{
    Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard,
    atomic::{AtomicU64, Ordering, fence},
};

#[cfg(breaker_loom)]
pub(crate) use self::counted::{Counted, WeakCounted};

#[cfg(breaker_loom)]
mod counted;

/// An `Arc` whose holders are counted.
#[cfg(not(breaker_loom))]
pub(crate) type Counted<T> = Arc<T>;

/// A [`Counted`] value that is not kept alive by it.
#[cfg(not(breaker_loom))]
pub(crate) type WeakCounted<T> = Weak<T>;

/// The number of holders of the value. Whatever former holders did with it is seen.
pub(crate) fn holders<T>(value: &Counted<T>) -> usize {
    let holders = Counted::strong_count(value);
    // Acquire: the count is read Relaxed; the fence pairs with the Release of each `Arc` dropped.
    fence(Ordering::Acquire);
    holders
}

/// A number of this thread: threads are numbered as they first ask.
#[cfg(not(breaker_loom))]
#[inline]
pub(crate) fn thread_number() -> usize {
    use std::cell::Cell;
    use std::sync::atomic::AtomicUsize;

    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: Cell<Option<usize>> = const { Cell::new(None) };
    }
    NUMBER.with(|number| {
        number.get().unwrap_or_else(|| {
            // Relaxed: that numbers are not the same is all that is wanted of them.
            let next = NEXT.fetch_add(1, Ordering::Relaxed);
            number.set(Some(next));
            next
        })
    })
}

/// The same number for all threads of a model, which are one to the operating system.
#[cfg(breaker_loom)]
pub(crate) const fn thread_number() -> usize {
    0
}

/// Locks `mutex`, also after a panic under it: no user code runs under any lock of this crate, and
/// what they guard is whole between statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks for reading; as [`lock`].
pub(crate) fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// Locks for writing; as [`lock`].
pub(crate) fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
