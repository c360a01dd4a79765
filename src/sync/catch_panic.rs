//! Runs user code where a panic must not get through.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `f`, which may panic: the panic hook has reported that. Returns whether it returned.
pub fn catch_panic(f: impl FnOnce()) -> bool {
    let ran = catch_unwind(AssertUnwindSafe(f));
    let is_well = ran.is_ok();
    if let Err(payload) = ran {
        // The payload is user code, too. Where dropping it panics, the payload of that panic is not
        // dropped.
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
