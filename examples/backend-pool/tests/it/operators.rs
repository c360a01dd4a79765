//! What operators see and do, under the names of this API.

use crate::support::Pool;

const API: &str = "/api/v1/circuit-breaker";

async fn open(pool: &Pool, service: &str) {
    let opened = pool.command(&format!("reset/{service}")).await;
    assert_eq!(opened.status, 200, "{opened:?}");
    pool.make(service, "down").await;
    for _ in 0..5 {
        match service {
            "llm" => pool.post("/api/v1/chat", "what is a fern").await,
            _ => pool.post("/api/v1/agents/planner", "sow").await,
        };
    }
    assert_eq!(pool.status(service).await["state"], "open");
}

#[tokio::test]
async fn status_is_of_all_circuits_or_of_one() {
    let pool = Pool::start(&[("LLM_CIRCUIT_FAIL_MAX", "7")]);

    let all = pool.get(&format!("{API}/status")).await.json;
    let one = pool.status("llm").await;
    let none = pool.get(&format!("{API}/status/mail")).await;

    let names: Vec<_> = all["circuits"].as_array().unwrap().iter().map(|c| &c["name"]).collect();
    assert_eq!(names, ["agents", "external", "llm", "postgres", "redis"]);
    assert_eq!(one["thresholds"]["consecutive_failures"], 7);
    assert_eq!(one["config"]["open_for"], "300ms");
    assert_eq!(pool.status("agents").await["thresholds"]["consecutive_failures"], 5);
    assert_eq!(none.status, 404, "{none:?}");
}

#[tokio::test]
async fn health_is_degraded_by_any_backend_and_failing_without_the_llm() {
    let pool = Pool::start(&[("CIRCUIT_RESET_TIMEOUT", "1h")]);

    for (opened, health, status) in
        [(None, "healthy", 200), (Some("agents"), "degraded", 200), (Some("llm"), "failing", 503)]
    {
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
async fn metrics_are_those_of_all_circuits() {
    let pool = Pool::start(&[("CIRCUIT_RESET_TIMEOUT", "1h")]);
    open(&pool, "agents").await;

    for path in [&format!("{API}/metrics"), "/metrics"] {
        let text = pool.get(path).await.text;
        assert!(text.contains("\ncircuit_breaker_state{name=\"agents\"} 2\n"), "{text}");
        assert!(text.contains("\ncircuit_breaker_state{name=\"postgres\"} 0\n"), "{text}");
    }
}

#[tokio::test]
async fn resets_close_one_circuit_or_all_and_are_in_the_audit() {
    let pool = Pool::start(&[("CIRCUIT_RESET_TIMEOUT", "1h")]);
    open(&pool, "agents").await;
    open(&pool, "llm").await;

    let plain = pool.post(&format!("{API}/reset/llm"), "a=b").await;
    assert_eq!(plain.status, 415, "a form could send that: {plain:?}");
    assert_eq!(pool.status("llm").await["state"], "open");

    assert_eq!(pool.command("reset/llm").await.status, 200);
    assert_eq!(pool.status("llm").await["state"], "closed");
    assert_eq!(pool.status("agents").await["state"], "open");

    assert_eq!(pool.command("reset-all").await.status, 200);
    assert_eq!(pool.status("agents").await["state"], "closed");
    let audit = pool.get("/circuits/audit").await.json;
    assert_eq!(audit["entries"].as_array().unwrap().len(), 4, "{audit}");
}

#[tokio::test]
async fn reading_a_command_does_not_give_it() {
    let pool = Pool::start(&[("CIRCUIT_RESET_TIMEOUT", "1h")]);
    open(&pool, "agents").await;

    assert_eq!(pool.get(&format!("{API}/reset/agents")).await.status, 405);
    assert_eq!(pool.get(&format!("{API}/mend/agents")).await.status, 404);

    assert_eq!(pool.status("agents").await["state"], "open");
}

#[tokio::test]
async fn page_is_below_circuits() {
    let pool = Pool::start(&[]);

    let page = pool.get("/circuits/").await;

    assert_eq!(page.status, 200);
    assert!(page.text.contains("<html"), "{page:?}");
}
