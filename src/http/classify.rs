//! What the head of a response and the end of its body are worth.

use http::{HeaderMap, Request, Response};
use http_body::Body;

use crate::circuit::classify::{Classify, ErrorsAsFailures, ErrorsInChainAsFailures, FailureIf};
use crate::engine::outcome::{FailureKind, Outcome};
use crate::service::completion::Decision;

/// The kind of failure of a body that broke, `"body"`.
pub const BODY: FailureKind = FailureKind::new("body");

/// The kind of failure of a connection that did not come about, `"connect"`.
pub const CONNECT: FailureKind = FailureKind::new("connect");

/// The kind of failure of an attempt that took too long, `"timeout"`.
pub const TIMEOUT: FailureKind = FailureKind::new("timeout");

/// Says what an HTTP exchange is worth: its head first, then the end of its body.
///
/// Closures `Fn(&Result<http::Response<B>, E>) -> Outcome` judge the head; what they call a
/// success is settled by the end of the body, as [`BodyErrorsAsFailures`] says. So do this crate's
/// classifiers that know nothing of HTTP.
///
/// `B` is the body of the inner service's response, `E` its error.
pub trait ClassifyHttp<B: Body, E> {
    /// What is kept of a call from its request to the head of its response; often `()`.
    type Call;

    /// What judges the end of the body.
    ///
    /// `Send`, since a probe's body that nobody reads is judged by the next call, on its thread.
    type End: ClassifyEnd<B::Error> + Send + 'static;

    /// Looks at the request.
    fn begin<R>(&self, request: &Request<R>) -> Self::Call;

    /// What the head says: an outcome at once, or that the end of the body is to decide.
    ///
    /// Nothing waits for a body that is not there: [`Later`](Decision::AtEnd) makes a response
    /// without one a success, and an error what the end says without trailers. Not asked about a
    /// response from a circuit further in, which is not sent.
    fn classify_head(
        &self,
        call: Self::Call,
        result: &Result<Response<B>, E>,
    ) -> Decision<Self::End>;

    /// What an error of the inner `poll_ready` is worth, which comes before any request. Default: a
    /// failure.
    fn classify_unready(&self, error: &Result<Response<B>, E>) -> Outcome {
        let _ = error;
        Outcome::Failure(FailureKind::OTHER)
    }
}

/// Says what the end of one body is worth.
///
/// Asked once, while the body is polled or has just come. If it panics, the panic goes on to the
/// reader, and the call counts as abandoned.
///
/// `E` is the body's error.
pub trait ClassifyEnd<E> {
    /// Looks at data that passes by; the chunks of one body in their order.
    ///
    /// `None` for a frame that does not lie in memory as slices, of which nothing is known.
    fn data(&mut self, chunk: Option<&[u8]>) {
        let _ = chunk;
    }

    /// What the end is worth: the trailers if there are any, or the error that broke the body.
    fn classify_end(self, end: Result<Option<&HeaderMap>, &E>) -> Outcome;

    /// What a body is worth that was dropped before its end, by a reader who had not waited in vain.
    ///
    /// Default: [`Outcome::Success`], as its head says. Runs where the body is dropped or, for a
    /// probe that nobody reads, on the thread of the next call; if it panics, the panic is contained
    /// and the call counts as abandoned.
    fn classify_left(self, left: Left) -> Outcome
    where
        Self: Sized,
    {
        let _ = left;
        Outcome::Success
    }
}

/// How much of a body had come when it was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "all that was announced has come, or not")]
pub enum Left {
    /// All of the length that its head announced.
    Whole,
    /// Less, or nobody knows.
    Midway,
}

/// A body that breaks is a failure of kind [`BODY`], every other end a success.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a name for a rule, without settings")]
pub struct BodyErrorsAsFailures;

impl<E> ClassifyEnd<E> for BodyErrorsAsFailures {
    fn classify_end(self, end: Result<Option<&HeaderMap>, &E>) -> Outcome {
        match end {
            Ok(_) => Outcome::Success,
            Err(_) => Outcome::Failure(BODY),
        }
    }
}

impl<F, B, E> ClassifyHttp<B, E> for F
where
    F: Fn(&Result<Response<B>, E>) -> Outcome,
    B: Body,
{
    type Call = ();
    type End = BodyErrorsAsFailures;

    fn begin<R>(&self, _request: &Request<R>) {}

    fn classify_head(
        &self,
        (): (),
        result: &Result<Response<B>, E>,
    ) -> Decision<BodyErrorsAsFailures> {
        unless_success(self(result))
    }

    fn classify_unready(&self, error: &Result<Response<B>, E>) -> Outcome {
        self(error)
    }
}

/// A classifier of results judges the head.
macro_rules! judges_the_head {
    ($([$($parameter:ident),*] $classify:ty)*) => {$(
        impl<$($parameter,)* B, E> ClassifyHttp<B, E> for $classify
        where
            Self: Classify<Response<B>, E>,
            B: Body,
        {
            type Call = ();
            type End = BodyErrorsAsFailures;

            fn begin<Q>(&self, _request: &Request<Q>) {}

            fn classify_head(
                &self,
                (): (),
                result: &Result<Response<B>, E>,
            ) -> Decision<BodyErrorsAsFailures> {
                unless_success(self.classify(result))
            }

            fn classify_unready(&self, error: &Result<Response<B>, E>) -> Outcome {
                self.classify(error)
            }
        }
    )*};
}

judges_the_head! {
    [] ErrorsAsFailures
    [] ErrorsInChainAsFailures
    [F] FailureIf<F>
    [] crate::http::ServerErrorsAsFailures
    [] crate::http::StatusInRangeAsFailures
}

/// What the head says, unless it is a success: that is for the end of the body to say.
pub(super) fn unless_success(outcome: Outcome) -> Decision<BodyErrorsAsFailures> {
    match outcome {
        Outcome::Success => Decision::AtEnd(BodyErrorsAsFailures),
        outcome => Decision::Now(outcome),
    }
}
