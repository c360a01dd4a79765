//! Circuits that two processes share through a real Redis.

use std::collections::HashMap;

use serde_json::Value;
use tokio::process::Command;

use crate::fleet::two;
use crate::redis::Redis;
use crate::support::{Gateway, eventually};

async fn is(gateway: &Gateway, state: &str) {
    let seen = async || (gateway.circuit("plant_id_api").await["state"] == state).then_some(());
    eventually(state, seen).await;
}

/// The lines of the README for redis-cli, with this Redis for the one they name.
async fn readme(redis: &Redis) -> Vec<String> {
    let readme = include_str!("../../README.md");
    let commands = readme.lines().filter(|line| line.starts_with("redis-cli "));
    let (_, port) = redis.url.rsplit_once(':').unwrap();
    let mut answers = Vec::new();
    for command in commands {
        let command = command.replacen("redis-cli", &format!("redis-cli -p {port}"), 1);
        let output = Command::new("sh").args(["-c", &command]).output().await.unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
        answers.push(String::from_utf8(output.stdout).unwrap());
    }
    assert!(answers.len() >= 2, "{readme}");
    answers
}

/// A hash as redis-cli writes it: a name and a value by turns.
fn fields(text: &str) -> HashMap<&str, &str> {
    let lines: Vec<_> = text.lines().collect();
    lines.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
}

#[tokio::test]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_verdict_is_that_of_all_and_kept_over_a_restart() {
    let redis = Redis::start().await;
    // Another database for circuits than for answers.
    let other = format!("{}/1", redis.url);
    let env = [("CIRCUIT_BREAKER_REDIS_URL", &*other)];
    let [first, second] = two(&redis, &env).await;
    let (plant_id, plantnet) = (first.plant_id.clone(), first.plantnet.clone());
    plant_id.become_("unavailable").await;

    for _ in 0..3 {
        first.identify().await;
    }

    is(&second, "open").await;
    assert_eq!(plant_id.pictures().await, 3, "the second has found out by the first");
    let (_, answer) = second.identify().await;
    assert!(answer["missing"][0]["retry_after_seconds"].is_number(), "{answer}");
    let by = second.circuit("plant_id_api").await;
    assert_eq!(by["last_trip"]["reason"], "fleet", "{by}");
    second.logs("[CIRCUIT] plant_id_api state transition: CLOSED → OPEN").await;

    // A process that starts now knows, before its first call. The first plays the upstreams.
    drop(second);
    let urls = [("PLANT_ID_URL", &*plant_id.0), ("PLANTNET_URL", &*plantnet.0), env[0]];
    let third = Gateway::start_with(&urls, &["--redis", &redis.url]).await;
    assert_eq!(third.circuit("plant_id_api").await["state"], "open");
    assert_eq!(plant_id.pictures().await, 3);
}

#[tokio::test]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn one_process_finds_out_for_all_that_an_upstream_is_back() {
    let redis = Redis::start().await;
    let [first, second] = two(&redis, &[("PLANT_ID_CIRCUIT_RESET_TIMEOUT", "1")]).await;
    first.plant_id.become_("unavailable").await;
    for _ in 0..3 {
        first.identify().await;
    }
    is(&second, "open").await;
    first.plant_id.become_("well").await;

    let closed = async || {
        second.identify().await;
        (second.circuit("plant_id_api").await["state"] == "closed").then_some(())
    };
    eventually("the second has probed", closed).await;

    is(&first, "closed").await;
    let by = first.circuit("plant_id_api").await["recent_events"].clone();
    assert_eq!(by.as_array().unwrap().last().unwrap()["event"]["reason"], "fleet", "{by}");
}

#[tokio::test]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn redis_cli_shows_the_circuits() {
    let redis = Redis::start().await;
    let env = [("REDIS_URL", &*redis.url), ("PLANT_ID_CIRCUIT_RESET_TIMEOUT", "1")];
    let gateway = Gateway::start(&env).await;
    gateway.plant_id.become_("unavailable").await;
    for _ in 0..3 {
        gateway.identify().await;
    }

    let open = eventually("it is written", async || {
        let answers = readme(&redis).await;
        (fields(&answers[0]).get("state") == Some(&"open")).then_some(answers)
    })
    .await;
    let entry = fields(&open[0]);
    for (name, value) in [("fail_count", "3"), ("open_count", "1"), ("total_failures", "3")] {
        assert_eq!(entry[name], value, "{name}: {entry:?}");
    }
    assert!(entry["last_failure"].parse::<u64>().unwrap() > 1_700_000_000, "{entry:?}");
    assert_eq!(open[1].trim(), "open");

    gateway.plant_id.become_("well").await;
    let closed = eventually("it is closed", async || {
        gateway.identify().await;
        let answers = readme(&redis).await;
        (fields(&answers[0]).get("state") == Some(&"closed")).then_some(answers)
    })
    .await;
    let entry = fields(&closed[0]);
    assert!(entry["avg_recovery_time"].parse::<f64>().unwrap() >= 1.0, "{entry:?}");
    let health: Value = gateway.get("/api/v1/health").await.json().await.unwrap();
    assert_eq!(health["circuit_breakers"]["plant_id"]["state"], "closed");
}
