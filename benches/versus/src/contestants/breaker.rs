//! breaker.

use tower::Layer;

use ::breaker::{BreakerLayer, CircuitBreaker, CircuitBreakerConfig};

use crate::contestants::{Entry, MINIMUM_CALLS, OPEN_FOR, RUN, Rule, WINDOW_CALLS};
use crate::figure::Missing;
use crate::inner::Inner;

pub(super) fn enter(rule: Rule) -> Result<Entry, Missing> {
    Ok(Entry::new(layer(rule)?.layer(Inner)))
}

pub(crate) fn layer(rule: Rule) -> Result<BreakerLayer, Missing> {
    let builder = CircuitBreakerConfig::builder().wait_duration(OPEN_FOR);
    let builder = match rule {
        // A rate of 0 switches that rule off.
        Rule::Consecutive => builder.consecutive_failures(RUN).failure_rate_threshold(0.0),
        // It cannot do without the other rule, so that one is put out of reach.
        Rule::Count => builder
            .consecutive_failures(u32::MAX)
            .failure_rate_threshold(0.5)
            .sliding_window_size(WINDOW_CALLS)
            .minimum_calls(MINIMUM_CALLS),
        Rule::Time => return Err(Missing::lacks("it has no time window")),
        Rule::TimeAndSlow => return Err(Missing::lacks("it has no rule for slow calls")),
    };
    Ok(BreakerLayer::new(CircuitBreaker::new(builder.build())))
}
