//! Classifiers of the user's own, in stacks of all sorts.

use std::cell::Cell;
use std::convert::Infallible;
use std::marker::PhantomPinned;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::FutureExt;
use http::{HeaderMap, Method, Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_circuit_breaker::Outcome;
use tower_circuit_breaker::completion::Decision;
use tower_circuit_breaker::http::{ClassifyEnd, ClassifyHttp, ReadBody, grpc_layer, layer};

use crate::script::{Script, Step, counted, read, request, response, totals};
use crate::support::{circuit, ready_to_probe, rejection};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Begin,
    Head,
    Data,
    End,
}

/// A classifier that panics in one place.
#[derive(Clone, Copy)]
struct PanicsAt(Place);

impl PanicsAt {
    fn here(self, place: Place) {
        assert!(self.0 != place, "a classifier");
    }
}

impl<B: Body, E> ClassifyHttp<B, E> for PanicsAt {
    type Call = ();
    type End = Self;

    fn begin<R>(&self, _: &Request<R>) {
        self.here(Place::Begin);
    }

    fn classify_head(&self, (): (), _: &Result<Response<B>, E>) -> Decision<Self> {
        self.here(Place::Head);
        Decision::AtEnd(*self)
    }
}

impl<E> ClassifyEnd<E> for PanicsAt {
    fn data(&mut self, _: Option<&[u8]>) {
        self.here(Place::Data);
    }

    fn classify_end(self, _: Result<Option<&HeaderMap>, &E>) -> Outcome {
        self.here(Place::End);
        Outcome::Success
    }
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_classifier_that_panics_anywhere_leaves_the_call_abandoned_and_its_slot_free() {
    for place in [Place::Begin, Place::Head, Place::Data, Place::End] {
        let (circuit, clock) = circuit(|b| b);
        ready_to_probe(&circuit, &clock);
        let service =
            layer(circuit.clone()).classify_with(PanicsAt(place)).layer(service_fn(|_| {
                let body = Script::new([Step::Data("a"), Step::Data("b")]);
                std::future::ready(Ok::<_, Infallible>(response(200, body)))
            }));

        let caught = catch_unwind(AssertUnwindSafe(|| {
            let response = service.oneshot(request(Method::GET)).now_or_never().unwrap().unwrap();
            let mut body = response.into_body();
            rejection(&circuit);
            // A reader that goes on after a panic.
            let polls = (0..3).map(|_| {
                catch_unwind(AssertUnwindSafe(|| body.frame().now_or_never().unwrap())).is_err()
            });
            polls.filter(|panicked| *panicked).count()
        }));

        let panics = caught.unwrap_or(1);
        assert_eq!((panics, counted(&circuit)), (1, [0, 0, 0, 1]), "{place:?}");
        assert!(circuit.try_acquire().is_ok(), "{place:?}");
    }
}

#[test]
fn a_body_past_its_deadline_is_no_longer_shown_to_its_classifier() {
    let (circuit, _) = circuit(|b| b);
    let service = layer(circuit.clone())
        .classify_with(PanicsAt(Place::Data))
        .body_deadline(Duration::ZERO, Outcome::Ignored)
        .layer(service_fn(|_| {
            let body = Script::new([Step::Data("a"), Step::Data("b")]);
            std::future::ready(Ok::<_, Infallible>(response(200, body)))
        }));

    let response = service.oneshot(request(Method::GET)).now_or_never().unwrap().unwrap();

    assert_eq!(read(&mut response.into_body()), 2);
    assert_eq!(counted(&circuit), [0, 0, 1, 0]);
}

/// A body, and an error of one, that can be in one place and on one thread only.
struct Bound<'a> {
    frames_left: &'a Cell<u8>,
    _on_one_thread: Rc<()>,
    _in_one_place: PhantomPinned,
}

#[derive(Debug)]
struct Borrowed<'a>(#[expect(dead_code, reason = "it is borrowed from")] &'a Cell<u8>);

impl<'a> Bound<'a> {
    fn new(frames_left: &'a Cell<u8>) -> Self {
        Self { frames_left, _on_one_thread: Rc::default(), _in_one_place: PhantomPinned }
    }
}

impl<'a> Body for Bound<'a> {
    type Data = &'a [u8];
    type Error = Borrowed<'a>;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<&'a [u8]>, Borrowed<'a>>>> {
        let Some(left) = self.frames_left.get().checked_sub(1) else {
            return Poll::Ready(Some(Err(Borrowed(self.frames_left))));
        };
        self.frames_left.set(left);
        Poll::Ready(Some(Ok(Frame::data(b"x"))))
    }
}

#[test]
fn bodies_need_be_neither_send_nor_unpin_nor_static() {
    let (circuit, _) = circuit(|b| b);
    let left = Cell::new(2);
    let answers = || {
        service_fn(|_| std::future::ready(Ok::<_, Infallible>(Response::new(Bound::new(&left)))))
    };
    let by_status = layer(circuit.clone()).layer(answers());
    let by_code = grpc_layer(circuit.clone()).layer(answers());
    let by_body = ReadBody::new(|_, _: &[u8]| Outcome::Success);
    let by_body = layer(circuit.clone()).classify_with(by_body).layer(answers());
    let get = || request(Method::GET);

    let response = by_status.oneshot(get()).now_or_never().unwrap().unwrap();
    let mut body = pin!(response.into_body());
    let mut cx = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(Ok(_))) = body.as_mut().poll_frame(&mut cx) {}
    assert_eq!(counted(&circuit), [0, 1, 0, 0]);

    drop(by_code.oneshot(get()).now_or_never().unwrap());
    drop(by_body.oneshot(get()).now_or_never().unwrap());
    assert_eq!(counted(&circuit), [2, 1, 0, 0]);
}

#[test]
fn errors_of_the_service_need_not_be_static_where_the_classifier_does_not_ask_it() {
    let (circuit, _) = circuit(|b| b);
    let left = Cell::new(0);
    let refuses =
        || service_fn(|_| std::future::ready(Err::<Response<Script>, _>(Borrowed(&left))));
    let ignores = |_: &Result<Response<Script>, Borrowed<'_>>| Outcome::Ignored;
    let get = || request(Method::GET);

    let by_closure = layer(circuit.clone()).classify_by(ignores).layer(refuses());
    let by_own = layer(circuit.clone()).classify_with(PanicsAt(Place::Begin)).layer(refuses());

    assert!(by_closure.oneshot(get()).now_or_never().unwrap().is_err());
    assert_eq!(counted(&circuit), [0, 0, 1, 0]);
    drop(by_own);
}

#[test]
fn a_closure_for_classify_by_judges_heads_and_leaves_its_successes_to_the_bodies() {
    let (circuit, _) = circuit(|b| b);
    let statuses =
        layer(circuit.clone()).classify_by(|result: &Result<Response<Script>, BoxError>| {
            let is_missing = result.as_ref().is_ok_and(|response| response.status() == 404);
            if is_missing { Outcome::Ignored } else { Outcome::Success }
        });
    let answers = |status| {
        statuses.layer(service_fn(move |_| {
            std::future::ready(Ok::<_, BoxError>(response(status, Script::new([Step::Break]))))
        }))
    };

    assert!(answers(404).oneshot(request(Method::GET)).now_or_never().unwrap().is_ok());
    assert_eq!(counted(&circuit), [0, 0, 1, 0]);

    let response = answers(200).oneshot(request(Method::GET)).now_or_never().unwrap().unwrap();
    assert!(response.into_body().collect().now_or_never().unwrap().is_err());
    assert_eq!(counted(&circuit), [0, 1, 1, 0]);
}

#[test]
fn a_closure_for_classify_by_needs_no_types_where_the_service_has_them() {
    let (circuit, _) = circuit(|b| b);
    let outcome = |is_ok| if is_ok { Outcome::Ignored } else { Outcome::Success };
    let plain = tower_circuit_breaker::CircuitBreakerLayer::new(circuit.clone());
    let service = plain
        .classify_by(move |result| outcome(result.is_ok()))
        .layer(service_fn(|number: u8| std::future::ready(Ok::<_, BoxError>(number))));

    assert_eq!(service.oneshot(7).now_or_never().unwrap().unwrap(), 7);
    assert_eq!(counted(&circuit), [0, 0, 1, 0]);
}

#[test]
fn breakers_of_both_kinds_stand_inside_each_other() {
    let (outer, _) = circuit(|b| b);
    let (inner, _) = circuit(|b| b);
    let broken = || {
        service_fn(|_| {
            let body = Script::new([Step::Data("half"), Step::Break]);
            std::future::ready(Ok::<_, BoxError>(response(200, body)))
        })
    };
    let plain = tower_circuit_breaker::CircuitBreakerLayer::new;
    let get = || request(Method::GET);

    let http_in_http =
        layer(outer.clone()).boxed().layer(layer(inner.clone()).boxed().layer(broken()));
    let body = http_in_http.oneshot(get()).now_or_never().unwrap().unwrap().into_body();
    assert!(body.collect().now_or_never().unwrap().is_err());
    assert_eq!((counted(&outer), counted(&inner)), ([0, 1, 0, 0], [0, 1, 0, 0]));

    let plain_in_http =
        layer(outer.clone()).boxed().layer(plain(inner.clone()).boxed().layer(broken()));
    let body = plain_in_http.oneshot(get()).now_or_never().unwrap().unwrap().into_body();
    assert!(body.collect().now_or_never().unwrap().is_err());
    assert_eq!((counted(&outer), counted(&inner)), ([0, 2, 0, 0], [1, 1, 0, 0]));

    let http_in_plain =
        plain(outer.clone()).boxed().layer(layer(inner.clone()).boxed().layer(broken()));
    let body = http_in_plain.oneshot(get()).now_or_never().unwrap().unwrap().into_body();
    assert!(body.collect().now_or_never().unwrap().is_err());
    assert_eq!((counted(&outer), counted(&inner)), ([1, 2, 0, 0], [1, 2, 0, 0]));

    inner.trip();
    let rejected = layer(outer.clone()).boxed().layer(layer(inner).boxed().layer(broken()));
    assert!(rejected.oneshot(get()).now_or_never().unwrap().is_err());
    assert_eq!(counted(&outer), [1, 2, 0, 0]);
    assert_eq!(totals(&outer).not_sent, 1);
}
