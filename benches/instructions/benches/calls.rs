//! Instructions of a call, counted by valgrind: the same on every run, whatever else the machine
//! does.
//!
//! `cargo bench --manifest-path benches/instructions/Cargo.toml` needs valgrind, and
//! `cargo install gungraun-runner` of the version that stands in `Cargo.lock`. Each figure is that
//! of [`CALLS`] full passes over a ready inner service. Below stands what was counted with rustc 1.95
//! on x86-64; who exceeds it by more than 3 % says why in the commit that changes it.

use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use gungraun::{
    Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use prometheus_client::registry::Registry;
use tower::{Layer, Service};
use tower_circuit_breaker::{
    Circuit, CircuitBreaker, CircuitBreakerLayer, CircuitBuilder, CircuitRegistry, ManualClock,
    SlidingWindow,
};
use tower_circuit_breaker_telemetry::PrometheusCollector;

const CALLS: u32 = 1_000;

/// Always ready; answers at once.
struct Inner {
    failing: bool,
}

impl Service<u32> for Inner {
    type Response = u32;
    type Error = &'static str;
    type Future = Ready<Result<u32, &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u32) -> Self::Future {
        ready(if self.failing { Err("failed") } else { Ok(request) })
    }
}

type Breaker = CircuitBreaker<Inner>;

/// A manual clock: how the system reads its own is not counted here.
fn breaker(set: fn(CircuitBuilder) -> CircuitBuilder, failing: bool) -> Breaker {
    let builder = Circuit::builder("api").clock(ManualClock::new());
    let mut breaker = CircuitBreakerLayer::new(set(builder).build()).layer(Inner { failing });
    pass(&mut breaker);
    breaker
}

fn pass(breaker: &mut Breaker) {
    let mut cx = Context::from_waker(Waker::noop());
    for request in 0..CALLS {
        let _ = black_box(breaker.poll_ready(&mut cx).is_ready());
        let call = pin!(breaker.call(black_box(request)));
        let _ = black_box(call.poll(&mut cx).is_ready());
    }
}

fn consecutive(builder: CircuitBuilder) -> CircuitBuilder {
    builder.consecutive_failures(u32::MAX)
}

fn count_window(builder: CircuitBuilder) -> CircuitBuilder {
    builder.consecutive_failures(u32::MAX).window(SlidingWindow::count(100))
}

fn time_window(builder: CircuitBuilder) -> CircuitBuilder {
    builder.consecutive_failures(u32::MAX).window(SlidingWindow::default())
}

fn slow_calls(builder: CircuitBuilder) -> CircuitBuilder {
    builder.slow_call_rate(1.0, Duration::from_secs(1))
}

fn latency(builder: CircuitBuilder) -> CircuitBuilder {
    consecutive(builder).latency()
}

fn rejecting() -> Breaker {
    let breaker = breaker(consecutive, false);
    breaker.circuit().trip();
    breaker
}

/// In a registry with a thousand others, whose metrics are exported.
fn registered() -> Breaker {
    let circuits =
        CircuitRegistry::with_template(|builder| consecutive(builder).clock(ManualClock::new()));
    for number in 0..1_000 {
        circuits.get_or_create(&number.to_string());
    }
    let mut exported = Registry::default();
    exported.register_collector(Box::new(PrometheusCollector::new(&circuits)));
    Box::leak(Box::new(exported));
    let circuit = circuits.get_or_create("500");
    let mut breaker = CircuitBreakerLayer::new(circuit).layer(Inner { failing: false });
    pass(&mut breaker);
    breaker
}

/// A thousand look-ups among so many circuits.
fn look_up((circuits, names): &Many) {
    for name in names {
        black_box(circuits.get_or_create(black_box(name)));
    }
}

type Many = (CircuitRegistry, Vec<String>);

fn many(number: u32) -> Many {
    let circuits = CircuitRegistry::with_template(consecutive);
    let name = |number: u32| format!("host-{number:06}");
    for number in 0..number {
        circuits.get_or_create(&name(number));
    }
    let names = (0..CALLS).map(|call| name(call.wrapping_mul(7_919) % number)).collect();
    (circuits, names)
}

#[library_benchmark(config = at_most(321_938))]
#[bench::of_10(many(10))]
#[bench::of_100_000(many(100_000))]
fn looking_up(many: Many) -> Many {
    look_up(&many);
    many
}

macro_rules! benchmark {
    ($name:ident, $breaker:expr, $counted:literal) => {
        #[library_benchmark(config = at_most($counted))]
        #[bench::calls($breaker)]
        fn $name(mut breaker: Breaker) -> Breaker {
            pass(&mut breaker);
            breaker
        }
    };
}

/// Fails when it takes more than 3 % above what was `counted`.
fn at_most(counted: u64) -> LibraryBenchmarkConfig {
    let limit = counted * 103 / 100;
    let mut callgrind = Callgrind::default();
    callgrind.hard_limits([(EventKind::Ir, limit)]);
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind);
    config
}

benchmark!(closed_consecutive, breaker(consecutive, false), 154_072);
// The same: a registry and its collector cost a call nothing.
benchmark!(closed_registered, registered(), 154_072);
benchmark!(closed_count_window, breaker(count_window, false), 221_959);
benchmark!(closed_time_window, breaker(time_window, false), 246_768);
benchmark!(closed_slow_calls, breaker(slow_calls, false), 464_605);
benchmark!(closed_latency, breaker(latency, false), 386_072);
benchmark!(failing_count_window, breaker(count_window, true), 783_879);
benchmark!(failing_time_window, breaker(time_window, true), 936_042);
benchmark!(rejection, rejecting(), 211_042);

library_benchmark_group!(
    name = calls,
    benchmarks = [
        closed_consecutive,
        closed_registered,
        closed_count_window,
        closed_time_window,
        closed_slow_calls,
        closed_latency,
        failing_count_window,
        failing_time_window,
        rejection,
        looking_up
    ]
);

main!(library_benchmark_groups = calls);
