//! What Prometheus' own tool says of the metrics, and of `examples/monitoring`.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use tower_circuit_breaker::CircuitRegistry;
use tower_circuit_breaker_admin::Admin;
use tower_circuit_breaker_telemetry::PrometheusText;

use crate::admin::get;
use crate::monitoring::{FOLDER, queries};
use crate::prometheus::{ODD_NAMES, in_every_state};

/// Whether promtool is content, and what it said.
fn promtool(arguments: &[&str], input: &str) -> (bool, String) {
    let started = Command::new("promtool")
        .args(arguments)
        .current_dir(FOLDER)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = started.unwrap_or_else(|error| {
        panic!("promtool: {error}: install it (on Debian it is in the package prometheus)")
    });
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said =
        [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    (output.status.success(), said.concat())
}

#[track_caller]
fn assert_content(arguments: &[&str], input: &str) {
    let (is_content, said) = promtool(arguments, input);
    assert!(is_content, "promtool {arguments:?}: {said}\n{input}");
}

#[test]
#[ignore = "needs promtool: run by tests/run.sh"]
fn promtool_accepts_the_metrics_of_circuits_in_every_state() {
    assert_content(&["check", "metrics"], &PrometheusText::new().encode(&in_every_state()));
    assert_content(&["check", "metrics"], &PrometheusText::new().encode(&CircuitRegistry::new()));
}

#[test]
#[ignore = "needs promtool: run by tests/run.sh"]
fn promtool_accepts_every_name() {
    let registry = CircuitRegistry::new();
    for name in ODD_NAMES {
        registry.get_or_create(name).trip();
    }
    registry.get_or_create(&"x".repeat(10_000));

    assert_content(&["check", "metrics"], &PrometheusText::new().encode(&registry));
}

#[tokio::test]
#[ignore = "needs promtool: run by tests/run.sh"]
async fn promtool_accepts_what_the_admin_service_writes_of_every_name() {
    let registry = CircuitRegistry::new();
    for name in ODD_NAMES {
        registry.get_or_create(name).trip();
    }
    let long = ODD_NAMES.concat();
    let long = long.repeat(10_000 / long.len() + 1);
    registry.get_or_create(&long);

    let answer = get(
        &Admin::builder(registry)
            .metrics(|circuits| PrometheusText::new().encode(circuits))
            .build(),
        "/metrics",
    )
    .await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), PrometheusText::CONTENT_TYPE);
    assert_eq!(answer.text.matches("\ncircuit_breaker_state{").count(), ODD_NAMES.len() + 1);
    assert_content(&["check", "metrics"], &answer.text);
}

#[test]
#[ignore = "needs promtool: run by tests/run.sh"]
fn promtool_does_find_fault() {
    let without_help = "# TYPE calls counter\ncalls 1\n";

    let (is_content, said) = promtool(&["check", "metrics"], without_help);

    assert!(!is_content && said.contains("no help text"), "{said}");
}

#[test]
#[ignore = "needs promtool: run by tests/run.sh"]
fn promtool_accepts_the_alerts_and_their_tests_and_the_configuration() {
    assert_content(&["check", "rules", "alerts.yml"], "");
    assert_content(&["test", "rules", "alerts.test.yml"], "");
    // The file with the token is the reader's to make.
    assert_content(&["check", "config", "--syntax-only", "prometheus.yml"], "");
}

#[test]
#[ignore = "needs promtool: run by tests/run.sh"]
fn promtool_accepts_the_queries_of_the_board() {
    let rules = queries().into_iter().enumerate().map(|(number, query)| {
        let query = query.replace("$__rate_interval", "1m").replace("$name", ".*");
        let query = query.replace("$job", ".*").replace("$instance", ".*");
        json!({ "record": format!("panel:{number}"), "expr": query })
    });
    let groups = json!({ "groups": [{ "name": "board", "rules": rules.collect::<Vec<_>>() }] });
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("board.rules.json");
    fs::write(&file, groups.to_string()).unwrap();

    assert_content(&["check", "rules", file.to_str().unwrap()], "");
}
