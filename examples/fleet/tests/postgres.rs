//! The example on a PostgreSQL of the test's own.

#![allow(clippy::unwrap_used, reason = "helpers outside of tests unwrap, too")]

use std::process::Command;

#[path = "../../../crates/postgres/tests/fleet/server.rs"]
#[allow(dead_code, reason = "the tests of the crate use all of it")]
mod server;

#[tokio::test]
#[ignore = "needs postgres: run by tests/run.sh"]
async fn three_gateways_agree_through_postgresql() {
    let server = server::Server::start().await;

    let played = Command::new(env!("CARGO_BIN_EXE_fleet"))
        .args(["--once", "--postgres", &server.url()])
        .output()
        .unwrap();

    let said = String::from_utf8_lossy(&played.stdout);
    let why = String::from_utf8_lossy(&played.stderr);
    assert!(played.status.success(), "{said}{why}");
    assert!(said.contains("1 probe for all three"), "{said}");
    assert_eq!(server.sql("SELECT fleet, state FROM breaker_circuits"), "fleet-example|c");
}
