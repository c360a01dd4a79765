//! The gateways as the example sees them: processes that report, and answer calls.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use reqwest::{Client, StatusCode};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::Instant;
use tower::BoxError;

use crate::place::Place;

/// A gateway process. It ends when this is dropped.
pub(crate) struct Member {
    pub(crate) name: &'static str,
    url: String,
    client: Client,
    seen: Arc<Mutex<Seen>>,
    process: Child,
}

/// What a gateway has reported, and how it has answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// The state, and since when.
    pub(crate) state: Option<(String, Instant)>,
    pub(crate) half_opens: u32,
    /// How its link to the fleet does.
    pub(crate) store: String,
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    pub(crate) rejected: u64,
}

impl Member {
    pub(crate) async fn start(
        name: &'static str,
        place: Place<'_>,
        upstream: SocketAddr,
    ) -> Result<Self, BoxError> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["--gateway", name, "--upstream", &upstream.to_string()])
            .args(place.arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = process.stdout.take().ok_or("a gateway has no output")?;
        let mut lines = BufReader::new(output).lines();
        let port = loop {
            let line = lines.next_line().await?.ok_or("a gateway ended before it listened")?;
            if let Some(port) = line.strip_prefix("listening ") {
                break port.to_owned();
            }
        };
        let seen = Arc::new(Mutex::new(Seen::default()));
        tokio::spawn(follow(lines, Arc::clone(&seen)));
        let (url, client) = (format!("http://127.0.0.1:{port}/"), Client::new());
        Ok(Self { name, url, client, seen, process })
    }

    /// One call through the gateway.
    pub(crate) async fn call(&self) {
        let answer = self.client.get(&self.url).send().await;
        let mut seen = self.lock();
        match answer.map(|answer| answer.status()) {
            Ok(StatusCode::OK) => seen.answered += 1,
            Ok(StatusCode::SERVICE_UNAVAILABLE) => seen.rejected += 1,
            _ => seen.failed += 1,
        }
    }

    pub(crate) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    pub(crate) fn is(&self, state: &str) -> bool {
        self.lock().state.as_ref().is_some_and(|(present, _)| present == state)
    }

    /// Has it end by itself: its input is over.
    pub(crate) async fn end(mut self) {
        drop(self.process.stdin.take());
        // If it cannot be waited for, it is killed when it is dropped.
        let _ = self.process.wait().await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().expect("nobody panics with it")
    }
}

async fn follow(mut lines: Lines<BufReader<ChildStdout>>, seen: Arc<Mutex<Seen>>) {
    while let Ok(Some(line)) = lines.next_line().await {
        let mut seen = seen.lock().expect("nobody panics with it");
        let mut words = line.split(' ');
        match (words.next(), words.next()) {
            (Some("circuit"), Some(state)) => {
                seen.half_opens += u32::from(state == "half_open");
                seen.state = Some((state.to_owned(), Instant::now()));
            }
            (Some("store"), Some(status)) => status.clone_into(&mut seen.store),
            _ => {}
        }
    }
}
