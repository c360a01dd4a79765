//! One call of a service behind the circuit.

use std::cell::Cell;
use std::future::{Future, ready};
use std::ops::RangeInclusive;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tower_circuit_breaker::http::{
    ClassifyEnd, ClassifyHttp, GrpcCode, GrpcErrorsAsFailures, ReadBody, ResponseBody,
    ServerErrorsAsFailures, StatusInRangeAsFailures, layer,
};
use tower_circuit_breaker::{BoxError, Circuit, ErrorsAsFailures, Rejected};
use tower_layer::Layer;
use tower_service::Service;

use crate::exchange::body::{Broken, Pieces, Script};
use crate::exchange::own::{of_body, panic_on_purpose};
use crate::exchange::{Answer, Classifier, Exchange, Hints, Ignored, Said};

/// The body of a response, whoever judges it.
pub(super) trait Reader {
    fn poll(&mut self) -> Poll<Option<Result<Frame<Pieces>, Broken>>>;
    fn is_end_stream(&self) -> bool;
    fn size_hint(&self) -> SizeHint;
    fn take_apart(self: Box<Self>) -> Script;
}

pub(super) type Answered = Result<Response<Box<dyn Reader>>, BoxError>;

/// The upstream says no.
#[derive(Debug)]
pub(super) struct Refused;

/// Calls once, by a layer around `circuit` that is made for this exchange; says in `was_called`
/// whether the call got through.
pub(super) fn ask(circuit: &Circuit, exchange: &Exchange, was_called: &Cell<bool>) -> Answered {
    let ask = Ask { circuit, exchange, was_called };
    match &exchange.classifier {
        Classifier::Errors => ask.by(ErrorsAsFailures),
        Classifier::ServerErrors(ignored, hints) => ask.by(server_errors(ignored, *hints)),
        Classifier::Statuses(range, ignored, hints) => ask.by(by_status(range, ignored, *hints)),
        Classifier::Grpc(codes, said, hints) => ask.by(by_code(*codes, *said, *hints)),
        Classifier::ReadBody(limit) => {
            let judge = |status: StatusCode, body: &[u8]| of_body(status, body).say();
            ask.by(ReadBody::new(judge).limit(*limit))
        }
        Classifier::Closure(verdict) => {
            let verdict = *verdict;
            ask.by(move |_: &Result<Response<Script>, BoxError>| verdict.say())
        }
        Classifier::Own(own) => ask.by(*own),
    }
}

fn server_errors(ignored: Ignored, hints: Hints) -> ServerErrorsAsFailures {
    let by_status = ServerErrorsAsFailures::new();
    let by_status =
        ignored.iter().cloned().fold(by_status, ServerErrorsAsFailures::ignoring_status);
    match hints {
        Hints::Unheeded => by_status,
        Hints::Heeded => by_status.heed_retry_after(),
    }
}

fn by_status(
    range: &RangeInclusive<u16>,
    ignored: Ignored,
    hints: Hints,
) -> StatusInRangeAsFailures {
    let by_status = match hints {
        Hints::Unheeded => StatusInRangeAsFailures::new(range.clone()),
        Hints::Heeded => StatusInRangeAsFailures::new(range.clone()).heed_retry_after(),
    };
    ignored.iter().cloned().fold(by_status, StatusInRangeAsFailures::ignoring_status)
}

fn by_code(codes: u32, said: Said, hints: Hints) -> GrpcErrorsAsFailures {
    let say = match said {
        Said::Success => GrpcErrorsAsFailures::with_success,
        Said::Failure => GrpcErrorsAsFailures::with_failure,
        Said::Ignored => GrpcErrorsAsFailures::ignoring_code,
    };
    // Of `OK` nothing else can be said.
    let codes = (1..17).filter(|number| codes >> number & 1 == 1).filter_map(GrpcCode::new);
    let by_code = codes.fold(GrpcErrorsAsFailures::new(), say);
    match hints {
        Hints::Unheeded => by_code,
        Hints::Heeded => by_code.heed_pushback(),
    }
}

#[derive(Clone, Copy)]
struct Ask<'a> {
    circuit: &'a Circuit,
    exchange: &'a Exchange,
    was_called: &'a Cell<bool>,
}

impl Ask<'_> {
    fn by<C>(self, classify: C) -> Answered
    where
        C: ClassifyHttp<Script, BoxError>,
        C::End: 'static,
    {
        let layer = layer(self.circuit.clone()).classify_with(classify).boxed();
        let mut service = match &self.exchange.deadline {
            Some(deadline) => layer.body_deadline(deadline.after, deadline.outcome).layer(self),
            None => layer.layer(self),
        };
        let mut cx = Context::from_waker(Waker::noop());
        let Poll::Ready(is_ready) = service.poll_ready(&mut cx) else {
            return Err("it is not ready".into());
        };
        is_ready?;
        let mut request = Request::new(());
        *request.method_mut() = self.exchange.method.clone();
        match pin!(service.call(request)).poll(&mut cx) {
            Poll::Ready(answer) => answer.map(|it| it.map(|body| Box::new(body) as _)),
            Poll::Pending => Err("there is no answer".into()),
        }
    }
}

/// The upstream.
impl Service<Request<()>> for Ask<'_> {
    type Response = Response<Script>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Script>, BoxError>>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(match self.exchange.answer {
            Answer::Unready => Err(Refused.into()),
            _ => Ok(()),
        })
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        self.was_called.set(true);
        match &self.exchange.answer {
            Answer::PanicsAtOnce => panic_on_purpose(),
            Answer::Panics => Box::pin(async { panic_on_purpose() }),
            Answer::Unready | Answer::Error => Box::pin(ready(Err(Refused.into()))),
            Answer::Rejection => Box::pin(ready(Err(rejected_further_in().into()))),
            Answer::Head(head) => {
                let mut response = Response::new(Script::new(self.exchange.body.clone()));
                *response.status_mut() = StatusCode::from_u16(head.status).unwrap_or_default();
                *response.version_mut() = head.version;
                *response.headers_mut() = head.headers.clone();
                if head.is_rejection {
                    response.extensions_mut().insert(rejected_further_in());
                }
                Box::pin(ready(Ok(response)))
            }
        }
    }
}

fn rejected_further_in() -> Rejected {
    let circuit = Circuit::builder(FURTHER_IN).build();
    circuit.force_open();
    circuit.try_acquire().expect_err("it is forced open")
}

pub(super) const FURTHER_IN: &str = "further in";

impl<N: ClassifyEnd<Broken>> Reader for ResponseBody<Script, N> {
    fn poll(&mut self) -> Poll<Option<Result<Frame<Pieces>, Broken>>> {
        Pin::new(self).poll_frame(&mut Context::from_waker(Waker::noop()))
    }

    fn is_end_stream(&self) -> bool {
        Body::is_end_stream(self)
    }

    fn size_hint(&self) -> SizeHint {
        Body::size_hint(self)
    }

    fn take_apart(self: Box<Self>) -> Script {
        self.into_inner()
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}
