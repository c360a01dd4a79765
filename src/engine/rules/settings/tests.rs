use std::time::Duration;

use crate::engine::change::ChangeReason;
use crate::engine::outcome::FailureKind;
use crate::engine::rules::rule::TripRule;
use crate::engine::rules::settings::Settings;

fn settings(rules: impl IntoIterator<Item = TripRule>) -> Settings {
    let mut settings = Settings::without_rules();
    rules.into_iter().for_each(|rule| settings.add(rule));
    settings
}

#[test]
fn a_rule_takes_the_place_of_one_about_the_same_thing_alone() {
    let of = |kind, failures| TripRule::consecutive_failures(failures).of(FailureKind::new(kind));
    let settings = settings([
        TripRule::consecutive_failures(1),
        of("connect", 2),
        of("timeout", 3),
        TripRule::slow_call_rate(0.5, Duration::from_secs(1)),
        of("connect", 4),
        TripRule::consecutive_failures(5).lasting(Duration::from_secs(1)),
    ]);

    let expected = [
        of("timeout", 3),
        of("connect", 4),
        TripRule::consecutive_failures(5).lasting(Duration::from_secs(1)),
        TripRule::slow_call_rate(0.5, Duration::from_secs(1)),
    ];
    assert_eq!(*settings.rules, expected);
}

#[test]
fn it_does_not_matter_in_which_order_rules_are_added() {
    let rules = [
        TripRule::stalled_calls(3, Duration::from_secs(1)),
        TripRule::failure_rate(0.5),
        TripRule::failure_count(9),
        TripRule::consecutive_failures(5),
    ];

    let other_way = rules.iter().rev().cloned();

    assert_eq!(settings(rules.iter().cloned()), settings(other_way));
}

#[test]
fn a_rule_opens_for_its_own_time() {
    let own = Duration::from_secs(7);
    let rule = TripRule::failure_rate(0.5).open_for(own);
    let settings = settings([rule, TripRule::failure_count(3)]);

    let open_time = |reason| settings.own_open_time(reason);
    assert_eq!(open_time(ChangeReason::FailureRate), Some(own));
    assert_eq!(open_time(ChangeReason::FailureCount), None);
    assert_eq!(open_time(ChangeReason::Operator), None);
}
