//! Users' settings, as the model takes them.

use std::time::Duration;

use crate::circuit::config::CircuitConfig;
use crate::engine::change::ChangeReason;
use crate::engine::rules::condition::Condition;
use crate::engine::rules::rate::Rate;
use crate::engine::rules::rule::TripRule;
use crate::engine::rules::settings::Throttle;
use crate::engine::window::span::{SlidingWindow, Span};
use crate::test_util::model;
use crate::test_util::model::{KindRule, Share, Sure, Window};
use crate::test_util::trial::kind_named;

/// The same settings in plain numbers: nothing is reckoned here that a circuit reckons from them.
pub(super) fn plain(config: CircuitConfig) -> model::Settings {
    let settings = config.into_settings();
    let mut plain = model::Settings {
        window: settings.window.map(window),
        minimum_calls: settings.minimum_calls,
        first_open: settings.open.first(),
        longest_open: settings.open.max(),
        is_jittered: settings.open.is_jittered(),
        probes: settings.probes,
        concurrent_probes: settings.concurrent_probes,
        failed_probes_allowed: settings.failed_probes_allowed,
        probe_timeout: settings.probe_timeout,
        abandoned_after: settings.abandoned_after,
        max_trip_for: settings.max_trip_for,
        ramp: settings.ramp,
        throttle: settings.throttle.map(Throttle::multiple),
        ..model::Settings::default()
    };
    for rule in &settings.rules {
        add(&mut plain, rule);
    }
    plain
}

fn add(plain: &mut model::Settings, rule: &TripRule) {
    let own = |reason| rule.open_for.map(|open_for| (reason, open_for));
    let open_time = match rule.condition {
        Condition::ConsecutiveFailures { failures, kind: Some(ref kind), lasting } => {
            let (kind, open_for) = (kind_named(kind.clone()), rule.open_for);
            plain.kinds.push(KindRule { kind, failures, lasting, open_for });
            None
        }
        Condition::ConsecutiveFailures { failures, kind: None, lasting } => {
            (plain.consecutive, plain.lasting) = (Some(failures), lasting);
            own(ChangeReason::ConsecutiveFailures)
        }
        Condition::FailureRate(rate) => {
            plain.failure_rate = Some(share(rate));
            own(ChangeReason::FailureRate)
        }
        Condition::FailureRateConfident { rate, confidence } => {
            plain.failure_rate_confident = Some((share(rate), Sure::of(confidence.share())));
            own(ChangeReason::FailureRateConfident)
        }
        Condition::FailureCount(failures) => {
            plain.failure_count = Some(failures);
            own(ChangeReason::FailureCount)
        }
        Condition::SlowCallRate { rate, slower_than } => {
            plain.slow = Some((share(rate), slower_than));
            own(ChangeReason::SlowCallRate)
        }
        Condition::StalledCalls { calls, older_than } => {
            plain.stalled = Some((calls, older_than));
            own(ChangeReason::StalledCalls)
        }
    };
    plain.open_times.extend(open_time);
}

fn share(rate: Rate) -> Share {
    Share { part: rate.scaled(), whole: Rate::SCALE }
}

fn window(window: SlidingWindow) -> Window {
    match window.0 {
        Span::Calls(calls) => Window::Calls(calls),
        Span::Time { length, buckets } => {
            // A bucket is a whole number of nanoseconds, and the last of them ends no earlier than
            // the window.
            let nanos = length.as_nanos().div_ceil(buckets.into()).max(1);
            let width = u64::try_from(nanos).map_or(Duration::MAX, Duration::from_nanos);
            Window::Time(buckets, width)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::plain;
    use crate::circuit::Circuit;
    use crate::circuit::builder::CircuitBuilder;
    use crate::engine::outcome::FailureKind;
    use crate::engine::rules::backoff::Backoff;
    use crate::engine::rules::rule::TripRule;
    use crate::engine::window::span::SlidingWindow;
    use crate::test_util::model::Window;

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
        for config in [all(), fewest, Circuit::builder("none")].map(CircuitBuilder::into_config) {
            assert_eq!(plain(config.clone()).into_config(), config);
        }
    }

    #[test]
    fn a_bucket_lasts_for_a_whole_number_of_nanoseconds() {
        let length = Duration::from_nanos(70_000_001);
        let window = SlidingWindow::time(length).buckets(7);

        let settings = plain(Circuit::builder("odd").window(window).into_config());

        let width = Duration::from_nanos(10_000_001);
        assert_eq!(settings.window, Some(Window::Time(7, width)));
    }
}
