//! What describes errors: user code, which may do anything.

use std::cell::Cell;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock};

use tower_circuit_breaker::http::problem_json;
use tower_circuit_breaker::{
    Circuit, CircuitEvent, CircuitRegistry, Classify, Error, ErrorRef, ManualClock, Outcome,
};

use crate::last_error::{ShopError, fail_with, shop, text};
use crate::support::{FAILURE, SECOND, circuit, fail, rejection};

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
