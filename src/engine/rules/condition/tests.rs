use std::time::Duration;

use crate::engine::change::ChangeReason;
use crate::engine::outcome::FailureKind;
use crate::engine::rules::condition::WRITTEN;
use crate::engine::rules::rule::TripRule;
use crate::engine::rules::written::Parameters;

const SECOND: Duration = Duration::from_secs(1);

/// A rule of each condition, with everything set that it can have, and why it trips.
fn rules() -> [(TripRule, ChangeReason); 7] {
    let connect = FailureKind::new("connect");
    [
        (
            TripRule::consecutive_failures(1).lasting(SECOND).of(connect),
            ChangeReason::ConsecutiveFailuresOfKind(connect),
        ),
        (TripRule::consecutive_failures(3).lasting(SECOND), ChangeReason::ConsecutiveFailures),
        (TripRule::failure_rate(0.5), ChangeReason::FailureRate),
        (TripRule::failure_rate_confident(0.5, 0.9), ChangeReason::FailureRateConfident),
        (TripRule::failure_count(4), ChangeReason::FailureCount),
        (TripRule::slow_call_rate(0.25, SECOND), ChangeReason::SlowCallRate),
        (TripRule::stalled_calls(5, SECOND), ChangeReason::StalledCalls),
    ]
}

#[test]
fn each_rule_is_behind_its_own_reason_alone() {
    for (rule, own) in rules() {
        for (_, reason) in rules() {
            assert_eq!(rule.is_behind(reason), reason == own, "{rule:?}: {reason:?}");
        }
    }
}

#[test]
fn each_condition_is_read_as_it_is_written() {
    for (rule, _) in rules() {
        let mut parameters = Parameters::default();
        for (field, parameter) in rule.condition.parameters() {
            parameters.set(field, parameter);
        }
        let written = WRITTEN.iter().find(|it| it.name() == rule.condition.name());
        let written = written.unwrap();

        assert_eq!((written.read)(&parameters), Some(rule.condition), "{parameters:?}");
    }
}

#[test]
fn the_first_parameter_has_the_name_of_the_condition() {
    for (rule, _) in rules() {
        let parameters = rule.condition.parameters();
        let first = parameters.first().map(|(name, _)| *name);

        assert_eq!(first, Some(rule.condition.name()));
    }
    for written in &WRITTEN {
        assert_eq!((written.read)(&Parameters::default()), None, "{}", written.name());
    }
}
