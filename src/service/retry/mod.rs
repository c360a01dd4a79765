//! Retry policies for `tower::retry` (feature `tower`), which know rejections.

mod unless_rejected;

pub use self::unless_rejected::{FindRejected, InErrorChain, RetryFuture, RetryUnlessRejected};
