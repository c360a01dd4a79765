//! What operators look for in the log.

use serde_json::Value;

use crate::support::Pool;

#[tokio::test]
async fn changes_are_logged_in_the_words_of_the_house() {
    let pool = Pool::start(&[]);
    pool.make("ollama", "down").await;
    for _ in 0..5 {
        pool.post("/api/v1/chat", "what is moss").await;
    }
    pool.make("ollama", "up").await;
    while pool.post("/api/v1/chat", "what is moss").await.status != 200 {}

    pool.logs("to CLOSED").await;
    let log = pool.log();
    for (level, line) in [
        (
            "WARN",
            "Circuit breaker 'ollama' transitioned from CLOSED to OPEN after 5 consecutive failures",
        ),
        ("INFO", "Circuit breaker 'ollama' transitioned from OPEN to HALF_OPEN"),
        (
            "INFO",
            "Circuit breaker 'ollama' transitioned from HALF_OPEN to CLOSED after 1 successful call(s)",
        ),
    ] {
        let found = log.lines().find(|found| found.contains(line));
        let found = found.unwrap_or_else(|| panic!("{line} is not in\n{log}"));
        assert!(found.starts_with("20") && found.contains(&format!(" {level} ")), "{found}");
    }
    assert_eq!(log.matches("circuit tripped").count(), 0, "a change is said once: {log}");
}

#[tokio::test]
async fn blocked_requests_are_counted_and_said_with_their_path() {
    let file = std::env::temp_dir().join(format!("backend-pool-{}.log", std::process::id()));
    let variables = [
        ("CIRCUIT_RESET_TIMEOUT", "1h"),
        ("LOG_FORMAT", "json"),
        ("LOG_FILE", file.to_str().unwrap()),
    ];
    let pool = Pool::start(&variables);
    pool.make("ollama", "down").await;
    for _ in 0..45 {
        pool.post("/api/v1/chat", "what is moss").await;
    }

    let line = "Circuit breaker OPEN for service 'ollama', request to /api/generate blocked";
    let times = || {
        let log = pool.log();
        let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let said: Vec<_> = lines.filter(|said| said["message"] == line).collect();
        (said.len(), said.iter().map(|said| said["times"].as_u64().unwrap()).sum::<u64>())
    };
    pool.logs(line).await;
    while times().1 < 40 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let (lines, blocked) = times();
    // A busy machine may take some seconds for them.
    assert!(blocked == 40 && lines < 20, "{blocked} on {lines} lines");
    let written = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(written.contains(line), "{written}");
}
