//! Two gateways that share answers through a real Redis.

use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::support::{Gateway, eventually};

/// A redis-server on a free port. Ends with the test.
struct Redis {
    child: Child,
    url: String,
}

impl Redis {
    async fn start() -> Self {
        loop {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = free.local_addr().unwrap();
            drop(free);
            let child = Self::spawn(address);
            let answers = eventually("Redis answers", async || process_at(address).await).await;
            // Or that of another test, which was faster to take the port.
            if Some(answers) == child.id() {
                return Self { child, url: format!("redis://{address}") };
            }
        }
    }

    fn spawn(address: SocketAddr) -> Child {
        let child = Command::new("redis-server")
            .args(["--port", &address.port().to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        child.unwrap_or_else(|error| {
            panic!("redis-server: {error}: install it (on Debian: apt-get install redis-server)")
        })
    }
}

/// The id of the process that answers there.
async fn process_at(address: SocketAddr) -> Option<u32> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(b"INFO server\r\nQUIT\r\n").await.ok()?;
    let mut info = String::new();
    stream.read_to_string(&mut info).await.ok()?;
    info.lines().find_map(|line| line.strip_prefix("process_id:"))?.trim().parse().ok()
}

/// Two gateways before the upstreams that the first one plays.
async fn two(redis: &Redis, env: &[(&str, &str)]) -> [Arc<Gateway>; 2] {
    let first = Gateway::start_with(env, &["--redis", &redis.url]).await;
    let urls = [("PLANT_ID_URL", &*first.plant_id.0), ("PLANTNET_URL", &*first.plantnet.0)];
    let env: Vec<_> = env.iter().copied().chain(urls).collect();
    let second = Gateway::start_with(&env, &["--redis", &redis.url]).await;
    [Arc::new(first), Arc::new(second)]
}

fn ask(gateway: &Arc<Gateway>) -> tokio::task::JoinHandle<StatusCode> {
    let gateway = Arc::clone(gateway);
    tokio::spawn(async move { gateway.send("a rose").await.status() })
}

#[tokio::test]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn ten_equal_requests_to_two_processes_are_one_call() {
    let redis = Redis::start().await;
    let gateways = two(&redis, &[]).await;
    gateways[0].plant_id.become_("slow").await;

    let ten: Vec<_> = (0..10).map(|number| ask(&gateways[number % 2])).collect();
    for one in ten {
        assert_eq!(one.await.unwrap(), StatusCode::OK);
    }

    assert_eq!(gateways[0].plant_id.pictures().await, 1);
    assert_eq!(gateways[0].plantnet.pictures().await, 1);
}

#[tokio::test]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_lock_renews_itself_while_its_holder_is_at_work() {
    let redis = Redis::start().await;
    // A third of what the call takes.
    let gateways = two(&redis, &[("CACHE_LOCK_EXPIRY", "0.3")]).await;
    gateways[0].plant_id.become_("slow").await;

    let first = ask(&gateways[0]);
    eventually("the first is asking", async || {
        (gateways[0].plant_id.pictures().await == 1).then_some(())
    })
    .await;
    let second = ask(&gateways[1]);

    assert_eq!((first.await.unwrap(), second.await.unwrap()), (StatusCode::OK, StatusCode::OK));
    assert_eq!(gateways[0].plant_id.pictures().await, 1);
}

#[tokio::test]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_holder_that_dies_costs_at_most_its_expiry() {
    let redis = Redis::start().await;
    // Only the expiry can end the wait.
    let env = [("CACHE_LOCK_EXPIRY", "0.5"), ("CACHE_LOCK_WAIT", "600")];
    let [survivor, dying] = two(&redis, &env).await;
    let mut dying = Arc::into_inner(dying).unwrap();
    survivor.plant_id.become_("hanging").await;
    let url = format!("{}/api/v1/identify", dying.url);
    let asking = tokio::spawn(async move {
        let request = crate::support::client().post(url).header("content-type", "image/jpeg");
        request.header("x-api-key", "key").body("a rose").send().await.is_err()
    });
    eventually("it holds the lock", async || {
        (survivor.plant_id.pictures().await == 1).then_some(())
    })
    .await;

    dying.child.kill().await.unwrap();
    assert!(asking.await.unwrap(), "it died");
    survivor.plant_id.become_("well").await;

    let answer = timeout(Duration::from_secs(30), ask(&survivor)).await;
    assert_eq!(answer.expect("the lock runs out").unwrap(), StatusCode::OK);
    assert_eq!(survivor.plant_id.pictures().await, 2);
}

#[tokio::test]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn without_redis_each_process_asks_for_itself() {
    let mut redis = Redis::start().await;
    let gateways = two(&redis, &[]).await;
    redis.child.kill().await.unwrap();

    for gateway in &gateways {
        let answer = gateway.send("a rose").await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.json::<serde_json::Value>().await.unwrap()["degraded"], false);
    }

    assert_eq!(gateways[0].plant_id.pictures().await, 2);
    assert_eq!(gateways[0].circuit("redis").await["state"], "open");
}
