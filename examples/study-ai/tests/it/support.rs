//! The program as a child, and what is asked of it.

use std::future::Future;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};

pub(crate) struct App {
    pub(crate) child: Child,
    pub(crate) url: String,
    provider: String,
    /// What it has logged so far.
    log: Arc<Mutex<String>>,
}

impl App {
    pub(crate) async fn start(env: &[(&str, &str)]) -> Self {
        let mut program = program();
        program
            .args(["--port", "0"])
            .args((!env.iter().any(|(name, _)| *name == "ADMIN_TOKEN")).then_some("--open-control"))
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = program.spawn().unwrap();
        let log = Arc::default();
        tokio::spawn(keep(child.stderr.take().unwrap(), Arc::clone(&log)));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut at = [const { String::new() }; 4];
        for (place, name) in at.iter_mut().zip(["study-ai", "page", "", "provider"]) {
            let line = lines.next_line().await.unwrap().unwrap();
            *place = line.strip_prefix(name).unwrap().trim().to_owned();
        }
        let [url, _, _, provider] = at;
        Self { child, url, provider, log }
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub(crate) async fn post(&self, path: &str, body: &'static str) -> Response {
        self.try_post(path, body).await.unwrap()
    }

    pub(crate) async fn try_post(
        &self,
        path: &str,
        body: &'static str,
    ) -> reqwest::Result<Response> {
        let content_type = if body.starts_with('{') { "application/json" } else { "image/png" };
        let request = client().post(format!("{}{path}", self.url));
        request.header("content-type", content_type).body(body).send().await
    }

    /// Asks for `path`, and returns the status and the JSON that comes.
    pub(crate) async fn ask(&self, path: &str, body: &'static str) -> (StatusCode, Value) {
        let answer = self.post(path, body).await;
        (answer.status(), answer.json().await.unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        client().get(format!("{}{path}", self.url)).send().await.unwrap()
    }

    /// The figures of one service.
    pub(crate) async fn figures(&self, key: &str) -> Value {
        let all: Value = self.get("/api/circuit-breakers/metrics").await.json().await.unwrap();
        all["breakers"][key].clone()
    }

    /// What the page shows of its circuit.
    pub(crate) async fn circuit(&self, key: &str) -> Value {
        let path = format!("/circuits/circuits/google_ai_{key}");
        self.get(&path).await.json().await.unwrap()
    }

    /// From now on the provider's service is like this.
    pub(crate) async fn make(&self, service: &str, condition: &'static str) {
        let url = format!("{}/condition/{service}", self.provider);
        let answer = client().put(url).body(condition).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }

    /// How many calls the provider's service has had.
    pub(crate) async fn reached(&self, service: &str) -> u64 {
        let answer = client().get(format!("{}/condition", self.provider)).send().await.unwrap();
        answer.json::<Value>().await.unwrap()[service].as_u64().unwrap()
    }
}

/// Keeps what the program logs.
async fn keep(stderr: ChildStderr, log: Arc<Mutex<String>>) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        eprintln!("{line}");
        *log.lock().unwrap() += &(line + "\n");
    }
}

/// The program, which ends with the test.
pub(crate) fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_study-ai"));
    program.env_clear().kill_on_drop(true);
    program
}

fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

/// Asks until there is an answer; gives up after half a minute.
pub(crate) async fn eventually<T, F>(what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let found = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    found.await.unwrap_or_else(|_| panic!("never happened: {what}"))
}

pub(crate) const TOPIC: &str = r#"{ "topic": "plants" }"#;
pub(crate) const PROMPT: &str = r#"{ "prompt": "a plant" }"#;
pub(crate) const IMAGE: &str = "any bytes";
