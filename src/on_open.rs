//! What callers meet while a circuit would reject them.

/// What callers meet while the circuit would reject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OnOpen {
    /// The service is ready, and calls are rejected at once.
    #[default]
    Reject,
}
