//! Rule 21: tasks that wait, go, and are dropped in any order: nobody sleeps while a slot is free.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::yield_now;
use tokio::time::{advance, timeout};
use tower::{BoxError, Service};
use tower_circuit_breaker::{Circuit, CircuitBreaker, Outcome, Permit};

use crate::readiness::{Asked, Wakes, ask};
use crate::support::{FAILURE, Inner, SECOND};
use crate::wait_mode::{circuit, waiting};

/// Numbers that look random, and are the same for the same seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn is_one_in(&mut self, limit: usize) -> bool {
        self.below(limit) == 0
    }

    /// One of `all`, if there is one.
    fn one_of<'a, T>(&mut self, all: &'a mut [T]) -> Option<&'a mut T> {
        if all.is_empty() {
            return None;
        }
        let chosen = self.below(all.len());
        all.get_mut(chosen)
    }

    fn taken_from<T>(&mut self, all: &mut Vec<T>) -> Option<T> {
        if all.is_empty() { None } else { Some(all.swap_remove(self.below(all.len()))) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    Waiting,
    Ready,
}

struct Waiter {
    service: CircuitBreaker<Asked<Box<dyn FnMut() -> Poll<Result<(), BoxError>>>>>,
    is_busy: Arc<AtomicBool>,
    wakes: Arc<Wakes>,
    seen: usize,
    stands: Stands,
}

impl Waiter {
    fn new(circuit: &Circuit) -> Self {
        let is_busy = Arc::<AtomicBool>::default();
        let busy = Arc::clone(&is_busy);
        let inner = Asked(Box::new(move || {
            if busy.load(Ordering::SeqCst) { Poll::Pending } else { Poll::Ready(Ok(())) }
        }) as Box<dyn FnMut() -> _>);
        let (service, wakes) = (waiting(circuit, inner), Arc::default());
        let mut waiter = Self { service, is_busy, wakes, seen: 0, stands: Stands::Waiting };
        waiter.poll();
        waiter
    }

    fn poll(&mut self) {
        self.seen = self.wakes.count();
        let is_ready = ask(&mut self.service, &self.wakes).is_ready();
        self.stands = if is_ready { Stands::Ready } else { Stands::Waiting };
    }

    fn is_woken(&self) -> bool {
        self.wakes.count() > self.seen
    }

    /// Whether nothing but the circuit can wake it.
    fn sleeps(&self) -> bool {
        self.stands == Stands::Waiting && !self.is_busy.load(Ordering::SeqCst)
    }
}

/// A circuit, those who wait for it, and its probes.
struct Scene {
    circuit: Circuit,
    waiters: Vec<Waiter>,
    probes: Vec<Permit>,
    numbers: Numbers,
}

impl Scene {
    async fn step(&mut self) {
        let Self { circuit, waiters, probes, numbers } = self;
        match numbers.below(16) {
            0..=3 => waiters.push(Waiter::new(circuit)),
            4 => drop(numbers.taken_from(waiters)),
            5 => numbers.one_of(waiters).into_iter().for_each(Waiter::poll),
            6 | 7 => {
                let ready = waiters.iter_mut().find(|waiter| waiter.stands == Stands::Ready);
                if let Some(waiter) = ready {
                    let _ = waiter.service.call(()).now_or_never().unwrap();
                    waiter.poll();
                }
            }
            8 => {
                if let Some(waiter) = numbers.one_of(waiters) {
                    waiter.is_busy.fetch_xor(true, Ordering::SeqCst);
                    waiter.poll();
                }
            }
            9 => probes.extend(circuit.try_acquire()),
            10 | 11 => {
                if let Some(probe) = numbers.taken_from(probes) {
                    match numbers.below(8) {
                        0 => probe.record(FAILURE),
                        1..=3 => probe.record(Outcome::Ignored),
                        4..=6 => probe.record(Outcome::Success),
                        _ => drop(probe),
                    }
                }
            }
            12 | 13 => {
                let seconds = numbers.below(12);
                advance(SECOND * u32::try_from(seconds).unwrap()).await;
            }
            _ => self.command(),
        }
    }

    fn command(&mut self) {
        let Self { circuit, numbers, .. } = self;
        let number = u32::try_from(1 + numbers.below(3)).unwrap();
        match numbers.below(9) {
            0..=3 => circuit.trip_for(SECOND * (number - 1) * 5),
            4 => circuit.reset(),
            5 => circuit.force_open(),
            6 => circuit.release(),
            7 => drop(circuit.isolate()),
            _ => {
                let settings = Circuit::builder("").probes(1_000).concurrent_probes(number);
                circuit.reconfigure(settings.probe_timeout(8 * SECOND).into_config());
            }
        }
    }

    /// Has those that are woken ask, in any order, but for a few that are dropped instead.
    fn settle(&mut self) {
        let Self { waiters, numbers, .. } = self;
        loop {
            let mut woken: Vec<_> = (0..waiters.len()).filter(|i| waiters[*i].is_woken()).collect();
            let Some(one) = numbers.taken_from(&mut woken) else { return };
            if numbers.is_one_in(8) {
                waiters.remove(one);
            } else {
                waiters[one].poll();
            }
        }
    }

    fn check(&self, case: &str) {
        let asleep = self.waiters.iter().filter(|waiter| waiter.sleeps()).count();
        if asleep > 0 {
            let admitted = self.circuit.try_acquire();
            assert!(admitted.is_err(), "{case}: {asleep} sleep, of {}", self.waiters.len());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_sleeps_while_a_slot_is_free() {
    let mut most = 0;
    for seed in 0..400 {
        let circuit = circuit(|b| b.probes(1_000).concurrent_probes(2).probe_timeout(8 * SECOND));
        circuit.trip_for(SECOND);
        let (waiters, probes) = (Vec::new(), Vec::new());
        let mut scene = Scene { circuit, waiters, probes, numbers: Numbers(seed) };
        for step in 0..150 {
            scene.step().await;
            scene.settle();
            scene.check(&format!("seed {seed}, step {step}"));
            most = most.max(scene.waiters.iter().filter(|waiter| waiter.sleeps()).count());
        }
    }

    assert!(most > 20, "at most {most} slept at once: the steps no longer make sense");
}

/// Waits for a slot, or for some polls; then calls, or drops it unused.
async fn go_once(circuit: &Circuit, numbers: &mut Numbers) {
    let answer = |()| async {
        yield_now().await;
        Ok::<_, BoxError>(())
    };
    let mut service = waiting(circuit, Inner::new(answer));
    let mut patience = if numbers.is_one_in(2) { numbers.below(3) } else { usize::MAX };
    let is_ready = poll_fn(|cx| {
        if Service::<()>::poll_ready(&mut service, cx).is_ready() {
            return Poll::Ready(true);
        }
        patience = patience.saturating_sub(1);
        if patience == 0 { Poll::Ready(false) } else { Poll::Pending }
    });
    if is_ready.await && !numbers.is_one_in(4) {
        let called = service.call(());
        match pin!(called).await {
            Ok(()) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// In threads: a wake that is lost stops all of them, for the leases do not end in time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_wake_is_lost_between_threads() {
    for concurrent in [1, 3] {
        let circuit = circuit(|b| {
            let lease = Duration::from_secs(3_600);
            b.probes(u32::MAX).concurrent_probes(concurrent).probe_timeout(lease)
        });
        circuit.trip_for(Duration::ZERO);
        let tasks: Vec<_> = (0..16)
            .map(|task| {
                let circuit = circuit.clone();
                tokio::spawn(async move {
                    let mut numbers = Numbers(task);
                    for _ in 0..2_000 {
                        go_once(&circuit, &mut numbers).await;
                    }
                })
            })
            .collect();

        for task in tasks {
            let ended = timeout(Duration::from_secs(120), task).await;
            ended.expect("nobody is awake for a slot").unwrap();
        }
    }
}
