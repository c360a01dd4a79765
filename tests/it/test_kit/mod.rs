//! The kit that users test with: it must tell the truth, and must be able to fail.

mod asserting;
mod conformance;
mod faulty;
mod reaching;
mod scripted;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What `f` panics with.
fn panic_of<T>(f: impl FnOnce() -> T) -> String {
    let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else { panic!("it does not panic") };
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}
