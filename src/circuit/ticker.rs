//! A ticker for stalled calls, which only coming calls would notice otherwise (feature `tokio`).

use std::future::Future;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::circuit::Circuit;
use crate::circuit::builder::rule::not_zero;

impl Circuit {
    /// Checks for stalled calls every `period`, until the circuit is dropped (feature `tokio`).
    ///
    /// Spawn it where a circuit is to open though no call comes: see
    /// [`check_stalled_calls`](Self::check_stalled_calls). It does not keep the circuit alive;
    /// dropping it ends it. Waits on tokio's clock, whatever the circuit's is.
    ///
    /// # Panics
    ///
    /// Panics if `period` is zero, or when polled outside of a tokio runtime with a timer.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_circuit_breaker::Circuit;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let circuit = Circuit::builder("api").stalled_calls(10, Duration::from_secs(2)).build();
    ///
    /// let ticker = tokio::spawn(circuit.stall_ticker(Duration::from_millis(200)));
    ///
    /// drop(circuit);
    /// # tokio::time::pause();
    /// assert!(ticker.await.is_ok());
    /// # }
    /// ```
    #[track_caller]
    pub fn stall_ticker(
        &self,
        period: Duration,
    ) -> impl Future<Output = ()> + Send + 'static + use<> {
        let period = not_zero("period", period);
        let circuit = self.downgrade();
        async move {
            let mut ticks = interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let Some(circuit) = circuit.upgrade() else { return };
                circuit.check_stalled_calls();
            }
        }
    }
}
