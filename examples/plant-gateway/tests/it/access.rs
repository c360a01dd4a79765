//! Keys, hours, old names, settings.

use reqwest::{Response, StatusCode};

use crate::support::{Gateway, client, program};

async fn ask(gateway: &Gateway, path: &str, key: Option<&str>) -> Response {
    let request = client().post(format!("{}{path}", gateway.url)).body("a rose");
    let request = request.header("content-type", "image/jpeg");
    let request = key.into_iter().fold(request, |request, key| request.header("x-api-key", key));
    request.send().await.unwrap()
}

#[tokio::test]
async fn production_asks_for_a_key_which_is_good_for_a_hundred_requests() {
    let gateway = Gateway::start(&[("APP_ENV", "production"), ("API_KEYS", "ann, bob")]).await;

    for key in [None, Some("eve")] {
        let refused = ask(&gateway, V1, key).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{key:?}");
        assert!(refused.text().await.unwrap().contains("X-API-Key"));
    }
    for number in 1..=100 {
        assert_eq!(ask(&gateway, V1, Some("ann")).await.status(), StatusCode::OK, "{number}");
    }

    let refused = ask(&gateway, V1, Some("ann")).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let seconds: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=3600).contains(&seconds), "{seconds}");
    assert_eq!(ask(&gateway, V1, Some("bob")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn anonymous_callers_have_ten_requests_in_development() {
    let gateway = Gateway::start(&[]).await;

    for _ in 0..10 {
        assert_eq!(ask(&gateway, V1, None).await.status(), StatusCode::OK);
    }

    let refused = ask(&gateway, V1, None).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(ask(&gateway, V1, Some("key")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_old_name_answers_and_says_so() {
    let gateway = Gateway::start(&[]).await;

    let [new, old] = [ask(&gateway, V1, None).await, ask(&gateway, "/api/identify", None).await];

    assert!(!new.headers().contains_key("deprecation"));
    assert_eq!(old.headers()["deprecation"], "@1767225600");
    assert_eq!(old.headers()["link"], "</api/v1/identify>; rel=\"successor-version\"");
    assert_eq!(old.status(), StatusCode::OK);
    assert_eq!(new.text().await.unwrap(), old.text().await.unwrap());
}

#[tokio::test]
async fn what_is_no_picture_is_told_so() {
    let gateway = Gateway::start(&[]).await;
    let request = || client().post(format!("{}{V1}", gateway.url)).header("x-api-key", "key");

    let text = request().header("content-type", "text/plain").body("a rose").send().await.unwrap();
    let empty = request().header("content-type", "image/jpeg").send().await.unwrap();

    assert_eq!(text.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(text.text().await.unwrap().contains("image/jpeg"));
    assert_eq!(empty.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn page_and_metrics_show_every_circuit_and_need_the_token_if_one_is_set() {
    let gateway = Gateway::start(&[("ADMIN_TOKEN", "0123456789abcdef")]).await;

    let refused = gateway.get("/metrics").await;
    let request = client().get(format!("{}/metrics", gateway.url));
    let shown = request.bearer_auth("0123456789abcdef").send().await.unwrap();
    let page = gateway.get("/circuits/").await;

    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let shown = shown.text().await.unwrap();
    for name in ["plant_id_api", "plantnet_api"] {
        assert!(shown.contains(&format!("circuit_breaker_state{{name=\"{name}\"}} 0")), "{shown}");
    }
    assert!(page.text().await.unwrap().contains("<html"));
}

#[tokio::test]
async fn a_wrong_setting_is_told_by_name_with_what_is_allowed() {
    for (name, value, allowed) in [
        ("PLANT_ID_CIRCUIT_FAIL_MAX", "0", "a whole number of at least 1"),
        ("PLANTNET_CIRCUIT_RESET_TIMEOUT", "1m", "seconds above 0"),
        ("PLANTNET_CIRCUIT_SUCCESS_THRESHOLD", "two", "a whole number"),
        ("PLANT_ID_TIMEOUT", "NaN", "such as 60 or 0.5"),
        ("PLANT_ID_URL", "plants", "http://"),
        ("APP_ENV", "prod", "development or production"),
        ("LOG_FORMAT", "xml", "text or json"),
        ("CIRCUIT_BREAKER_REDIS_URL", "http://short", ""),
        ("CACHE_LOCK_BLOCKING", "perhaps", "true or false"),
        ("LOG_FILE", "/nowhere/log", "No such file"),
        ("APP_ENV", "production", "API_KEYS is not set"),
        ("ADMIN_TOKEN", "short", "16 or more"),
    ] {
        let mut program = program();
        // What is about Redis is read where there is one.
        program.args(["--port", "0"]).env("REDIS_URL", "redis://127.0.0.1:9").env(name, value);
        let output = program.output().await.unwrap();

        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}={value}: {said}");
        assert!(said.contains(name) && said.contains(allowed), "{name}={value}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(!said.contains("short"), "a secret is not shown: {said}");
    }
}

#[tokio::test]
async fn control_is_open_where_it_is_asked_for_alone_and_never_in_production() {
    let open = Gateway::start(&[]).await;
    let guarded = Gateway::start(&[("ADMIN_TOKEN", "0123456789abcdef")]).await;
    // As `curl -X POST` does.
    for (gateway, status) in [(&open, 200), (&guarded, 401)] {
        let url = format!("{}/circuits/circuits/plant_id_api/reset", gateway.url);
        assert_eq!(client().post(url).send().await.unwrap().status(), status);
    }

    let production = [("APP_ENV", "production"), ("API_KEYS", "key")];
    let output = program().envs(production).arg("--open-control").output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("--open-control is refused with APP_ENV=production"), "{said}");
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_ends_it_cleanly_though_somebody_reads_its_events() {
    let mut gateway = Gateway::start(&[]).await;
    let mut events = gateway.get("/circuits/events").await;
    assert!(events.chunk().await.unwrap().is_some());

    let id = gateway.child.id().unwrap().to_string();
    let sent = tokio::process::Command::new("kill").args(["-INT", &id]).status().await.unwrap();
    assert!(sent.success());

    let ended = tokio::time::timeout(std::time::Duration::from_secs(30), async {
        while events.chunk().await.unwrap().is_some() {}
        gateway.child.wait().await.unwrap()
    });
    assert!(ended.await.expect("it ends").success());
}

const V1: &str = "/api/v1/identify";
