//! What stands for an `Arc` where loom is to see its holders.

use std::ops::Deref;
use std::sync::Weak;

use loom::sync::atomic::AtomicU64;

use crate::sync::{Arc, Ordering};

/// Counts its holders as std's `Arc` does.
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

impl<T> Deref for Counted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value.1
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

/// Does not keep what it counts alive, as std's `Weak`.
pub(crate) struct WeakCounted<T>(Weak<(AtomicU64, T)>);

impl<T> WeakCounted<T> {
    pub(crate) fn upgrade(&self) -> Option<Counted<T>> {
        let value = self.0.upgrade()?;
        let mut held = value.0.load(Ordering::Relaxed);
        while held > 0 {
            let (done, found) = (Ordering::Acquire, Ordering::Relaxed);
            match value.0.compare_exchange(held, held + 1, done, found) {
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
