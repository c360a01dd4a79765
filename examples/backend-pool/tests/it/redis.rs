//! What callers meet while Redis goes and comes back.

use std::process::Command;

use crate::support::{Pool, Server};

#[tokio::test]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn redis_that_goes_away_is_stood_in_for_and_taken_back() {
    let redis = Server::start("redis");
    let pool = Pool::start(&[("REDIS_URL", &redis.url())]);
    assert_eq!(pool.put("/api/v1/cache/fern", "green").await.json["kept_in"], "redis");
    assert_eq!(pool.get("/api/v1/cache/fern").await.json["from"], "redis");

    redis.set("stop");
    for _ in 0..5 {
        assert_eq!(pool.status("redis").await["state"], "closed");
        let answer = pool.get("/api/v1/cache/fern").await;
        assert_eq!(answer.json["text"], "green", "{answer:?}");
        assert_eq!(answer.json["from"], "in-process");
    }
    let status = pool.status("redis").await;
    assert_eq!(status["state"], "open");
    assert_eq!(status["failures_by_kind"]["lost"], 5);
    while pool.status("redis").await["totals"]["rejected"] == 0 {
        assert_eq!(pool.get("/api/v1/cache/fern").await.json["from"], "in-process");
    }

    redis.set("start");
    while pool.put("/api/v1/cache/fern", "brown").await.json["kept_in"] != "redis" {}
    let status = pool.status("redis").await;
    assert_eq!(status["state"], "closed");
    assert_eq!(status["transitions"]["half_open_to_closed"], 1);
    assert_eq!(pool.get("/api/v1/cache/fern").await.json["from"], "redis");
}

#[tokio::test]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn redis_that_hangs_costs_the_time_limit_five_times() {
    let redis = Server::start("redis");
    let pool = Pool::start(&[("REDIS_URL", &redis.url()), ("CALL_TIMEOUT_MS", "200")]);
    pool.put("/api/v1/cache/fern", "green").await;

    redis.set("hang");
    for _ in 0..5 {
        assert_eq!(pool.get("/api/v1/cache/fern").await.json["from"], "in-process");
    }
    let status = pool.status("redis").await;
    assert_eq!(status["state"], "open");
    assert_eq!(status["failures_by_kind"]["timeout"], 5);

    redis.set("resume");
    while pool.get("/api/v1/cache/fern").await.json["from"] != "redis" {}
    assert_eq!(pool.status("redis").await["state"], "closed");
}

#[tokio::test]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn commands_that_redis_refuses_are_no_failures() {
    let redis = Server::start("redis");
    let pool = Pool::start(&[("REDIS_URL", &redis.url())]);
    let url = redis.url();
    let socket = url.strip_prefix("redis+unix://").unwrap();
    let pushed = Command::new("redis-cli").args(["-s", socket, "lpush", "list", "1"]).output();
    assert!(pushed.unwrap().status.success());

    for _ in 0..6 {
        let answer = pool.get("/api/v1/cache/list").await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.text.contains("WRONGTYPE"), "{answer:?}");
    }

    let status = pool.status("redis").await;
    assert_eq!(status["state"], "closed");
    assert_eq!(status["totals"]["failures"], 0);
}
