//! The clock of the tokio runtime.

use std::time::Duration;

use tokio::time::Instant;

use crate::clock::Clock;

/// The clock of the tokio runtime, which stands still while the runtime's time is paused.
///
/// For tests with [`tokio::time::pause`](https://docs.rs/tokio/1/tokio/time/fn.pause.html);
/// elsewhere it shows the same time as [`SystemClock`](crate::SystemClock). Make it inside the
/// runtime that is paused.
#[derive(Debug, Clone, Copy)]
pub struct TokioClock {
    origin: Instant,
}

impl TokioClock {
    /// Makes a clock that starts at zero now.
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
