//! What callers meet while backends over HTTP go and come back.

use tokio::time::Instant;

use crate::support::Pool;

#[tokio::test]
async fn backend_that_fails_is_answered_for_at_once_and_taken_back() {
    let pool = Pool::start(&[]);
    assert_eq!(pool.post("/api/v1/agents/planner", "sow").await.text, "agents on planner: sow");

    pool.make("agents", "down").await;
    for _ in 0..5 {
        assert_eq!(pool.post("/api/v1/agents/planner", "sow").await.status, 502);
    }
    assert_eq!(pool.status("agents.planner").await["state"], "open");
    let mut answer = pool.post("/api/v1/agents/planner", "sow").await;
    while answer.status != 503 {
        // A slow machine has let a probe through.
        assert_eq!(answer.status, 502, "{answer:?}");
        answer = pool.post("/api/v1/agents/planner", "sow").await;
    }
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(answer.json["circuit"], "agents.planner");
    assert_eq!(pool.get("/api/v1/external/weather").await.status, 200, "its own circuit");

    pool.make("agents", "up").await;
    while pool.post("/api/v1/agents/planner", "sow").await.status != 200 {}
    let status = pool.status("agents.planner").await;
    assert_eq!(status["state"], "closed");
    assert_eq!(status["transitions"]["half_open_to_closed"], 1);
}

#[tokio::test]
async fn backend_that_hangs_costs_the_time_limit_five_times_and_then_a_twentieth_at_most() {
    let pool = Pool::start(&[("CALL_TIMEOUT_MS", "200"), ("CIRCUIT_RESET_TIMEOUT", "1h")]);
    pool.make("external", "hang").await;
    let ask = async || {
        let started = Instant::now();
        (pool.get("/api/v1/external/weather").await, started.elapsed())
    };

    let (mut before, mut after) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let (answer, took) = ask().await;
        assert_eq!(answer.status, 504);
        before.push(took);
    }
    for _ in 0..50 {
        let (answer, took) = ask().await;
        assert_eq!(answer.status, 503, "{answer:?}");
        assert_eq!(answer.headers["retry-after"], "3600");
        after.push(took);
    }

    // The best of fifty: a machine that is busy makes others longer.
    let (delay, cost) = (before.iter().min().unwrap(), after.iter().min().unwrap());
    println!("a failing call: before the trip {delay:?}, after it {cost:?}");
    assert!(*cost * 20 < *delay, "{cost:?} after the trip, {delay:?} before it");
}

#[tokio::test]
async fn prompt_that_was_answered_before_needs_no_model() {
    let pool = Pool::start(&[("CIRCUIT_RESET_TIMEOUT", "1h")]);
    let first = pool.post("/api/v1/chat", "what is a fern").await;
    assert_eq!(first.json["from"], "ollama");

    pool.make("ollama", "down").await;
    for _ in 0..5 {
        assert_eq!(pool.post("/api/v1/chat", "what is moss").await.status, 502);
    }

    assert_eq!(pool.post("/api/v1/chat", "what is moss").await.status, 503);
    let again = pool.post("/api/v1/chat", "what is a fern").await;
    assert_eq!(again.json["answer"], first.json["answer"]);
    assert_eq!(again.json["from"], "in-process");
}

#[tokio::test]
async fn a_topic_that_no_address_can_hold_is_not_asked_for() {
    let pool = Pool::start(&[]);

    assert_eq!(pool.get("/api/v1/external/a%20b").await.status, 400);

    assert_eq!(pool.status("external").await["metrics"]["total_calls"], 0);
}
