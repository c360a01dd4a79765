//! Setting that the latency is kept.

use crate::circuit::Marks;
use crate::circuit::builder::CircuitBuilder;

impl CircuitBuilder {
    /// Keeps how long calls take, as a histogram that only grows: [`Circuit::latency`].
    ///
    /// Counted is every admitted call that ended with an outcome: successes, failures, those that
    /// ask for a pause, and ignored ones; also probes, and calls that end stale, since their callers
    /// waited all the same. Not counted are rejected calls, calls that were
    /// [not sent](crate::Outcome::NotSent), and calls that were dropped before they had an outcome,
    /// even where [`abandoned_after`](Self::abandoned_after) makes them failures: no failure of the
    /// kind [`ABANDONED`](crate::FailureKind::ABANDONED) is. Where the outcome
    /// is taken at the end of a response body, a call took until its head came, as for
    /// [`slow_call_rate`](Self::slow_call_rate).
    ///
    /// Default: not kept. It changes no rule, and [`reset`](crate::Circuit::reset) and
    /// [`reconfigure`](crate::Circuit::reconfigure) leave it as it is. It belongs to the circuit, as
    /// its clock does: neither [`CircuitConfig`](crate::CircuitConfig) nor text has it. Times are exact
    /// to what the circuit's clock tells: [`SystemClock`](crate::SystemClock), the default, tells
    /// well below a microsecond, also with the feature `coarse-clock`; a `CoarseClock` is some
    /// milliseconds behind, and says nothing of calls that are shorter.
    ///
    /// Costs the circuit 0.5 kB, and each call two atomic additions, on which threads that end calls
    /// at the same moment wait for each other; and two readings of the clock, where no other setting
    /// asks for them (10 to 12 ns for the additions, where a reading takes 20).
    ///
    /// [`Circuit::latency`]: crate::Circuit::latency
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_circuit_breaker::Circuit;
    ///
    /// let circuit = Circuit::builder("plants").latency().build();
    /// assert!(circuit.run(|| Ok::<_, ()>("grows")).is_ok());
    ///
    /// let latency = circuit.latency().expect("asked for above");
    /// assert_eq!(latency.count(), 1);
    /// assert!(latency.quantile(0.99).is_some());
    /// ```
    #[doc(alias = "histogram")]
    pub fn latency(mut self) -> Self {
        self.marks = self.marks.with(Marks::LATENCY);
        self
    }
}
