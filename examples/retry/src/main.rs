//! Retries around a circuit: what rejections cost a retry budget by a policy that does not know them,
//! and how a call of `RetryPolicy` waits until the circuit lets it through.
//!
//! ```sh
//! cargo run -p retry
//! ```
//!
//! To try a rejected call again at once is in vain: it is rejected again. A policy that does so has
//! spent its budget when the server is back.

#![expect(clippy::print_stdout, reason = "an example tells what happens")]

use std::future::{Ready, ready};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use http::StatusCode;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tower::retry::{Policy, budget::Budget, budget::TpsBudget};
use tower::util::BoxCloneService;
use tower::{BoxError, ServiceBuilder, ServiceExt};
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, CircuitState, RetryPolicy};

type Answer = Result<String, BoxError>;
type Client = BoxCloneService<String, String, BoxError>;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    run(&Arc::default(), &circuit()).await.map(drop)
}

fn circuit() -> Circuit {
    Circuit::builder("tides").consecutive_failures(3).open_for(Duration::from_millis(500)).build()
}

fn client<P>(policy: P, circuit: &Circuit) -> reqwest::Result<Client>
where
    P: Policy<String, String, BoxError, Future: Send> + Clone + Send + 'static,
{
    let reqwest = reqwest::Client::builder().no_proxy().build()?;
    let stack = ServiceBuilder::new()
        // Around the circuit, so that each attempt asks it anew.
        .retry(policy)
        // Boxed, so that the policy meets rejections and errors of reqwest as one type.
        .layer(CircuitBreakerLayer::new(circuit.clone()).boxed())
        .service_fn(move |url: String| {
            let answer = reqwest.get(url).send();
            async { answer.await?.error_for_status()?.text().await }
        });
    Ok(Client::new(stack))
}

/// Returns how many retries were spent by `RetryPolicy`, and how many by the other one.
async fn run(server: &Arc<Server>, circuit: &Circuit) -> Result<[u64; 2], BoxError> {
    let url = serve(Arc::clone(server)).await?;
    let (with, without) = (Purse::default(), Purse::default());
    let knowing = RetryPolicy::new(3).budget(with.clone());

    server.is_down.store(true, Ordering::SeqCst);
    for (told, client, purse) in [
        ("with RetryPolicy", client(knowing.clone(), circuit)?, &with),
        ("with a policy of every error", client(EveryError(without.clone()), circuit)?, &without),
    ] {
        for _ in 0..100 {
            // An error, since the server is down.
            let _ = client.clone().oneshot(url.clone()).await;
        }
        let spent = purse.spent.load(Ordering::SeqCst);
        println!("100 calls to a server that is down, {told}: {spent} retries spent");
    }

    server.is_down.store(false, Ordering::SeqCst);
    let patient = client(knowing.max_wait(Duration::from_secs(1)), circuit)?;
    let started = Instant::now();
    let answer = patient.oneshot(url).await?;
    println!("One patient call when it is back: {answer:?} after {:?}", started.elapsed());

    let spent = [with, without].map(|purse| purse.spent.load(Ordering::SeqCst));
    let as_promised = circuit.state() == CircuitState::Closed && spent[0] < spent[1];
    as_promised.then_some(spent).ok_or_else(|| format!("{circuit:?}, retries: {spent:?}").into())
}

/// Tower's default budget, which begins with 100 retries; counts those that are spent.
#[derive(Clone, Default)]
struct Purse {
    budget: Arc<TpsBudget>,
    spent: Arc<AtomicU64>,
}

impl Budget for Purse {
    fn deposit(&self) {
        self.budget.deposit();
    }

    fn withdraw(&self) -> bool {
        let may_retry = self.budget.withdraw();
        self.spent.fetch_add(may_retry.into(), Ordering::SeqCst);
        may_retry
    }
}

/// As many a policy is written by hand: tries again after any error, while its budget lasts.
#[derive(Clone)]
struct EveryError(Purse);

impl Policy<String, String, BoxError> for EveryError {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut String, result: &mut Answer) -> Option<Ready<()>> {
        if result.is_ok() {
            self.0.deposit();
            return None;
        }
        self.0.withdraw().then(|| ready(()))
    }

    fn clone_request(&mut self, url: &String) -> Option<String> {
        Some(url.clone())
    }
}

/// A server that answers 503 while it is told to, and counts.
#[derive(Default)]
struct Server {
    is_down: AtomicBool,
    reached: AtomicU64,
}

/// Starts the server, which ends with the runtime.
async fn serve(server: Arc<Server>) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let app = Router::new().fallback(move || {
        server.reached.fetch_add(1, Ordering::SeqCst);
        let is_down = server.is_down.load(Ordering::SeqCst);
        ready(if is_down { Err(StatusCode::SERVICE_UNAVAILABLE) } else { Ok("high tide at 12:40") })
    });
    tokio::spawn(axum::serve(listener, app).into_future());
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::{Arc, Ordering, Server, circuit, run};

    #[tokio::test]
    async fn failures_cost_a_retry_each_and_rejections_none() {
        let (server, circuit) = (Arc::<Server>::default(), circuit());

        let [with, without] = run(&server, &circuit).await.unwrap();

        let totals = circuit.snapshot().totals;
        assert!(with <= totals.failures, "{with} spent on {totals:?}");
        assert_eq!(without, 100, "all that the budget has");
        assert_eq!(server.reached.load(Ordering::SeqCst), totals.successes + totals.failures);
    }
}
