//! Alarms by the timer of the tokio runtime.

use std::time::Duration;

use tokio::time::sleep;

use crate::service::wait::timer::Alarm;

/// An alarm that is ready after `wait`. Panics outside of a runtime with a timer.
///
/// That timer counts whole milliseconds and rounds up: even the shortest alarm is not ready at
/// once, so who waits for a clock that stands still does not spin.
pub(crate) fn after(wait: Duration) -> Alarm {
    Box::pin(sleep(wait))
}
