//! Rule 25: rejections are not sent, and chosen errors say nothing.

use std::future::ready;

use tower::load_shed::error::Overloaded;
use tower::{Layer, ServiceExt, service_fn};
use tower_circuit_breaker::{
    BoxError, CircuitBreaker, CircuitBreakerLayer, CircuitState, Error, Rejected,
};

use crate::service::{failing, poll_now};
use crate::support::circuit;

#[test]
fn rejections_found_among_the_sources_of_a_boxed_error_are_not_sent() {
    #[derive(Debug)]
    struct Wrapper(BoxError);
    impl std::fmt::Display for Wrapper {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("wrapped")
        }
    }
    impl std::error::Error for Wrapper {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&*self.0)
        }
    }
    let (nested, _) = circuit(|b| b);
    nested.force_open();
    let rejection = nested.try_acquire().unwrap_err();
    let layers: [fn(Rejected) -> BoxError; 3] = [
        |rejected| rejected.into(),
        |rejected| Wrapper(rejected.into()).into(),
        |rejected| Error::<std::io::Error>::Rejected(rejected).into(),
    ];
    for (depth, wrap) in layers.into_iter().enumerate() {
        let (outer, _) = circuit(|b| b.consecutive_failures(1));
        let rejection = rejection.clone();
        let inner = service_fn(move |()| ready(Err::<(), _>(wrap(rejection.clone()))));

        let _ = poll_now(CircuitBreaker::new(inner.clone(), outer.clone()).oneshot(()));
        let always = |_: &Result<(), BoxError>| true;
        let layer = CircuitBreakerLayer::new(outer.clone()).failure_if(always);
        let _ = poll_now(layer.layer(inner).oneshot(()));

        assert_eq!(outer.snapshot().totals.not_sent, 2, "wrapped {depth} times");
        assert_eq!(outer.state(), CircuitState::Closed, "wrapped {depth} times");
    }
}

#[test]
fn chosen_errors_are_ignored_or_not_sent() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let layer = CircuitBreakerLayer::new(circuit.clone())
        .not_sent::<Overloaded>()
        .ignoring::<std::fmt::Error>()
        .ignoring::<std::num::ParseIntError>();
    let with = |error: fn() -> BoxError| {
        let inner = service_fn(move |()| ready(Err::<(), _>(error())));
        let _ = poll_now(layer.layer(inner).oneshot(()));
        circuit.snapshot().totals
    };

    assert_eq!(with(|| Overloaded::new().into()).not_sent, 1);
    assert_eq!(with(|| std::fmt::Error.into()).ignored, 1);
    assert_eq!(with(|| "x".parse::<u8>().unwrap_err().into()).ignored, 2);
    assert_eq!(with(|| "down".into()).failures, 1);
}

#[test]
fn a_nested_typed_breaker_of_a_boxed_service_is_seen_through() {
    let (nested, _) = circuit(|b| b);
    nested.force_open();
    let (outer, _) = circuit(|b| b.consecutive_failures(1));
    let service = CircuitBreaker::new(CircuitBreaker::new(failing(), nested), outer.clone());

    let result = poll_now(service.oneshot(()));

    assert!(matches!(result, Err(Error::Inner(Error::Rejected(_)))));
    assert_eq!(outer.snapshot().totals.not_sent, 1);
}

#[test]
fn a_rejection_within_an_io_error_is_found() {
    let (nested, _) = circuit(|b| b);
    nested.force_open();
    let error = std::io::Error::other(nested.try_acquire().unwrap_err());
    let boxed: BoxError = Box::new(error);

    assert!(Rejected::find(&*boxed).is_some());
}
