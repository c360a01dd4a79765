//! The trip rule that needs no minimum of calls.

use crate::circuit::builder::CircuitBuilder;
use crate::engine::rules::rule::TripRule;

impl CircuitBuilder {
    /// Opens the circuit when the share of failed calls exceeds `rate` with this confidence.
    ///
    /// Holds where the lower bound of the one-sided [Wilson score interval][wilson] of the window's
    /// failure share is above `rate`. Of few calls nearly all must have failed; of many, a little
    /// more than the rate is enough: for a rate of 0.5 and a confidence of 0.95 that is 3 of 3, 8
    /// of 10, 59 of 100 and 527 of 1,000. So no [`minimum_calls`](Self::minimum_calls) has to be
    /// guessed, and it does not apply. In a count window that is too small for any result to be
    /// sure, it holds when all of its calls have failed.
    ///
    /// **For** circuits whose traffic is low, or differs by the hour, so that any minimum is too
    /// high at night or too low by day; with a window that is long enough to hold some calls at
    /// night. **Not** where there is always enough traffic: [`failure_rate`](Self::failure_rate) is
    /// easier to explain. It can be combined with that rule and any other.
    ///
    /// | rule | total failure seen after, at a rate of 0.1 | 0.3 | 0.5 |
    /// |---|---:|---:|---:|
    /// | `failure_rate`, 20 calls at least | 20 calls | 20 | 20 |
    /// | confidence 0.95 | 1 | 2 | 3 |
    /// | confidence 0.99 | 1 | 3 | 6 |
    /// | confidence 0.999 | 2 | 5 | 10 |
    ///
    /// The bound is an approximation that trips early where calls are few and the rate is low: at
    /// rates up to 0.27 the first call trips when it fails at a confidence of 0.95, up to 0.15 at
    /// 0.99, up to 0.09 at 0.999. The lower the rate, the more confidence to ask for.
    ///
    /// The confidence is that of one look, while the rule looks after each failure. So the
    /// chance of a trip without reason grows with time, and is well above `1 - confidence`: of
    /// upstreams that fail at exactly a rate of 0.5, in a window of 100 calls, 40 % had tripped by
    /// the hundredth look at a confidence of 0.95, 13 % at 0.99 and 1.4 % at 0.999, and 78 % or
    /// more by the ten-thousandth. Of those a fifth below the rate 29 %, 3.5 % and 0.1 % had
    /// tripped by the ten-thousandth; without confidence, but with 20 calls at least, all of them.
    /// So choose a rate that is above what is normal for the upstream. `cargo bench --bench
    /// confidence` prints these figures.
    ///
    /// # Panics
    ///
    /// Panics if `rate` is not above 0 and below 1, or `confidence` not above 0.5 and below 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_circuit_breaker::{Circuit, CircuitState, SlidingWindow};
    ///
    /// let circuit = Circuit::builder("reports")
    ///     .failure_rate_confident(0.5, 0.99)
    ///     .window(SlidingWindow::time(Duration::from_secs(600)))
    ///     .build();
    ///
    /// for _ in 0..6 {
    ///     assert_eq!(circuit.state(), CircuitState::Closed);
    ///     let _ = circuit.run(|| Err::<(), _>("connection refused"));
    /// }
    /// assert_eq!(circuit.state(), CircuitState::Open);
    /// ```
    ///
    /// [wilson]: https://doi.org/10.1080/01621459.1927.10502953
    #[track_caller]
    #[doc(alias = "wilson")]
    pub fn failure_rate_confident(self, rate: f64, confidence: f64) -> Self {
        self.rule(TripRule::failure_rate_confident(rate, confidence))
    }
}
