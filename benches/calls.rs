//! What one call costs: `cargo bench --bench calls --all-features`.
//!
//! Each case is one full pass over a ready inner service: `poll_ready`, `call`, one poll to
//! completion.

use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use tower::{Layer, Service};
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, CircuitBuilder, SlidingWindow};

#[derive(Debug)]
struct Failure;

/// Always ready; fails each tenth call when asked to.
#[derive(Clone)]
struct Inner {
    failing: bool,
}

impl Service<u64> for Inner {
    type Response = u64;
    type Error = Failure;
    type Future = Ready<Result<u64, Failure>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Self::Future {
        ready(if self.failing && request % 10 == 0 { Err(Failure) } else { Ok(request) })
    }
}

fn pass<S: Service<u64>>(criterion: &mut Criterion, name: &str, mut service: S) {
    let mut cx = Context::from_waker(Waker::noop());
    let mut request = 0;
    criterion.bench_function(name, |bencher| {
        bencher.iter(|| {
            request += 1;
            let _ = black_box(service.poll_ready(&mut cx).is_ready());
            let call = pin!(service.call(black_box(request)));
            black_box(call.poll(&mut cx).is_ready())
        });
    });
}

fn cases() -> [(&'static str, fn(CircuitBuilder) -> CircuitBuilder); 7] {
    [
        ("consecutive", |b| b.consecutive_failures(5)),
        ("count window", |b| b.failure_rate(0.5).window(SlidingWindow::count(100))),
        ("time window", |b| b.failure_rate(0.5)),
        ("slow calls", |b| b.failure_rate(0.5).slow_call_rate(0.5, Duration::from_secs(1))),
        ("consecutive, latency", |b| b.consecutive_failures(5).latency()),
        ("time window, latency", |b| b.failure_rate(0.5).latency()),
        ("slow calls, latency", |b| {
            b.failure_rate(0.5).slow_call_rate(0.5, Duration::from_secs(1)).latency()
        }),
    ]
}

fn calls(criterion: &mut Criterion) {
    pass(criterion, "bare", Inner { failing: false });
    for (name, set) in cases() {
        for (kind, failing) in [("closed", false), ("one in ten fails", true)] {
            let circuit = set(Circuit::builder("api")).build();
            let service = CircuitBreakerLayer::new(circuit).layer(Inner { failing });
            pass(criterion, &format!("{kind}/{name}"), service);
        }
    }
    let circuit = Circuit::builder("api").build();
    circuit.trip_for(Duration::from_secs(86_400));
    let service = CircuitBreakerLayer::new(circuit).layer(Inner { failing: false });
    pass(criterion, "open/rejection", service);
}

/// A thousand calls that come while the first call after the open time is under way: none is let in.
fn end_of_open(criterion: &mut Criterion) {
    let circuit = Circuit::builder("api").build();
    let service = CircuitBreakerLayer::new(circuit.clone()).layer(Inner { failing: false });
    let mut callers: Vec<_> = (0..1_000).map(|_| service.clone()).collect();
    let mut cx = Context::from_waker(Waker::noop());
    criterion.bench_function("end of open/1,000 calls", |bencher| {
        bencher.iter_batched(
            || circuit.trip_for(Duration::ZERO),
            |()| {
                let _probe = circuit.try_acquire();
                for service in &mut callers {
                    let _ = black_box(service.poll_ready(&mut cx).is_ready());
                    let call = pin!(service.call(black_box(1)));
                    black_box(call.poll(&mut cx).is_ready());
                }
            },
            BatchSize::PerIteration,
        );
    });
}

criterion_group!(benches, calls, end_of_open);
criterion_main!(benches);
