//! A circuit without tower, in three ways: around a future, around blocking code, and as a permit.
//!
//! ```sh
//! cargo run -p permits
//! ```
//!
//! All three ask the same TCP server through the same circuit, so what one learns, all know.

#![expect(clippy::print_stdout, reason = "an example tells what happens")]

use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream as BlockingStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use tower_circuit_breaker::{
    BoxError, Circuit, CircuitSnapshot, CircuitState, Error, FailureKind, Outcome,
};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    run().await.map(drop)
}

/// Returns how many calls reached the server, and what the circuit made of them.
async fn run() -> Result<(u64, CircuitSnapshot), BoxError> {
    let circuit = Circuit::builder("stock")
        .consecutive_failures(3)
        .open_for(Duration::from_millis(400))
        .build();
    let (answer, reached) = (watch::Sender::new("7 left"), Arc::<AtomicU64>::default());
    let server = serve(answer.subscribe(), Arc::clone(&reached)).await?;
    for (says, expected) in [
        ("7 left", CircuitState::Closed),
        ("", CircuitState::Open),
        ("busy 400", CircuitState::Open),
        ("6 left", CircuitState::Closed),
    ] {
        println!("server says {says:?}");
        answer.send(says)?;
        sleep(circuit.snapshot().retry_after.unwrap_or_default()).await;
        for _ in 0..2 {
            tell("permit", by_permit(&circuit, server).await);
            tell("future", circuit.call(ask(server)).await);
            let (circuit, server) = (circuit.clone(), server);
            let call = spawn_blocking(move || circuit.run(|| ask_blocking(server)));
            tell("blocking", call.await?);
        }
        let state = circuit.state();
        println!("  the circuit is {state}");
        if state != expected {
            return Err(format!("the circuit is not {expected}").into());
        }
    }
    Ok((reached.load(Ordering::SeqCst), circuit.snapshot()))
}

/// For whatever is no single future or closure. Here the answer itself says what the call was worth.
async fn by_permit(circuit: &Circuit, server: SocketAddr) -> Result<String, Error<io::Error>> {
    // A rejection comes from here. Dropped on the way, the permit records nothing.
    let permit = circuit.try_acquire()?;
    let answer = ask(server).await;
    permit.record(match &answer {
        Ok(answer) => match answer.strip_prefix("busy ").map(str::parse) {
            // The server knows best when to come again.
            Some(Ok(millis)) => Outcome::TripFor(Duration::from_millis(millis)),
            Some(Err(_)) => Outcome::Failure(FailureKind::new("nonsense")),
            None => Outcome::Success,
        },
        Err(_) => Outcome::Failure(FailureKind::OTHER),
    });
    answer.map_err(Error::Inner)
}

async fn ask(server: SocketAddr) -> io::Result<String> {
    let mut answer = String::new();
    // A circuit times nothing out, so a timeout stands inside it.
    timeout(AT_MOST, async { TcpStream::connect(server).await?.read_to_string(&mut answer).await })
        .await??;
    not_empty(answer)
}

fn ask_blocking(server: SocketAddr) -> io::Result<String> {
    let mut stream = BlockingStream::connect_timeout(&server, AT_MOST)?;
    stream.set_read_timeout(Some(AT_MOST))?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    not_empty(answer)
}

const AT_MOST: Duration = Duration::from_secs(1);

fn not_empty(answer: String) -> io::Result<String> {
    if answer.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "no answer"));
    }
    Ok(answer)
}

fn tell(how: &str, result: Result<String, Error<io::Error>>) {
    match result {
        Ok(answer) => println!("  {how:8} {answer}"),
        Err(Error::Inner(error)) => println!("  {how:8} failed: {error}"),
        Err(Error::Rejected(rejected)) => println!("  {how:8} not called: {rejected}"),
    }
}

/// Starts a server that answers what it is told, and counts the calls. It ends with the runtime.
async fn serve(
    answer: watch::Receiver<&'static str>,
    reached: Arc<AtomicU64>,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            reached.fetch_add(1, Ordering::SeqCst);
            let answer = *answer.borrow();
            // Who hung up does not want to know.
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    Ok(address)
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn three_ways_share_one_circuit() {
        let (reached, circuit) = super::run().await.unwrap();

        let totals = circuit.totals;
        assert_eq!(reached, totals.successes + totals.failures, "{totals:?}");
        assert!(totals.trips == 1 && totals.rejected >= 2, "{totals:?}");
    }
}
