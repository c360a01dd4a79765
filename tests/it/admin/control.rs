//! Steering: who asks in which way for what.

use std::convert::Infallible;

use http::Request;
use http_body_util::{Full, StreamBody};
use serde_json::json;
use tower::ServiceExt;
use tower_circuit_breaker::{CircuitState, Override};

use super::{TOKEN, ask, command, get, post, registry, steering};

#[tokio::test]
async fn each_command_does_what_its_name_says() {
    let (registry, _clock) = registry(&["plants"]);
    let (plants, admin) = (registry.get("plants").unwrap(), steering(&registry).build());
    let cases = [
        ("trip", CircuitState::Open, None),
        ("reset", CircuitState::Closed, None),
        ("force-open", CircuitState::Open, Some(Override::ForcedOpen)),
        ("force-closed", CircuitState::Closed, Some(Override::ForcedClosed)),
        ("observe", CircuitState::Closed, Some(Override::Observing)),
        ("release", CircuitState::Closed, None),
    ];
    for (command, state, overridden) in cases {
        let answer = post(&admin, &format!("/circuits/plants/{command}"), "{}").await;

        assert_eq!(answer.status, 200, "{command}: {}", answer.text);
        assert_eq!(answer.json["state"], state.as_str(), "{command}");
        let snapshot = plants.snapshot();
        assert_eq!((snapshot.state, snapshot.overridden), (state, overridden), "{command}");
    }
}

#[tokio::test]
async fn reset_all_resets_all() {
    let (registry, _clock) = registry(&["plants", "prices"]);
    registry.circuits().iter().for_each(tower_circuit_breaker::Circuit::trip);

    let answer = post(&steering(&registry).build(), "/circuits/reset-all", "").await;

    assert_eq!(answer.json, json!({ "health": "healthy", "circuits": 2 }));
    assert!(registry.circuits().iter().all(|circuit| circuit.state() == CircuitState::Closed));
}

#[tokio::test]
async fn a_trip_lasts_as_long_as_it_is_told_to() {
    let (registry, _clock) = registry(&["plants"]);

    let answer =
        post(&steering(&registry).build(), "/circuits/plants/trip", r#"{"for": "1m 30s"}"#).await;

    assert_eq!(answer.json["retry_after"], 90.0, "{}", answer.text);
}

#[tokio::test]
async fn bodies_that_are_not_right_say_how_they_should_be() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let deep_inside = format!(r#"{{"reason": {deep}}}"#);
    let long = json!({ "reason": "x".repeat(501) }).to_string();
    let cases = [
        ("trip", "not json", "must be like"),
        ("trip", r#"{"why": "?"}"#, "unknown field `why`"),
        ("trip", "[]", "must be like"),
        ("trip", deep.as_str(), "must be like"),
        ("trip", deep_inside.as_str(), "must be like"),
        ("trip", long.as_str(), "at most 500 characters"),
        ("trip", r#"{"actor": "a\nb"}"#, "`actor` must be one line"),
        ("trip", "{\"reason\": \"\u{202e}x\"}", "`reason` must be one line"),
        ("trip", "{\"actor\": \"\u{61c}x\"}", "`actor` must be one line"),
        ("trip", r#"{"for": "soon"}"#, "`for` is \"soon\": must be like"),
        ("trip", r#"{"for": "0s"}"#, "1s to 30days"),
        ("trip", r#"{"for": "31days"}"#, "1s to 30days"),
        ("trip", r#"{"for": "18446744073709551615s 999999999999ns"}"#, "1s to 30days"),
        ("reset", r#"{"for": "10m"}"#, "no meaning for reset"),
    ];
    for (command, body, word) in cases {
        let answer = post(&admin, &format!("/circuits/plants/{command}"), body.to_owned()).await;
        assert_eq!(answer.status, 400, "{body:.60}");
        assert!(answer.detail().contains(word), "{body:.60}: {}", answer.text);
        assert!(answer.text.len() < 900, "{body:.60}");
    }
    assert!(registry.get("plants").unwrap().recent_events().is_empty());
}

#[tokio::test]
async fn only_json_is_read() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let form = "application/x-www-form-urlencoded";

    for content_type in [form, "text/plain", "multipart/form-data", "application/jsonp", ""] {
        let mut request = command("/circuits/plants/trip").body(Full::from("{}")).unwrap();
        request.headers_mut().insert("content-type", content_type.parse().unwrap());
        let answer = ask(&admin, request).await;
        assert_eq!(answer.status, 415, "{content_type}");
        assert!(answer.detail().contains("application/json"), "{}", answer.text);
    }
    let twice = command("/circuits/plants/trip").header("content-type", "text/plain");
    assert_eq!(ask(&admin, twice.body(Full::from("{}")).unwrap()).await.status, 415);
    let mut request = command("/circuits/plants/trip").body(Full::from("{}")).unwrap();
    request
        .headers_mut()
        .insert("content-type", "Application/JSON; charset=utf-8".parse().unwrap());
    assert_eq!(ask(&admin, request).await.status, 200);
}

#[tokio::test]
async fn a_body_over_64_kib_is_refused_whether_announced_or_not() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let announced = command("/circuits/plants/trip").header("content-length", "1073741824");
    let endless = futures_util::stream::repeat_with(|| {
        Ok::<_, Infallible>(http_body::Frame::data(bytes::Bytes::from(vec![b' '; 1024])))
    });
    let endless = command("/circuits/plants/trip").body(StreamBody::new(endless)).unwrap();

    let announced = ask(&admin, announced.body(Full::default()).unwrap()).await;
    let endless = admin.oneshot(endless).await.unwrap();

    assert_eq!(announced.status, 413);
    assert!(announced.detail().contains("64 KiB"), "{}", announced.text);
    assert_eq!(endless.status(), 413);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_given_up() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let silent =
        futures_util::stream::pending::<Result<http_body::Frame<bytes::Bytes>, Infallible>>();
    let silent = command("/circuits/plants/trip").body(StreamBody::new(silent)).unwrap();

    let answer = admin.oneshot(silent).await.unwrap();

    assert_eq!(answer.status(), 408);
    assert_eq!(registry.get("plants").unwrap().state(), CircuitState::Closed);
}

#[tokio::test]
async fn commands_to_circuits_with_odd_names_reach_them() {
    let (registry, _clock) = registry(&["a/b", "reset-all"]);
    let admin = steering(&registry).build();

    let slash = post(&admin, "/circuits/a%2Fb/trip", "").await;
    let named_so = post(&admin, "/circuits/reset-all/trip", "").await;
    let unknown = post(&admin, "/circuits/a/trip", "").await;

    assert_eq!((slash.status.as_u16(), named_so.status.as_u16()), (200, 200));
    assert!(registry.circuits().iter().all(|circuit| circuit.state() == CircuitState::Open));
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn a_page_of_another_origin_cannot_steer() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).token(TOKEN).build();
    let any_host = steering(&registry).token(TOKEN).allow_any_host().build();
    let with = |headers: &[(&str, &str)]| {
        let request = command("/circuits/plants/trip").header("host", "localhost:3000");
        let request = request.header("authorization", format!("Bearer {TOKEN}"));
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(Full::from("{}")).unwrap()
    };
    let foreign: [&[(&str, &str)]; 11] = [
        &[("origin", "https://evil.example")],
        &[("origin", "http://localhost:3001")],
        &[("origin", "http://localhost:30000")],
        &[("origin", "null")],
        &[("origin", "")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ("origin", "http://localhost:3000")],
        &[("sec-fetch-site", "cross-site"), ("origin", "http://localhost:3000")],
        &[("origin", "http://localhost:3000"), ("origin", "https://evil.example")],
        &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
        &[("host", "evil.example:3000"), ("origin", "http://localhost:3000")],
    ];
    for headers in foreign {
        let answer = ask(&any_host, with(headers)).await;
        assert_eq!(answer.status, 403, "{headers:?}");
        assert!(answer.detail().contains("origin"), "{}", answer.text);
    }
    assert_eq!(registry.get("plants").unwrap().state(), CircuitState::Closed);
    let own: [&[(&str, &str)]; 3] = [
        &[],
        &[("sec-fetch-site", "same-origin"), ("origin", "http://localhost:3000")],
        &[("origin", "https://LOCALHOST:3000")],
    ];
    for headers in own {
        assert_eq!(ask(&admin, with(headers)).await.status, 200, "{headers:?}");
    }
}

#[tokio::test]
async fn a_form_or_an_image_of_another_page_cannot_steer() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let form = super::from_here(Request::post("/circuits/plants/trip"))
        .header("content-type", "text/plain")
        .body(Full::from(r#"{"reason":"="}"#))
        .unwrap();

    assert_eq!(ask(&admin, form).await.status, 415);
    assert_eq!(get(&admin, "/circuits/plants/trip").await.status, 405);
    assert_eq!(registry.get("plants").unwrap().state(), CircuitState::Closed);
}
