//! The alerts and the board in `examples/monitoring`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tower_circuit_breaker_telemetry::PrometheusText;

use crate::prometheus::in_every_state;

pub(crate) const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/monitoring");

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(FOLDER).join(file)).unwrap()
}

fn board() -> Value {
    serde_json::from_str(&read("grafana.json")).unwrap()
}

/// The queries of the board's panels and annotations.
pub(crate) fn queries() -> Vec<String> {
    let board = board();
    let panels = board["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    let annotations = board["annotations"]["list"].as_array().unwrap().iter();
    let asked = targets.chain(annotations);
    asked.map(|asked| asked["expr"].as_str().unwrap().to_owned()).collect()
}

/// The words in `text` that can be names of metrics.
fn metrics(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("circuit_breaker_")).collect()
}

#[test]
fn alerts_and_board_name_only_metrics_that_are_exported() {
    let text = PrometheusText::new().encode(&in_every_state());
    let exported = metrics(&text);
    for file in ["alerts.yml", "alerts.test.yml", "grafana.json", "README.md"] {
        let file_text = read(file);
        let unknown: Vec<_> = metrics(&file_text).difference(&exported).copied().collect();
        assert!(unknown.is_empty(), "{file} names {unknown:?}");
    }
    assert_eq!(metrics(&read("alerts.yml")).len(), 9, "is the test looking in the right place?");
}

/// The labels in `text` that are not the circuit's name, as `key="value"`.
fn labels(text: &str) -> BTreeSet<&str> {
    let keys = ["kind=\"", "override=\"", "reason=\"", "result=\"", "rule=\"", "transition=\""];
    let parts = text.split(['{', '}', ',', ' ']);
    parts.filter(|part| keys.iter().any(|key| part.starts_with(key))).collect()
}

#[test]
fn alerts_and_their_tests_name_only_labels_that_are_exported() {
    let text = PrometheusText::new().encode(&in_every_state());
    let exported = labels(&text);
    for file in ["alerts.yml", "alerts.test.yml"] {
        let file_text = read(file);
        let unknown: Vec<_> = labels(&file_text).difference(&exported).copied().collect();
        assert!(unknown.is_empty(), "{file} names {unknown:?}");
        assert!(labels(&file_text).len() > 2, "is the test looking in the right place?");
    }
}

#[test]
fn the_board_asks_for_its_data_source_and_shows_each_thing_once() {
    let board = board();
    let names = |list: &Value, key: &str| -> Vec<String> {
        list.as_array().unwrap().iter().map(|one| one[key].as_str().unwrap().to_owned()).collect()
    };

    assert_eq!(
        names(&board["templating"]["list"], "name"),
        ["datasource", "job", "instance", "name"]
    );
    assert_eq!(
        names(&board["panels"], "title"),
        [
            "State",
            "Calls by result",
            "Failures by kind",
            "Success rate",
            "Transitions",
            "Rejections by reason",
            "Trips in 24 hours",
        ]
    );
    for panel in board["panels"].as_array().unwrap() {
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
    }
    assert!(queries().iter().all(|query| query.contains("name=~\"$name\"")));
}
