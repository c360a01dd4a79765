//! A connection to a server behind a circuit: made when it is needed, let go when it is lost.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use desk::Flood;
use tokio::time::timeout;
use tower_circuit_breaker::{Circuit, Error, FailureKind, Outcome};

use crate::log::blocked;

/// Why a server did not give what it was asked for.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It cannot be reached, went away, or says that it cannot serve.
    Lost(String),
    /// It did not answer in time.
    TimedOut,
    /// It answered that the question was wrong.
    Refused(String),
}

/// A connection, shared by all who ask; clones of `C` are the same one.
#[derive(Debug)]
pub(crate) struct Link<C> {
    circuit: Circuit,
    blocked: Flood,
    limit: Duration,
    held: Mutex<Option<C>>,
}

impl<C: Clone> Link<C> {
    pub(crate) fn new(circuit: Circuit, limit: Duration) -> Self {
        Self { circuit, blocked: Flood::default(), limit, held: Mutex::new(None) }
    }

    /// Asks over the connection, a new one if there is none, unless the circuit rejects it.
    ///
    /// Connecting is part of the call: that it fails counts, and an open circuit spares it. `what` is
    /// the question in the log.
    pub(crate) async fn call<T>(
        &self,
        what: &str,
        connect: impl Future<Output = Result<C, Trouble>>,
        ask: impl AsyncFnOnce(C) -> Result<T, Trouble>,
    ) -> Result<T, Error<Trouble>> {
        let asked = async {
            // Several may connect at once, and one is kept: no call waits for another's.
            let connection = match self.held() {
                Some(connection) => connection,
                None => {
                    let connection = connect.await?;
                    self.hold(Some(connection.clone()));
                    connection
                }
            };
            ask(connection).await
        };
        let attempt = async {
            let result = timeout(self.limit, asked).await.unwrap_or(Err(Trouble::TimedOut));
            if matches!(result, Err(Trouble::Lost(_) | Trouble::TimedOut)) {
                self.hold(None);
            }
            result
        };
        let answer = self.circuit.call_with(worth, attempt).await;
        if matches!(answer, Err(Error::Rejected(_))) {
            blocked(&self.blocked, &self.circuit, what);
        }
        answer
    }

    fn held(&self) -> Option<C> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn hold(&self, connection: Option<C>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = connection;
    }
}

/// A server that refuses a question is well.
fn worth<T>(result: &Result<T, Trouble>) -> Outcome {
    match result {
        Ok(_) | Err(Trouble::Refused(_)) => Outcome::Success,
        Err(Trouble::Lost(_)) => Outcome::Failure(LOST),
        Err(Trouble::TimedOut) => Outcome::Failure(TIMEOUT),
    }
}

const LOST: FailureKind = FailureKind::new("lost");
const TIMEOUT: FailureKind = FailureKind::new("timeout");
