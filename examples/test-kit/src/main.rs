//! A small client stack, and how it is tested: an upstream by script, time by hand, and the settings
//! held against every promise of the crate.
//!
//! ```sh
//! cargo run -p test-kit
//! cargo test -p test-kit
//! ```
//!
//! The tests are at the end. The program shows what the suite says of these settings, and of the same
//! under less traffic than they were made for.

#![expect(clippy::print_stdout, reason = "an example tells what happens")]

use std::time::Duration;

use tower::{BoxError, Service, ServiceBuilder};
use tower_circuit_breaker::{
    Circuit, CircuitBreakerLayer, CircuitBuilder, FailureKind, Outcome, Rejected,
};
use tower_circuit_breaker_test::conformance::{Broken, Report};
use tower_circuit_breaker_test::{Conformance, conformance::Promise};

/// What the upstream answers: a status and how much of a plant there is.
type Stock = (u16, u32);

fn settings() -> CircuitBuilder {
    Circuit::builder("plants")
        .failure_rate(0.5)
        .minimum_calls(4)
        .open_for(Duration::from_secs(30))
        .probes(2)
}

/// A plant that is not known says nothing against the upstream; an overloaded one is left alone.
fn judge(result: &Result<Stock, BoxError>) -> Outcome {
    match result {
        Ok((404, _)) => Outcome::Ignored,
        Ok((429, _)) => Outcome::TripFor(Duration::from_secs(60)),
        Ok((..=499, _)) => Outcome::Success,
        Ok(_) => Outcome::Failure(FailureKind::new("status")),
        Err(_) => Outcome::Failure(FailureKind::new("transport")),
    }
}

/// The stack: while the circuit is open, nothing is in stock.
fn client<S>(circuit: Circuit, upstream: S) -> impl Service<String, Response = Stock> + Clone
where
    S: Service<String, Response = Stock, Error = BoxError> + Clone,
{
    let layer = CircuitBreakerLayer::new(circuit)
        .classify_with(judge)
        .fallback(|_: String, _: Rejected| async { Ok::<Stock, BoxError>((203, 0)) });
    ServiceBuilder::new().layer(layer).service(upstream)
}

/// Runs the suite, for an upstream that is called so often.
fn conform(one_call_every: Duration) -> Result<Report, Broken> {
    Conformance::new(settings)
        .classify_with(judge)
        .success(|| Ok((200, 7)))
        .failure(|| Ok((503, 0)))
        .failure(|| Ok((429, 0)))
        .failure(|| Err("connection reset".into()))
        .ignored(|| Ok((404, 0)))
        .one_call_every(one_call_every)
        .recovers_within(Duration::from_secs(60))
        .run()
}

fn main() -> Result<(), BoxError> {
    println!("Twice a second:\n{}", conform(Duration::from_millis(500))?);
    match conform(Duration::from_secs(5)) {
        Err(broken) if broken.promise() == Promise::Opens => {
            println!("Every five seconds:\n{broken}");
        }
        other => return Err(format!("it should never open: {other:?}").into()),
    }
    let (circuit, upstream) = (settings().build(), tower::service_fn(|_| async { Ok((200, 7)) }));
    let _client = client(circuit, upstream);
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tower::ServiceExt;
    use tower_circuit_breaker::{Circuit, CircuitState};
    use tower_circuit_breaker_test::{
        Answer, ManualClock, ScriptedService, assert_closed, assert_half_open, assert_open, reach,
    };

    use super::{BoxError, Duration, Stock, client, conform, settings};

    type Upstream = ScriptedService<String, Stock, BoxError>;

    fn circuit() -> (Circuit, ManualClock) {
        let clock = ManualClock::new();
        (settings().clock(clock.clone()).build(), clock)
    }

    #[tokio::test]
    async fn an_outage_is_answered_from_the_stack_and_ends() {
        let (circuit, clock) = circuit();
        let answers = [200, 503, 200, 500, 200, 200, 200].map(|status| Ok((status, 1)));
        let upstream = Upstream::new(answers);
        let client = client(circuit.clone(), upstream.clone());
        let ask = || async { client.clone().oneshot("aloe".into()).await.ok() };

        for status in [200, 503, 200, 500] {
            assert_eq!(ask().await, Some((status, 1)));
        }
        assert_open(&circuit);
        assert_eq!(ask().await, Some((203, 0)));
        assert_eq!(upstream.calls(), 4, "nobody called it while it was open");

        clock.advance(Duration::from_secs(30));
        for state in [CircuitState::HalfOpen, CircuitState::Closed] {
            assert_eq!(ask().await, Some((200, 1)));
            assert_eq!(circuit.state(), state);
        }
        assert_eq!(ask().await, Some((200, 1)));
        upstream.assert_over();
    }

    #[tokio::test]
    async fn a_probe_that_hangs_does_not_keep_the_circuit_from_closing() {
        let (circuit, clock) = circuit();
        let upstream = Upstream::new([Answer::never()]).then_always(|| Answer::ok((200, 1)));
        let client = client(circuit.clone(), upstream.clone());

        reach::ready_to_probe(&circuit, &clock);
        let mut hung = Box::pin(client.clone().oneshot("aloe".into()));
        assert!(hung.as_mut().now_or_never().is_none());
        assert_half_open(&circuit);
        clock.advance(Duration::from_secs(30)); // of a lease

        for _ in 0..2 {
            assert!(client.clone().oneshot("basil".into()).await.is_ok());
        }
        assert_closed(&circuit);
        assert_eq!(upstream.in_flight(), 1);
    }

    #[test]
    fn the_settings_keep_every_promise() {
        let report = conform(Duration::from_millis(500)).unwrap();

        assert_eq!((report.opened_by, report.opened_after), ("failures", 4));
    }
}
