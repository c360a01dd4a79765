//! The text of the last failure's error, where it is asked for.

use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use http::Method;
use http_body_util::BodyExt;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_circuit_breaker::http::{GrpcErrorsAsFailures, ReadBody, TowerHttp, layer, problem_json};
use tower_circuit_breaker::{
    Circuit, CircuitBreakerLayer, CircuitBuilder, CircuitEvent, CircuitRegistry, Classify, Error,
    ErrorRef, ErrorText, ErrorsAsFailures, FailureKind, ManualClock, Outcome, hyper, reqwest,
};
use tower_http::classify::{GrpcErrorsAsFailures as TowerGrpc, SharedClassifier};

use crate::script::{Script, Step, request, response};
use crate::support::{FAILURE, SECOND, circuit, fail, ready_to_probe, record, rejection, succeed};

/// An error that says what it was made with.
#[derive(Debug)]
struct ShopError(&'static str);

#[derive(Debug)]
struct OtherError;

/// A circuit that keeps the text of a `ShopError`.
fn shop(set: impl FnOnce(CircuitBuilder) -> CircuitBuilder) -> (Circuit, ManualClock) {
    circuit(|b| {
        let b = b.consecutive_failures(100).last_error(|error: &ShopError| error.0.to_owned());
        set(b)
    })
}

/// A circuit that keeps the text of a `BoxError`.
fn boxed() -> Circuit {
    circuit(|b| b.consecutive_failures(100).last_error(|error: &BoxError| error.to_string())).0
}

fn text(circuit: &Circuit) -> Option<String> {
    circuit.snapshot().last_error.map(|text| text.as_str().to_owned())
}

fn fail_with<E: 'static>(circuit: &Circuit, error: E) {
    assert!(matches!(circuit.run(|| Err::<(), _>(error)), Err(Error::Inner(_))));
}

#[test]
fn a_snapshot_and_a_rejection_have_the_text_that_was_asked_for() {
    let (circuit, _) = shop(|b| b.consecutive_failures(1));
    assert_eq!(circuit.snapshot().last_error, None);

    fail_with(&circuit, ShopError("sold out"));

    assert_eq!(text(&circuit).as_deref(), Some("sold out"));
    let rejected = rejection(&circuit);
    assert_eq!(rejected.last_error().as_ref().map(ErrorText::as_str), Some("sold out"));
    drop(circuit);
    assert_eq!(rejected.last_error().as_ref().map(ErrorText::as_str), Some("sold out"));
}

#[test]
fn there_is_none_where_nobody_asks() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));

    fail_with(&circuit, ShopError("sold out"));

    assert_eq!(circuit.snapshot().last_error, None);
    assert_eq!(rejection(&circuit).last_error(), None);
}

#[test]
fn every_way_to_call_without_tower_keeps_it() {
    let (circuit, _) = shop(|b| b);
    let _ = circuit.call(async { Err::<(), _>(ShopError("call")) }).now_or_never().unwrap();
    assert_eq!(text(&circuit).as_deref(), Some("call"));
    let _ = circuit
        .call_with(ErrorsAsFailures, async { Err::<(), _>(ShopError("call_with")) })
        .now_or_never()
        .unwrap();
    assert_eq!(text(&circuit).as_deref(), Some("call_with"));
    let _ = circuit.run_with(ErrorsAsFailures, || Err::<(), _>(ShopError("run_with")));
    assert_eq!(text(&circuit).as_deref(), Some("run_with"));
    let wrapped = circuit.wrap(|said| async move { Err::<(), _>(ShopError(said)) });
    let _ = wrapped("wrap").now_or_never().unwrap();
    assert_eq!(text(&circuit).as_deref(), Some("wrap"));
}

/// Fails with `said`, boxed, through `layer`.
fn through<L>(layer: L, said: &'static str)
where
    L: Layer<tower::util::BoxService<(), (), BoxError>>,
    L::Service: Service<()>,
{
    let inner = service_fn(move |()| std::future::ready(Err::<(), BoxError>(said.into())));
    let answer = layer.layer(tower::util::BoxService::new(inner)).oneshot(()).now_or_never();
    assert!(answer.is_some());
}

#[test]
fn each_classifier_of_the_tower_layer_keeps_it() {
    let circuit = boxed();
    let breaker = || CircuitBreakerLayer::new(circuit.clone());
    let said = || text(&circuit);

    through(breaker(), "typed");
    assert_eq!(said().as_deref(), Some("typed"));
    through(breaker().boxed(), "boxed");
    assert_eq!(said().as_deref(), Some("boxed"));
    through(breaker().classify_with(ErrorsAsFailures::in_chain()), "in_chain");
    assert_eq!(said().as_deref(), Some("in_chain"));
    let failing = |result: &Result<(), BoxError>| result.is_err();
    through(breaker().failure_if(failing), "failure_if");
    assert_eq!(said().as_deref(), Some("failure_if"));
    through(breaker().failure_if(|_: &Result<(), BoxError>| false).failure_if(failing), "also");
    assert_eq!(said().as_deref(), Some("also"));
    through(breaker().ignoring::<io::Error>().not_sent::<io::Error>(), "filtered");
    assert_eq!(said().as_deref(), Some("filtered"));
    through(breaker().bypass_if(|(): &()| false), "not bypassed");
    assert_eq!(said().as_deref(), Some("not bypassed"));
    through(breaker().classify_with(hyper::ClientErrors::around(ErrorsAsFailures)), "client");
    assert_eq!(said().as_deref(), Some("client"));
    assert_eq!(circuit.snapshot().totals.failures, 8);
}

#[test]
fn a_failure_with_a_fallback_keeps_it() {
    let circuit = boxed();
    let breaker =
        CircuitBreakerLayer::new(circuit.clone()).fallback_on_failure(|(): (), _| async { Ok(()) });

    through(breaker, "answered in its place");

    assert_eq!(text(&circuit).as_deref(), Some("answered in its place"));
}

#[test]
fn an_error_of_poll_ready_is_one_too() {
    struct NeverReady;

    impl Service<()> for NeverReady {
        type Response = ();
        type Error = BoxError;
        type Future = std::future::Ready<Result<(), BoxError>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
            Poll::Ready(Err("not ready".into()))
        }

        fn call(&mut self, (): ()) -> Self::Future {
            unreachable!("it is never ready")
        }
    }

    let circuit = boxed();
    let service = CircuitBreakerLayer::new(circuit.clone()).layer(NeverReady);
    assert!(service.oneshot(()).now_or_never().unwrap().is_err());

    assert_eq!(text(&circuit).as_deref(), Some("not ready"));
}

/// Fails through a layer for HTTP.
fn through_http<L>(layer: L, said: &'static str)
where
    L: Layer<HttpInner>,
    L::Service: Service<http::Request<()>>,
{
    let answer = layer.layer(HttpInner(said)).oneshot(request(Method::GET)).now_or_never();
    assert!(answer.is_some());
}

struct HttpInner(&'static str);

impl Service<http::Request<()>> for HttpInner {
    type Response = http::Response<Script>;
    type Error = BoxError;
    type Future = std::future::Ready<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<()>) -> Self::Future {
        std::future::ready(Err(self.0.into()))
    }
}

#[test]
fn each_classifier_of_http_keeps_it() {
    let circuit = boxed();
    let breaker = || layer(circuit.clone());
    let said = || text(&circuit);
    type Result = std::result::Result<http::Response<Script>, BoxError>;

    through_http(breaker(), "layer");
    assert_eq!(said().as_deref(), Some("layer"));
    through_http(breaker().classify_with(ErrorsAsFailures), "errors");
    assert_eq!(said().as_deref(), Some("errors"));
    through_http(breaker().failure_if(|_: &Result| false), "also");
    assert_eq!(said().as_deref(), Some("also"));
    through_http(breaker().classify_with(GrpcErrorsAsFailures::new()), "grpc");
    assert_eq!(said().as_deref(), Some("grpc"));
    through_http(breaker().classify_with(ReadBody::new(|_, _: &[u8]| FAILURE)), "read");
    assert_eq!(said().as_deref(), Some("read"));
    through_http(hyper::layer(circuit.clone()), "hyper");
    assert_eq!(said().as_deref(), Some("hyper"));
    through_http(reqwest::layer(circuit.clone()), "reqwest");
    assert_eq!(said().as_deref(), Some("reqwest"));
    through_http(breaker().classify_with(reqwest::ClientErrors::new()), "client");
    assert_eq!(said().as_deref(), Some("client"));
    let of_tower = TowerHttp::new(SharedClassifier::new(TowerGrpc::new()));
    through_http(breaker().classify_with(of_tower), "tower-http");
    assert_eq!(said().as_deref(), Some("tower-http"));
    let head_alone = CircuitBreakerLayer::new(circuit.clone())
        .classify_with(tower_circuit_breaker::http::ServerErrorsAsFailures::new());
    through_http(head_alone, "head");
    assert_eq!(said().as_deref(), Some("head"));
    assert_eq!(circuit.snapshot().totals.failures, 10);
}

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

#[test]
fn it_is_cut_at_256_bytes_before_a_character_that_does_not_fit() {
    let (circuit, _) = circuit(|b| b.last_error(|error: &String| error.clone()));

    fail_with(&circuit, "a".repeat(1000));
    assert_eq!(text(&circuit).unwrap(), "a".repeat(256));
    fail_with(&circuit, format!("a{}", "é".repeat(500)));
    assert_eq!(text(&circuit).unwrap(), format!("a{}", "é".repeat(127)));
    fail_with(&circuit, String::new());
    assert_eq!(text(&circuit).unwrap(), "");
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_closure_that_panics_gives_no_text_and_the_failure_counts() {
    let (circuit, _) = circuit(|b| {
        b.consecutive_failures(3).last_error(|error: &ShopError| {
            assert_ne!(error.0, "panics");
            error.0.to_owned()
        })
    });
    fail_with(&circuit, ShopError("older"));

    fail_with(&circuit, ShopError("panics"));
    assert_eq!(text(&circuit), None);
    fail_with(&circuit, ShopError("newer"));

    assert_eq!(text(&circuit).as_deref(), Some("newer"));
    assert_eq!(circuit.snapshot().totals.failures, 3);
    assert!(circuit.try_acquire().is_err());
}

/// A circuit that is known to the closure that it was built with.
fn knowing_itself(
    describe: impl Fn(&Circuit, &ShopError) -> String + Send + Sync + 'static,
) -> Circuit {
    let own = Arc::new(OnceLock::<Circuit>::new());
    let seen = Arc::clone(&own);
    let built = Circuit::builder("shop")
        .consecutive_failures(100)
        .last_error(move |error: &ShopError| describe(seen.get().unwrap(), error))
        .clock(ManualClock::new())
        .build();
    own.set(built.clone()).unwrap();
    built
}

#[test]
fn the_closure_may_change_the_circuit() {
    let circuit = knowing_itself(|circuit, error| {
        circuit.reset();
        error.0.to_owned()
    });

    fail_with(&circuit, ShopError("first"));

    assert_eq!(circuit.snapshot().totals.stale, 1, "the circuit has another epoch since");
    assert_eq!(text(&circuit), None);
}

#[test]
fn the_closure_may_take_a_snapshot() {
    let circuit = knowing_itself(|circuit, error| {
        format!("{} after {:?}", error.0, text(circuit).unwrap_or_default())
    });

    fail_with(&circuit, ShopError("first"));
    fail_with(&circuit, ShopError("second"));

    assert_eq!(text(&circuit).unwrap(), r#"second after "first after \"\"""#);
}

#[test]
fn a_closure_that_makes_a_failing_call_is_not_called_for_that() {
    let circuit = knowing_itself(|circuit, error| {
        fail_with(circuit, ShopError("within"));
        error.0.to_owned()
    });

    fail_with(&circuit, ShopError("around"));

    assert_eq!(circuit.snapshot().totals.failures, 2);
    assert_eq!(text(&circuit).as_deref(), Some("around"));
}

#[test]
fn the_time_that_the_closure_takes_is_not_that_of_the_call() {
    let clock = ManualClock::new();
    let moved = clock.clone();
    let circuit = Circuit::builder("api")
        .slow_call_rate(1.0, SECOND)
        .minimum_calls(9)
        .clock(clock)
        .last_error(move |_: &ShopError| {
            moved.advance(5 * SECOND);
            "slow to say".to_owned()
        })
        .build();

    fail_with(&circuit, ShopError(""));

    assert_eq!(circuit.snapshot().totals.slow_calls, 0);
    assert_eq!(circuit.snapshot().last_failure.unwrap().ago, 5 * SECOND);
    assert_eq!(text(&circuit).as_deref(), Some("slow to say"));
}

#[test]
fn a_listener_of_the_trip_sees_the_text() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&heard);
    let (circuit, _) = shop(|b| b.consecutive_failures(1));
    let of = circuit.clone();
    let _handle = circuit.on_event(move |event: &CircuitEvent| {
        if matches!(event, CircuitEvent::StateChanged { .. }) {
            told.lock().unwrap().push(text(&of));
        }
    });

    fail_with(&circuit, ShopError("sold out"));

    assert_eq!(*heard.lock().unwrap(), [Some("sold out".to_owned())]);
}

#[test]
fn a_classifier_of_ones_own_gives_its_errors_or_the_text_says_that_it_does_not() {
    struct Silent;
    struct Outspoken;

    impl<T, E> Classify<T, E> for Silent {
        fn classify(&self, _: &Result<T, E>) -> Outcome {
            FAILURE
        }
    }

    impl<T, E: 'static> Classify<T, E> for Outspoken {
        fn classify(&self, _: &Result<T, E>) -> Outcome {
            FAILURE
        }

        fn error_ref<'e>(&self, error: &'e E) -> Option<ErrorRef<'e>> {
            Some(ErrorRef::of(error))
        }
    }

    let (circuit, _) = shop(|b| b);
    let _ = circuit.run_with(Outspoken, || Err::<(), _>(ShopError("said")));
    assert_eq!(text(&circuit).as_deref(), Some("said"));
    let _ = circuit.run_with(Silent, || Err::<(), _>(ShopError("unsaid")));
    assert!(text(&circuit).unwrap().contains("does not give (`error_ref`)"));

    fail_with(&circuit, ShopError("said"));
    let borrowed = String::from("unsaid");
    let _ = circuit.run_with(|_: &Result<(), &str>| FAILURE, || Err(&*borrowed));
    assert!(text(&circuit).unwrap().contains("does not give (`error_ref`)"));
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_classifier_that_panics_over_its_error_leaves_a_failure_without_a_text() {
    struct Panics(Cell<u8>);

    impl<T, E> Classify<T, E> for Panics {
        fn classify(&self, _: &Result<T, E>) -> Outcome {
            FAILURE
        }

        fn error_ref<'e>(&self, _: &'e E) -> Option<ErrorRef<'e>> {
            self.0.set(self.0.get() + 1);
            panic!("a classifier")
        }
    }

    let (circuit, _) = shop(|b| b);
    let classify = Panics(Cell::new(0));
    let ran = catch_unwind(AssertUnwindSafe(|| {
        circuit.run_with(classify, || Err::<(), _>(ShopError("unsaid"))).is_err()
    }));

    assert!(ran.unwrap());
    assert_eq!((circuit.snapshot().totals.failures, text(&circuit)), (1, None));
}

#[test]
fn each_circuit_of_a_template_keeps_its_own() {
    let registry = CircuitRegistry::with_template(|b| {
        b.last_error(|error: &ShopError| error.0.to_owned()).clock(ManualClock::new())
    });

    let [a, b] = ["a", "b"].map(|name| registry.get_or_create(name));

    fail_with(&a, ShopError("of a"));
    fail_with(&b, ShopError("of b"));

    assert_eq!(text(&a).as_deref(), Some("of a"));
    assert_eq!(text(&b).as_deref(), Some("of b"));
}

#[test]
fn it_is_shown_only_where_it_is_read() {
    let (circuit, _) = shop(|b| b.consecutive_failures(1));
    let bare = {
        let (circuit, _) = crate::support::circuit(|b| b.consecutive_failures(1));
        fail(&circuit);
        circuit
    };
    fail_with(&circuit, ShopError("token=hunter2"));
    let (snapshot, rejected) = (circuit.snapshot(), rejection(&circuit));
    let (bare_snapshot, without) = (bare.snapshot(), rejection(&bare));

    assert_eq!(format!("{:?}", snapshot.last_error), "Some(ErrorText(13 bytes))");
    assert_eq!(format!("{rejected:?} {rejected}"), format!("{without:?} {without}"));
    assert_eq!(
        serde_json::to_value(&snapshot).unwrap(),
        serde_json::to_value(&bare_snapshot).unwrap()
    );
    let response: http::Response<String> = problem_json(rejected.clone());
    let error: Error<Infallible> = rejected.into();
    let shown = [
        format!("{snapshot:?}"),
        format!("{circuit:?}"),
        format!("{error:?} {error} {:?}", error.rejected()),
        format!("{response:?} {}", response.body()),
        format!("{:?}", circuit.export()),
        serde_json::to_string(&circuit.export()).unwrap(),
    ];
    for text in shown {
        assert!(!text.contains("hunter2"), "{text}");
    }
}
