//! No call of a closed circuit, no rejection and no body that passes by allocates.

mod bodies;

use std::alloc::{GlobalAlloc, Layout, System};
use std::borrow::Cow;
use std::cell::Cell;
use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tower::{Layer, Service};
use tower_circuit_breaker::keyed::{Key, KeyedCircuits};
use tower_circuit_breaker::{
    Circuit, CircuitBreakerLayer, CircuitBuilder, CircuitRegistry, FailureKind, ManualClock,
    OnOpen, Outcome, SlidingWindow, TripRule,
};
use tower_circuit_breaker_admin::{Admin, History};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static LIVE_BYTES: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, which counts for each thread.
struct Counting;

#[expect(unsafe_code, reason = "an allocator cannot be written without")]
// SAFETY: passes everything on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        LIVE_BYTES.with(|live| live.set(live.get().wrapping_add_unsigned(layout.size())));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE_BYTES.with(|live| live.set(live.get().wrapping_sub_unsigned(layout.size())));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `work` allocates.
fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

struct Inner;

impl Service<u32> for Inner {
    type Response = u32;
    type Error = &'static str;
    type Future = Ready<Result<u32, &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u32) -> Self::Future {
        ready(if request % 10 == 9 { Err("tenth") } else { Ok(request) })
    }
}

/// A thousand calls, polled by hand.
fn call_often<S: Service<u32>>(service: &mut S) {
    let mut cx = Context::from_waker(Waker::noop());
    for request in 0..1000 {
        assert!(service.poll_ready(&mut cx).is_ready());
        let call = pin!(service.call(request));
        let _ = black_box(call.poll(&mut cx).is_ready());
    }
}

fn settings() -> Vec<(&'static str, CircuitBuilder)> {
    let b = || Circuit::builder("api").clock(ManualClock::new());
    let connect = FailureKind::new("connect");
    vec![
        ("consecutive", b().consecutive_failures(5)),
        ("count window", b().failure_rate(0.5).window(SlidingWindow::count(100))),
        ("time window", b().failure_rate(0.5)),
        ("slow calls", b().failure_rate(0.5).slow_call_rate(0.5, Duration::from_secs(1))),
        ("kinds", b().consecutive_failures(5).rule(TripRule::consecutive_failures(5).of(connect))),
        ("latency", b().failure_rate(0.5).latency()),
        ("the system clock", Circuit::builder("api")),
    ]
}

#[test]
fn closed_calls_do_not_allocate() {
    for (name, builder) in settings() {
        let circuit = builder.build();
        let mut service = CircuitBreakerLayer::new(circuit.clone()).layer(Inner);

        let counted = allocations(|| call_often(&mut service));

        assert_eq!(counted, 0, "{name}");
        assert_eq!(circuit.snapshot().totals.failures, 100, "{name}: all were closed calls");
    }
}

#[test]
fn rejections_do_not_allocate() {
    for (name, builder) in settings() {
        let circuit = builder.build();
        let mut service = CircuitBreakerLayer::new(circuit.clone()).layer(Inner);
        circuit.trip_for(Duration::from_secs(3600));

        let counted = allocations(|| call_often(&mut service));

        assert_eq!(counted, 0, "{name}");
        assert_eq!(circuit.snapshot().totals.rejected, 1000, "{name}");
    }
}

#[test]
fn closed_calls_of_services_that_would_wait_do_not_allocate() {
    let layer = CircuitBreakerLayer::new(Circuit::builder("api").build()).on_open(OnOpen::Wait);

    let mut service = layer.layer(Inner);
    call_often(&mut service);

    let counted = allocations(|| call_often(&mut service));

    assert_eq!(counted, 0);
}

#[test]
fn a_service_that_shares_its_layer_allocates_once_in_its_life() {
    let layer = CircuitBreakerLayer::new(Circuit::builder("api").build());
    let mut service = layer.layer(Inner);
    let before = LIVE_BYTES.with(Cell::get);

    let counted = [(); 3].map(|()| allocations(|| call_often(&mut service)));

    assert_eq!(counted, [1, 0, 0]);
    let bytes = LIVE_BYTES.with(Cell::get) - before;
    assert!((1..=128).contains(&bytes), "{bytes} bytes");
}

#[test]
fn asking_again_while_waiting_does_not_allocate() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _inside = runtime.enter();
    let circuit = Circuit::builder("api").build();
    let layer = CircuitBreakerLayer::new(circuit.clone()).on_open(OnOpen::Wait);
    let mut service = layer.layer(Inner);
    circuit.trip_for(Duration::from_secs(3600));
    let mut ask = || {
        let polled = service.poll_ready(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
    };
    ask();

    let counted = allocations(|| (0..1000).for_each(|_| ask()));

    assert_eq!(counted, 0);
}

#[test]
fn permits_and_plain_calls_do_not_allocate() {
    let circuit = Circuit::builder("api").build();

    let counted = allocations(|| {
        for _ in 0..100 {
            circuit.try_acquire().unwrap().record(Outcome::Success);
            drop(circuit.try_acquire().unwrap());
            assert!(circuit.run(|| Ok::<_, ()>(())).is_ok());
            let call = pin!(circuit.call(ready(Ok::<_, ()>(()))));
            assert!(call.poll(&mut Context::from_waker(Waker::noop())).is_ready());
        }
    });

    assert_eq!(counted, 0);
}

#[test]
fn ten_thousand_cycles_hold_live_bytes_constant() {
    let clock = ManualClock::new();
    let circuit = Circuit::builder("api").consecutive_failures(1).clock(clock.clone()).build();
    circuit.on_event(|_: &tower_circuit_breaker::CircuitEvent| {});
    let cycle = || {
        circuit.run(|| Err::<(), _>(())).expect_err("it fails");
        clock.advance(Duration::from_secs(30));
        circuit.run(|| Ok::<_, ()>(())).expect("the probe succeeds");
    };
    // Until all the events are there that are kept.
    (0..100).for_each(|_| cycle());
    let before = LIVE_BYTES.with(Cell::get);

    for _ in 0..10_000 {
        cycle();
    }

    assert_eq!(LIVE_BYTES.with(Cell::get), before);
    assert_eq!(circuit.snapshot().totals.trips, 10_100);
}

/// What the documentation of [`CircuitRegistry`] says of each circuit, by the rules of its template.
const DOCUMENTED: [(fn(CircuitBuilder) -> CircuitBuilder, isize); 3] = [
    (|builder| builder.consecutive_failures(5), 500),
    (|builder| builder, 660),
    (|builder| builder.failure_rate(0.5).window(SlidingWindow::count(100)), 630),
];

#[test]
fn a_hundred_thousand_circuits_take_the_memory_that_is_documented() {
    for (template, documented) in DOCUMENTED {
        let before = LIVE_BYTES.with(Cell::get);
        let registry = CircuitRegistry::with_template(template);
        for number in 0..100_000 {
            registry.get_or_create(&format!("host-{number:011}"));
        }

        let each = (LIVE_BYTES.with(Cell::get) - before) / 100_000;

        assert!((documented - 100..=documented).contains(&each), "{each} bytes, not {documented}");
        assert_eq!(registry.snapshots().len(), 100_000);
    }
}

/// What [`History`] says: no timer, no task, and every reading on this thread.
#[test]
fn a_history_takes_the_memory_that_is_documented() {
    let registry = |template: fn(CircuitBuilder) -> CircuitBuilder| {
        let registry = CircuitRegistry::with_template(template);
        for number in 0..1_000 {
            registry.get_or_create(&format!("host-{number:04}"));
        }
        registry
    };
    let plain = registry(|builder| builder.consecutive_failures(5));
    let timed = registry(|builder| builder.consecutive_failures(5).latency());
    let live = |registry: &CircuitRegistry, history: Option<History>| {
        let builder = Admin::builder(registry.clone());
        let admin = match history {
            Some(history) => builder.history(history).build(),
            None => builder.build(),
        };
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        let before = LIVE_BYTES.with(Cell::get);
        runtime.block_on(async {
            admin.sample();
            tokio::time::advance(Duration::from_secs(1)).await;
            admin.sample();
        });
        (LIVE_BYTES.with(Cell::get) - before, admin)
    };

    let (without, _) = live(&plain, None);
    for history in [History::all(), History::of((0..1_000).map(|it| format!("host-{it:04}")))] {
        let (with, _) = live(&plain, Some(history));
        let each = (with - without) / 1_000;
        println!("{each} bytes a circuit, and {} for its rates", without / 1_000);

        assert!((2_500..=3_100).contains(&each), "{each} bytes, not 3 kB");
    }
    let (with, _) = live(&plain, Some(History::all()));
    let (with_latency, _) = live(&timed, Some(History::all()));
    let more = (with_latency - with) / 1_000;
    println!("{more} bytes more where latency is kept");
    assert!((1_300..=1_700).contains(&more), "{more} bytes, not 1.6 kB");
}

#[test]
fn the_latency_takes_the_memory_that_is_documented() {
    let bytes = |builder: CircuitBuilder| {
        let before = LIVE_BYTES.with(Cell::get);
        let circuit = builder.build();
        let bytes = LIVE_BYTES.with(Cell::get) - before;
        drop(circuit);
        bytes
    };

    let (with, without) = (bytes(Circuit::builder("a").latency()), bytes(Circuit::builder("a")));

    assert!((400..=500).contains(&(with - without)), "{with} bytes and {without}");
}

#[test]
fn looking_a_circuit_up_does_not_allocate_however_many_there_are() {
    for number in [10, 10_000, 100_000] {
        let registry = CircuitRegistry::new();
        let names: Vec<_> = (0..number).map(|number| format!("host-{number}")).collect();
        for name in &names {
            registry.get_or_create(name);
        }

        let counted = allocations(|| {
            for name in &names {
                assert_eq!(registry.get_or_create(name).name(), name);
            }
        });

        assert_eq!(counted, 0, "of {number}");
    }
}

#[test]
fn a_million_keys_take_the_memory_of_the_cap() {
    let circuit = Circuit::builder("api").build();
    let circuits = KeyedCircuits::new(|builder| builder.consecutive_failures(5)).cap(100);
    let layer = CircuitBreakerLayer::new(circuit).keyed(u32::to_string, circuits);
    let mut service = layer.layer(Inner);
    let mut call = |key| {
        let call = pin!(service.call(key));
        assert!(call.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    };
    // Keys of one length, and a map that has grown to its size.
    (1_000_000..1_001_000).for_each(&mut call);
    let before = LIVE_BYTES.with(Cell::get);

    (1_001_000..2_000_000).for_each(&mut call);

    assert_eq!(LIVE_BYTES.with(Cell::get), before);
    assert_eq!(layer.circuits().len(), 100);
    assert_eq!(layer.evicted(), 1_000_000 - 100);
}

#[test]
fn calls_of_known_keys_do_not_allocate() {
    struct Same;

    impl Key<u32> for Same {
        fn key<'a>(&self, _: &'a u32) -> Cow<'a, str> {
            Cow::Borrowed("same")
        }
    }

    let circuit = Circuit::builder("api").build();
    let layer =
        CircuitBreakerLayer::new(circuit).keyed(Same, KeyedCircuits::new(|builder| builder));
    let mut service = layer.layer(Inner);
    call_often(&mut service);

    assert_eq!(allocations(|| call_often(&mut service)), 0);
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(black_box(Box::new(1)))), 1);
}
