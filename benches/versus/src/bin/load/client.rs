//! Requests, as many as are answered or at fixed times.

use std::time::{Duration, Instant};

use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep_until};
use tower::{Service, ServiceExt};

use crate::figures::Run;

pub(crate) const CONNECTIONS: u32 = 32;
const FLOOD: Duration = Duration::from_secs(3);
const STEADY: Duration = Duration::from_secs(5);

pub(crate) type HttpClient = Client<HttpConnector, Empty<Bytes>>;

pub(crate) fn client() -> HttpClient {
    Client::builder(TokioExecutor::new()).build_http()
}

/// So many connections that each send the next request when they have the last answer.
pub(crate) async fn flood<S>(client: &S, uri: &Uri) -> Run
where
    S: Service<Request<Empty<Bytes>>, Response = Response<Incoming>> + Clone + Send + 'static,
    S::Future: Send,
{
    let start = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (mut client, uri) = (client.clone(), uri.clone());
        workers.spawn(async move {
            let mut delays = Vec::new();
            while start.elapsed() < FLOOD {
                let sent = Instant::now();
                if ask(&mut client, &uri).await {
                    delays.push(micros(sent));
                }
            }
            delays
        });
    }
    let delays = workers.join_all().await.concat();
    Run::new(delays, start.elapsed())
}

/// At `rate` requests per second.
pub(crate) async fn at_rate(uri: &Uri, rate: f64) -> Run {
    let (client, start) = (client(), Instant::now());
    let between = Duration::from_secs_f64(f64::from(CONNECTIONS) / rate);
    let mut workers = JoinSet::new();
    for worker in 0..CONNECTIONS {
        let (mut client, uri) = (client.clone(), uri.clone());
        let offset = between * worker / CONNECTIONS;
        workers.spawn(async move {
            sleep_until((start + offset).into()).await;
            let mut ticks = interval(between);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let mut delays = Vec::new();
            while start.elapsed() < STEADY {
                let due = ticks.tick().await.into_std();
                if ask(&mut client, &uri).await {
                    delays.push(micros(due));
                }
            }
            delays
        });
    }
    let delays = workers.join_all().await.concat();
    Run::new(delays, start.elapsed())
}

/// Whether it was answered, to the end of the body.
async fn ask<S>(client: &mut S, uri: &Uri) -> bool
where
    S: Service<Request<Empty<Bytes>>, Response = Response<Incoming>>,
{
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = uri.clone();
    let Ok(client) = client.ready().await else { return false };
    let Ok(answer) = client.call(request).await else { return false };
    answer.status() == StatusCode::OK && answer.into_body().collect().await.is_ok()
}

fn micros(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e6
}
