//! User code that may panic: clocks, encoders, wakers.

use tower_circuit_breaker::view::catch_panic;

/// What `f` gives; `None` where it panics.
pub(crate) fn unless_it_panics<T>(f: impl FnOnce() -> T) -> Option<T> {
    let mut result = None;
    catch_panic(|| result = Some(f()));
    result
}
