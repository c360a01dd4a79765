//! Rule 17a: bodies that are dropped before their end.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::FutureExt;
use http::{HeaderMap, Method, Response, Version};
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt, service_fn};
use tower_circuit_breaker::completion::Decision;
use tower_circuit_breaker::http::{ClassifyEnd, ClassifyHttp, Left, ReadBody, ResponseBody, layer};
use tower_circuit_breaker::{
    Circuit, CircuitBreakerLayer, CircuitState, FailureKind, ManualClock, Outcome,
};

use crate::half_open::probing;
use crate::script::{
    ABANDONED, FAILURE, IGNORED, NOTHING, SUCCESS, Script, Step, call, call_by, counted, request,
    response,
};
use crate::statuses::{headers, with_headers};
use crate::support::{SECOND, circuit, rejection};

/// A response of announced length that stalls after these steps.
pub(crate) fn announced(length: &str, steps: impl IntoIterator<Item = Step>) -> Response<Script> {
    let steps = steps.into_iter().chain([Step::Stall]);
    with_headers(response(200, Script::new(steps)), &headers([("content-length", length)]))
}

fn event_stream() -> Response<Script> {
    let head = headers([("content-type", "text/event-stream; charset=utf-8")]);
    with_headers(response(200, Script::new([Step::Stall, Step::Stall])), &head)
}

/// Polls the body once.
fn poll(body: &mut ResponseBody<Script>) -> bool {
    body.frame().now_or_never().is_some()
}

/// Reads until nothing is there, waits, and drops the body.
fn leave_after(body: ResponseBody<Script>, clock: &ManualClock, wait: Duration) {
    let mut body = body;
    while poll(&mut body) {}
    clock.advance(wait);
}

#[test]
fn a_body_that_nobody_reads_counts_as_its_head_however_late_it_is_dropped() {
    for wait in [Duration::ZERO, SECOND, 60 * SECOND] {
        let (circuit, clock) = circuit(|b| b.consecutive_failures(1));
        let response = call(&circuit, announced("4", []));
        clock.advance(wait);

        drop(response);

        assert_eq!(counted(&circuit), SUCCESS, "{wait:?}");
    }
}

#[test]
fn a_reader_that_has_waited_for_a_second_for_what_is_owed_says_nothing() {
    let just_below = SECOND - Duration::from_nanos(1);
    let half = || announced("4", [Step::Data("ro")]);
    let chunked = |steps: Vec<Step>| response(200, Script::new(steps));
    let cases: [(&str, Response<Script>, [u64; 4]); 5] = [
        ("half of what was announced", half(), ABANDONED),
        ("nothing of what was announced", announced("4", []), ABANDONED),
        ("nothing of no announced length", chunked(vec![Step::Stall]), ABANDONED),
        ("some of no announced length", chunked(vec![Step::Data("x"), Step::Stall]), SUCCESS),
        ("a stream of events that says nothing", event_stream(), SUCCESS),
    ];
    for (which, answer, late) in cases {
        let (circuit, clock) = circuit(|b| b);
        leave_after(call(&circuit, answer).into_body(), &clock, SECOND);
        assert_eq!(counted(&circuit), late, "{which}");
    }
    let (circuit, clock) = circuit(|b| b);
    leave_after(call(&circuit, half()).into_body(), &clock, just_below);
    assert_eq!(counted(&circuit), SUCCESS, "a moment less");
}

#[test]
fn the_wait_begins_anew_with_each_frame() {
    let (circuit, clock) = circuit(|b| b);
    let steps = [Step::Stall, Step::Data("ro"), Step::Stall];
    let mut body = call(&circuit, announced("4", steps)).into_body();
    assert!(!poll(&mut body));
    clock.advance(SECOND);
    assert!(poll(&mut body));
    assert!(!poll(&mut body));
    clock.advance(SECOND / 2);
    assert!(!poll(&mut body), "asked again, it waits on");
    clock.advance(SECOND / 2 - Duration::from_nanos(1));

    drop(body);

    assert_eq!(counted(&circuit), SUCCESS);
}

#[test]
fn a_reader_that_got_a_frame_last_waits_for_nothing() {
    let (circuit, clock) = circuit(|b| b);
    let steps = [Step::Stall, Step::Data("ro")];
    let mut body = call(&circuit, announced("4", steps)).into_body();
    assert!(!poll(&mut body));
    assert!(poll(&mut body));
    clock.advance(60 * SECOND);

    drop(body);

    assert_eq!(counted(&circuit), SUCCESS);
}

#[test]
fn under_abandoned_after_a_wait_as_long_is_a_failure_whatever_is_owed() {
    let chunked = || response(200, Script::new([Step::Data("x"), Step::Stall]));
    for (which, answer) in
        [("owed", announced("4", [])), ("not owed", chunked()), ("events", event_stream())]
    {
        let (circuit, clock) = circuit(|b| b.abandoned_after(SECOND / 25));
        leave_after(call(&circuit, answer).into_body(), &clock, SECOND / 25);

        assert_eq!(counted(&circuit), FAILURE, "{which}");
        let kinds = circuit.snapshot().failures_by_kind;
        assert!(kinds.contains(&(FailureKind::ABANDONED, 1)), "{which}: {kinds:?}");
    }
}

#[test]
fn a_stream_that_sends_is_not_abandoned_however_long_it_was_read() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(3).abandoned_after(SECOND / 25));
    for _ in 0..3 {
        let frames = (0..8).flat_map(|_| [Step::Stall, Step::Data("x")]);
        let mut body = call(&circuit, response(200, Script::new(frames))).into_body();
        for _ in 0..8 {
            assert!(!poll(&mut body));
            clock.advance(SECOND / 100);
            assert!(poll(&mut body));
        }
    }

    assert_eq!(counted(&circuit), [3, 0, 0, 0]);
}

#[test]
fn over_http_2_all_that_was_announced_is_whole_and_trailers_may_follow() {
    let over_2 = |mut answer: Response<Script>| {
        *answer.version_mut() = Version::HTTP_2;
        answer
    };
    let (circuit, clock) = circuit(|b| b);
    let whole = over_2(announced("4", [Step::Data("ro"), Step::Data("se")]));
    let mut body = call(&circuit, whole).into_body();
    assert!(poll(&mut body) && poll(&mut body));
    assert_eq!(counted(&circuit), NOTHING, "the stream has not ended");
    leave_after(body, &clock, 60 * SECOND);
    assert_eq!(counted(&circuit), SUCCESS, "nothing was owed any more");
}

#[test]
fn read_body_judges_what_was_announced_and_read_to_its_last_byte() {
    let by_body = || {
        ReadBody::new(|_, body: &[u8]| match body {
            b"{\"ok\":false}" => Outcome::Failure(FailureKind::new("not_ok")),
            _ => Outcome::Success,
        })
    };
    for (length, expected) in [("12", [0, 10, 0, 0]), ("13", [10, 0, 0, 0])] {
        let (circuit, _) = circuit(|b| b.consecutive_failures(99));
        for _ in 0..10 {
            let mut answer = Some(announced(length, [Step::Data("{\"ok\":false}")]));
            *answer.as_mut().unwrap().version_mut() = Version::HTTP_2;
            let service = layer(circuit.clone()).classify_with(by_body()).layer(service_fn(|_| {
                std::future::ready(Ok::<_, Infallible>(answer.take().unwrap()))
            }));
            let call = service.oneshot(request(Method::GET)).now_or_never().unwrap();
            let mut body = call.unwrap().into_body();
            assert!(body.frame().now_or_never().unwrap().unwrap().is_ok());
        }
        assert_eq!(counted(&circuit), expected, "{length}");
    }
}

#[test]
fn lengths_that_are_not_valid_or_not_alone_announce_nothing() {
    let odd: [Vec<(&'static str, &'static str)>; 4] = [
        vec![("content-length", "4"), ("content-length", "4")],
        vec![("content-length", "4"), ("content-length", "9")],
        vec![("content-length", "4"), ("transfer-encoding", "chunked")],
        vec![("content-length", "4,4")],
    ];
    for head in odd {
        let (circuit, clock) = circuit(|b| b);
        let mut map = HeaderMap::new();
        for (name, value) in &head {
            map.append(*name, value.parse().unwrap());
        }
        let answer = response(200, Script::new([Step::Data("rose"), Step::Stall]));
        let mut body = call(&circuit, with_headers(answer, &map)).into_body();
        assert!(poll(&mut body));
        assert_eq!(counted(&circuit), NOTHING, "{head:?}: its last byte is not known");

        leave_after(body, &clock, 60 * SECOND);

        assert_eq!(counted(&circuit), SUCCESS, "{head:?}: nothing is owed");
    }
}

/// Says what it is told of bodies that are left.
#[derive(Clone, Copy)]
struct OfLeft(fn(Left) -> Outcome);

impl ClassifyHttp<Script, Infallible> for OfLeft {
    type Call = ();
    type End = Self;

    fn begin<R>(&self, _: &http::Request<R>) {}

    fn classify_head(&self, (): (), _: &Result<Response<Script>, Infallible>) -> Decision<Self> {
        Decision::AtEnd(*self)
    }
}

impl<E> ClassifyEnd<E> for OfLeft {
    fn classify_end(self, _: Result<Option<&HeaderMap>, &E>) -> Outcome {
        Outcome::Success
    }

    fn classify_left(self, left: Left) -> Outcome {
        (self.0)(left)
    }
}

fn call_of_left(
    circuit: &Circuit,
    classify: OfLeft,
    answer: Response<Script>,
) -> ResponseBody<Script, OfLeft> {
    let mut answer = Some(answer);
    let service = CircuitBreakerLayer::new(circuit.clone())
        .classify_with(classify)
        .judge_body()
        .layer(service_fn(|_| std::future::ready(Ok::<_, Infallible>(answer.take().unwrap()))));
    service.oneshot(request(Method::GET)).now_or_never().unwrap().unwrap().into_body()
}

#[test]
fn a_classifier_says_what_a_left_body_is_worth() {
    let by_left = OfLeft(|left| match left {
        Left::Whole => Outcome::Ignored,
        Left::Midway => Outcome::Failure(FailureKind::new("left")),
    });
    let (circuit, _) = circuit(|b| b);

    drop(call_of_left(&circuit, by_left, announced("4", [])));
    assert_eq!(counted(&circuit), FAILURE);

    let mut whole = announced("4", [Step::Data("rose")]);
    *whole.version_mut() = Version::HTTP_2;
    let mut body = call_of_left(&circuit, by_left, whole);
    assert!(body.frame().now_or_never().unwrap().unwrap().is_ok());
    drop(body);
    assert_eq!(counted(&circuit), [0, 1, 1, 0]);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_classifier_that_panics_on_a_left_body_leaves_the_call_abandoned() {
    let (circuit, clock) = probing(|b| b);
    let panics = OfLeft(|_| panic!("a classifier"));

    for _ in 0..15 {
        drop(call_of_left(&circuit, panics, announced("4", [])));
        assert_eq!(circuit.state(), CircuitState::HalfOpen);
    }
    drop(call_of_left(&circuit, panics, announced("4", [])));

    assert_eq!(counted(&circuit), [0, 0, 0, 16]);
    assert_eq!(circuit.state(), CircuitState::Closed, "it was answered, sixteen times");
    // The same where the next call judges it.
    circuit.trip();
    clock.advance(30 * SECOND);
    let held = call_of_left(&circuit, panics, announced("4", []));
    clock.advance(SECOND);
    drop(circuit.try_acquire().expect("its slot is free"));
    assert_eq!(circuit.snapshot().totals.abandoned, 18);
    drop(held);
    assert_eq!(circuit.snapshot().totals.abandoned, 18);
}

#[test]
fn a_half_open_circuit_closes_at_the_first_answer_whose_body_nobody_reads() {
    let (circuit, _) = probing(|b| b);

    drop(call(&circuit, announced("4", [])));

    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn a_probe_whose_reader_waits_in_vain_is_ignored() {
    let (circuit, clock) = probing(|b| b.probe_timeout(60 * SECOND).abandoned_after(60 * SECOND));
    for _ in 0..15 {
        leave_after(call(&circuit, announced("4", [])).into_body(), &clock, SECOND);
        assert_eq!(circuit.state(), CircuitState::HalfOpen);
    }

    leave_after(call(&circuit, announced("4", [])).into_body(), &clock, SECOND);

    assert_eq!(counted(&circuit), [0, 0, 0, 16]);
    assert_eq!(circuit.state(), CircuitState::Closed, "sixteen answers");
}

#[test]
fn an_idle_reader_holds_the_probe_for_a_second_at_most() {
    let (circuit, clock) = probing(|b| b);
    let mut idle = call(&circuit, announced("4", [])).into_body();
    clock.advance(SECOND - Duration::from_nanos(1));
    rejection(&circuit);
    clock.advance(Duration::from_nanos(1));

    let next = circuit.try_acquire();

    assert_eq!(circuit.state(), CircuitState::Closed);
    assert!(next.is_ok());
    assert_eq!(counted(&circuit), SUCCESS);
    poll(&mut idle);
    drop(idle);
    assert_eq!(counted(&circuit), SUCCESS, "what comes later is not counted");
}

#[test]
fn a_hold_never_lasts_past_the_lease() {
    let (circuit, clock) = probing(|b| b.probe_timeout(SECOND / 2));
    let _idle = call(&circuit, announced("4", [])).into_body();
    clock.advance(SECOND / 2);

    let _next = circuit.try_acquire().expect("the lease is over");

    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn a_held_probe_whose_reader_waited_under_abandoned_after_has_failed() {
    let (circuit, clock) = probing(|b| b.abandoned_after(2 * SECOND));
    let mut hung = call(&circuit, announced("4", [])).into_body();
    assert!(!poll(&mut hung));
    clock.advance(2 * SECOND);

    assert!(circuit.try_acquire().is_err());

    assert_eq!(circuit.state(), CircuitState::Open);
    let changes = circuit.recent_events();
    assert!(format!("{:?}", changes.last()).contains("ProbesFailed"), "{changes:?}");
    assert_eq!(counted(&circuit), FAILURE);
}

#[test]
fn the_bound_does_not_count_against_a_probe_that_was_held() {
    let (circuit, clock) = probing(|b| b);
    let mut waits = call(&circuit, announced("4", [])).into_body();
    assert!(!poll(&mut waits));
    clock.advance(2 * SECOND);

    let _next = circuit.try_acquire().expect("its hold is over");

    assert_eq!((circuit.state(), counted(&circuit)), (CircuitState::Closed, SUCCESS));
}

#[test]
fn a_body_under_a_deadline_is_judged_by_it_also_as_a_probe_that_was_held() {
    let (circuit, clock) = probing(|b| b);
    let layer = layer(circuit.clone()).body_deadline(SECOND, Outcome::Ignored);
    let _idle = call_by(&layer, Method::GET, announced("4", []));
    clock.advance(SECOND);

    drop(circuit.try_acquire().expect("its hold is over"));

    assert_eq!(counted(&circuit), [IGNORED[0], IGNORED[1], IGNORED[2], 1]);
}

#[test]
fn taking_the_body_out_leaves_it() {
    let (circuit, _) = circuit(|b| b);

    let _inner = call(&circuit, announced("4", [])).into_body().into_inner();

    assert_eq!(counted(&circuit), SUCCESS);
}
