//! The verdict at the end of the body.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_circuit_breaker::http::{
    AtBodyEnd, BODY, ResponseBody, STATUS, layer, service_unavailable,
};
use tower_circuit_breaker::{
    Circuit, CircuitBreakerLayer, CircuitEvent, CircuitState, ErrorsAsFailures, FailureKind,
    Interest, Listener, ManualClock, Outcome, Rejected, Totals,
};

use crate::support::{SECOND, circuit, ready_to_probe, rejection};

/// A body that does what it is told.
#[derive(Debug, Default)]
pub(crate) struct Script {
    steps: VecDeque<Step>,
    says_its_end: bool,
}

#[derive(Debug)]
pub(crate) enum Step {
    Data(&'static str),
    Trailers(HeaderMap),
    Break,
    Stall,
    Panic,
}

impl Script {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect(), says_its_end: false }
    }

    /// The same, which knows after its last frame that it has ended.
    fn that_says_its_end(self) -> Self {
        Self { says_its_end: true, ..self }
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(match self.steps.pop_front() {
            None => None,
            Some(Step::Data(data)) => Some(Ok(Frame::data(Bytes::from_static(data.as_bytes())))),
            Some(Step::Trailers(trailers)) => Some(Ok(Frame::trailers(trailers))),
            Some(Step::Break) => Some(Err("broken pipe".into())),
            Some(Step::Stall) => return Poll::Pending,
            Some(Step::Panic) => panic!("a body"),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.says_its_end && self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(7)
    }
}

/// A response of `status` with this body.
pub(crate) fn response(status: u16, body: Script) -> Response<Script> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

pub(crate) fn request(method: Method) -> Request<()> {
    let mut request = Request::new(());
    *request.method_mut() = method;
    request
}

/// Calls once and gives the response, whose body is still to come.
fn call(circuit: &Circuit, answer: Response<Script>) -> Response<ResponseBody<Script>> {
    call_by(&layer(circuit.clone()), Method::GET, answer)
}

fn call_by<C, R>(
    layer: &CircuitBreakerLayer<C, R, AtBodyEnd>,
    method: Method,
    answer: Response<Script>,
) -> Response<ResponseBody<Script>>
where
    C: tower_circuit_breaker::http::ClassifyHttp<
            Script,
            Infallible,
            End = tower_circuit_breaker::http::BodyErrorsAsFailures,
        >,
    R: tower_circuit_breaker::rejection::Answer<Request<()>, Response<Script>, Infallible>,
{
    let mut answer = Some(answer);
    let service = layer
        .layer(service_fn(|_| std::future::ready(Ok::<_, Infallible>(answer.take().unwrap()))));
    match service.oneshot(request(method)).now_or_never().unwrap() {
        Ok(response) => response,
        Err(_) => panic!("rejected"),
    }
}

/// Reads the body until it ends, breaks or stalls.
pub(crate) fn read<B: Body + Unpin>(body: &mut B) -> usize {
    let mut frames = 0;
    while let Some(Some(Ok(_))) = body.frame().now_or_never() {
        frames += 1;
    }
    frames
}

fn totals(circuit: &Circuit) -> Totals {
    circuit.snapshot().totals
}

/// Successes, failures, ignored and abandoned calls.
pub(crate) fn counted(circuit: &Circuit) -> [u64; 4] {
    let totals = totals(circuit);
    [totals.successes, totals.failures, totals.ignored, totals.abandoned]
}

const NOTHING: [u64; 4] = [0, 0, 0, 0];
const SUCCESS: [u64; 4] = [1, 0, 0, 0];
const FAILURE: [u64; 4] = [0, 1, 0, 0];
const IGNORED: [u64; 4] = [0, 0, 1, 0];
const ABANDONED: [u64; 4] = [0, 0, 0, 1];

/// The kinds of failures, as a listener hears them.
pub(crate) fn kinds(circuit: &Circuit) -> Arc<std::sync::Mutex<Vec<FailureKind>>> {
    struct Kinds(Arc<std::sync::Mutex<Vec<FailureKind>>>);

    impl Listener for Kinds {
        fn on_event(&self, event: &CircuitEvent) {
            if let CircuitEvent::Failed { kind, .. } = event {
                self.0.lock().unwrap().push(*kind);
            }
        }

        fn interest(&self) -> Interest {
            Interest::CALLS
        }
    }

    let kinds = Arc::default();
    circuit.on_event(Kinds(Arc::clone(&kinds)));
    kinds
}

#[test]
fn a_call_counts_when_its_body_has_ended_whatever_way_it_says_so() {
    let trailers = || Step::Trailers(HeaderMap::new());
    let ways: [(&str, Script, usize); 6] = [
        ("no more frames", Script::new([Step::Data("a"), Step::Data("b")]), 3),
        ("the last frame", Script::new([Step::Data("a")]).that_says_its_end(), 1),
        ("trailers", Script::new([Step::Data("a"), trailers()]), 2),
        ("trailers alone", Script::new([trailers()]), 1),
        ("an empty body that does not know", Script::new([]), 1),
        ("an empty body that knows", Script::new([]).that_says_its_end(), 0),
    ];
    for (way, script, polls) in ways {
        let (circuit, _) = circuit(|b| b);
        let mut body = call(&circuit, response(200, script)).into_body();
        for poll in 0..polls {
            assert_eq!(counted(&circuit), NOTHING, "{way}: before poll {poll}");
            let _ = body.frame().now_or_never().expect("there is a frame or the end");
        }
        assert_eq!(counted(&circuit), SUCCESS, "{way}");

        read(&mut body);
        drop(body);
        assert_eq!(counted(&circuit), SUCCESS, "{way}: once");
    }
}

#[test]
fn a_body_that_breaks_is_one_failure_and_its_error_is_passed_on() {
    let (circuit, _) = circuit(|b| b);
    let kinds = kinds(&circuit);
    let script = Script::new([Step::Data("a"), Step::Break, Step::Break]);
    let mut body = call(&circuit, response(200, script)).into_body();
    assert_eq!(read(&mut body), 1);
    assert_eq!(counted(&circuit), FAILURE);

    let error = body.frame().now_or_never().unwrap().unwrap().unwrap_err();
    drop(body);

    assert_eq!(error.to_string(), "broken pipe");
    assert_eq!(counted(&circuit), FAILURE);
    assert_eq!(*kinds.lock().unwrap(), [BODY]);
}

#[test]
fn three_broken_bodies_open_a_circuit_of_three() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(3));
    for number in 1..=3 {
        assert_eq!(circuit.state(), CircuitState::Closed, "before {number}");
        let script = Script::new([Step::Data("half"), Step::Break]);
        read(&mut call(&circuit, response(200, script)).into_body());
    }

    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn a_failing_status_decides_at_the_head() {
    let (circuit, _) = circuit(|b| b);
    let kinds = kinds(&circuit);
    for status in [500, 503, 599] {
        let response = call(&circuit, response(status, Script::new([Step::Data("sorry")])));
        drop(response);
    }

    assert_eq!(counted(&circuit), [0, 3, 0, 0]);
    assert_eq!(*kinds.lock().unwrap(), [STATUS; 3]);
}

#[test]
fn a_body_dropped_midway_is_neutral_where_its_end_was_to_decide() {
    for frames in 0..2 {
        let (circuit, _) = circuit(|b| b.consecutive_failures(1));
        let script = Script::new([Step::Data("a"), Step::Data("b"), Step::Break]);
        let mut body = call(&circuit, response(200, script)).into_body();
        for _ in 0..frames {
            let _ = body.frame().now_or_never().unwrap();
        }

        drop(body);

        assert_eq!(counted(&circuit), ABANDONED, "after {frames} frames");
        assert_eq!(circuit.state(), CircuitState::Closed);
    }
}

#[test]
fn what_the_head_decided_stands_whatever_becomes_of_the_body() {
    let by_head = |outcome: Outcome| {
        move |result: &Result<Response<Script>, Infallible>| match result {
            Ok(response) if response.status() == 418 => outcome,
            _ => Outcome::Success,
        }
    };
    for (outcome, expected) in [(Outcome::Failure(STATUS), FAILURE), (Outcome::Ignored, IGNORED)] {
        let (circuit, _) = circuit(|b| b);
        let layer =
            CircuitBreakerLayer::new(circuit.clone()).classify_with(by_head(outcome)).judge_body();
        let mut body =
            call_by(&layer, Method::GET, response(418, Script::new([Step::Break]))).into_body();
        assert_eq!(counted(&circuit), expected);

        read(&mut body);
        drop(body);

        assert_eq!(counted(&circuit), expected);
    }
}

#[test]
fn responses_without_a_body_are_settled_at_the_head() {
    let cases = [
        (Method::HEAD, 200),
        (Method::HEAD, 404),
        (Method::CONNECT, 200),
        (Method::GET, 101),
        (Method::GET, 204),
        (Method::GET, 304),
    ];
    for (method, status) in cases {
        let (circuit, _) = circuit(|b| b);
        // As of a tunnel, which goes on for ever.
        let script = Script::new([Step::Stall]);

        let response = call_by(&layer(circuit.clone()), method.clone(), response(status, script));

        assert_eq!(counted(&circuit), SUCCESS, "{method} {status}");
        drop(response);
        assert_eq!(counted(&circuit), SUCCESS, "{method} {status}");
    }
}

#[test]
fn a_failing_status_is_a_failure_also_without_a_body() {
    let (circuit, _) = circuit(|b| b);

    let response = call_by(&layer(circuit.clone()), Method::HEAD, response(502, Script::new([])));

    assert_eq!(counted(&circuit), FAILURE);
    drop(response);
}

#[test]
fn frames_trailers_and_hints_pass_unchanged() {
    let (circuit, _) = circuit(|b| b);
    let mut trailers = HeaderMap::new();
    trailers.insert("checksum", HeaderValue::from_static("1"));
    let script = Script::new([Step::Data("rose"), Step::Trailers(trailers.clone())]);
    let mut body = call(&circuit, response(200, script.that_says_its_end())).into_body();

    assert_eq!(body.size_hint().exact(), Some(7));
    assert!(!body.is_end_stream());
    let data = body.frame().now_or_never().unwrap().unwrap().unwrap();
    assert_eq!(data.into_data().unwrap(), "rose");
    let last = body.frame().now_or_never().unwrap().unwrap().unwrap();
    assert_eq!(last.into_trailers().unwrap(), trailers);
    assert!(body.is_end_stream());
    assert!(body.frame().now_or_never().unwrap().is_none());
}

#[test]
fn a_probe_holds_its_slot_until_its_body_has_ended() {
    let (circuit, clock) = circuit(|b| b);
    ready_to_probe(&circuit, &clock);
    let mut body = call(&circuit, response(200, Script::new([Step::Data("a")]))).into_body();
    assert_eq!(circuit.state(), CircuitState::HalfOpen);
    rejection(&circuit);

    read(&mut body);

    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn a_probe_whose_body_is_dropped_gives_its_slot_back() {
    let (circuit, clock) = circuit(|b| b);
    ready_to_probe(&circuit, &clock);
    let response = call(&circuit, response(200, Script::new([Step::Stall])));
    rejection(&circuit);

    drop(response);

    assert!(circuit.try_acquire().is_ok());
}

#[test]
fn an_endless_stream_as_a_probe_does_not_hold_its_slot_past_its_lease() {
    let (circuit, clock) = circuit(|b| b.probe_timeout(5 * SECOND));
    ready_to_probe(&circuit, &clock);
    let events = Script::new((0..1_000).map(|_| Step::Data("event")));
    let mut stream = call(&circuit, response(200, events)).into_body();
    for _ in 0..4 {
        clock.advance(SECOND);
        assert!(stream.frame().now_or_never().unwrap().unwrap().is_ok());
        rejection(&circuit);
    }

    clock.advance(SECOND);

    let second = call(&circuit, response(200, Script::new([]).that_says_its_end()));
    assert_eq!(second.status(), 200);
    assert_eq!(circuit.state(), CircuitState::Closed);
    drop(stream);
    assert_eq!(totals(&circuit).stale, 1, "its epoch is over");
}

#[test]
fn a_body_that_ends_after_its_epoch_is_stale() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let mut body = call(&circuit, response(200, Script::new([Step::Break]))).into_body();
    circuit.reset();

    read(&mut body);

    assert_eq!(circuit.state(), CircuitState::Closed);
    assert_eq!(totals(&circuit).stale, 1);
}

#[test]
fn a_slow_body_is_a_slow_call() {
    let (circuit, clock) = circuit(|b| b.slow_call_rate(1.0, 10 * SECOND).minimum_calls(1));
    let mut body = call(&circuit, response(200, Script::new([Step::Data("1")]))).into_body();
    clock.advance(10 * SECOND);
    assert_eq!(circuit.state(), CircuitState::Closed);

    read(&mut body);

    assert_eq!(circuit.state(), CircuitState::Open);
    assert_eq!(totals(&circuit).slow_calls, 1);
}

#[test]
fn a_body_dropped_late_is_a_failure_where_abandoned_calls_are() {
    let (circuit, clock) = circuit(|b| b.abandoned_after(10 * SECOND));
    let response = call(&circuit, response(200, Script::new([Step::Stall])));
    clock.advance(10 * SECOND);

    drop(response);

    assert_eq!(counted(&circuit), FAILURE);
}

/// A stream under a deadline of 30 s, which gives a byte each second.
fn slow_stream(outcome: Outcome) -> (Circuit, ManualClock, ResponseBody<Script>) {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1));
    let layer = layer(circuit.clone()).body_deadline(30 * SECOND, outcome);
    let bytes = Script::new((0..1_000).map(|_| Step::Data("x")));
    let body = call_by(&layer, Method::GET, response(200, bytes)).into_body();
    (circuit, clock, body)
}

#[test]
fn a_body_past_its_deadline_is_judged_as_was_set() {
    for (outcome, expected) in [
        (Outcome::Failure(FailureKind::new("slow_body")), FAILURE),
        (Outcome::Success, SUCCESS),
        (Outcome::Ignored, IGNORED),
    ] {
        let (circuit, clock, mut body) = slow_stream(outcome);
        for second in 0..30 {
            assert!(body.frame().now_or_never().unwrap().unwrap().is_ok());
            assert_eq!(counted(&circuit), NOTHING, "{second} s: {outcome:?}");
            clock.advance(SECOND);
        }

        assert!(body.frame().now_or_never().unwrap().unwrap().is_ok());
        assert_eq!(counted(&circuit), expected, "{outcome:?}");

        assert_eq!(read(&mut body), 1_000 - 31, "the rest comes all the same");
        drop(body);
        assert_eq!(counted(&circuit), expected, "{outcome:?}: once");
    }
}

#[test]
fn a_body_that_stalls_is_judged_by_its_deadline_when_it_is_dropped() {
    let failure = Outcome::Failure(FailureKind::new("slow_body"));
    let (stalled, clock, body) = slow_stream(failure);
    clock.advance(30 * SECOND);
    drop(body);
    assert_eq!(counted(&stalled), FAILURE);

    let (early, clock, body) = slow_stream(failure);
    clock.advance(30 * SECOND - Duration::from_nanos(1));
    drop(body);
    assert_eq!(counted(&early), ABANDONED);
}

#[test]
fn a_deadline_longer_than_time_itself_never_comes() {
    let (circuit, clock) = circuit(|b| b);
    let layer = layer(circuit.clone()).body_deadline(Duration::MAX, Outcome::Ignored);
    let response = call_by(&layer, Method::GET, response(200, Script::new([])));
    clock.advance(Duration::from_secs(1 << 33));

    read(&mut response.into_body());

    assert_eq!(counted(&circuit), SUCCESS);
}

#[test]
fn a_deadline_lets_endless_streams_close_a_circuit() {
    let (circuit, clock) = circuit(|b| b.probe_timeout(60 * SECOND));
    ready_to_probe(&circuit, &clock);
    let layer = layer(circuit.clone()).body_deadline(10 * SECOND, Outcome::Success);
    let events = Script::new([Step::Data("event"), Step::Data("event")]);
    let mut stream = call_by(&layer, Method::GET, response(200, events)).into_body();
    clock.advance(10 * SECOND);

    assert!(stream.frame().now_or_never().unwrap().unwrap().is_ok());

    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_body_that_panics_is_a_failure_and_the_panic_goes_on() {
    let (circuit, _) = circuit(|b| b);
    let kinds = kinds(&circuit);
    let mut body = call(&circuit, response(200, Script::new([Step::Panic]))).into_body();

    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read(&mut body)));
    drop(body);

    assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "a body");
    assert_eq!(counted(&circuit), FAILURE);
    assert_eq!(*kinds.lock().unwrap(), [FailureKind::PANIC]);
}

#[test]
fn a_response_from_a_circuit_further_in_is_ignored() {
    let (inner, _) = circuit(|b| b);
    let (outer, _) = circuit(|b| b.consecutive_failures(1));
    inner.trip();
    let service = layer(outer.clone()).layer(layer(inner).respond_with(service_unavailable).layer(
        service_fn(|_| std::future::ready(Ok::<_, Infallible>(response(200, Script::default())))),
    ));

    let response = service.oneshot(request(Method::GET)).now_or_never().unwrap().unwrap();

    assert_eq!(response.status(), 503);
    assert_eq!(response.extensions().get::<Rejected>().unwrap().circuit(), "api");
    assert_eq!(counted(&outer), IGNORED);
}

#[test]
fn a_fallback_answers_with_a_body_that_counts_nothing() {
    let (circuit, _) = circuit(|b| b);
    circuit.force_open();
    let layer = layer(circuit.clone()).fallback(|_: Request<()>, _| async {
        Ok::<_, Infallible>(response(200, Script::new([Step::Break])))
    });

    let mut body = call_by(&layer, Method::GET, response(500, Script::default())).into_body();
    read(&mut body);
    drop(body);

    assert_eq!(counted(&circuit), NOTHING);
}

#[test]
fn errors_of_the_service_count_as_without_http() {
    let (circuit, _) = circuit(|b| b);
    circuit.force_open();
    let rejection = rejection(&circuit);
    circuit.release();
    let errors: [(fn(Rejected) -> BoxError, [u64; 4]); 2] =
        [(|_| "connection refused".into(), FAILURE), (|rejected| rejected.into(), [0, 1, 1, 0])];
    for (error, expected) in errors {
        let rejected = rejection.clone();
        let service = layer(circuit.clone()).layer(service_fn(move |_| {
            let error = error(rejected.clone());
            async move { Err::<Response<Script>, _>(error) }
        }));

        let result = service.oneshot(request(Method::GET)).now_or_never().unwrap();

        assert!(result.is_err());
        assert_eq!(counted(&circuit), expected);
    }
}

#[test]
fn every_classifier_of_the_crate_can_judge_the_head() {
    type Answer = Result<Response<Script>, BoxError>;
    fn counted_by<C>(
        change: impl FnOnce(CircuitBreakerLayer) -> CircuitBreakerLayer<C>,
        answer: impl FnMut() -> Answer,
    ) -> [u64; 4]
    where
        C: tower_circuit_breaker::http::ClassifyHttp<Script, BoxError>,
    {
        let (circuit, _) = circuit(|b| b);
        let mut answer = answer;
        let service = change(CircuitBreakerLayer::new(circuit.clone()))
            .judge_body()
            .layer(service_fn(move |_| std::future::ready(answer())));
        if let Ok(response) = service.oneshot(request(Method::GET)).now_or_never().unwrap() {
            read(&mut response.into_body());
        }
        counted(&circuit)
    }
    let fails = |result: &Answer| matches!(result, Ok(response) if response.status() == 404);
    let not_found = || Ok(response(404, Script::default()));
    let broken = || Ok(response(200, Script::new([Step::Break])));
    let well = || Ok(response(200, Script::default()));

    assert_eq!(counted_by(|l| l.classify_with(ErrorsAsFailures), not_found), SUCCESS);
    assert_eq!(counted_by(|l| l, broken), FAILURE);
    assert_eq!(counted_by(|l| l.failure_if(fails), not_found), FAILURE);
    assert_eq!(counted_by(|l| l.failure_if(fails), broken), FAILURE);
    assert_eq!(counted_by(|l| l.failure_if(fails), well), SUCCESS);
    let timed_out = || Err(Box::new(tower::timeout::error::Elapsed::new()) as BoxError);
    let ignoring = |l: CircuitBreakerLayer| l.ignoring::<tower::timeout::error::Elapsed>();
    assert_eq!(counted_by(ignoring, timed_out), IGNORED);
    assert_eq!(counted_by(ignoring, broken), FAILURE);
    assert_eq!(counted_by(ignoring, || Err("reset".into())), FAILURE);
}

#[test]
fn an_inner_that_fails_before_it_is_called_is_judged_without_a_request() {
    struct Gone;

    impl Service<Request<()>> for Gone {
        type Response = Response<Script>;
        type Error = BoxError;
        type Future = std::future::Ready<Result<Response<Script>, BoxError>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
            Poll::Ready(Err("gone".into()))
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            unreachable!("never ready")
        }
    }

    let (circuit, _) = circuit(|b| b);

    let result = layer(circuit.clone()).boxed().layer(Gone).oneshot(Request::new(()));

    assert_eq!(result.now_or_never().unwrap().unwrap_err().to_string(), "gone");
    assert_eq!(counted(&circuit), FAILURE);
}

#[test]
fn without_judging_bodies_the_head_decides() {
    let (circuit, _) = circuit(|b| b);
    let service = CircuitBreakerLayer::new(circuit.clone())
        .classify_with(tower_circuit_breaker::http::ServerErrorsAsFailures::new())
        .layer(service_fn(|status: u16| async move {
            Ok::<_, Infallible>(response(status, Script::new([Step::Break])))
        }));

    for (status, expected) in [(200, SUCCESS), (500, [1, 1, 0, 0])] {
        let response = service.clone().oneshot(status).now_or_never().unwrap().unwrap();
        assert_eq!(counted(&circuit), expected);
        drop(response);
    }
}
