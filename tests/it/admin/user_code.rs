//! Clocks that panic, wakers that do what they want, runtimes that stand still, callers that leave.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use http::Request;
use http_body_util::Full;
use serde_json::json;
use tower_circuit_breaker::{Circuit, CircuitGroup, CircuitRegistry, Clock};
use tower_circuit_breaker_admin::{Admin, AdminBody, History};

use super::watching::{Slow, after, events, moody, rows};
use super::{from_here, get, registry, send, steering};
use crate::support::succeed;

/// Among many changes, one of a circuit that cannot be seen at the end of the second.
#[tokio::test(start_paused = true)]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
async fn a_change_among_many_is_told_though_a_clock_panics_once() {
    let names: Vec<_> = (0..300).map(|number| format!("upstream-{number}")).collect();
    let (registry, _clock) = registry(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let (circuit, mood) = moody("moody");
    registry.insert(&circuit).unwrap();
    let admin = steering(&registry).build();
    let listed = get(&admin, "/circuits?form=rows").await.json;
    let mut reader = after(&admin, &listed).await;
    reader.next_of("tick").await;

    registry.circuits().iter().for_each(Circuit::trip);
    tokio::time::sleep(Duration::from_millis(600)).await;
    mood.store(true, Ordering::SeqCst);
    let mut told = events(&mut reader, 1).await;
    mood.store(false, Ordering::SeqCst);
    told.extend(events(&mut reader, 12).await);

    let id = rows(&listed).iter().find(|row| row["name"] == "moody").unwrap()["id"].clone();
    let changes = told.iter().filter(|event| event.name.starts_with("change"));
    let ids: Vec<_> =
        changes.flat_map(|event| rows(&event.json)).map(|it| it["id"].clone()).collect();
    assert!(ids.len() >= 300, "{}", ids.len());
    assert!(ids.contains(&id), "that it is open is told never");
}

#[tokio::test(start_paused = true)]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
async fn a_clock_that_panics_once_takes_no_history_away() {
    let registry = CircuitRegistry::new();
    let (circuit, mood) = moody("moody");
    registry.insert(&circuit).unwrap();
    let admin = steering(&registry).history(History::all()).build();
    for _ in 0..60 {
        succeed(&circuit);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    mood.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(2)).await;
    mood.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let points = get(&admin, "/circuits/moody/history?last=1h").await.json["points"].clone();

    assert!(points[118][0].as_u64().is_some_and(|calls| calls > 20), "{points}");
}

#[tokio::test(start_paused = true)]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
async fn a_circuit_that_leaves_is_told_though_a_clock_panics() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let listed = get(&admin, "/circuits?form=rows").await.json;
    let mut reader = after(&admin, &listed).await;
    reader.next_of("tick").await;
    let (circuit, mood) = moody("moody");
    registry.insert(&circuit).unwrap();
    mood.store(true, Ordering::SeqCst);
    registry.remove("plants");
    let told = events(&mut reader, 10).await;

    let gone = told.iter().filter(|event| event.name == "change");
    let gone: Vec<_> = gone.map(|event| event.json["removed"].clone()).collect();
    assert_eq!(gone, [json!([rows(&listed)[0]["id"]])]);
}

/// One circuit whose clock panics.
#[tokio::test(start_paused = true)]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
async fn a_clock_that_panics_hides_no_other_circuit_from_the_rows() {
    let (registry, _clock) = registry(&["plants"]);
    let (circuit, mood) = moody("moody");
    registry.insert(&circuit).unwrap();
    mood.store(true, Ordering::SeqCst);
    let admin = steering(&registry).build();

    let answer = get(&admin, "/circuits?form=rows").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test(start_paused = true)]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
async fn a_clock_that_panics_ends_no_connection() {
    let (registry, _clock) = registry(&["plants"]);
    let (circuit, mood) = moody("moody");
    registry.insert(&circuit).unwrap();
    let group = CircuitGroup::new("vendor");
    group.add(&circuit);
    let admin = steering(&registry).group(&group).build();
    mood.store(true, Ordering::SeqCst);

    let mut ended = Vec::new();
    for path in ["/groups", "/circuits/moody", "/health", "/circuits/moody/events"] {
        let admin = admin.clone();
        if tokio::spawn(async move { get(&admin, path).await.status }).await.is_err() {
            ended.push(path);
        }
    }
    assert_eq!(ended, [""; 0], "the task of the connection has panicked");
}

/// It is not told of calls, but it is not driven either.
#[test]
fn a_runtime_that_stands_still_does_not_leave_the_readers_of_another_in_the_dark() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let first = runtime();
    first.block_on(async { get(&admin, "/circuits?form=rows").await });

    runtime().block_on(async {
        let listed = get(&admin, "/circuits?form=rows").await.json;
        let mut reader = after(&admin, &listed).await;
        let tick = tokio::time::timeout(Duration::from_secs(8), reader.next_of("tick")).await;
        tick.expect("another task has taken over");
    });
    drop(first);
}

/// A task whose future reads events, as its waker holds it.
struct Task(#[expect(dead_code, reason = "dropped with it")] Mutex<Option<AdminBody>>);

impl Wake for Task {
    fn wake(self: Arc<Self>) {}
}

async fn events_of(admin: &Admin) -> AdminBody {
    let request = from_here(Request::get("/events")).body(Full::default()).unwrap();
    send(admin, request).await.into_body()
}

fn poll(body: &mut AdminBody, waker: &Waker) -> bool {
    use http_body::Body;
    std::pin::Pin::new(body).poll_frame(&mut Context::from_waker(waker)).is_ready()
}

/// The last that holds a task whose future reads events is the waker of another reader.
#[test]
fn a_waker_that_holds_a_reader_may_be_dropped() {
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (registry, _clock) = registry(&["plants"]);
            let admin = steering(&registry).build();
            let (mut one, other) = (events_of(&admin).await, events_of(&admin).await);
            assert!(poll(&mut one, Waker::noop()));
            let task = Waker::from(Arc::new(Task(Mutex::new(Some(other)))));
            while poll(&mut one, &task) {}
            drop(task);
            // It is polled by another task from now on.
            poll(&mut one, Waker::noop());
        });
        done.send(()).unwrap();
    });

    is_done.recv_timeout(Duration::from_secs(10)).expect("locked up");
}

/// The same as above where the timer of the reader has run out.
#[test]
fn a_waker_that_holds_a_reader_may_be_dropped_while_nobody_looks() {
    struct Stuck(Arc<AtomicBool>);
    impl Clock for Stuck {
        fn now(&self) -> Duration {
            while self.0.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            Duration::ZERO
        }
    }
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let is_stuck = Arc::new(AtomicBool::new(false));
            let registry = CircuitRegistry::new();
            let circuit = Circuit::builder("plants").clock(Stuck(Arc::clone(&is_stuck))).build();
            registry.insert(&circuit).unwrap();
            let admin = steering(&registry).build();
            is_stuck.store(true, Ordering::SeqCst);
            let (mut one, other) = (events_of(&admin).await, events_of(&admin).await);
            let task = Waker::from(Arc::new(Task(Mutex::new(Some(other)))));
            while poll(&mut one, &task) {}
            drop(task);
            tokio::time::sleep(Duration::from_millis(1500)).await;
            poll(&mut one, Waker::noop());
            is_stuck.store(false, Ordering::SeqCst);
        });
        done.send(()).unwrap();
    });

    is_done.recv_timeout(Duration::from_secs(10)).expect("locked up");
}

/// A waker is user code: one that panics harms its own reader.
#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_waker_that_panics_takes_no_change_from_other_readers() {
    struct Bad;
    impl Wake for Bad {
        fn wake(self: Arc<Self>) {
            panic!("on purpose");
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let names: Vec<_> = (0..300).map(|number| format!("c{number}")).collect();
        let (registry, _clock) = registry(&names.iter().map(String::as_str).collect::<Vec<_>>());
        registry.get_or_create("extra");
        let admin = steering(&registry).build();
        let listed = get(&admin, "/circuits?form=rows").await.json;
        let mut reader = after(&admin, &listed).await;
        reader.next_of("tick").await;
        // Its own timer, of a second, wakes it after the look at the end of this one.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let request = from_here(Request::get("/events")).body(Full::default()).unwrap();
        let mut bad = send(&admin, request).await.into_body();
        let bad_waker = Waker::from(Arc::new(Bad));
        let poll_bad = |bad: &mut AdminBody| {
            use http_body::Body;
            let mut cx = Context::from_waker(&bad_waker);
            while std::pin::Pin::new(&mut *bad).poll_frame(&mut cx).is_ready() {}
        };
        names.iter().for_each(|name| registry.get(name).unwrap().trip());
        // The look at the end of the second tells first of a circuit that has left, then of the many.
        tokio::time::sleep(Duration::from_millis(300)).await;
        registry.remove("extra");
        poll_bad(&mut bad);
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop(bad);
        let told = events(&mut reader, 8).await;
        let changes = told.iter().filter(|event| event.name.starts_with("change"));
        let rows: usize = changes.map(|event| rows(&event.json).len()).sum();
        assert_eq!(rows, 300, "that they are open");
    });
}

/// Without a driver of time, a reader is refused, and does not count.
#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_reader_that_could_not_begin_does_not_count_for_ever() {
    let admin = Admin::builder(CircuitRegistry::new()).build();
    let untimed = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for _ in 0..1100 {
        let call = std::panic::AssertUnwindSafe(|| untimed.block_on(get(&admin, "/events")));
        let _ = std::panic::catch_unwind(call);
    }
    let timed = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    timed.block_on(async {
        let request = from_here(Request::get("/events")).body(Full::default()).unwrap();
        assert_eq!(send(&admin, request).await.status(), 200);
    });
}

/// Dropped as the last thing that a thread does; its runtime's time stood still, which lets nobody
/// ask for it later.
#[test]
fn a_reader_may_be_dropped_where_nothing_is_left() {
    thread_local! {
        static KEPT: std::cell::RefCell<Option<(AdminBody, Admin)>> = const { std::cell::RefCell::new(None) };
    }
    let ended = std::thread::spawn(|| {
        KEPT.with(|kept| kept.borrow_mut().take());
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        let (registry, _clock) = registry(&["plants"]);
        let admin = steering(&registry).build();
        let body = runtime.block_on(async {
            let request = from_here(Request::get("/events")).body(Full::default()).unwrap();
            send(&admin, request).await.into_body()
        });
        KEPT.with(|kept| *kept.borrow_mut() = Some((body, admin)));
    });
    ended.join().unwrap();
}

/// A caller that hangs up costs nothing further; the program's own blocking work goes on.
#[test]
fn polls_whose_callers_have_left_are_not_worked_off() {
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let registry = CircuitRegistry::new();
    let clock = Slow(Arc::clone(&asked), Duration::from_millis(5));
    registry.insert(&Circuit::builder("plants").clock(clock).build()).unwrap();
    let admin = steering(&registry).build();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .max_blocking_threads(4)
        .build()
        .unwrap();
    runtime.block_on(async {
        get(&admin, "/circuits?form=rows").await;
        let before = asked.load(Ordering::SeqCst);
        for _ in 0..500 {
            let request = from_here(Request::get("/circuits?form=rows"));
            let call = send(&admin, request.body(Full::default()).unwrap());
            let _ = futures_util::FutureExt::now_or_never(call);
        }
        let began = tokio::time::Instant::now();
        tokio::task::spawn_blocking(|| {}).await.unwrap();
        let waited = began.elapsed();
        let worked = asked.load(Ordering::SeqCst) - before;
        assert!(
            waited < Duration::from_millis(300),
            "the program's own blocking work waited {waited:?}, for {worked} looks at the clock"
        );
    });
}
