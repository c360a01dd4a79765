//! A thousand readers of a thousand circuits, over real sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval, sleep};
use tower_circuit_breaker::CircuitRegistry;

use super::steering;
use super::wire::serve;

const READERS: u64 = 1_000;
const CIRCUITS: usize = 1_000;
const SECONDS: u64 = 20;

/// Prints figures; `tests/deep.sh readers` runs it.
#[test]
#[ignore = "a measurement: run by tests/deep.sh"]
fn what_a_thousand_readers_of_a_thousand_busy_circuits_take() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let registry = CircuitRegistry::with_template(|builder| builder.failure_rate(0.5));
    for number in 0..CIRCUITS {
        registry.get_or_create(&format!("upstream-{number}"));
    }
    let (read, gap) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let server = runtime();
    let address = server.block_on(serve(steering(&registry).build()));
    let serving = {
        let gap = Arc::clone(&gap);
        std::thread::spawn(move || server.block_on(hold_up(&gap)))
    };
    runtime().block_on(async {
        for _ in 0..READERS {
            let stream = TcpStream::connect(address).await.unwrap();
            tokio::spawn(follow(stream, Arc::clone(&read)));
        }
        sleep(Duration::from_secs(2)).await;
        let before = (read.load(Ordering::Relaxed), cpu());
        gap.store(0, Ordering::Relaxed);
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(SECONDS) {
            for circuit in registry.circuits() {
                let _ = circuit.run(|| Ok::<_, ()>(()));
            }
            // Fifty a second change their state.
            for circuit in registry.circuits().iter().take(5) {
                circuit.trip();
                circuit.reset();
            }
            sleep(Duration::from_millis(100)).await;
        }
        let bytes = (read.load(Ordering::Relaxed) - before.0) / READERS / SECONDS;
        let cores = (cpu() - before.1).as_secs_f64() / Duration::from_secs(SECONDS).as_secs_f64();
        println!(
            "{READERS} readers, {CIRCUITS} circuits: {bytes} bytes a second each, {:.2} cores with \
             the readers, longest gap of the server's thread {} ms",
            cores,
            gap.load(Ordering::Relaxed)
        );
        assert!(bytes > 300, "each is told something each second");
    });
    drop(serving);
}

/// Notes the longest time, in milliseconds, for which a thread of the server did nothing else.
async fn hold_up(gap: &AtomicU64) {
    let mut tick = interval(Duration::from_millis(1));
    let mut before = Instant::now();
    loop {
        tick.tick().await;
        let late = before.elapsed().as_millis().saturating_sub(1);
        gap.fetch_max(u64::try_from(late).unwrap(), Ordering::Relaxed);
        before = Instant::now();
    }
}

async fn follow(mut stream: TcpStream, read: Arc<AtomicU64>) {
    stream.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(some @ 1..) = stream.read(&mut bytes).await {
        read.fetch_add(some as u64, Ordering::Relaxed);
    }
}

/// The processor time of this process so far.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<_> = stat.rsplit(") ").next().unwrap_or("").split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|it| it.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}
