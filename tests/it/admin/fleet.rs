//! Commands that are meant for all processes.

use std::sync::Arc;

use super::{get, post, registry, steering};
use crate::fleet_link::Linked;
use crate::support::SECOND;

#[tokio::test]
async fn a_command_to_a_fleet_that_is_not_there_is_refused() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();

    let answer = post(&admin, "/circuits/plants/force-open?scope=fleet", "{}").await;

    assert_eq!(answer.status, 409, "{}", answer.text);
    assert!(answer.detail().contains("RedisSync"), "{}", answer.text);
    assert_eq!(registry.get("plants").unwrap().snapshot().overridden, None);
}

#[tokio::test]
async fn a_scope_that_is_not_known_acts_on_nothing() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    for query in ["scope=Fleet", "scope=", "scop=fleet", "scope=fleet&scope=process", "x"] {
        let answer = post(&admin, &format!("/circuits/plants/force-open?{query}"), "{}").await;

        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
        assert_eq!(registry.get("plants").unwrap().snapshot().overridden, None, "{query}");
    }
    let answer = post(&admin, "/circuits/plants/force-open?scope=process", "{}").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn commands_that_are_for_one_process_are_not_given_to_the_fleet() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    for command in ["plants/trip", "plants/observe", "reset-all"] {
        let answer = post(&admin, &format!("/circuits/{command}?scope=fleet"), "{}").await;

        assert_eq!(answer.status, 400, "{command}: {}", answer.text);
        assert!(answer.detail().contains("one process"), "{command}: {}", answer.text);
    }
}

#[tokio::test]
async fn the_audit_has_an_end_before_the_fleets_command_that_found_it() {
    let (registry, clock) = registry(&["plants"]);
    registry.join(Arc::new(Linked(None)));
    let admin = steering(&registry).build();
    registry.get("plants").unwrap().force_open_for(10 * SECOND);
    clock.advance(10 * SECOND);

    post(&admin, "/circuits/plants/force-open?scope=fleet", "{}").await;

    let audit = get(&admin, "/audit").await.json;
    let entries = audit["entries"].as_array().unwrap();
    let commands: Vec<_> = entries.iter().map(|entry| &entry["command"]).collect();
    assert_eq!(commands, ["release", "fleet force-open"]);
}
