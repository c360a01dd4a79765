//! What every store guarantees, on a real PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::NoTls;
use tower_circuit_breaker_fleet::suite;

use crate::dial::Dial;
use crate::door::Door;
use crate::health::Monitor;
use crate::names::Names;
use crate::statements::Statements;
use crate::store::PostgresStore;
use crate::tests::server::Server;

/// A process' way to the tables of `fleet`, by these statements.
pub(crate) async fn store(
    url: &str,
    fleet: &str,
    spoil: impl Fn(&mut Statements),
) -> PostgresStore {
    let names = Names::new("public", fleet);
    let mut statements = Statements::new(&names);
    spoil(&mut statements);
    let door = Door {
        config: url.parse().unwrap(),
        dial: Dial::by(NoTls),
        names,
        statements,
        timeout: Duration::from_secs(5),
    };
    let session = door.open().await.unwrap();
    let monitor = Monitor::new("suite", Duration::from_secs(10), None, Instant::now());
    PostgresStore::new(door, Some(session), Arc::new(monitor))
}

#[tokio::test]
#[ignore = "needs postgres: run by tests/run.sh"]
async fn postgresql_keeps_all_that_a_store_guarantees() {
    let server = Server::start().await;
    let url = server.url();

    let broken = suite::run(|| store(&url, "suite", |_| {})).await;

    assert!(broken.is_empty(), "{broken:#?}");
}
