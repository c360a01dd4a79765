//! Two processes behind a real HAProxy that obeys their health.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::support::Pool;

/// An HAProxy in front of two processes, which ends with the test.
struct Balancer {
    process: Child,
    folder: PathBuf,
    url: String,
}

impl Balancer {
    /// Asks each for its health ten times a second, and goes by each answer: a machine that is busy may
    /// take longer than until the next.
    async fn before(pools: &[Pool; 2]) -> Self {
        let address = free_address();
        let folder = env::temp_dir().join(format!("haproxy-{}", address.port()));
        fs::create_dir_all(&folder).unwrap();
        let servers = pools.each_ref().map(|pool| pool.url.trim_start_matches("http://"));
        let settings = format!(
            "global\n maxconn 64\n\
             defaults\n mode http\n timeout connect 2s\n timeout client 10s\n timeout server 10s\n \
             timeout check 5s\n\
             listen pool\n bind {address}\n balance roundrobin\n option httpchk GET /health\n \
             server a {} check inter 100ms fall 1 rise 1\n \
             server b {} check inter 100ms fall 1 rise 1\n",
            servers[0], servers[1],
        );
        let file = folder.join("haproxy.cfg");
        fs::write(&file, settings).unwrap();
        let process = Command::new(program())
            .args(["-db", "-f"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("haproxy is missing: install it (on Debian: apt-get install haproxy)");
        let mut balancer = Self { process, folder, url: format!("http://{address}") };
        while TcpStream::connect(address).is_err() {
            assert_eq!(balancer.process.try_wait().unwrap(), None, "haproxy has ended");
            sleep(Duration::from_millis(10)).await;
        }
        balancer
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Debian keeps it where the paths of users do not look.
fn program() -> PathBuf {
    let debian = PathBuf::from("/usr/sbin/haproxy");
    if debian.exists() { debian } else { PathBuf::from("haproxy") }
}

fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// Calls, each by a turn of the balancer, for a time; how many were answered by the upstream.
async fn call_for(pool: &Pool, balancer: &Balancer, path: &str, time: Duration) -> (u32, u32) {
    let (mut calls, mut answered) = (0, 0);
    let begun = Instant::now();
    while begun.elapsed() < time {
        let answer = pool.post_to(&balancer.url, path, &new_topic()).await;
        calls += 1;
        answered += u32::from(answer.status == 200);
        sleep(Duration::from_millis(5)).await;
    }
    (calls, answered)
}

/// One to which no answer is kept.
fn new_topic() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("topic {}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

async fn successes(pool: &Pool, service: &str) -> u64 {
    pool.status(service).await["totals"]["successes"].as_u64().unwrap()
}

/// The upstream is down for a second, for both; one is critical to them, and one is not.
async fn blip(backend: &str, service: &str, path: &str) {
    let first = Pool::start(&[]);
    let fakes = first.fakes().to_owned();
    let (ollama, agents) = (format!("{fakes}/ollama/ask"), format!("{fakes}/agents/ask"));
    let second = Pool::start(&[("OLLAMA_URL", &ollama), ("AGENTS_URL", &agents)]);
    let pools = [first, second];
    let balancer = Balancer::before(&pools).await;
    let usual = Duration::from_secs(1);
    let (calls, answered) = call_for(&pools[0], &balancer, path, usual).await;
    assert!(calls > 0 && answered == calls, "{answered} of {calls}");

    pools[0].make(backend, "down").await;
    let (_, answered) = call_for(&pools[0], &balancer, path, usual).await;
    assert_eq!(answered, 0);
    for pool in &pools {
        assert_eq!(pool.status(service).await["transitions"]["closed_to_open"], 1);
    }
    pools[0].make(backend, "up").await;

    // Both are back within a few open times of 300 ms, by calls of the balancer alone.
    let recovering = Instant::now();
    loop {
        let before = [successes(&pools[0], service).await, successes(&pools[1], service).await];
        let (calls, answered) = call_for(&pools[0], &balancer, path, usual).await;
        let after = [successes(&pools[0], service).await, successes(&pools[1], service).await];
        if answered == calls && after[0] > before[0] && after[1] > before[1] {
            break;
        }
        let waited = recovering.elapsed();
        assert!(waited < Duration::from_secs(30), "{answered} of {calls}: {before:?}, {after:?}");
    }
}

#[tokio::test]
#[ignore = "needs haproxy: run by tests/run.sh"]
async fn after_a_blip_of_an_upstream_that_is_not_critical_both_serve() {
    blip("agents", "agents.planner", "/api/v1/agents/planner").await;
}

#[tokio::test]
#[ignore = "needs haproxy: run by tests/run.sh"]
async fn after_a_blip_of_a_critical_upstream_both_serve() {
    blip("ollama", "ollama", "/api/v1/chat").await;
}
