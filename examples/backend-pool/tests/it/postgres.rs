//! What callers meet while `PostgreSQL` goes and comes back.

use crate::support::{Pool, Server};

#[tokio::test]
#[ignore = "needs postgres: run by tests/run.sh"]
async fn database_that_goes_away_leaves_the_last_known_rows_marked_stale() {
    let postgres = Server::start("postgres");
    let pool = Pool::start(&[("DATABASE_URL", &postgres.url())]);
    let fresh = pool.get("/api/v1/users/1").await;
    assert_eq!(fresh.json, serde_json::json!({ "id": 1, "name": "Ada", "stale": false }));

    postgres.set("stop");
    for _ in 0..5 {
        assert_eq!(pool.status("postgres").await["state"], "closed");
        let answer = pool.get("/api/v1/users/1").await;
        assert_eq!(answer.json["name"], "Ada", "{answer:?}");
        assert_eq!(answer.json["stale"], true);
    }
    let status = pool.status("postgres").await;
    assert_eq!(status["state"], "open");
    assert_eq!(status["failures_by_kind"]["lost"], 5);
    // Another row was never seen, so there is nothing to serve.
    let mut unseen = pool.get("/api/v1/users/2").await;
    while unseen.status != 503 {
        assert_eq!(unseen.status, 502, "{unseen:?}");
        unseen = pool.get("/api/v1/users/2").await;
    }
    assert_eq!(unseen.headers["retry-after"], "1");
    assert_eq!(unseen.json["circuit"], "postgres");

    postgres.set("start");
    while pool.get("/api/v1/users/1").await.json["stale"] != false {}
    let status = pool.status("postgres").await;
    assert_eq!(status["state"], "closed");
    assert_eq!(status["transitions"]["half_open_to_closed"], 1);
}

#[tokio::test]
#[ignore = "needs postgres: run by tests/run.sh"]
async fn queries_that_the_database_refuses_are_no_failures() {
    let postgres = Server::start("postgres");
    let pool = Pool::start(&[("DATABASE_URL", &postgres.url())]);

    for _ in 0..6 {
        let answer = pool.get("/api/v1/users/ada").await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.text.contains("invalid input syntax"), "{answer:?}");
    }

    assert_eq!(pool.get("/api/v1/users/9").await.status, 404);
    let status = pool.status("postgres").await;
    assert_eq!(status["state"], "closed");
    assert_eq!(status["totals"]["failures"], 0);
}
