//! One retry for each call, within a budget, and none against a circuit that is not closed.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::time::{Sleep, sleep};
use tower::retry::Policy;
use tower::retry::budget::{Budget, TpsBudget};
use tower_circuit_breaker::{BoxError, Circuit, CircuitState, Rejected};

use crate::stack::{Answer, Call};

/// The retry policy; tower clones it for each call.
#[derive(Debug, Clone)]
pub(crate) struct RetrySparingly {
    circuit: Circuit,
    budget: Arc<TpsBudget>,
    retries_left: u32,
}

impl RetrySparingly {
    pub(crate) fn new(circuit: Circuit) -> Self {
        let budget = TpsBudget::new(BUDGET_TTL, RETRIES_PER_SECOND, RETRY_SHARE);
        Self { circuit, budget: Arc::new(budget), retries_left: 1 }
    }

    /// Whether there is a retry left, for this call and in the budget of all calls.
    ///
    /// A failed probe has opened the circuit again by now: a retry would only be rejected, and
    /// hide the upstream's own answer.
    fn may_retry(&mut self) -> bool {
        let may = self.retries_left > 0
            && self.circuit.state() == CircuitState::Closed
            && self.budget.withdraw();
        self.retries_left = self.retries_left.saturating_sub(u32::from(may));
        may
    }
}

impl Policy<Call, Answer, BoxError> for RetrySparingly {
    type Future = Sleep;

    fn retry(&mut self, _: &mut Call, result: &mut Result<Answer, BoxError>) -> Option<Sleep> {
        if is_transient(result) {
            return self.may_retry().then(|| sleep(PAUSE));
        }
        if result.is_ok() {
            self.budget.deposit();
        }
        None
    }

    fn clone_request(&mut self, call: &Call) -> Option<Call> {
        Some(call.clone())
    }
}

/// Whether another attempt could go better. A rejection means: not now, so not again.
fn is_transient(result: &Result<Answer, BoxError>) -> bool {
    match result {
        Ok(answer) => answer.status() == StatusCode::SERVICE_UNAVAILABLE,
        Err(error) => Rejected::find(&**error).is_none(),
    }
}

/// How long a success counts towards the budget.
const BUDGET_TTL: Duration = Duration::from_secs(5);
/// What is always left, so that an upstream with few calls gets retries too.
const RETRIES_PER_SECOND: u32 = 2;
/// At most one more attempt for five calls: retries must not double the load of a struggling
/// upstream.
const RETRY_SHARE: f32 = 0.2;
/// Shorter than a caller notices.
const PAUSE: Duration = Duration::from_millis(25);
