//! tower-circuit-breaker.

use std::time::Duration;

use tower::Layer;
use tower_circuit_breaker::{
    Circuit, CircuitBreakerLayer, CircuitBuilder, Clock, SlidingWindow, SystemClock,
};

use crate::contestants::{
    Entry, MINIMUM_CALLS, OPEN_FOR, RUN, Rule, SLOW, WINDOW_CALLS, WINDOW_TIME,
};
use crate::figure::Missing;
use crate::inner::Inner;

/// Reads the precise clock each time, as a circuit does without the feature `coarse-clock`, and by a
/// virtual call.
struct Precise(SystemClock);

impl Clock for Precise {
    fn now(&self) -> Duration {
        self.0.now()
    }

    fn is_monotonic(&self) -> bool {
        true
    }
}

#[expect(clippy::unnecessary_wraps, reason = "one of the contestants")]
pub(super) fn enter(rule: Rule) -> Result<Entry, Missing> {
    Ok(Entry::new(layer(rule).layer(Inner)))
}

#[expect(clippy::unnecessary_wraps, reason = "one of the contestants")]
pub(super) fn enter_precise(rule: Rule) -> Result<Entry, Missing> {
    Ok(Entry::new(precise_layer(rule).layer(Inner)))
}

#[expect(clippy::unnecessary_wraps, reason = "one of the contestants")]
pub(super) fn enter_call(rule: Rule) -> Result<Entry, Missing> {
    Ok(Entry::calling(circuit(Circuit::builder("api"), rule)))
}

pub(crate) fn layer(rule: Rule) -> CircuitBreakerLayer {
    CircuitBreakerLayer::new(circuit(Circuit::builder("api"), rule))
}

pub(crate) fn precise_layer(rule: Rule) -> CircuitBreakerLayer {
    let builder = Circuit::builder("api").clock(Precise(SystemClock::new()));
    CircuitBreakerLayer::new(circuit(builder, rule))
}

/// Of a registry whose circuits have a count window.
pub(super) fn template(builder: CircuitBuilder) -> CircuitBuilder {
    settings(builder, Rule::Count)
}

pub(super) fn precise_template(builder: CircuitBuilder) -> CircuitBuilder {
    template(builder.clock(Precise(SystemClock::new())))
}

fn circuit(builder: CircuitBuilder, rule: Rule) -> Circuit {
    settings(builder, rule).build()
}

fn settings(builder: CircuitBuilder, rule: Rule) -> CircuitBuilder {
    let builder = builder.minimum_calls(MINIMUM_CALLS).open_for(OPEN_FOR);
    let time = SlidingWindow::time(WINDOW_TIME);
    match rule {
        Rule::Consecutive => builder.consecutive_failures(RUN),
        Rule::Count => builder.failure_rate(0.5).window(SlidingWindow::count(WINDOW_CALLS)),
        Rule::Time => builder.failure_rate(0.5).window(time),
        Rule::TimeAndSlow => builder.failure_rate(0.5).slow_call_rate(0.5, SLOW).window(time),
    }
}
