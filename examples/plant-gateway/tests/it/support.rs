//! The program as a child, and what is asked of it.

use std::future::Future;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};

pub(crate) struct Gateway {
    pub(crate) child: Child,
    pub(crate) url: String,
    pub(crate) plant_id: Upstream,
    pub(crate) plantnet: Upstream,
    /// What it has logged so far.
    log: Arc<Mutex<String>>,
}

/// An upstream that the gateway, or another one, plays.
#[derive(Clone)]
pub(crate) struct Upstream(pub(crate) String);

/// Circuits stay open unless a test asks for less. A key, so that no test runs out of requests.
const USUAL: [(&str, &str); 4] = [
    ("PLANT_ID_CIRCUIT_RESET_TIMEOUT", "600"),
    ("PLANTNET_CIRCUIT_RESET_TIMEOUT", "600"),
    ("PLANT_ID_TIMEOUT", "20"),
    ("API_KEYS", "key"),
];

/// How the lines at the start begin.
const TOLD: [&[&str]; 5] =
    [&["gateway"], &["page"], &["token", "control"], &["plant-id"], &["plantnet"]];

/// For tests that wait for a recovery.
pub(crate) const SOON: [(&str, &str); 2] =
    [("PLANT_ID_CIRCUIT_RESET_TIMEOUT", "0.2"), ("PLANTNET_CIRCUIT_RESET_TIMEOUT", "0.2")];

impl Gateway {
    pub(crate) async fn start(env: &[(&str, &str)]) -> Self {
        Self::start_with(env, &[]).await
    }

    pub(crate) async fn start_with(env: &[(&str, &str)], args: &[&str]) -> Self {
        let needs_token = |(name, value): &(&str, &str)| {
            *name == "ADMIN_TOKEN" || (*name, *value) == ("APP_ENV", "production")
        };
        let open = (!env.iter().any(needs_token)).then_some("--open-control");
        let mut child = program()
            .args(["--port", "0"])
            .args(open)
            .args(args)
            .envs(USUAL)
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::default();
        tokio::spawn(read(child.stderr.take().unwrap(), Arc::clone(&log)));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut at = [const { String::new() }; 5];
        for (place, names) in at.iter_mut().zip(TOLD) {
            let line = lines.next_line().await.unwrap().unwrap_or_default();
            let rest = names.iter().find_map(|name| line.strip_prefix(name));
            *place = rest.unwrap_or_else(|| panic!("{line:?}")).trim().to_owned();
        }
        let [url, _, _, plant_id, plantnet] = at;
        Self { child, url, plant_id: Upstream(plant_id), plantnet: Upstream(plantnet), log }
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until it has logged this.
    pub(crate) async fn logs(&self, text: &str) {
        let logged = async || self.log().contains(text).then_some(());
        if tokio::time::timeout(Duration::from_secs(20), eventually(text, logged)).await.is_err() {
            panic!("{text} is not in\n{}", self.log());
        }
    }

    /// Sends a picture that nobody has sent before.
    pub(crate) async fn identify(&self) -> (StatusCode, Value) {
        let answer = self.send(&new_picture()).await;
        (answer.status(), answer.json().await.unwrap())
    }

    pub(crate) async fn send(&self, picture: &str) -> Response {
        let request = client().post(format!("{}/api/v1/identify", self.url));
        let request = request.header("content-type", "image/jpeg").header("x-api-key", "key");
        request.body(picture.to_owned()).send().await.unwrap()
    }

    /// Waits until the circuit would let a probe through.
    pub(crate) async fn open_time_is_over(&self, name: &str) {
        eventually("the open time ends", async || {
            (self.circuit(name).await["retry_after"] == 0.0).then_some(())
        })
        .await;
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        client().get(format!("{}{path}", self.url)).send().await.unwrap()
    }

    pub(crate) async fn circuit(&self, name: &str) -> Value {
        self.get(&format!("/circuits/circuits/{name}")).await.json().await.unwrap()
    }
}

/// Keeps what the program logs.
async fn read(stderr: ChildStderr, log: Arc<Mutex<String>>) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        eprintln!("{line}");
        *log.lock().unwrap() += &(line + "\n");
    }
}

impl Upstream {
    pub(crate) async fn become_(&self, condition: &'static str) {
        let url = format!("{}/condition", self.0);
        let answer = client().put(url).body(condition).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }

    /// How many pictures it was sent.
    pub(crate) async fn pictures(&self) -> u64 {
        let answer = client().get(format!("{}/condition", self.0)).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["pictures"].as_u64().unwrap()
    }
}

/// The program, which ends with the test.
pub(crate) fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_plant-gateway"));
    program.env_clear().kill_on_drop(true);
    program
}

pub(crate) fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

pub(crate) fn new_picture() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!("picture {}", NUMBER.fetch_add(1, Ordering::Relaxed))
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
