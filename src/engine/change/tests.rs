use std::collections::HashSet;

use crate::engine::change::ChangeReason;
use crate::engine::outcome::FailureKind;
use crate::engine::state::{CircuitState, Override};

#[test]
fn every_reason_state_and_override_has_a_name_of_its_own() {
    let names = [
        ChangeReason::ConsecutiveFailuresOfKind(FailureKind::OTHER).as_str(),
        ChangeReason::ConsecutiveFailures.as_str(),
        ChangeReason::FailureRate.as_str(),
        ChangeReason::FailureRateConfident.as_str(),
        ChangeReason::SlowCallRate.as_str(),
        ChangeReason::FailureCount.as_str(),
        ChangeReason::StalledCalls.as_str(),
        ChangeReason::UpstreamAsked.as_str(),
        ChangeReason::OpenTimeOver.as_str(),
        ChangeReason::ProbesFailed.as_str(),
        ChangeReason::ProbesSucceeded.as_str(),
        ChangeReason::ProbesIgnored.as_str(),
        ChangeReason::ProbesUnanswered.as_str(),
        ChangeReason::HealthProbe.as_str(),
        ChangeReason::Operator.as_str(),
        ChangeReason::Restored.as_str(),
        ChangeReason::Fleet.as_str(),
        ChangeReason::LeaseOver.as_str(),
        CircuitState::Closed.as_str(),
        CircuitState::Open.as_str(),
        CircuitState::HalfOpen.as_str(),
        Override::ForcedOpen.as_str(),
        Override::ForcedClosed.as_str(),
        Override::Observing.as_str(),
    ];

    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    for name in names {
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name:?}");
    }
}
