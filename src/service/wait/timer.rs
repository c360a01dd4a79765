//! Timers that wake a waiting task when its time has come.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

#[cfg(feature = "tokio")]
use tokio::time::sleep;

/// A future that is ready when its time has come. May be early: the task that it wakes asks again.
pub(crate) type TimerFuture = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

/// Makes a future that is ready after a time.
pub(crate) type Timer = fn(Duration) -> TimerFuture;

/// The timer of the tokio runtime. Panics outside of a runtime with a timer.
///
/// That timer counts whole milliseconds and rounds up: even the shortest time is not over at once,
/// so a task that waits for a clock that stands still does not spin.
#[cfg(feature = "tokio")]
pub(crate) fn after(wait: Duration) -> TimerFuture {
    Box::pin(sleep(wait))
}
