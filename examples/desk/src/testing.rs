//! For the applications' tests: a real Prometheus that scrapes them.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// A Prometheus in a folder of its own; both go with the test.
#[derive(Debug)]
pub struct Prometheus {
    child: Child,
    folder: PathBuf,
    address: String,
}

impl Prometheus {
    /// Starts one that scrapes the application at `url` twice a second, and looks at these rules as often.
    /// What a rule waits for, such as five minutes, is a second here.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub fn watching(url: &str, rules: &str, folder: &Path) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let address = free.expect("a port is free").to_string();
        let folder = folder.join(format!("prometheus-{}", address.replace(':', "-")));
        let settings = json!({
            "global": { "scrape_interval": "500ms", "evaluation_interval": "500ms" },
            "rule_files": ["rules.yml"],
            "scrape_configs": [{
                "job_name": "application",
                "static_configs": [{ "targets": [url.trim_start_matches("http://")] }],
            }],
        });
        let soon = |line: &str| match line.split_once("for: ") {
            Some((indent, _)) if indent.trim().is_empty() => format!("{indent}for: 1s\n"),
            _ => format!("{line}\n"),
        };
        let rules: String = rules.lines().map(soon).collect();
        fs::create_dir_all(&folder).expect("the folder can be made");
        // What is JSON is YAML.
        for (name, text) in [("prometheus.yml", &*settings.to_string()), ("rules.yml", &*rules)] {
            fs::write(folder.join(name), text).expect("files can be written");
        }
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus is missing: install it (on Debian: apt-get install prometheus)");
        Self { child, folder, address }
    }

    /// The labels of alerts that fire, once there are `count`; waits for a minute at most.
    ///
    /// # Panics
    ///
    /// When there are fewer after that.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "a program of others is waited for")]
    pub fn firing(&self, count: usize) -> Vec<Value> {
        for _ in 0..600 {
            let alerts = self.ask("/api/v1/alerts")["data"]["alerts"].clone();
            let all = alerts.as_array().cloned().unwrap_or_default();
            let firing: Vec<_> = all.into_iter().filter(|it| it["state"] == "firing").collect();
            if firing.len() >= count {
                return firing.into_iter().map(|alert| alert["labels"].clone()).collect();
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("too few alerts: {}, {}", self.ask("/api/v1/alerts"), self.ask("/api/v1/targets"));
    }

    /// What it answers; null where it does not yet.
    fn ask(&self, path: &str) -> Value {
        let Ok(mut stream) = TcpStream::connect(&self.address) else { return Value::Null };
        let head = format!("GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address);
        let mut answer = String::new();
        if stream.write_all(head.as_bytes()).is_err() || stream.read_to_string(&mut answer).is_err()
        {
            return Value::Null;
        }
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str(body).unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Fails when it has ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
