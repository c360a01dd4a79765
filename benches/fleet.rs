//! How fast a trip travels, and what sharing costs a call: `cargo bench --bench fleet --all-features`.
//!
//! Needs redis-server. Five nodes, each on a thread and a runtime of its own, as five processes on one
//! machine. Figures are printed, and nothing is asserted of them: machines are noisy.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it prints the time that passes, and ends where something is amiss"
)]

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tower_circuit_breaker::{Circuit, CircuitEvent, CircuitRegistry, CircuitState};
use tower_circuit_breaker_redis::RedisSync;

const NODES: usize = 5;
const TRIPS: usize = 200;
const CALLERS: usize = 4;
/// How long calls are measured in each setting.
const MEASURED: Duration = Duration::from_secs(5);
/// Between two calls of one caller: the machine is busy, and not full.
const PAUSE: Duration = Duration::from_micros(200);

struct Server(Child, u16);

impl Server {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--save", "", "--loglevel", "warning"])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed: apt-get install redis-server");
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            thread::sleep(Duration::from_millis(10));
        }
        Self(process, port)
    }

    fn signal(&self, signal: &str) {
        Command::new("kill").args([signal, &self.0.id().to_string()]).status().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One process of the fleet.
struct Node {
    api: Circuit,
    sync: RedisSync,
    /// Dropped: the thread ends.
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Node {
    /// Tells of each opening, and when it was.
    fn start(port: u16, opened: Sender<Instant>) -> Self {
        let registry = CircuitRegistry::with_template(|builder| {
            builder.consecutive_failures(1).open_for(Duration::from_secs(600))
        });
        let api = registry.get_or_create("api");
        api.on_event(move |event: &CircuitEvent| {
            if matches!(event, CircuitEvent::StateChanged { to: CircuitState::Open, .. }) {
                let _ = opened.send(Instant::now());
            }
        });
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (joined, is_joined) = channel();
        let thread = thread::spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_all().build().unwrap().block_on(async {
                let builder = RedisSync::builder(format!("redis://127.0.0.1:{port}")).any_node();
                let sync = builder.connect(&registry).await.unwrap();
                sync.ready().await;
                joined.send(sync).unwrap();
                let _ = stopped.await;
            });
        });
        let sync = is_joined.recv().unwrap();
        Self { api, sync, stop: Some(stop), thread: Some(thread) }
    }

    fn trip(&self) {
        let _ = self.api.run(|| Err::<(), _>("down"));
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn fleet(port: u16) -> (Vec<Node>, Receiver<Instant>) {
    let (opened, openings) = channel();
    ((0..NODES).map(|_| Node::start(port, opened.clone())).collect(), openings)
}

/// Closes the fleet's circuit; while Redis hangs, those of each process.
fn reset(nodes: &[Node]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    if runtime.block_on(nodes[0].sync.reset("api")).is_err() {
        nodes.iter().for_each(|node| node.api.reset());
    }
}

/// From the failure in one node until the last of the others is open.
fn measure_trips(nodes: &[Node], openings: &Receiver<Instant>) -> Vec<Duration> {
    let mut times = Vec::new();
    for trip in 0..TRIPS {
        let start = Instant::now();
        nodes[trip % NODES].trip();
        let all: Vec<_> = openings.iter().take(NODES).collect();
        times.push(*all.iter().max().unwrap() - start);
        reset(nodes);
        while nodes.iter().any(|node| node.api.state() != CircuitState::Closed) {
            thread::sleep(Duration::from_millis(1));
        }
    }
    times
}

/// What calls take while `happens` runs.
fn measure_calls(circuit: &Circuit, happens: impl FnOnce()) -> Vec<Duration> {
    let stop = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (circuit, stop) = (circuit.clone(), Arc::clone(&stop));
            thread::spawn(move || {
                let mut times = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let start = Instant::now();
                    let _ = circuit.run(|| Ok::<_, ()>(()));
                    times.push(start.elapsed());
                    thread::sleep(PAUSE);
                }
                times
            })
        })
        .collect();
    let start = Instant::now();
    happens();
    thread::sleep(MEASURED.saturating_sub(start.elapsed()));
    stop.store(true, Ordering::Relaxed);
    callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
}

/// Trips and resets in the other nodes, which the one under load hears of.
fn keep_busy(nodes: &[Node]) {
    let start = Instant::now();
    while start.elapsed() < MEASURED {
        nodes[1].trip();
        thread::sleep(Duration::from_millis(50));
        reset(nodes);
        thread::sleep(Duration::from_millis(50));
    }
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let share = |percent: usize| times[(times.len() - 1) * percent / 100];
    println!(
        "{what:44} {:>8} measured  median {:>9.1?}  p99 {:>9.1?}  most {:>9.1?}",
        times.len(),
        share(50),
        share(99),
        share(100)
    );
}

fn main() {
    let alone = Circuit::builder("api").build();
    print("calls, without Redis", measure_calls(&alone, || {}));
    let server = Server::start();
    let (nodes, openings) = fleet(server.1);
    print("a trip reaches the other four", measure_trips(&nodes, &openings));
    let calls = measure_calls(&nodes[0].api, || keep_busy(&nodes));
    print("calls, while the fleet trips and recovers", calls);
    let calls = measure_calls(&nodes[0].api, || {
        server.signal("-STOP");
        keep_busy(&nodes);
    });
    print("calls, while Redis hangs", calls);
    server.signal("-CONT");
    let calls = measure_calls(&nodes[0].api, || {
        drop(server);
        keep_busy(&nodes);
    });
    print("calls, while Redis is away", calls);
}
