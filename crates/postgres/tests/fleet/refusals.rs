//! What a PostgreSQL refuses, and what that is called.

use std::time::Duration;

use tower_circuit_breaker::CircuitState;
use tower_circuit_breaker::fleet::{FleetCommand, LinkStatus};
use tower_circuit_breaker_postgres::{ConnectError, PostgresSync, SyncErrorKind, SyncStatus};

use crate::nodes::{LONG, Node, call, fail, link, registry, until};
use crate::server::{Server, free_port};

async fn refused(url: &str) -> ConnectError {
    link(url).connect(&registry(LONG)).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgres: run by tests/run.sh"]
async fn a_role_that_may_not_create_is_given_the_statements_and_those_are_enough() {
    let server = Server::start().await;
    server.sql("CREATE ROLE web LOGIN");
    let url = server.url_of("web");

    let error = refused(&url).await;
    assert_eq!(error.kind(), Some(SyncErrorKind::NoPermission));
    let statements = error.statements().unwrap();
    assert!(error.to_string().contains("42501 permission denied for schema public"), "{error}");
    server.sql(statements);

    let nodes = Node::join_all(2, &url, LONG).await;
    fail(&nodes[0].api);
    until("all open", || nodes[1].api.state() == CircuitState::Open).await;
    nodes[1].sync.reset("api").await.unwrap();
    assert_eq!(nodes[0].sync.health().errors, []);

    let elsewhere = link(&url).schema("another").connect(&registry(LONG)).await.unwrap_err();
    assert!(elsewhere.statements().unwrap().starts_with("CREATE SCHEMA"), "{elsewhere}");
    // A right that was forgotten is named.
    server.sql("REVOKE DELETE, UPDATE ON breaker_circuits FROM web");
    let error = nodes[0].sync.reset("api").await.unwrap_err().to_string();
    assert!(error.contains("42501 permission denied for table breaker_circuits"), "{error}");
    assert!(error.contains("SELECT, INSERT, UPDATE and DELETE"), "{error}");
    assert_eq!(nodes[0].status(), SyncStatus::Degraded);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgres: run by tests/run.sh"]
async fn processes_that_create_the_tables_at_once_all_succeed() {
    let server = Server::start().await;
    for round in 0..5 {
        let joining = (0..8).map(|at| {
            let builder =
                link(server.url()).schema(format!("round-{round}")).node(format!("n-{at}"));
            let registry = registry(LONG);
            tokio::spawn(async move {
                builder.response_timeout(Duration::from_secs(10)).connect(&registry).await
            })
        });
        for joined in joining.collect::<Vec<_>>() {
            drop(joined.await.unwrap().unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgres: run by tests/run.sh"]
async fn each_wrong_place_has_a_name_and_a_remedy() {
    let server = Server::start().await;
    let replica = server.replica().await;
    server
        .sql("CREATE ROLE reader LOGIN; ALTER ROLE reader SET default_transaction_read_only = on");
    server.sql("CREATE ROLE nobody NOLOGIN");
    let port = free_port();
    let cases = [
        (
            replica.url(),
            Some(SyncErrorKind::ReadOnly),
            "is a replica, to which nothing can be written",
        ),
        (server.url_of("reader"), Some(SyncErrorKind::ReadOnly), "lets this role write nothing"),
        (server.url_of("nobody"), Some(SyncErrorKind::LoginRefused), "not permitted to log in"),
        (
            server.url_of("missing"),
            Some(SyncErrorKind::LoginRefused),
            "are role and database spelled right?",
        ),
        (
            format!("postgresql://admin@127.0.0.1:{port}/postgres"),
            Some(SyncErrorKind::Unreachable),
            "is PostgreSQL running there, is that its port",
        ),
        (
            format!("{}?sslmode=require", server.url()),
            Some(SyncErrorKind::Unreachable),
            "set `ssl = on` in PostgreSQL",
        ),
        (
            format!("{}?target_session_attrs=read-write", replica.url()),
            Some(SyncErrorKind::ReadOnly),
            "is a replica",
        ),
        (
            "postgresql://admin:a-secret@host:99999/db".to_owned(),
            None,
            "not the address of a PostgreSQL",
        ),
        ("redis://host".to_owned(), None, "not the address of a PostgreSQL"),
    ];
    for (url, kind, says) in cases {
        let error = refused(&url).await;
        assert!(error.to_string().contains(says), "{url}: {error}");
        assert_eq!(error.kind(), kind, "{url}: {error}");
        assert!(!error.to_string().contains("cret"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgres: run by tests/run.sh"]
async fn what_somebody_else_has_written_is_counted_and_a_reset_clears_it() {
    let server = Server::start().await;
    let node = Node::join(link(server.url()), registry(LONG)).await;
    let future = "UPDATE breaker_circuits SET epoch = 8999999999999999, state = 'fo'";
    let forged = [
        future,
        "UPDATE breaker_circuits SET state = 'o', ends = 9000000000000000, lasts = 600000, \
         cause = 'nonsense'",
        "UPDATE breaker_circuits SET votes = '{\"x\": [\"y\", \"z\"]}', leases = '[5, [1]]'",
    ];
    for forged in forged {
        node.sync.reset("api").await.unwrap();
        let before = node.errors(SyncErrorKind::Foreign);
        server.sql(forged);
        server.sql("UPDATE breaker_fleets SET changes = changes + 1");
        fail(&node.api);
        until(forged, || node.errors(SyncErrorKind::Foreign) > before).await;
        node.sync.ready().await;
        assert_eq!(node.api.state(), CircuitState::Open, "by itself");
        assert_eq!(node.api.snapshot().overridden, None, "{forged}");
        node.sync.reset("api").await.unwrap();
        assert_eq!(node.api.state(), CircuitState::Closed, "after {forged}");
    }
    // Anybody may notify any channel.
    server.sql("CREATE ROLE stranger LOGIN");
    let before = node.errors(SyncErrorKind::Foreign);
    // As the crate names it for the schema `public` and the prefix `breaker`.
    let channel = "'breaker_' || left(encode(sha256('public/breaker'), 'hex'), 32)";
    let record = "1790000000000 9000 1 1790000000000000 fo 0 0 0 operator mallory api";
    server.sql(&format!("SET ROLE stranger; SELECT pg_notify({channel}, md5('') || ' {record}')"));
    until("it is counted", || node.errors(SyncErrorKind::Foreign) > before).await;
    assert_eq!(node.api.state(), CircuitState::Closed, "and changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgres: run by tests/run.sh"]
async fn a_lease_of_a_later_clock_keeps_nobody_from_probing_and_a_row_that_is_gone_is_made_again() {
    let server = Server::start().await;
    let open_for = Duration::from_millis(1500);
    let node = Node::join(link(server.url()), registry(open_for)).await;
    fail(&node.api);
    until("it is open in the database", || server.sql("SELECT state FROM breaker_circuits") == "o")
        .await;

    // Granted an hour later than now, for a minute.
    server.sql(
        "UPDATE breaker_circuits SET leases = jsonb_build_array(jsonb_build_array(epoch, 'other/1', \
         floor(extract(epoch FROM now()) * 1000) + 3660000, floor(extract(epoch FROM now()) * 1000) + 3600000))",
    );
    until("it has probed and closed", || call(&node.api)).await;
    until("that stands", || server.sql("SELECT cause FROM breaker_circuits") == "probes").await;

    server.sql("DELETE FROM breaker_circuits");
    node.sync.force_open("api").await.unwrap();
    assert_eq!(server.sql("SELECT state FROM breaker_circuits"), "fo");
    assert_eq!(node.sync.health().errors, []);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgres: run by tests/run.sh"]
async fn a_start_without_the_database_goes_on_alone_and_joins_later() {
    let mut server = Server::start().await;
    server.kill();
    let url =
        format!("{}?application_name=late", server.url().replace("admin@", "admin:a-secret@"));
    let registry = registry(LONG);
    let sync = link(url).local_until_connected().connect(&registry).await.unwrap();
    assert!(!sync.ready_within(Duration::from_millis(100)).await);
    assert_eq!(sync.health().status, SyncStatus::Disconnected);
    let said = format!(
        "{:?} {sync:?} {:?}",
        sync.health(),
        PostgresSync::builder("host=a password=a-secret")
    );
    assert!(!said.contains("a-secret"), "{said}");

    server.run().await;

    until("it has joined", || sync.health().status == SyncStatus::Connected).await;
    assert!(sync.ready_within(Duration::from_secs(20)).await);
    assert!(sync.health().last_agreed.is_some());
    assert_eq!(
        server.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'late'"),
        "1"
    );
    let fleet = registry.fleet().unwrap();
    drop(sync);
    until("nobody asks any more", || {
        fleet.link().is_some_and(|link| link.status == LinkStatus::Disconnected)
    })
    .await;
    assert!(fleet.command("api".into(), FleetCommand::Reset).await.is_err());
}
