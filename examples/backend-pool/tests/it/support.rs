//! The program under test, and the servers that it uses.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{self, Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{self, Body};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::time::sleep;

/// A running backend-pool.
pub(crate) struct Pool {
    pub(crate) child: Child,
    pub(crate) url: String,
    fakes: String,
    client: Client<HttpConnector, Body>,
    /// Open, so that the program can write on.
    _lines: BufReader<ChildStdout>,
    /// What it has logged so far.
    log: Arc<Mutex<String>>,
}

/// What was answered; `json` is null where it was none.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

/// A server of one test alone.
pub(crate) struct Server {
    name: &'static str,
    folder: PathBuf,
}

/// The program, without servers and with short times.
pub(crate) fn program(variables: &[(&str, &str)]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_backend-pool"));
    program
        .args(["--port", "0"])
        .env("REDIS_URL", "redis+unix:///nowhere/redis.sock")
        .env("DATABASE_URL", "host=/nowhere user=app")
        .env("CIRCUIT_RESET_TIMEOUT", "300ms")
        .envs(variables.iter().copied());
    program
}

impl Pool {
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        Self::start_with(variables, &[])
    }

    pub(crate) fn start_with(variables: &[(&str, &str)], args: &[&str]) -> Self {
        let has_token = variables.iter().any(|(name, _)| *name == "ADMIN_TOKEN");
        let mut program = program(variables);
        program.args(args).args((!has_token).then_some("--open-control"));
        let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::default();
        let (stderr, kept) = (child.stderr.take().unwrap(), Arc::clone(&log));
        std::thread::spawn(move || keep(stderr, &kept));
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut told = || {
            let mut line = String::new();
            lines.read_line(&mut line).unwrap();
            line
        };
        let [own, _page, _control, fakes] = [told(), told(), told(), told()];
        let [url, fakes] = [own, fakes].map(|line| {
            line.split(" on ").nth(1).unwrap_or_else(|| panic!("{line:?}")).trim().to_owned()
        });
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { child, url, fakes, client, _lines: lines, log }
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until it has logged this.
    pub(crate) async fn logs(&self, text: &str) {
        for _ in 0..2_000 {
            if self.log().contains(text) {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("{text} is not in\n{}", self.log());
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request = Request::get(format!("{}{path}", self.url)).body(Body::empty());
        self.answer(request.unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &'static str) -> Answer {
        let request = Request::post(format!("{}{path}", self.url)).body(Body::from(body));
        self.answer(request.unwrap()).await
    }

    /// The same to another address, such as that of a balancer.
    pub(crate) async fn post_to(&self, url: &str, path: &str, body: &str) -> Answer {
        let request = Request::post(format!("{url}{path}")).body(Body::from(body.to_owned()));
        self.answer(request.unwrap()).await
    }

    /// Where the backends are that it plays.
    pub(crate) fn fakes(&self) -> &str {
        &self.fakes
    }

    pub(crate) async fn put(&self, path: &str, body: &'static str) -> Answer {
        let request = Request::put(format!("{}{path}", self.url)).body(Body::from(body));
        self.answer(request.unwrap()).await
    }

    /// A command of an operator.
    pub(crate) async fn command(&self, path: &str) -> Answer {
        let request = Request::post(format!("{}/api/v1/circuit-breaker/{path}", self.url))
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from("{}"));
        self.answer(request.unwrap()).await
    }

    pub(crate) async fn status(&self, service: &str) -> Value {
        self.get(&format!("/api/v1/circuit-breaker/status/{service}")).await.json
    }

    /// Makes a fake backend `up`, `down` or `hang`.
    pub(crate) async fn make(&self, backend: &str, condition: &str) {
        let request = Request::post(format!("{}/{backend}/{condition}", self.fakes));
        let answer = self.answer(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.client.request(request).await.unwrap().map(Body::new)
    }

    async fn answer(&self, request: Request<Body>) -> Answer {
        let (head, body) = self.send(request).await.into_parts();
        let bytes = body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Answer { status: head.status.as_u16(), headers: head.headers, text, json }
    }
}

/// Keeps what the program logs.
fn keep(stderr: ChildStderr, log: &Mutex<String>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        eprintln!("{line}");
        *log.lock().unwrap() += &(line + "\n");
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // It has ended already where a test ended it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// `redis` or `postgres`.
    pub(crate) fn start(name: &'static str) -> Self {
        // Short, since the path of a socket has an end. Relaxed: numbers that differ.
        let number = SERVERS.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("pool-{}-{number}", process::id()));
        let server = Self { name, folder };
        let package = if name == "redis" { "redis-server" } else { "postgresql" };
        assert!(
            server.tell("has").status.success(),
            "{name} cannot be started here: install it (on Debian: apt-get install {package})"
        );
        server.set("start");
        server
    }

    /// `start`, `stop`, `hang` or `resume`.
    pub(crate) fn set(&self, verb: &str) {
        let output = self.tell(verb);
        assert!(output.status.success(), "{verb} {}: {output:?}", self.name);
    }

    pub(crate) fn url(&self) -> String {
        String::from_utf8(self.tell("url").stdout).unwrap().trim().to_owned()
    }

    fn tell(&self, verb: &str) -> Output {
        Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/servers.sh"))
            .args([verb, self.name])
            .env("BACKEND_POOL_FOLDER", &self.folder)
            .output()
            .unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.tell("stop");
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

static SERVERS: AtomicU32 = AtomicU32::new(0);
