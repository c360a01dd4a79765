//! tower-resilience-circuitbreaker.

use tower::Layer;
use tower_resilience_circuitbreaker::{
    CircuitBreakerLayer, DefaultClassifier, SlidingWindowType, circuit_breaker_builder,
};

use crate::contestants::{
    Entry, MINIMUM_CALLS, OPEN_FOR, RUN, Rule, SLOW, WINDOW_CALLS, WINDOW_TIME,
};
use crate::figure::Missing;
use crate::inner::Inner;

pub(super) fn enter(rule: Rule) -> Result<Entry, Missing> {
    let entry = Entry::new(layer(rule)?.layer(Inner));
    Ok(if rule == Rule::Count { entry.noting(COUNTS_ALL) } else { entry })
}

pub(crate) fn layer(rule: Rule) -> Result<CircuitBreakerLayer<DefaultClassifier>, Missing> {
    let builder = circuit_breaker_builder()
        .failure_rate_threshold(0.5)
        .minimum_number_of_calls(size(MINIMUM_CALLS))
        .wait_duration_in_open(OPEN_FOR);
    let builder = match rule {
        Rule::Consecutive => builder.consecutive_failures(size(RUN)),
        Rule::Count => builder.sliding_window_size(size(WINDOW_CALLS)),
        Rule::Time | Rule::TimeAndSlow => builder
            .sliding_window_type(SlidingWindowType::TimeBased)
            .sliding_window_duration(WINDOW_TIME),
    };
    let builder = match rule {
        Rule::TimeAndSlow => {
            builder.slow_call_duration_threshold(SLOW).slow_call_rate_threshold(0.5)
        }
        Rule::Consecutive | Rule::Count | Rule::Time => builder,
    };
    builder.build().map_err(|error| Missing::because(error.to_string()))
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

const COUNTS_ALL: &str = "not a window: it counts all calls since the last change of state";
