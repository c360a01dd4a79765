//! Running code that is not ours where a panic must not get through.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `f`, which may panic: that is its own affair, and the panic hook has told of it. Gives
/// whether it came to its end.
pub(crate) fn catch_panic(f: impl FnOnce()) -> bool {
    let ran = catch_unwind(AssertUnwindSafe(f));
    let is_well = ran.is_ok();
    if let Err(payload) = ran {
        // The payload is user code, too. One that panics when it is dropped is a last resort of
        // the perverse; what it panics with is not dropped.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            leak(again);
        }
    }
    is_well
}

#[expect(clippy::mem_forget, reason = "dropping it could panic, again and again")]
fn leak<T>(value: T) {
    std::mem::forget(value);
}
