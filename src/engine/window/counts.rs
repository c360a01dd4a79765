//! The counts of a window.

/// The counts of the calls in a circuit's sliding window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct WindowCounts {
    /// Number of successes and failures.
    pub calls: u64,
    /// Number of calls that failed.
    pub failures: u64,
    /// Number of slow calls, failed or not; 0 without a slow-call rule.
    pub slow_calls: u64,
}

/// How much of a time window is enough: the newest whole buckets, at least `buckets` of them with
/// at least `calls` calls, and the bucket that has begun after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Enough {
    pub(crate) buckets: u64,
    pub(crate) calls: u64,
}

/// Whether a window tells slow calls from fast ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SlowCalls {
    Ignored,
    Counted,
}
