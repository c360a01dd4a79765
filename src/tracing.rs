//! Changes as `tracing` events.

use std::borrow::Cow;
use std::time::Duration;

use tracing::Level;

use crate::engine::state::{CircuitState, Override};
use crate::engine::window::counts::WindowCounts;
use crate::events::event::{CircuitEvent, Interest, Listener};

/// Tells what happens to circuits as events of [`tracing`](https://docs.rs/tracing).
///
/// With the feature `tracing` each circuit logs its changes so, unless it was built to be
/// [`quiet`](crate::CircuitBuilder::quiet). A `TracingListener` that is added takes the place of
/// that log, so that nothing is logged twice: add one to have rejections logged, too.
///
/// The target is `tower_circuit_breaker`. A trip is logged at `WARN`, every other change of state or
/// override at `INFO`, probes being the change to `half_open`; a success is never logged. Fields, as
/// far as an event has them:
///
/// | field | what it is |
/// |---|---|
/// | `circuit` | the name |
/// | `from`, `to` | states, or overrides (`none` without one) |
/// | `reason` | why the state changed, or the call was rejected |
/// | `failure_rate`, `calls` | what the window held when the old state ended, if it held calls |
/// | `open_for_ms` | how long the circuit will be open |
/// | `down_for_ms` | how long it had not been closed, when it closes |
/// | `retry_after_ms` | of a rejection: how long the circuit stays open |
///
/// One event stays one line: whatever in a name is not printable is escaped, as in error messages.
///
/// # Examples
///
/// ```
/// use tower_circuit_breaker::{Circuit, TracingListener};
///
/// let circuit = Circuit::builder("plants").build();
/// circuit.trip();
/// // WARN tower_circuit_breaker: circuit tripped circuit="plants" from="closed" to="open" ...
///
/// circuit.on_event(TracingListener::new().rejections());
/// let _ = circuit.try_acquire();
/// // DEBUG tower_circuit_breaker: call rejected circuit="plants" reason="open" ...
/// # assert_eq!(circuit.snapshot().listeners.panics, 0);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct TracingListener {
    interest: Interest,
}

const TARGET: &str = "tower_circuit_breaker";

impl TracingListener {
    /// Tells changes of state and override.
    #[must_use]
    pub const fn new() -> Self {
        Self { interest: Interest::CHANGES }
    }

    /// Logs rejected calls too, at `DEBUG`.
    ///
    /// Each then costs a short lock, also where nobody listens at that level.
    #[must_use]
    pub fn rejections(self) -> Self {
        Self { interest: self.interest | Interest::REJECTIONS }
    }
}

/// A change of state, at a level that is known when the program is built: tracing asks for that.
macro_rules! tell_change {
    ($level:expr, $told:literal, $event:expr) => {
        if let CircuitEvent::StateChanged {
            circuit, from, to, reason, window, open_for, down_for, ..
        } = $event
        {
            tracing::event!(
                target: TARGET,
                $level,
                circuit = &*one_line(circuit),
                from = from.as_str(),
                to = to.as_str(),
                reason = reason.as_str(),
                failure_rate = failure_rate(window),
                calls = (window.calls > 0).then_some(window.calls),
                open_for_ms = open_for.map(millis),
                down_for_ms = down_for.map(millis),
                $told
            );
        }
    };
}

impl Listener for TracingListener {
    fn on_event(&self, event: &CircuitEvent) {
        match event {
            CircuitEvent::StateChanged { from: CircuitState::Closed, .. } => {
                tell_change!(Level::WARN, "circuit tripped", event);
            }
            CircuitEvent::StateChanged { .. } => {
                tell_change!(Level::INFO, "circuit changed state", event);
            }
            CircuitEvent::Renewed { circuit, state, reason, open_for, .. } => tracing::info!(
                target: TARGET,
                circuit = &*one_line(circuit),
                state = state.as_str(),
                reason = reason.as_str(),
                open_for_ms = open_for.map(millis),
                "circuit renewed"
            ),
            CircuitEvent::Overridden { circuit, from, to, reason, .. } => tracing::info!(
                target: TARGET,
                circuit = &*one_line(circuit),
                from = override_name(*from),
                to = override_name(*to),
                reason = reason.as_str(),
                "circuit overridden"
            ),
            CircuitEvent::Rejected { circuit, reason, retry_after } => tracing::debug!(
                target: TARGET,
                circuit = &*one_line(circuit),
                reason = reason.as_str(),
                retry_after_ms = retry_after.map(millis),
                "call rejected"
            ),
            CircuitEvent::Succeeded { .. }
            | CircuitEvent::Failed { .. }
            | CircuitEvent::NotSent { .. }
            | CircuitEvent::Added { .. }
            | CircuitEvent::Removed { .. } => {}
        }
    }

    fn interest(&self) -> Interest {
        self.interest
    }

    fn is_log(&self) -> bool {
        true
    }
}

impl Default for TracingListener {
    fn default() -> Self {
        Self::new()
    }
}

/// The name, without what could end a line, colour a terminal or turn text around.
fn one_line(name: &str) -> Cow<'_, str> {
    let is_plain = |c: char| matches!(c, '"' | '\'' | '\\') || c.escape_debug().len() == 1;
    if name.chars().all(is_plain) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(name.escape_debug().to_string())
}

fn override_name(overridden: Option<Override>) -> &'static str {
    overridden.map_or("none", Override::as_str)
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn failure_rate(window: &WindowCounts) -> Option<f64> {
    (window.calls > 0).then(|| window.failures as f64 / window.calls as f64)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
