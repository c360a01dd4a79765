//! What operators look for in the log.

use reqwest::StatusCode;
use serde_json::Value;

use crate::support::{Gateway, SOON, client, eventually};

#[tokio::test]
async fn an_outage_and_its_end_are_logged_in_the_words_of_the_house() {
    let gateway = Gateway::start(&SOON).await;
    gateway.plant_id.become_("unavailable").await;
    for _ in 0..4 {
        gateway.identify().await;
    }
    gateway.open_time_is_over("plant_id_api").await;
    gateway.identify().await;
    gateway.plant_id.become_("well").await;
    gateway.open_time_is_over("plant_id_api").await;
    for _ in 0..2 {
        gateway.identify().await;
    }

    gateway.logs("circuit CLOSED").await;
    let log = gateway.log();
    // In this order, each on a line with its level.
    let mut rest = &*log;
    for (level, line) in [
        ("ERROR", "[ERROR] plant_id_api: it answered 503 Service Unavailable"),
        ("ERROR", "[CIRCUIT] plant_id_api reached failure threshold (3)"),
        ("WARN", "[CIRCUIT] plant_id_api state transition: CLOSED → OPEN (fail_count=3)"),
        ("WARN", "[CIRCUIT] plant_id_api circuit OPENED - API calls blocked for 200ms"),
        ("WARN", "[CIRCUIT] plant_id_api state transition: OPEN → HALF-OPEN (fail_count=3)"),
        ("INFO", "[CIRCUIT] plant_id_api entering HALF-OPEN state - Testing service recovery"),
        ("WARN", "[CIRCUIT] plant_id_api recovery test FAILED"),
        ("WARN", "[CIRCUIT] plant_id_api state transition: HALF-OPEN → OPEN (fail_count=3)"),
        ("INFO", "[CIRCUIT] plant_id_api recovery test SUCCESS (1/2)"),
        ("INFO", "[CIRCUIT] plant_id_api recovery test SUCCESS (2/2)"),
        ("WARN", "[CIRCUIT] plant_id_api state transition: HALF-OPEN → CLOSED (fail_count=0)"),
        ("INFO", "[CIRCUIT] plant_id_api circuit CLOSED - Service recovered after "),
    ] {
        let (before, after) =
            rest.split_once(line).unwrap_or_else(|| panic!("{line} is not in\n{rest}"));
        let start = before.lines().next_back().unwrap_or_default();
        assert!(start.trim_end().ends_with(level), "{start}{line}");
        // A time, as 2026-11-30T15:04:05.000000Z.
        assert!(start.starts_with("20") && start.contains("T"), "{start}{line}");
        rest = after;
    }
    let (downtime, _) = rest.split_once("s downtime").unwrap();
    assert!(downtime.parse::<f64>().unwrap() > 0.2, "{downtime}");
    let circuit = format!("{}/circuits/circuits/plantnet_api", gateway.url);
    for command in ["force-open", "release"] {
        let url = format!("{circuit}/{command}");
        assert_eq!(client().post(url).send().await.unwrap().status(), StatusCode::OK);
    }
    gateway.logs("[CIRCUIT] plantnet_api circuit CLOSED - by an operator").await;
    // A change is said once.
    let transitions = log.matches("state transition: CLOSED → OPEN").count();
    assert_eq!((transitions, log.matches("circuit tripped").count()), (1, 0));
}

#[tokio::test]
async fn a_flood_of_blocked_calls_is_counted_and_said_once_a_second() {
    let gateway = Gateway::start(&[]).await;
    gateway.plant_id.become_("unavailable").await;
    for _ in 0..40 {
        gateway.identify().await;
    }

    gateway.logs("fast-failing times=1").await;
    let log = gateway.log();
    let said = log.lines().filter(|line| line.contains("plant_id_api call BLOCKED"));
    let degraded = log.lines().filter(|line| line.contains("[CIRCUIT] DEGRADED: "));
    // Thirty-seven of each; a busy machine may take some seconds for them.
    assert!(said.count() < 20, "{log}");
    assert!(degraded.count() < 20, "{log}");
    let only = "[CIRCUIT] DEGRADED: plant_id_api unavailable, using plantnet_api only";
    assert!(log.contains(only), "{log}");
    // What was counted is said, too.
    let total = async || {
        let log = gateway.log();
        let blocked = log.lines().filter(|line| line.contains("plant_id_api call BLOCKED"));
        let times = blocked.map(|line| line.split("times=").nth(1).unwrap());
        let times = times.map(|rest| rest.split(' ').next().unwrap().parse::<u64>().unwrap());
        (times.sum::<u64>() == 37).then_some(())
    };
    eventually("all are said", total).await;
}

#[tokio::test]
async fn json_lines_have_level_time_and_fields() {
    let gateway = Gateway::start(&[("LOG_FORMAT", "json")]).await;
    gateway.plant_id.become_("unavailable").await;
    gateway.plantnet.become_("babbling").await;
    for _ in 0..6 {
        gateway.identify().await;
    }

    gateway.logs("[CIRCUIT] CRITICAL: Both circuits OPEN").await;
    let log = gateway.log();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let trip = lines.iter().find(|line| line["to"] == "open").unwrap();
    assert_eq!((&trip["level"], &trip["circuit"]), (&"WARN".into(), &"plant_id_api".into()));
    assert!(trip["timestamp"].is_string(), "{trip}");
}

#[tokio::test]
async fn the_way_of_a_picture_is_logged() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("plant-gateway-{}.log", std::process::id()));
    let gateway = Gateway::start(&[("LOG_FILE", file.to_str().unwrap())]).await;

    for _ in 0..2 {
        assert_eq!(gateway.send("a rose").await.status(), StatusCode::OK);
    }

    let both = async || (gateway.log().matches(PERF).count() == 2).then_some(());
    eventually("both are done", both).await;
    let log = gateway.log();
    for line in ["[CACHE] MISS for image ", "... for 1800s", "... for 86400s", PERF] {
        assert!(log.contains(line), "{line}: {log}");
    }
    let image = log.split("[CACHE] HIT for image ").nth(1).unwrap();
    let (image, _) = image.split_once("... ").unwrap();
    assert!(image.len() == 8 && image.bytes().all(|b| b.is_ascii_hexdigit()), "{image}");
    let hits = log.matches(&format!("[CACHE] HIT for image {image}... source=")).count();
    assert_eq!(hits, 2, "both upstreams call a picture the same: {log}");
    let written = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(written.contains("[CACHE] HIT for image "), "{written}");
}

const PERF: &str = "[PERF] Parallel API execution completed in ";
