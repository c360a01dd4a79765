//! The program itself: its settings, and its end.

use std::process::Command;

use axum::body::Body;
use axum::http::Request;

use crate::support::{Pool, program};

#[test]
fn settings_that_cannot_be_are_refused_by_their_names() {
    for (variable, value, allowed) in [
        ("CIRCUIT_FAIL_MAX", "0", "a whole number from 1 to"),
        ("OLLAMA_CIRCUIT_FAIL_MAX", "many", "a whole number from 1 to"),
        ("REDIS_CIRCUIT_RESET_TIMEOUT", "30", "\"30s\""),
        ("POSTGRES_CIRCUIT_SUCCESS_THRESHOLD", "-1", "a whole number from 1 to"),
        ("CIRCUIT_BREAKER_REDIS_URL", "http://secret", ""),
        ("LOG_LEVEL", "loud", "error, warn, info, debug or trace"),
        ("CALL_TIMEOUT_MS", "0", "a number from 1 to 600000"),
        ("CALL_TIMEOUT_MS", "2s", "a number from 1 to 600000"),
        ("REDIS_URL", "http://secret", "redis://127.0.0.1:6379"),
        ("DATABASE_URL", "mysql://secret", "postgres://postgres@127.0.0.1/postgres"),
        ("OLLAMA_URL", "https://secret", "http://127.0.0.1:"),
        ("AGENTS", "planner,,", "names of letters"),
    ] {
        let output = program(&[(variable, value)]).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();

        assert_eq!(output.status.code(), Some(1), "{variable}={value}: {told}");
        assert!(told.starts_with(&format!("backend-pool: {variable}")), "{told}");
        assert!(told.contains(allowed), "{told}");
        assert!(!told.contains("secret"), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}

#[test]
fn open_control_is_refused_in_production() {
    let output = program(&[("APP_ENV", "production")]).arg("--open-control").output().unwrap();

    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("--open-control is refused with APP_ENV=production"), "{told}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn help_lists_what_can_be_set() {
    let output = program(&[]).arg("--help").output().unwrap();

    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for word in ["--port", "FAIL_MAX", "RESET_TIMEOUT", "SUCCESS_THRESHOLD", "CALL_TIMEOUT_MS"] {
        assert!(told.contains(word), "{word}: {told}");
    }
}

#[tokio::test]
async fn ctrl_c_ends_it_well_though_somebody_reads_events() {
    let mut pool = Pool::start(&[]);
    let events = Request::get(format!("{}/circuits/events", pool.url)).body(Body::empty());
    let events = pool.send(events.unwrap()).await;

    let id = pool.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());

    // Holding the stream: it is the server that ends it.
    let ended = pool.child.wait().unwrap();
    assert_eq!(ended.code(), Some(0));
    drop(events);
}
