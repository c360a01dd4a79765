//! The description of the paths is right.

use std::collections::BTreeSet;
use std::process::Command;

use http::Request;
use http_body_util::Full;
use serde_json::Value;

use tower_circuit_breaker::CircuitGroup;
use tower_circuit_breaker_admin::History;

use super::fake_fleet::FakeFleet;
use super::{Answer, TOKEN, ask, from_here, get, registry, steering};

const DESCRIPTION: &str = include_str!("../../../crates/admin/src/openapi.json");

fn description() -> Value {
    serde_json::from_str(DESCRIPTION).unwrap()
}

/// Each path with each of its methods, and what is said of it.
fn operations(description: &Value) -> Vec<(String, String, Value)> {
    let paths = description["paths"].as_object().unwrap();
    let methods = |path: &Value| path.as_object().unwrap().clone().into_iter();
    paths
        .iter()
        .flat_map(|(path, item)| methods(item).map(move |(method, of)| (path.clone(), method, of)))
        .filter(|(_, method, _)| method != "parameters")
        .map(|(path, method, of)| (path, method.to_uppercase(), of))
        .collect()
}

/// The path for a circuit, or for one by its number.
fn filled(path: &str) -> String {
    match path {
        "/circuits/counts" | "/circuits/history" => format!("{path}?ids=1"),
        path => path.replace("{name}", "plants"),
    }
}

async fn perform(method: &str, path: &str) -> Answer {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).metrics(|_| "# EOF\n".to_owned()).history(History::all());
    let admin = admin.group(&CircuitGroup::new("vendor")).build();
    FakeFleet::read().join(&registry);
    admin.sample();
    if path == "/events" {
        admin.end_streams();
    }
    let request = from_here(Request::builder().method(method).uri(filled(path)));
    let request = request.header("content-type", "application/json");
    ask(&admin, request.body(Full::default()).unwrap()).await
}

#[tokio::test]
async fn the_description_is_served() {
    let (registry, _clock) = registry(&[]);

    let answer = get(&steering(&registry).build(), "/openapi.json").await;

    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.text, DESCRIPTION);
}

#[test]
#[ignore = "needs openapi-spec-validator: run by tests/run.sh"]
fn the_description_is_one_by_the_rules_of_openapi() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/admin/src/openapi.json");
    let checked = Command::new("openapi-spec-validator").arg(file).output().unwrap();
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success(), "{said}{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn every_operation_has_an_id_of_its_own() {
    let operations = operations(&description());
    let ids: BTreeSet<_> =
        operations.iter().map(|(.., of)| of["operationId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), operations.len());
}

#[tokio::test]
async fn everything_described_is_there_and_answers_as_described() {
    for (path, method, operation) in operations(&description()) {
        let answer = perform(&method, &path).await;

        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text);
        let described = operation["responses"]["200"]["content"].as_object().unwrap();
        let content_type = answer.header("content-type").split(';').next().unwrap().to_owned();
        assert!(
            described.contains_key(&content_type) || path == "/metrics",
            "{method} {path}: {content_type}"
        );
        for (content_type, content) in described.iter().filter(|_| path != "/metrics") {
            if content_type == "application/json" {
                check(&answer.json, &content["schema"], &format!("{method} {path}"));
            }
        }
    }
}

/// Holds `value` against the parts of JSON Schema that the description uses.
fn check(value: &Value, schema: &Value, place: &str) {
    if let Some(name) = schema["$ref"].as_str().and_then(|of| of.strip_prefix(SCHEMAS)) {
        return check(value, &description()["components"]["schemas"][name], place);
    }
    if let Some(allowed) = schema["enum"].as_array() {
        assert!(allowed.contains(value), "{place}: {value} is none of {allowed:?}");
    }
    if let Some(types) = schema.get("type") {
        let types = types.as_array().cloned().unwrap_or_else(|| vec![types.clone()]);
        assert!(types.iter().any(|of| is_of(value, of.as_str().unwrap())), "{place}: {value}");
    }
    let required = schema["required"].as_array().filter(|_| value.is_object());
    for name in required.into_iter().flatten() {
        assert!(value.get(name.as_str().unwrap()).is_some(), "{place}: no {name} in {value}");
    }
    if let Some(properties) = schema["properties"].as_object() {
        for (name, member) in value.as_object().into_iter().flatten() {
            let schema = properties.get(name).unwrap_or_else(|| panic!("{place}: {name}?"));
            check(member, schema, &format!("{place}.{name}"));
        }
    }
    for item in value.as_array().into_iter().flatten() {
        check(item, &schema["items"], &format!("{place}[]"));
    }
}

fn is_of(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("no type {other}"),
    }
}

#[tokio::test]
async fn every_command_that_there_is_is_described() {
    let (registry, _clock) = registry(&["plants"]);
    let answer = get(&steering(&registry).build(), "/circuits/plants/unknown").await;
    let known = answer.detail().split_once("; there are ").unwrap().1.to_owned();

    let described: BTreeSet<_> = operations(&description())
        .into_iter()
        .filter_map(|(path, ..)| Some(path.strip_prefix("/circuits/{name}/")?.to_owned()))
        .filter(|command| !["events", "history", "settings"].contains(&command.as_str()))
        .collect();

    assert_eq!(described, known.split(", ").map(str::to_owned).collect());
}

#[tokio::test]
async fn every_refusal_is_described() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).token(TOKEN).build();
    for (path, method, operation) in operations(&description()) {
        let request = Request::builder().method(method.as_str());
        let request = request.uri(filled(&path)).header("host", "evil.example");
        let foreign = ask(&admin, request.body(Full::default()).unwrap()).await;
        let request = Request::builder().method("PATCH").uri(filled(&path));
        let wrong = ask(&admin, request.body(Full::default()).unwrap()).await;
        let odd = Request::builder().method(method.as_str());
        let mark = if filled(&path).contains('?') { '&' } else { '?' };
        let odd = odd.uri(format!("{}{mark}odd=1", filled(&path)));
        let odd = odd.header("authorization", format!("Bearer {TOKEN}"));
        let odd = ask(&admin, odd.body(Full::default()).unwrap()).await;

        let is_described = operation["responses"].get(odd.status.as_str()).is_some();
        assert!(is_described, "{method} {path}?odd=1: {}", odd.status);
        assert_eq!((foreign.status.as_u16(), wrong.status.as_u16()), (421, 405), "{method} {path}");
        for status in ["421", "405"] {
            assert!(operation["responses"].get(status).is_some(), "{method} {path}: {status}");
        }
    }
}

const SCHEMAS: &str = "#/components/schemas/";
