//! Which text stands: that of the last failure, or none.

use std::panic::catch_unwind;
use std::time::Duration;

use futures_util::FutureExt;
use http::Method;
use http_body_util::BodyExt;
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_circuit_breaker::http::layer;
use tower_circuit_breaker::{ErrorText, FailureKind, Outcome};

use crate::last_error::{OtherError, ShopError, boxed, fail_with, shop, text, through_http};
use crate::script::{Script, Step, request, response};
use crate::support::{FAILURE, SECOND, fail, ready_to_probe, record, rejection, succeed};

#[test]
fn an_error_that_no_closure_takes_says_of_which_type_it_is() {
    let (circuit, _) = shop(|b| b);

    fail_with(&circuit, OtherError);

    let said = text(&circuit).unwrap();
    assert!(said.contains("OtherError") && said.contains("no `last_error` takes"), "{said}");
}

#[test]
fn closures_for_several_types_add_up_and_the_later_of_one_type_holds() {
    let (circuit, _) = shop(|b| {
        b.last_error(|_: &OtherError| "another".to_owned())
            .last_error(|error: &ShopError| format!("later: {}", error.0))
    });

    fail_with(&circuit, OtherError);
    assert_eq!(text(&circuit).as_deref(), Some("another"));
    fail_with(&circuit, ShopError("sold out"));
    assert_eq!(text(&circuit).as_deref(), Some("later: sold out"));
}

#[test]
fn of_two_failures_at_one_instant_it_is_the_text_of_the_later() {
    let (circuit, _) = shop(|b| b);

    fail_with(&circuit, ShopError("first"));
    fail_with(&circuit, ShopError("second"));

    assert_eq!(text(&circuit).as_deref(), Some("second"));
}

#[test]
fn a_failure_without_an_error_leaves_no_older_text_even_at_the_same_instant() {
    let (circuit, _) = shop(|b| b);
    let begin = || {
        fail_with(&circuit, ShopError("older"));
        assert_eq!(text(&circuit).as_deref(), Some("older"));
    };

    begin();
    fail(&circuit);
    assert_eq!(text(&circuit), None, "an outcome given to a permit");
    begin();
    record(&circuit, Outcome::TripFor(Duration::ZERO));
    assert_eq!(text(&circuit), None, "a pause that the upstream asks for");
    circuit.reset();
    begin();
    let _ = circuit.run_with(|_: &Result<(), ShopError>| FAILURE, || Ok(()));
    assert_eq!(text(&circuit), None, "a result that is a failure");
}

#[test]
fn a_call_that_is_dropped_for_too_long_leaves_no_older_text() {
    let (circuit, clock) = shop(|b| b.abandoned_after(SECOND));
    fail_with(&circuit, ShopError("older"));

    let dropped = circuit.try_acquire().unwrap();
    clock.advance(SECOND);
    drop(dropped);

    assert_eq!(circuit.snapshot().totals.failures, 2);
    assert_eq!(text(&circuit), None);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_panic_of_the_call_leaves_no_older_text() {
    let (circuit, _) = shop(|b| b);
    fail_with(&circuit, ShopError("older"));

    let caught = catch_unwind(|| circuit.run(|| -> Result<(), ShopError> { panic!("a call") }));

    assert!(caught.is_err());
    assert_eq!(circuit.snapshot().last_failure.unwrap().kind, FailureKind::PANIC);
    assert_eq!(text(&circuit), None);
}

#[test]
fn statuses_and_broken_bodies_leave_no_older_text() {
    let circuit = boxed();
    let answer = |status, step| {
        let service = layer(circuit.clone()).layer(service_fn(move |_| {
            let body = Script::new([Step::Data("a")].into_iter().chain([step_of(step)]));
            std::future::ready(Ok::<_, BoxError>(response(status, body)))
        }));
        let response = service.oneshot(request(Method::GET)).now_or_never().unwrap().unwrap();
        drop(response.into_body().collect().now_or_never());
    };

    through_http(layer(circuit.clone()), "older");
    answer(500, "data");
    assert_eq!(text(&circuit), None);
    through_http(layer(circuit.clone()), "older");
    answer(200, "break");
    assert_eq!(text(&circuit), None);
    assert_eq!(circuit.snapshot().totals.failures, 4);
}

fn step_of(step: &str) -> Step {
    if step == "break" { Step::Break } else { Step::Data("b") }
}

#[test]
fn what_is_no_failure_leaves_it() {
    let (circuit, clock) = shop(|b| b);
    fail_with(&circuit, ShopError("older"));
    clock.advance(SECOND);

    succeed(&circuit);
    record(&circuit, Outcome::Ignored);
    record(&circuit, Outcome::NotSent);
    drop(circuit.try_acquire());
    let _ = circuit.run_with(|_: &Result<(), _>| Outcome::Ignored, || Err(ShopError("ignored")));
    circuit.reset();

    assert_eq!(text(&circuit).as_deref(), Some("older"));
}

#[test]
fn a_stale_failure_changes_nothing() {
    let (circuit, clock) = shop(|b| b);
    let wrapped = circuit.wrap(|said| async move {
        tokio::task::yield_now().await;
        Err::<(), _>(ShopError(said))
    });
    let mut stale = Box::pin(wrapped("stale"));
    assert!(stale.as_mut().now_or_never().is_none());
    let stale_permit = circuit.try_acquire().unwrap();
    circuit.reset();
    fail_with(&circuit, ShopError("of this epoch"));
    clock.advance(SECOND);

    assert!(stale.now_or_never().unwrap().is_err());
    stale_permit.record(FAILURE);

    assert_eq!(circuit.snapshot().totals.stale, 2);
    assert_eq!(text(&circuit).as_deref(), Some("of this epoch"));
}

#[test]
fn a_failed_probe_is_one_too() {
    let (circuit, clock) = shop(|b| b);
    ready_to_probe(&circuit, &clock);

    fail_with(&circuit, ShopError("still down"));

    assert_eq!(text(&circuit).as_deref(), Some("still down"));
    assert_eq!(
        rejection(&circuit).last_error().as_ref().map(ErrorText::as_str),
        Some("still down")
    );
}
