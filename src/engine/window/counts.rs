//! What a window counts, and what it says of a result.

/// What a window holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct WindowCounts {
    /// Successes and failures.
    pub calls: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Calls that were slow, whether they failed or not; 0 without a slow-call rule.
    pub slow_calls: u64,
}

/// What became of a result; with the counts when it is one that may trip the circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noted {
    /// Its epoch is over.
    Late,
    /// The window also knows how many results of the epoch there were.
    Counted(Option<WindowCounts>),
    /// The window forgets it in time, or there is none.
    Uncounted(Option<WindowCounts>),
}

/// How much of a window of time is enough: the newest whole buckets, at least so many and with so many
/// calls, and what has begun after them.
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
