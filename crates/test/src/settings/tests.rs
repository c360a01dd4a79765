use std::time::Duration;

use crate::model::Window;
use crate::settings::plain;
use tower_circuit_breaker::{
    Backoff, Circuit, CircuitBuilder, FailureKind, ManualClock, Outcome, SlidingWindow, TripRule,
};

const SECOND: Duration = Duration::from_secs(1);

/// Every setting, each with another number.
fn all() -> CircuitBuilder {
    let connect = TripRule::consecutive_failures(2).of(FailureKind::new("connect"));
    let timeout = TripRule::consecutive_failures(3).of(FailureKind::new("timeout"));
    Circuit::builder("all")
        .rule(connect.open_for(SECOND))
        .rule(timeout.lasting(24 * SECOND))
        .rule(TripRule::consecutive_failures(4).lasting(25 * SECOND).open_for(2 * SECOND))
        .rule(TripRule::failure_rate(0.3).open_for(3 * SECOND))
        .rule(TripRule::failure_rate_confident(0.4, 0.9).open_for(4 * SECOND))
        .rule(TripRule::slow_call_rate(0.6, 7 * SECOND).open_for(5 * SECOND))
        .rule(TripRule::failure_count(8).open_for(6 * SECOND))
        .rule(TripRule::stalled_calls(9, 10 * SECOND).open_for(7 * SECOND))
        .window(SlidingWindow::time(33 * SECOND).buckets(11))
        .minimum_calls(12)
        .open_backoff(Backoff::exponential(13 * SECOND, 14 * SECOND))
        .probes(15)
        .concurrent_probes(16)
        .failed_probes_allowed(17)
        .probe_timeout(18 * SECOND)
        .abandoned_after(19 * SECOND)
        .max_trip_for(20 * SECOND)
        .ramp(21 * SECOND)
        .throttle(22.0)
}

#[test]
fn every_setting_comes_back_from_plain_numbers() {
    let fewest = Circuit::builder("fewest").window(SlidingWindow::count(23));
    let grows = Backoff::exponential(SECOND, 9 * SECOND).factor(1.25);
    let grows = Circuit::builder("grows").open_backoff(grows);
    let listed = Circuit::builder("listed").open_by(|step| match step {
        0 => 9 * SECOND,
        1 => SECOND,
        _ => 3 * SECOND,
    });
    let all = [all(), fewest, grows, listed, Circuit::builder("none")];
    for config in all.map(CircuitBuilder::into_config) {
        assert_eq!(plain(&config).into_config(), config);
    }
}

#[test]
fn a_bucket_lasts_for_a_whole_number_of_nanoseconds() {
    let length = Duration::from_nanos(70_000_001);
    let window = SlidingWindow::time(length).buckets(7);

    let settings = plain(&Circuit::builder("odd").window(window).into_config());

    let width = Duration::from_nanos(10_000_001);
    assert_eq!(settings.window, Some(Window::Time(7, width)));
}

#[test]
fn open_times_grow_as_those_of_a_circuit() {
    let builder = || Circuit::builder("grows");
    let growing = |factor| {
        let backoff = Backoff::exponential(SECOND, 9 * SECOND).factor(factor);
        builder().open_backoff(backoff.without_jitter())
    };
    let listed = builder().open_by(|step| SECOND * (step % 5 + 1));
    for builder in [growing(1.0), growing(1.25), growing(2.0), growing(3.333), listed] {
        let clock = ManualClock::new();
        let circuit = builder.clock(clock.clone()).build();
        let settings = plain(&circuit.config());

        circuit.trip();
        for step in 0..9 {
            let open_for = circuit.snapshot().retry_after;
            assert_eq!(open_for, Some(settings.backoff(step)), "step {step}");
            clock.advance(open_for.unwrap());
            let probe = circuit.try_acquire().unwrap();
            probe.record(Outcome::Failure(FailureKind::OTHER));
        }
    }
}
