//! A redis-server of a test's own.

use std::env;
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::net::UnixStream;

/// A redis-server on a port of its own, which ends with the test.
pub(crate) struct Server {
    process: Option<Child>,
    folder: PathBuf,
    port: u16,
    arguments: Vec<String>,
    /// What a file of configuration says; without it the process has none.
    config: Option<String>,
    /// What redis-cli logs in with.
    password: Option<String>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With these arguments besides.
    pub(crate) async fn with(arguments: &[&str]) -> Self {
        let arguments = ["--save", "", "--appendonly", "no"].iter().chain(arguments);
        Self::begin(arguments.map(|&argument| argument.to_owned()).collect(), None).await
    }

    /// A Sentinel with this configuration.
    pub(crate) async fn sentinel(config: &str) -> Self {
        Self::begin(vec!["--sentinel".to_owned()], Some(config.to_owned())).await
    }

    async fn begin(arguments: Vec<String>, config: Option<String>) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("fleet-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut server = Self { process: None, folder, port: 0, arguments, config, password: None };
        // Somebody else may have taken the port meanwhile.
        while server.port == 0 || !server.try_run().await {
            server.port = free_port();
        }
        server
    }

    /// Starts the process again after it was killed, on the same port.
    pub(crate) async fn run(&mut self) {
        assert!(self.try_run().await, "redis-server has ended");
    }

    /// Whether it listens: not where another process has the port. That one answers, too, so its own
    /// socket in its own folder says so, which a redis-server makes after it has the port.
    async fn try_run(&mut self) -> bool {
        let socket = self.socket();
        let _ = fs::remove_file(&socket);
        let file = self.folder.join("config");
        if let Some(config) = &self.config {
            fs::write(&file, config).unwrap();
        }
        let process = Command::new("redis-server")
            .args(self.config.as_ref().map(|_| &file))
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--loglevel", "warning"])
            .arg("--dir")
            .arg(&self.folder)
            .arg("--unixsocket")
            .arg(&socket)
            .args(&self.arguments)
            .stdout(Stdio::null())
            .spawn();
        let process = process.unwrap_or_else(|error| {
            panic!("redis-server: {error}: install it (on Debian: apt-get install redis-server)")
        });
        self.process = Some(process);
        while UnixStream::connect(&socket).await.is_err() {
            if self.process.as_mut().unwrap().try_wait().unwrap().is_some() {
                return false;
            }
            tokio::task::yield_now().await;
        }
        true
    }

    /// As with `kill -9`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// The process takes no more turns, and its connections stay.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args([signal, &process]).status().unwrap().success());
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The socket that it listens at, too.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("redis.sock")
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Has redis-cli log in with this from now on.
    pub(crate) fn with_password(mut self, password: Option<&str>) -> Self {
        self.password = password.map(str::to_owned);
        self
    }

    /// What redis-cli says to this.
    pub(crate) fn cli(&self, arguments: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-p", &self.port.to_string()])
            .envs(self.password.iter().map(|password| ("REDISCLI_AUTH", password)))
            .args(arguments)
            .output()
            .expect("redis-cli comes with redis-server");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// What stands there of the circuit `api`.
    pub(crate) fn record(&self) -> String {
        self.cli(&["get", RECORD])
    }

    /// How many commands it has carried out, those of scripts among them.
    pub(crate) fn commands(&self) -> u64 {
        let stats = self.cli(&["info", "stats"]);
        let line = stats.lines().find_map(|line| line.strip_prefix("total_commands_processed:"));
        line.unwrap().trim().parse().unwrap()
    }
}

/// The key of the circuit `api` under the prefix by default.
pub(crate) const RECORD: &str = "{breaker:0}:record:api";

/// The key of the number of changes.
pub(crate) const CHANGES: &str = "{breaker:0}:changes";

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
