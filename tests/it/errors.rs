//! Messages and chains of errors.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use tower_circuit_breaker::{Circuit, CircuitRegistry, Error, RejectReason, Rejected};

use crate::prometheus::ODD_NAMES;
use crate::support::{circuit, ready_to_probe, rejection};
use crate::tracing::is_printable;

#[test]
fn messages_say_which_circuit_and_when_to_come_again() {
    let (circuit, clock) = circuit(|b| b);
    circuit.trip_for(Duration::from_millis(12_340));
    assert_eq!(rejection(&circuit).to_string(), r#"circuit "api" is open, retry after 12.3 s"#);

    ready_to_probe(&circuit, &clock);
    let _probe = circuit.try_acquire().unwrap();
    assert_eq!(
        rejection(&circuit).to_string(),
        r#"circuit "api" is half-open and its probes are in flight"#
    );

    circuit.force_open();
    assert_eq!(rejection(&circuit).to_string(), r#"circuit "api" is forced open"#);
}

#[test]
fn messages_are_plain_text_whatever_time_is_left() {
    for left in [0, 1, 913_249, 1_000_000, 3_600_000_000_000, u64::MAX] {
        let (circuit, _) = circuit(|b| b);
        circuit.trip_for(Duration::from_nanos(left));
        let Err(rejected) = circuit.try_acquire() else { continue };

        assert!(rejected.to_string().is_ascii(), "{rejected}");
        assert!(rejected.to_string().ends_with(" s"), "{rejected}");
    }
}

#[test]
fn the_soonest_of_several_rejections_is_over_first() {
    let [open, longer, busy, forced] = [(); 4].map(|()| circuit(|b| b));
    open.0.trip_for(Duration::from_secs(20));
    longer.0.trip_for(Duration::from_secs(3000));
    busy.0.trip();
    ready_to_probe(&busy.0, &busy.1);
    let _probe = busy.0.try_acquire().unwrap();
    forced.0.force_open();
    let [open, longer, busy, forced] = [open, longer, busy, forced].map(|(it, _)| rejection(&it));

    for (several, soonest) in [
        (vec![&longer, &open], Some(&open)),
        (vec![&open, &longer], Some(&open)),
        (vec![&open, &busy], Some(&busy)),
        (vec![&forced, &longer], Some(&longer)),
        (vec![&forced], Some(&forced)),
        (vec![], None),
    ] {
        assert_eq!(Rejected::earliest(several.iter().copied()), soonest, "{several:?}");
    }
}

#[test]
fn names_are_displayed_as_in_metrics() {
    let (circuit, _) = circuit(|b| b);
    circuit.force_open();
    let snapshot = circuit.snapshot();

    let shown = format!(
        "{:>8} {} {} {} {} {}",
        snapshot.state,
        snapshot.overridden.unwrap(),
        snapshot.health(),
        rejection(&circuit).reason(),
        tower_circuit_breaker::FailureKind::PANIC,
        tower_circuit_breaker::ChangeReason::ProbesFailed,
    );

    assert_eq!(shown, "    open forced_open failing forced_open panic probes_failed");
}

#[test]
fn names_are_escaped_in_messages() {
    let circuit = Circuit::builder("a\r\nb\u{1b}[31m").build();
    circuit.force_open();

    let message = circuit.try_acquire().unwrap_err().to_string();

    assert_eq!(message, r#"circuit "a\r\nb\u{1b}[31m" is forced open"#);
}

#[test]
fn chains_lead_to_the_rejection_or_the_inner_error() {
    let (circuit, _) = circuit(|b| b);
    circuit.trip();
    let rejected: Error<io::Error> = rejection(&circuit).into();
    let inner = Error::Inner(io::Error::other("reset"));

    assert_eq!(rejected.to_string(), "the call was rejected");
    assert!(rejected.source().unwrap().is::<Rejected>());
    assert_eq!(inner.to_string(), "the call failed");
    assert_eq!(inner.source().unwrap().to_string(), "reset");
    assert_eq!(Rejected::find(&rejected).unwrap().reason(), RejectReason::Open);
    assert!(Rejected::find(&inner).is_none());
}

#[test]
fn errors_can_be_taken_apart() {
    let (circuit, _) = circuit(|b| b);
    circuit.trip();
    let rejected: Error<u8> = rejection(&circuit).into();

    assert!(rejected.rejected().is_some());
    assert_eq!(rejected.into_inner(), None);
    assert!(Error::Inner(7).rejected().is_none());
    assert_eq!(Error::Inner(7).into_inner(), Some(7));
}

#[test]
fn a_loop_of_sources_ends() {
    #[derive(Debug)]
    struct Ouroboros;
    impl std::fmt::Display for Ouroboros {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("again")
        }
    }
    impl std::error::Error for Ouroboros {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&Self)
        }
    }

    assert!(Rejected::find(&Ouroboros).is_none());
}

#[test]
fn a_rejection_that_is_not_ready_says_so() {
    use tower::Service;

    let (circuit, _) = circuit(|b| b);
    let inner = tower::service_fn(|()| std::future::ready(Ok::<(), io::Error>(())));
    let mut service = tower_circuit_breaker::CircuitBreaker::new(inner, circuit);

    let error = futures_util::FutureExt::now_or_never(service.call(())).unwrap().unwrap_err();

    assert_eq!(
        error.rejected().unwrap().to_string(),
        r#"circuit "api" was rejecting when asked whether it is ready"#
    );
}

#[test]
fn a_rejection_is_found_deep_in_a_chain() {
    #[derive(Debug)]
    struct Layer(tower_circuit_breaker::BoxError);
    impl std::fmt::Display for Layer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a layer")
        }
    }
    impl std::error::Error for Layer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&*self.0)
        }
    }
    let (circuit, _) = circuit(|b| b);
    circuit.trip();
    let rejected = tower_circuit_breaker::BoxError::from(rejection(&circuit));

    let chain = (0..20).fold(rejected, |inner, _| Layer(inner).into());

    assert!(Rejected::find(&*chain).is_some());
}

#[test]
fn messages_with_a_name_are_one_line_whatever_the_name() {
    for name in ODD_NAMES {
        let circuit = Circuit::builder(name).build();
        circuit.force_open();
        let rejected = circuit.try_acquire().unwrap_err();
        let registry = CircuitRegistry::new();
        registry.get_or_create(name);
        let taken = registry.insert(&circuit).unwrap_err();

        let told = [
            rejected.to_string(),
            format!("{rejected:?}"),
            taken.to_string(),
            format!("{circuit:?}"),
            format!("{registry:?}"),
        ];

        for text in told {
            assert!(text.chars().all(is_printable), "{text:?}");
        }
    }
}
