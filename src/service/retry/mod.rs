//! Retry policies for `tower::retry` (feature `tower`), which know rejections.

mod policy;
mod retryable;
mod unless_rejected;

pub use self::policy::RetryPolicy;
pub use self::retryable::{RepeatIf, RetryErrors, RetryIf, Retryable};
pub use self::unless_rejected::{FindRejected, InErrorChain, RetryFuture, RetryUnlessRejected};
