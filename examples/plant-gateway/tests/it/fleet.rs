//! Two gateways that share answers through a real Redis.

use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;
use tokio::time::timeout;

use crate::redis::Redis;
use crate::support::{Gateway, eventually};

/// Two gateways before the upstreams that the first one plays.
pub(crate) async fn two(redis: &Redis, env: &[(&str, &str)]) -> [Arc<Gateway>; 2] {
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
    let (mut saved, mut asked) = (0, 0);
    for gateway in &gateways {
        let health: Value = gateway.get("/api/v1/health").await.json().await.unwrap();
        saved += health["figures"]["calls_saved"].as_u64().unwrap();
        asked += health["quota"]["plant_id"]["used"].as_u64().unwrap();
    }
    assert_eq!((saved, asked), (18, 2), "each of the two upstreams was asked once by ten");
    println!("ten equal requests to two processes: 2 calls instead of 20, 90 % saved");
    let log = gateways.iter().map(|gateway| gateway.log()).collect::<String>();
    assert!(log.contains("[LOCK] Cache populated by another process for image "), "{log}");
}

#[tokio::test]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_lock_renews_itself_while_its_holder_is_at_work() {
    let redis = Redis::start().await;
    // A third of what the call takes.
    let gateways = two(&redis, &[("CACHE_LOCK_EXPIRE", "0.3")]).await;
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
        assert_eq!(answer.json::<Value>().await.unwrap()["degraded"], false);
    }

    assert_eq!(gateways[0].plant_id.pictures().await, 2);
    assert_eq!(gateways[0].circuit("redis").await["state"], "open");
}

#[tokio::test]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_lock_that_is_not_waited_for_or_not_renewed_is_no_hindrance() {
    let redis = Redis::start().await;
    for env in [
        // The lock runs out while its holder is at work; the second gets it then.
        [("CACHE_LOCK_AUTO_RENEWAL", "false"), ("CACHE_LOCK_EXPIRE", "0.1")],
        [("CACHE_LOCK_BLOCKING", "False"), ("CACHE_LOCK_TIMEOUT", "600")],
    ] {
        let gateways = two(&redis, &env).await;
        gateways[0].plant_id.become_("hanging").await;
        let picture = crate::support::new_picture();
        let asking: Vec<_> = gateways
            .iter()
            .map(|gateway| {
                let (gateway, picture) = (Arc::clone(gateway), picture.clone());
                tokio::spawn(async move { gateway.send(&picture).await })
            })
            .collect();

        eventually("both are asking", async || {
            (gateways[0].plant_id.pictures().await == 2).then_some(())
        })
        .await;

        asking.iter().for_each(tokio::task::JoinHandle::abort);
    }
}
