//! The clock of the tokio runtime.

use std::time::Duration;

use tokio::time::Instant;

use crate::clock::Clock;

/// Tokio's clock, which stands still while
/// [`tokio::time::pause`](https://docs.rs/tokio/1/tokio/time/fn.pause.html) is in force.
///
/// For tests with a paused runtime; elsewhere it shows the same time as
/// [`SystemClock`](crate::SystemClock). Make it inside the runtime that is paused.
#[derive(Debug, Clone, Copy)]
pub struct TokioClock {
    origin: Instant,
}

impl TokioClock {
    /// A clock that starts at zero now.
    #[must_use]
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Duration {
        Instant::now().saturating_duration_since(self.origin)
    }

    fn is_monotonic(&self) -> bool {
        true
    }
}
