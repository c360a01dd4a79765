//! Circuits that two processes share through a real Redis.

use std::process::Command;

use crate::support::{Pool, Server};

/// The lines of the README for redis-cli, at this Redis.
fn readme(redis: &Server) -> Vec<String> {
    let readme = include_str!("../../README.md");
    let url = redis.url();
    let socket = url.strip_prefix("redis+unix://").unwrap();
    let lines = readme.lines().filter(|line| line.starts_with("redis-cli "));
    let answers = lines.map(|line| {
        let line = line.replacen("redis-cli", &format!("redis-cli -s {socket}"), 1);
        let output = Command::new("sh").args(["-c", &line]).output().unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    });
    answers.collect()
}

#[tokio::test]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_verdict_is_that_of_all_processes_and_kept_over_a_restart() {
    let redis = Server::start("redis");
    let (url, hour) = (redis.url(), ("CIRCUIT_RESET_TIMEOUT", "1h"));
    let first = Pool::start_with(&[hour], &["--redis", &url]);
    let second = Pool::start(&[hour, ("CIRCUIT_BREAKER_REDIS_URL", &url)]);
    first.make("planner", "down").await;

    for _ in 0..5 {
        assert_eq!(first.post("/api/v1/agents/planner", "sow").await.status, 502);
    }

    while second.status("agents.planner").await["state"] != "open" {}
    assert_eq!(second.post("/api/v1/agents/planner", "sow").await.status, 503);
    second.logs("Circuit breaker 'agents.planner' transitioned from CLOSED to OPEN (fleet)").await;
    let answers = readme(&redis);
    assert!(answers[0].contains("record:agents.planner"), "{answers:?}");
    assert!(answers[1].contains(" o ") && answers[1].contains(" votes "), "{answers:?}");

    // A process that starts now knows, before its first call.
    drop((first, second));
    let third = Pool::start_with(&[hour, ("REDIS_URL", &url)], &["--redis"]);
    assert_eq!(third.status("agents.planner").await["state"], "open");
    assert_eq!(third.post("/api/v1/agents/planner", "sow").await.status, 503);
    assert_eq!(third.post("/api/v1/agents/scribe", "sow").await.status, 200);
}

/// The same through the database that is there anyway.
#[tokio::test]
#[ignore = "needs postgres: run by tests/run.sh"]
async fn where_there_is_no_redis_a_verdict_goes_by_postgresql() {
    let postgres = Server::start("postgres");
    let (url, hour) = (postgres.url(), ("CIRCUIT_RESET_TIMEOUT", "1h"));
    let first = Pool::start_with(&[hour], &["--postgres", &url]);
    let second = Pool::start_with(&[hour, ("DATABASE_URL", &url)], &["--postgres"]);
    first.make("planner", "down").await;

    for _ in 0..5 {
        assert_eq!(first.post("/api/v1/agents/planner", "sow").await.status, 502);
    }

    while second.status("agents.planner").await["state"] != "open" {}
    assert_eq!(second.post("/api/v1/agents/planner", "sow").await.status, 503);
}
