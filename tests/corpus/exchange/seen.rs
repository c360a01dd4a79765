//! What the caller of a service sees: answers, frames, panics and rejections, each as it should be.

use std::task::Poll;
use std::thread;

use http::Response;
use http_body::Frame as Polled;
use tower_circuit_breaker::http::{grpc_unavailable, retry_after, service_unavailable};
use tower_circuit_breaker::{BoxError, Rejected};
use tower_circuit_breaker_test::model::{Model, rejection, same};

use crate::exchange::ask::{Answered, FURTHER_IN, Reader, Refused};
use crate::exchange::body::{Broken, Pieces, Script};
use crate::exchange::own::OnPurpose;
use crate::exchange::{Answer, Exchange, Frame, Frames, Head, hints};

/// What came, unless it was to panic.
pub(super) fn unless_panic<T>(ran: thread::Result<T>, panics: bool) -> Result<Option<T>, String> {
    if ran.as_ref().is_err_and(|payload| !payload.is::<OnPurpose>()) {
        return Err("it panicked".to_owned());
    }
    same("panicked", ran.is_err(), panics)?;
    Ok(ran.ok())
}

/// The answer of an exchange: its body, if it has one.
pub(super) fn answer(
    exchange: &Exchange,
    answered: Answered,
) -> Result<Option<Box<dyn Reader>>, String> {
    match (answered, &exchange.answer) {
        (Ok(response), Answer::Head(head)) => response_of(head, response).map(Some),
        (Err(error), Answer::Unready | Answer::Error) if error.is::<Refused>() => Ok(None),
        (Err(error), Answer::Rejection) => {
            let circuit = Rejected::find(&*error).map(Rejected::circuit);
            same("rejected by", circuit, Some(FURTHER_IN)).map(|()| None)
        }
        (answered, _) => Err(format!("the answer is {:?}", answered.map(|_| ()))),
    }
}

fn response_of(
    head: &Head,
    response: Response<Box<dyn Reader>>,
) -> Result<Box<dyn Reader>, String> {
    same("status", response.status().as_u16(), head.status)?;
    same("headers", response.headers(), &head.headers)?;
    let is_rejection = response.extensions().get::<Rejected>().is_some();
    same("rejection", is_rejection, head.is_rejection)?;
    same("Retry-After", retry_after(response.headers()), hints::retry_after(&head.headers))?;
    Ok(response.into_body())
}

/// A call that the circuit did not admit, and the responses that are made of that.
pub(super) fn rejected(answered: Answered, model: &Model) -> Result<(), String> {
    let error: BoxError = answered.err().ok_or("it was not rejected")?;
    let rejected = Rejected::find(&*error).ok_or("the error is no rejection")?;
    let (reason, left) = rejection(model);
    same("rejection", (rejected.reason(), rejected.retry_after()), (reason, left))?;

    let wait = |unit: u128| left.map(|left| left.as_nanos().div_ceil(unit).max(1).to_string());
    let plain: Response<Script> = service_unavailable(rejected.clone());
    let grpc: Response<Script> = grpc_unavailable(rejected.clone());
    same("seconds", text(&plain, "retry-after"), wait(1_000_000_000))?;
    same("milliseconds", text(&grpc, "grpc-retry-pushback-ms"), wait(1_000_000))
}

fn text<B>(response: &Response<B>, name: &str) -> Option<String> {
    let value = response.headers().get(name)?.as_bytes();
    Some(String::from_utf8_lossy(value).into_owned())
}

/// What the poll of this number gave: the frame of that number.
pub(super) fn frame(
    polled: Poll<Option<Result<Polled<Pieces>, Broken>>>,
    frames: &Frames,
    number: usize,
) -> Result<(), String> {
    let frame = match polled {
        Poll::Pending => Some(Frame::Stalls),
        Poll::Ready(None) => None,
        Poll::Ready(Some(Err(error))) => {
            same("frame of the error", error, Broken(number))?;
            Some(Frame::Breaks)
        }
        Poll::Ready(Some(Ok(frame))) => Some(match frame.into_data() {
            Ok(data) => Frame::Data(vec![data.into_bytes()]),
            Err(frame) => Frame::Trailers(frame.into_trailers().unwrap_or_default()),
        }),
    };
    same("frame", frame, frames.frames.get(number).map(Frame::in_one_piece))
}

impl Frame {
    fn in_one_piece(&self) -> Self {
        match self {
            Self::Data(pieces) => Self::Data(vec![pieces.concat()]),
            frame => frame.clone(),
        }
    }
}

/// What a body says of itself after so many polls.
pub(super) fn hints_of(body: &dyn Reader, frames: &Frames, polls: usize) -> Result<(), String> {
    same("end of stream", body.is_end_stream(), frames.is_end_stream(polls))?;
    let (size, left) = (body.size_hint(), frames.size_left(polls));
    same("size", (size.lower(), size.upper()), (left.unwrap_or(0), left))
}
