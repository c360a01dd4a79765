//! Running code that is not ours where a panic must not get through.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `f`, which may panic: that is its own affair, and the panic hook has told of it.
pub(crate) fn contain(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        // The payload is user code, too. One that panics when it is dropped is a last resort of
        // the perverse; what it panics with is not dropped.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            leak(again);
        }
    }
}

#[expect(clippy::mem_forget, reason = "dropping it could panic, again and again")]
fn leak<T>(value: T) {
    std::mem::forget(value);
}
