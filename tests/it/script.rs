//! Bodies that do what they are told, and calls that answer by them.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_circuit_breaker::http::{AtEndOfBody, ResponseBody, layer};
use tower_circuit_breaker::{
    Circuit, CircuitBreakerLayer, CircuitEvent, FailureKind, Interest, Listener, Totals,
};

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
    pub(crate) fn that_says_its_end(self) -> Self {
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
pub(crate) fn call(circuit: &Circuit, answer: Response<Script>) -> Response<ResponseBody<Script>> {
    call_by(&layer(circuit.clone()), Method::GET, answer)
}

pub(crate) fn call_by<C, R>(
    layer: &CircuitBreakerLayer<C, R, AtEndOfBody>,
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

pub(crate) fn totals(circuit: &Circuit) -> Totals {
    circuit.snapshot().totals
}

/// Successes, failures, ignored and abandoned calls.
pub(crate) fn counted(circuit: &Circuit) -> [u64; 4] {
    let totals = totals(circuit);
    [totals.successes, totals.failures, totals.ignored, totals.abandoned]
}

pub(crate) const NOTHING: [u64; 4] = [0, 0, 0, 0];
pub(crate) const SUCCESS: [u64; 4] = [1, 0, 0, 0];
pub(crate) const FAILURE: [u64; 4] = [0, 1, 0, 0];
pub(crate) const IGNORED: [u64; 4] = [0, 0, 1, 0];
pub(crate) const ABANDONED: [u64; 4] = [0, 0, 0, 1];

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
