//! What operators see and do, under the names of this API.

use std::process::Command;

use serde_json::json;

use crate::support::Pool;

const API: &str = "/api/v1/circuit-breaker";

async fn open(pool: &Pool, service: &str) {
    let opened = pool.command(&format!("reset/{service}")).await;
    assert_eq!(opened.status, 200, "{opened:?}");
    pool.make(service.trim_start_matches("agents."), "down").await;
    for _ in 0..5 {
        match service {
            "ollama" => pool.post("/api/v1/chat", "what is a fern").await,
            _ => pool.post("/api/v1/agents/planner", "sow").await,
        };
    }
    assert_eq!(pool.status(service).await["state"], "open");
}

#[tokio::test]
async fn status_is_of_all_circuits_or_of_one() {
    let pool = Pool::start(&[("OLLAMA_CIRCUIT_FAIL_MAX", "7")]);

    let all = pool.get(&format!("{API}/status")).await.json;
    let one = pool.status("ollama").await;
    let none = pool.get(&format!("{API}/status/mail")).await;

    let names: Vec<_> = all["circuits"].as_array().unwrap().iter().map(|c| &c["name"]).collect();
    let agents = ["agents.gardener", "agents.planner", "agents.scribe"];
    assert_eq!(names, [&agents[..], &["external", "ollama", "postgres", "redis"]].concat());
    assert_eq!(one["thresholds"]["consecutive_failures"], 7);
    assert_eq!(one["config"]["open_for"], "300ms");
    assert_eq!(pool.status("agents.planner").await["thresholds"]["consecutive_failures"], 5);
    assert_eq!(none.status, 404, "{none:?}");
}

#[tokio::test]
async fn five_failures_in_a_row_open_for_half_a_minute_and_one_success_closes() {
    let pool = Pool::start(&[("CIRCUIT_RESET_TIMEOUT", "")]);

    for service in ["ollama", "redis", "postgres", "external", "agents.planner"] {
        let config = pool.status(service).await["config"].clone();
        let set = ["rules", "open_for", "probes"].map(|name| config[name].clone());
        let rule = json!([{ "consecutive_failures": 5 }]);
        assert_eq!(set, [rule, json!("30s"), json!(1)], "{service}: {config}");
    }
}

#[tokio::test]
async fn health_is_degraded_by_any_backend_and_failing_without_the_model() {
    let pool = Pool::start(&[("CIRCUIT_RESET_TIMEOUT", "1h")]);

    for (opened, health, status) in [
        (None, "healthy", 200),
        (Some("agents.planner"), "degraded", 200),
        (Some("ollama"), "failing", 503),
    ] {
        if let Some(service) = opened {
            open(&pool, service).await;
        }
        for path in [&format!("{API}/health"), "/health"] {
            let answer = pool.get(path).await;
            assert_eq!(answer.status, status, "{path}: {answer:?}");
            assert_eq!(answer.json["health"], health, "{path}");
        }
    }
}

#[tokio::test]
async fn status_and_metrics_are_summed_up_for_dashboards() {
    let pool = Pool::start(&[("CIRCUIT_RESET_TIMEOUT", "1h")]);
    for _ in 0..20 {
        assert_eq!(pool.post("/api/v1/agents/planner", "sow").await.status, 200);
    }
    open(&pool, "agents.planner").await;

    for path in ["status", "metrics"] {
        let all = pool.get(&format!("{API}/{path}")).await.json;
        let summary =
            json!({ "healthy_circuits": 6, "degraded_circuits": 0, "failed_circuits": 1 });
        let global = json!({
            "total_circuits": 7, "open_circuits": 1, "half_open_circuits": 0, "closed_circuits": 6,
        });
        assert_eq!((&all["summary"], &all["details"]["global"]), (&summary, &global), "{path}");
        let metrics = json!({
            "total_calls": 25, "successful_calls": 20, "failed_calls": 5, "success_rate": "80.0%",
            "consecutive_failures": 5,
        });
        let planner = &all["details"]["breakers"]["agents.planner"];
        assert_eq!(
            planner,
            &json!({ "name": "agents.planner", "state": "open", "metrics": metrics })
        );
    }
    let one = pool.status("agents.planner").await;
    assert_eq!((&one["metrics"]["success_rate"], &one["state"]), (&json!("80.0%"), &json!("open")));
    let health = pool.get("/health").await.json;
    assert_eq!(health["circuit_breakers"]["agents.planner"]["state"], "open");
    assert_eq!(health["circuit_breakers"]["ollama"]["health"], "healthy");
}

#[tokio::test]
async fn metrics_for_prometheus_count_trips_and_failures() {
    let pool = Pool::start(&[("CIRCUIT_RESET_TIMEOUT", "1h")]);
    open(&pool, "agents.planner").await;

    let text = pool.get("/metrics").await.text;

    for line in [
        "circuit_breaker_state{name=\"agents.planner\"} 2",
        "circuit_breaker_state{name=\"postgres\"} 0",
        "circuit_breaker_trips_total{name=\"agents.planner\"} 1",
        "circuit_breaker_calls_total{name=\"agents.planner\",result=\"failure\"} 5",
        "circuit_breaker_failures_total{name=\"agents.planner\",kind=\"status\"} 5",
    ] {
        assert!(text.contains(&format!("\n{line}\n")), "{line}: {text}");
    }
}

#[tokio::test]
async fn agents_are_a_group_of_circuits_of_their_own() {
    let pool = Pool::start(&[("CIRCUIT_RESET_TIMEOUT", "1h"), ("AGENTS", "planner, scribe")]);
    open(&pool, "agents.planner").await;

    assert_eq!(pool.post("/api/v1/agents/planner", "sow").await.status, 503);
    let scribe = pool.post("/api/v1/agents/scribe", "note").await;
    assert_eq!((scribe.status, &*scribe.text), (200, "agents on scribe: note"));
    assert_eq!(pool.post("/api/v1/agents/stranger", "sow").await.status, 404);
    let group = pool.get("/circuits/groups").await.json["groups"][0].clone();
    assert_eq!((&group["name"], &group["open"]), (&json!("agents"), &json!(1)));
    assert_eq!(group["members"], json!(["agents.planner", "agents.scribe"]));
}

#[tokio::test]
async fn plain_curl_resets_where_control_is_open_and_needs_the_token_elsewhere() {
    let pool = Pool::start(&[("CIRCUIT_RESET_TIMEOUT", "1h")]);
    open(&pool, "agents.planner").await;
    let curl = |args: Vec<String>| {
        let mut curl = Command::new("curl");
        curl.args(["-s", "-o", "/dev/null", "-w", "%{http_code}"]);
        let output = curl.args(args).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let url = |pool: &Pool, path: &str| format!("{}{API}/{path}", pool.url);

    let reset = vec!["-X".into(), "POST".into(), url(&pool, "reset/agents.planner")];
    assert_eq!(curl(reset), "200");
    assert_eq!(pool.status("agents.planner").await["state"], "closed");
    open(&pool, "agents.planner").await;
    assert_eq!(curl(vec!["-X".into(), "POST".into(), url(&pool, "reset-all")]), "200");
    assert_eq!(pool.status("agents.planner").await["state"], "closed");

    let token = "a-token-of-twenty-four-or-more";
    let guarded = Pool::start(&[("APP_ENV", "production"), ("ADMIN_TOKEN", token)]);
    for (path, method) in [("reset-all", "POST"), ("status", "GET"), ("metrics", "GET")] {
        let plain = vec!["-X".into(), method.into(), url(&guarded, path)];
        let header = format!("Authorization: Bearer {token}");
        let known = [plain.clone(), vec!["-H".into(), header]].concat();
        assert_eq!((&*curl(plain), &*curl(known)), ("401", "200"), "{path}");
    }
    let health = guarded.get("/health").await;
    assert_eq!((health.status, health.json), (200, json!({ "health": "healthy" })));
}

#[tokio::test]
async fn probes_go_by_the_process_and_by_what_is_critical_alone() {
    let pool = Pool::start(&[("CIRCUIT_RESET_TIMEOUT", "1h")]);
    for (opened, ready) in [("agents.planner", 200), ("ollama", 503)] {
        open(&pool, opened).await;

        assert_eq!(pool.get("/livez").await.status, 200, "{opened}");
        assert_eq!(pool.get("/readyz").await.status, ready, "{opened}");
    }
}

#[tokio::test]
async fn the_page_says_which_service_it_is() {
    let pool = Pool::start(&[]);

    let about = pool.get("/circuits/summary").await.json["about"].clone();

    assert_eq!(about["service"], "backend-pool");
    assert_eq!(about["environment"], "development");
    assert_eq!(about["instance"], format!("process {}", pool.child.id()));
    assert_eq!(about["version"], env!("CARGO_PKG_VERSION"));
    assert!(about["started"].as_u64() > Some(1_700_000_000_000), "{about}");
}

#[tokio::test]
async fn resets_close_one_circuit_or_all_and_are_in_the_audit() {
    let pool = Pool::start(&[("CIRCUIT_RESET_TIMEOUT", "1h")]);
    open(&pool, "agents.planner").await;
    open(&pool, "ollama").await;

    let plain = pool.post(&format!("{API}/reset/ollama"), "a=b").await;
    assert_eq!(plain.status, 415, "a form could send that: {plain:?}");
    assert_eq!(pool.status("ollama").await["state"], "open");

    assert_eq!(pool.command("reset/ollama").await.status, 200);
    assert_eq!(pool.status("ollama").await["state"], "closed");
    assert_eq!(pool.status("agents.planner").await["state"], "open");

    assert_eq!(pool.command("reset-all").await.status, 200);
    assert_eq!(pool.status("agents.planner").await["state"], "closed");
    let audit = pool.get("/circuits/audit").await.json;
    assert_eq!(audit["entries"].as_array().unwrap().len(), 4, "{audit}");
}

#[tokio::test]
async fn reading_a_command_does_not_give_it() {
    let pool = Pool::start(&[("CIRCUIT_RESET_TIMEOUT", "1h")]);
    open(&pool, "agents.planner").await;

    assert_eq!(pool.get(&format!("{API}/reset/agents.planner")).await.status, 405);
    assert_eq!(pool.get(&format!("{API}/mend/agents.planner")).await.status, 404);

    assert_eq!(pool.status("agents.planner").await["state"], "open");
}

#[tokio::test]
async fn page_is_below_circuits() {
    let pool = Pool::start(&[]);

    let page = pool.get("/circuits/").await;

    assert_eq!(page.status, 200);
    assert!(page.text.contains("<html"), "{page:?}");
}
