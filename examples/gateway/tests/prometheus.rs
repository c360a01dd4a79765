//! A real Prometheus, which scrapes the gateway with the token to read by, and fires its alerts.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail them that way")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

/// A process that ends with the test, and the folder that it keeps its files in.
struct Process {
    child: Child,
    folder: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails when it has ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn folder(name: &str) -> PathBuf {
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The gateway at play, and where it listens.
fn gateway(read_token: &str) -> (Process, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_gateway"))
        .args(["--port", "0"])
        .env("ADMIN_READ_TOKEN", read_token)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    lines.read_line(&mut first).unwrap();
    let address = first.split("http://").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    // It writes on, as long as somebody reads.
    std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    (Process { child, folder: folder("gateway") }, address.to_owned())
}

/// A Prometheus with the rules of this repository, which scrapes `target` each second.
fn prometheus(target: &str, read_token: &str) -> (Process, String) {
    let folder = folder("prometheus");
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/../monitoring/alerts.yml");
    fs::write(folder.join("read-token"), read_token).unwrap();
    let settings = json!({
        "global": { "scrape_interval": "1s", "evaluation_interval": "1s" },
        "rule_files": [rules],
        "scrape_configs": [{
            "job_name": "gateway",
            "authorization": { "credentials_file": "read-token" },
            "static_configs": [{ "targets": [target] }],
        }],
    });
    // What is JSON is YAML.
    fs::write(folder.join("prometheus.yml"), settings.to_string()).unwrap();
    let own = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address={own}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("prometheus is missing: install it (on Debian: apt-get install prometheus)");
    (Process { child, folder }, own)
}

/// What Prometheus answers; null where it does not yet.
fn ask(address: &str, path: &str) -> Value {
    let Ok(mut stream) = TcpStream::connect(address) else { return Value::Null };
    let head = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    let mut answer = String::new();
    if stream.write_all(head.as_bytes()).is_err() || stream.read_to_string(&mut answer).is_err() {
        return Value::Null;
    }
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    serde_json::from_str(body).unwrap_or_default()
}

#[test]
#[ignore = "needs prometheus: run by tests/run.sh"]
#[expect(clippy::disallowed_methods, reason = "two programs of others are waited for")]
fn a_real_prometheus_scrapes_with_the_token_to_read_by_and_fires() {
    let token = "to-read-by-for-this-test";
    let (_gateway, address) = gateway(token);
    let (_prometheus, own) = prometheus(&address, token);

    let alerts = (0..600).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        let alerts = ask(&own, "/api/v1/alerts")["data"]["alerts"].clone();
        let is_open = |alert: &&Value| alert["labels"]["alertname"] == "CircuitOpen";
        let found = alerts.as_array()?.iter().find(is_open)?.clone();
        (found["state"] == "firing").then_some(found)
    });

    let targets = || ask(&own, "/api/v1/targets");
    let alert = alerts.unwrap_or_else(|| panic!("no alert has fired: {}", targets()));
    assert_eq!(alert["labels"]["name"], "upstream-a");
    assert_eq!(alert["labels"]["instance"], address);
    let up = ask(&own, "/api/v1/query?query=up");
    assert_eq!(up["data"]["result"][0]["value"][1], "1", "{up}");
    let trips = ask(&own, "/api/v1/query?query=circuit_breaker_trips_total");
    assert!(trips.to_string().contains("upstream-a"), "{trips}");
}
