// cargo add tower-circuit-breaker
// cargo add tokio tower -F tokio/full,tower/limit,tower/timeout,tower/util
use std::{io, time::Duration};

use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};

/// The library: it shows no type of this crate but the circuit that it is given.
pub mod shop {
    use std::{error::Error, fmt, io, time::Duration};

    use tower::{Layer, Service};
    use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, Rejected};

    #[derive(Debug)]
    #[non_exhaustive]
    pub enum ShopError {
        /// The shop was not asked, and should not be for so long.
        Unavailable {
            retry_after: Option<Duration>,
        },
        Failed(io::Error),
    }

    impl From<Rejected> for ShopError {
        fn from(rejected: Rejected) -> Self {
            Self::Unavailable { retry_after: rejected.retry_after() }
        }
    }

    impl fmt::Display for ShopError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(match self {
                Self::Unavailable { .. } => "the shop is not available",
                Self::Failed(_) => "the shop failed",
            })
        }
    }

    impl Error for ShopError {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            match self {
                Self::Unavailable { .. } => None,
                Self::Failed(error) => Some(error),
            }
        }
    }

    /// Returns the settings for a shop: one circuit, for all clients of it.
    pub fn circuit(name: &'static str) -> Circuit {
        Circuit::builder(name).consecutive_failures(3).build()
    }

    /// Guards any transport to the shop. `Clone`, and a future that is `Send`, are what most
    /// stacks ask for: the guard has what the transport has, and says so.
    pub fn client_layer<S>(
        circuit: Circuit,
    ) -> impl Layer<
        S,
        Service: Service<u32, Response = String, Error = ShopError, Future: Send> + Clone + Send,
    > + Clone
    where
        S: Service<u32, Response = String, Error = ShopError, Future: Send> + Clone + Send,
    {
        CircuitBreakerLayer::new(circuit).same_error()
    }
}

/// A program that uses the library: its own transport, its own layers around the guard.
#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let transport = service_fn(|article: u32| async move {
        let is_down = article > 1; // stands for a shop that goes down after the first article
        let refused = || shop::ShopError::Failed(io::ErrorKind::ConnectionRefused.into());
        if is_down { Err(refused()) } else { Ok(format!("article {article}")) }
    });
    let client = ServiceBuilder::new()
        .concurrency_limit(10)
        .timeout(Duration::from_secs(5))
        .layer(shop::client_layer(shop::circuit("shop")))
        .service(transport);

    let mut answers = Vec::new();
    for article in 1..=6 {
        let call = tokio::spawn(client.clone().oneshot(article));
        answers.push(call.await?.unwrap_or_else(|error| error.to_string()));
    }
    println!("{answers:#?}");
    assert_eq!(answers[0], "article 1");
    assert!(answers[1..=3].iter().all(|answer| answer == "the shop failed"));
    assert!(answers[4..].iter().all(|answer| answer == "the shop is not available"));
    Ok(())
}
