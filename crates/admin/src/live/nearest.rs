//! Which rule of a circuit is nearest to tripping it.

use tower_circuit_breaker::CircuitSnapshot;
use tower_circuit_breaker::view::Thresholds;

/// A rule, and how near it is: 1 where it holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Nearest {
    pub(crate) rule: &'static str,
    pub(crate) nearness: f64,
}

impl Nearest {
    /// Of the rules that a number of the snapshot can be held against.
    pub(crate) fn of(snapshot: &CircuitSnapshot, limits: &Thresholds) -> Option<Self> {
        let values = [
            ("failure_rate", snapshot.failure_rate()),
            ("failure_rate_confident", snapshot.failure_rate()),
            ("slow_call_rate", snapshot.slow_call_rate()),
            ("consecutive_failures", Some(number(snapshot.consecutive_failures))),
            ("failure_count", Some(number(snapshot.window.failures))),
            ("stalled_calls", Some(number(snapshot.stalled_calls))),
        ];
        let near = values.into_iter().filter_map(|(rule, value)| {
            let limit = limits.get(rule).filter(|limit| *limit > 0.0)?;
            Some(Self { rule, nearness: value? / limit })
        });
        near.filter(|near| near.nearness > 0.0).max_by(|a, b| a.nearness.total_cmp(&b.nearness))
    }
}

#[expect(clippy::cast_precision_loss, reason = "compared with a limit of a few")]
const fn number(count: u64) -> f64 {
    count as f64
}
