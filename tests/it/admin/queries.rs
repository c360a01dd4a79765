//! What queries select, and which are refused.

use http::Request;
use http_body_util::Full;
use serde_json::Value;
use tower_circuit_breaker::CircuitState;

use super::{Answer, ask, from_here, get, post, registry, steering};

fn names(answer: &Answer) -> Vec<&str> {
    let circuits = answer.json["circuits"].as_array().unwrap();
    circuits.iter().map(|circuit| circuit["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn circuits_are_selected_by_state_and_by_part_of_their_names() {
    let (registry, _clock) = registry(&["Plants-EU", "plants-us", "prices"]);
    registry.get("plants-us").unwrap().trip();
    registry.get("prices").unwrap().force_open();
    let admin = steering(&registry).build();
    let cases: [(&str, &[&str]); 9] = [
        ("", &["Plants-EU", "plants-us", "prices"]),
        ("?", &["Plants-EU", "plants-us", "prices"]),
        ("?state=open", &["plants-us", "prices"]),
        ("?state=forced_open", &["prices"]),
        ("?state=half_open", &[]),
        ("?q=PLANTS", &["Plants-EU", "plants-us"]),
        ("?q=%2Deu", &["Plants-EU"]),
        ("?q=plants&state=closed", &["Plants-EU"]),
        ("?q=a+b", &[]),
    ];
    for (query, expected) in cases {
        let answer = get(&admin, &format!("/circuits{query}")).await;

        assert_eq!(answer.status, 200, "{query}: {}", answer.text);
        assert_eq!(names(&answer), expected, "{query}");
        assert_eq!(answer.json["health"], "degraded", "{query}: of all, whichever are asked for");
        assert_eq!(answer.json["next"], Value::Null, "{query}");
    }
}

#[tokio::test]
async fn pages_of_circuits_hold_each_once_whatever_their_names_are() {
    let all = ["", "&after=c", "..", "a b", "a/b", "a+b", "ä", "zz"];
    let (registry, _clock) = registry(&all);
    let admin = steering(&registry).build();
    for limit in [1, 3, 8, 10_000] {
        let (mut seen, mut query) = (Vec::new(), format!("limit={limit}"));
        loop {
            let answer = get(&admin, &format!("/circuits?{query}")).await;
            assert!(names(&answer).len() <= limit, "{limit}: {}", answer.text);
            seen.extend(names(&answer).into_iter().map(str::to_owned));
            let Some(next) = answer.json["next"].as_str() else { break };
            query = format!("after={}&limit={limit}", encoded(next));
        }
        let mut sorted = all.to_vec();
        sorted.sort_unstable();
        assert_eq!(seen, sorted, "{limit}");
    }
}

fn encoded(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

#[tokio::test]
async fn a_name_that_no_path_can_hold_is_reached_by_a_query() {
    for name in ["..", ".", "", "a/b", "reset-all", "a?b#c", "%2e"] {
        let (registry, _clock) = registry(&["plants", name]);
        let admin = steering(&registry).build();
        let query = format!("?name={}", encoded(name));

        let shown = get(&admin, &format!("/circuits{query}")).await;
        let tripped = post(&admin, &format!("/circuits/trip{query}"), "{}").await;
        let events = get(&admin, &format!("/circuits/events{query}")).await;

        assert_eq!((shown.status.as_u16(), &shown.json["name"]), (200, &name.into()), "{name:?}");
        assert_eq!(tripped.status, 200, "{name:?}: {}", tripped.text);
        assert_eq!(events.json["circuit"], name);
        assert_eq!(events.json["events"].as_array().unwrap().len(), 1, "{name:?}");
        assert_eq!(registry.get(name).unwrap().state(), CircuitState::Open, "{name:?}");
        assert_eq!(registry.get("plants").unwrap().state(), CircuitState::Closed, "{name:?}");
    }
}

#[tokio::test]
async fn what_is_not_known_is_refused_and_nothing_is_done() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).metrics(|_| String::new()).build();
    let cases = [
        ("GET", "/circuits?sate=open", r#"?name, not "sate""#),
        (
            "GET",
            "/circuits?state=broken",
            r#"half_open, forced_open, forced_closed, observing, isolated, not"#,
        ),
        ("GET", "/circuits?state=", r#"not """#),
        ("GET", "/circuits?limit=0", r#"from 1 to 10000, not "0""#),
        ("GET", "/circuits?limit=ten", r#"not "ten""#),
        ("GET", "/circuits?limit=", r#"not """#),
        ("GET", "/circuits?limit=99999999999999999999", "from 1 to 10000"),
        ("GET", "/circuits?q=a&q=b", r#"?"q" is there twice"#),
        ("GET", "/circuits?q=%zz", "percent-encoded UTF-8"),
        ("GET", "/circuits?q=%ff", "percent-encoded UTF-8"),
        ("GET", "/circuits?name=plants&state=open", r#"no query, not "state""#),
        ("GET", "/circuits/plants?x=1", r#"takes no query, not "x""#),
        ("GET", "/circuits/plants?name=plants", "no command \"plants\""),
        ("GET", "/circuits/plants/events?limit=1", "takes no query"),
        ("GET", "/audit?name=plants", "takes no query"),
        ("GET", "/metrics?x", "takes no query"),
        ("GET", "/events?x", r#"known here are ?after, not "x""#),
        ("GET", "/summary?x", "takes no query"),
        ("GET", "/groups?x", "takes no query"),
        ("GET", "/fleet?x", "takes no query"),
        ("GET", "/fleet/plants", "no such path"),
        ("GET", "/circuits/plants/settings?x", "takes no query"),
        ("GET", "/circuits/plants/history?x", r#"known here are ?last and ?name, not "x""#),
        ("GET", "/circuits/plants/history?last=2h", r#"?last is 5m or 1h, not "2h""#),
        ("GET", "/circuits/plants/history", "`AdminBuilder::history`"),
        ("GET", "/circuits?ids=1,x", r#"such as 1,2,3, as rows have them, not "1,x""#),
        ("GET", "/circuits/counts?ids=", r#"not """#),
        ("GET", "/circuits/counts?ids=4294967296", "list of numbers"),
        ("GET", "/circuits?form=columns", r#"?form is rows, not "columns""#),
        ("GET", "/circuits/counts", r#"no circuit is named "counts""#),
        ("GET", "/circuits/history", r#"no circuit is named "history""#),
        ("GET", "/openapi.json?x", "takes no query"),
        ("POST", "/circuits/plants/trip?scope=world", r#"fleet or process, not "world""#),
        ("POST", "/circuits/plants/trip?scoop=fleet", r#"?name, not "scoop""#),
        ("POST", "/circuits/plants/trip?name=plants", "no such path"),
        ("POST", "/circuits/reset-all?name=plants", "no command"),
        ("POST", "/circuits/trip?name=gone", r#"no circuit is named "gone""#),
    ];
    for (method, path, says) in cases {
        let request = from_here(Request::builder().method(method).uri(path));
        let request = request.header("content-type", "application/json");
        let answer = ask(&admin, request.body(Full::default()).unwrap()).await;

        assert!([400, 404].contains(&answer.status.as_u16()), "{path}: {}", answer.text);
        assert!(answer.detail().contains(says), "{path}: {}", answer.detail());
    }
    assert_eq!(registry.get("plants").unwrap().state(), CircuitState::Closed);
}

#[tokio::test]
async fn a_check_of_health_and_a_page_take_what_balancers_and_browsers_add() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    for path in ["/health?from=lb-1", "/?state=open", "/health?q=a&q=b"] {
        assert_eq!(get(&admin, path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn page_and_description_are_sent_again_only_where_they_have_changed() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let mut tags = Vec::new();
    for path in ["/", "/openapi.json"] {
        let first = get(&admin, path).await;
        let tag = first.header("etag").to_owned();
        assert_eq!(first.header("cache-control"), "no-cache", "{path}");
        // As kept, in a list, and as nginx makes it where it compresses.
        for known in [tag.clone(), format!("\"old\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
            let request = from_here(Request::get(path)).header("if-none-match", &known);
            let again = ask(&admin, request.body(Full::default()).unwrap()).await;
            assert_eq!((again.status.as_u16(), &*again.text), (304, ""), "{path} {known}");
            assert_eq!(again.header("etag"), tag, "{path} {known}");
            let policy = "content-security-policy";
            assert_eq!(again.header(policy), first.header(policy), "{path} {known}");
        }
        let request = from_here(Request::get(path)).header("if-none-match", "\"old\"");
        let changed = ask(&admin, request.body(Full::default()).unwrap()).await;
        assert_eq!((changed.status.as_u16(), changed.text), (200, first.text), "{path}");
        tags.push(tag);
    }
    assert_ne!(tags[0], tags[1]);
}
