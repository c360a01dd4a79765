//! Which circuits there are, and what trips them: the peers without seatbelt.

use breaker::{BreakerLayer, CircuitBreaker, CircuitBreakerConfig, CircuitBreakerError};
use recloser::{AsyncRecloser, Recloser};
use tower::{Layer, service_fn};
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, SlidingWindow};
use tower_resilience_circuitbreaker::{
    CircuitBreakerError as Error, CircuitBreakerLayer as Theirs,
};

use crate::{play, upstream};

#[tokio::test]
async fn tower_resilience_makes_a_circuit_at_each_layer_and_breaker_shares_its_own() {
    let layer = Theirs::builder().consecutive_failures(1).build().unwrap();
    let [mut one, mut other] = [(); 2].map(|()| layer.layer(service_fn(upstream)));
    assert_eq!(play(&mut one, "fo", Error::is_circuit_open).await, "fr");
    assert_eq!(play(&mut other, "o", Error::is_circuit_open).await, "o");

    let config = CircuitBreakerConfig::builder().consecutive_failures(1).build();
    let layer = BreakerLayer::new(CircuitBreaker::new(config));
    let [mut one, mut other] = [(); 2].map(|()| layer.layer(service_fn(upstream)));
    let is_open = |error: &_| matches!(error, CircuitBreakerError::CircuitOpen);
    assert_eq!(play(&mut one, "fo", is_open).await, "fr");
    assert_eq!(play(&mut other, "o", is_open).await, "r");
}

/// Half of four calls fail, and the last is a success.
#[tokio::test]
async fn a_success_trips_tower_resilience_and_recloser_but_neither_breaker_nor_this_crate() {
    let theirs = Theirs::builder().failure_rate_threshold(0.5).sliding_window_size(4);
    let mut theirs = theirs.build().unwrap().layer(service_fn(upstream));
    assert_eq!(play(&mut theirs, "ffooo", Error::is_circuit_open).await, "ffoor");

    // It judges once more calls have ended than its ring holds.
    let recloser = Recloser::custom().closed_len(4).error_rate(0.5).build();
    let recloser = AsyncRecloser::from(recloser);
    let mut recloser = service_fn(|ask| recloser.call(upstream(ask)));
    let is_rejected = |error: &_| matches!(error, recloser::Error::Rejected);
    assert_eq!(play(&mut recloser, "offooo", is_rejected).await, "offoor");

    let config = CircuitBreakerConfig::builder().consecutive_failures(u32::MAX);
    let config = config.failure_rate_threshold(0.5).sliding_window_size(4).minimum_calls(4).build();
    let mut breaker = BreakerLayer::new(CircuitBreaker::new(config)).layer(service_fn(upstream));
    let is_open = |error: &_| matches!(error, CircuitBreakerError::CircuitOpen);
    assert_eq!(play(&mut breaker, "ffooo", is_open).await, "ffooo");

    let window = SlidingWindow::count(4);
    let circuit = Circuit::builder("shop").failure_rate(0.5).window(window).minimum_calls(4);
    let mut ours = CircuitBreakerLayer::new(circuit.build()).layer(service_fn(upstream));
    let is_rejected = |error: &tower_circuit_breaker::Error<_>| error.rejected().is_some();
    assert_eq!(play(&mut ours, "ffooo", is_rejected).await, "ffooo");
}
