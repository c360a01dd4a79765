//! What operators did is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{get, post, registry, registry_in_time, steering};
use crate::prometheus::ODD_NAMES;
use crate::tracing::is_printable;

#[tokio::test]
async fn each_command_is_written_down_with_who_when_and_why() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();

    let body = r#"{"actor": "ann", "reason": "deploy <b>7</b>", "for": "10m"}"#;
    post(&admin, "/circuits/plants/force-open", body).await;
    post(&admin, "/circuits/reset-all", "").await;
    let audit = get(&admin, "/audit").await.json;

    let [first, second] = [&audit["entries"][0], &audit["entries"][1]];
    assert_eq!(first["number"], 1);
    assert_eq!(first["circuit"], "plants");
    assert_eq!(first["command"], "force-open");
    assert_eq!(first["actor"], "ann");
    assert_eq!(first["reason"], "deploy <b>7</b>");
    assert_eq!(first["peer"], "127.0.0.1");
    assert_eq!(first["for"], 600.0);
    let at = first["at"].as_str().unwrap();
    assert!(at.starts_with("20") && at.ends_with('Z'), "{at}");
    assert_eq!(second["command"], "reset-all");
    assert!(second["circuit"].is_null() && second["actor"].is_null(), "{second}");
}

#[tokio::test]
async fn refused_commands_are_not_written_down() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();

    post(&admin, "/circuits/unknown/trip", "{}").await;
    post(&admin, "/circuits/plants/trip", "nonsense").await;

    assert!(get(&admin, "/audit").await.json["entries"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn the_last_256_commands_are_kept() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();

    for _ in 0..300 {
        post(&admin, "/circuits/plants/reset", "").await;
    }
    let audit = get(&admin, "/audit").await.json;

    assert_eq!(audit["entries"].as_array().unwrap().len(), 256);
    assert_eq!(audit["entries"][255]["number"], 300);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_override_is_written_down() {
    let registry = registry_in_time(&["plants"]);
    let admin = steering(&registry).build();

    post(&admin, "/circuits/plants/observe", r#"{"for": "1h"}"#).await;
    tokio::time::sleep(Duration::from_secs(3601)).await;
    let audit = get(&admin, "/audit").await.json;

    assert_eq!(audit["entries"][1]["command"], "release");
    assert_eq!(audit["entries"][1]["actor"], "expiry");
    assert_eq!(audit["entries"][1]["reason"], "the time of observing was over");
}

#[tokio::test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
async fn a_listener_hears_of_each_command_and_may_panic() {
    let (registry, _clock) = registry(&["plants"]);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    let admin = steering(&registry)
        .on_audit(move |entry| {
            ear.lock().unwrap().push((entry.command, entry.reason.clone()));
            panic!("on purpose");
        })
        .build();

    let answer = post(&admin, "/circuits/plants/trip", r#"{"reason": "drill"}"#).await;

    assert_eq!(answer.json["state"], "open");
    assert_eq!(*heard.lock().unwrap(), [("trip", Some("drill".to_owned()))]);
}

/// What a listener panics with is its own, too: dropping it panics, and so does dropping that.
#[tokio::test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
async fn a_listener_may_panic_with_what_panics_when_it_is_dropped() {
    struct Again(u32);

    impl Drop for Again {
        fn drop(&mut self) {
            if let Some(left) = self.0.checked_sub(1) {
                std::panic::panic_any(Self(left));
            }
        }
    }

    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).on_audit(|_| std::panic::panic_any(Again(3))).build();

    let answer = post(&admin, "/circuits/plants/trip", "{}").await;

    assert_eq!(answer.json["state"], "open");
}

#[tokio::test]
async fn an_entry_is_one_line_whatever_the_name_and_the_words() {
    let (registry, _clock) = registry(&ODD_NAMES);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    let admin = steering(&registry)
        .on_audit(move |entry| ear.lock().unwrap().push(entry.to_string()))
        .build();

    for name in ODD_NAMES {
        let path = name.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
        let body = r#"{"actor": "\"ann\" for 1s", "reason": "say \"hi\"", "for": "10m"}"#;
        let answer = post(&admin, &format!("/circuits/{path}/observe"), body).await;
        assert_eq!(answer.status, 200, "{name:?}: {}", answer.text);
    }
    post(&admin, "/circuits/reset-all", "").await;

    let lines = heard.lock().unwrap();
    for (line, name) in lines.iter().zip(ODD_NAMES) {
        assert!(line.chars().all(is_printable), "{line:?} for {name:?}");
        let rest = line.strip_prefix("observe of \"").unwrap();
        let words = r#"" for 10m by one who says "\"ann\" for 1s" from 127.0.0.1: "say \"hi\"""#;
        assert!(rest.ends_with(words), "{line}");
    }
    assert_eq!(lines[ODD_NAMES.len()], "reset-all from 127.0.0.1");
}
