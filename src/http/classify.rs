//! Classifiers of HTTP exchanges, by the head of the response and the end of its body.

use http::{HeaderMap, Request, Response};
use http_body::Body;

use crate::circuit::classify::{
    AlsoFailureIf, Classify, ErrorsAsFailures, ErrorsInChainAsFailures, FailureIf, adds_failure_if,
};
use crate::engine::outcome::{FailureKind, Outcome};
use crate::error::ErrorRef;
use crate::service::completion::Decision;

/// The kind of failure of a body that breaks off, `"body"`.
pub const BODY: FailureKind = FailureKind::new("body");

/// The kind of failure of a connection that cannot be made, `"connect"`.
pub const CONNECT: FailureKind = FailureKind::new("connect");

/// The kind of failure of an attempt that takes too long, `"timeout"`.
pub const TIMEOUT: FailureKind = FailureKind::new("timeout");

/// Decides what an HTTP exchange counts as: by its head first, then by the end of its body.
///
/// Closures `Fn(&Result<http::Response<B>, E>) -> Outcome` judge the head; if they return a
/// success, the end of the body decides, by [`BodyErrorsAsFailures`]. So do this crate's
/// classifiers that are not about HTTP.
///
/// `B` is the body of the inner service's response, `E` its error.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot judge an HTTP exchange whose body is `{B}` and whose error is `{E}`",
    note = "a closure takes the result by reference, and is checked where it is given to \
            `classify_by`: `.classify_by(|result: &Result<http::Response<{B}>, {E}>| -> Outcome \
            {{ .. }})`; that of `failure_if` takes the same, and returns a `bool`",
    note = "a type of your own implements `ClassifyHttp`; one that implements `Classify` alone is \
            called by such a closure, one of tower-http goes into `http::TowerHttp::new(..)`",
    note = "`{B}` must implement `http_body::Body`; layers of `CircuitBreakerLayer::new` do not ask \
            for that"
)]
pub trait ClassifyHttp<B: Body, E> {
    /// The value kept for a call from its request to the head of its response; often `()`.
    type Call;

    /// The classifier of the end of the body.
    ///
    /// `Send`, since a probe whose body is not read is judged by the next call, on its thread.
    type End: ClassifyEnd<B::Error> + Send + 'static;

    /// Looks at the request.
    fn begin<R>(&self, request: &Request<R>) -> Self::Call;

    /// Returns what the head decides: an outcome at once, or that the end of the body decides.
    ///
    /// A body that does not exist is not waited for: [`AtEnd`](Decision::AtEnd) makes a response
    /// without one a success, and an error the outcome of an end without trailers. Not asked about
    /// a response from a nested circuit, which is not sent.
    fn classify_head(
        &self,
        call: Self::Call,
        result: &Result<Response<B>, E>,
    ) -> Decision<Self::End>;

    /// Returns the outcome of an error of the inner `poll_ready`. Default: a failure.
    fn classify_unready(&self, error: &Result<Response<B>, E>) -> Outcome {
        let _ = error;
        Outcome::Failure(FailureKind::OTHER)
    }

    /// Returns a reference to the error of a failed call, for
    /// [`last_error`](crate::CircuitBuilder::last_error).
    ///
    /// Default: `None`, and the circuit's text says so. Where `E` is `'static`, return
    /// `Some(ErrorRef::of(error))`. All classifiers of this crate do; closures, whose errors may be
    /// borrowed, do not. Not asked about the error of a body.
    fn error_ref<'e>(&self, error: &'e E) -> Option<ErrorRef<'e>> {
        let _ = error;
        None
    }
}

/// Decides what the end of one body counts as.
///
/// Asked once, while the body is polled or has just come. If it panics, the panic is passed on to
/// the reader, and the call counts as abandoned.
///
/// `E` is the body's error.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot judge the end of a body whose error is `{E}`",
    note = "a type of your own implements `ClassifyEnd<{E}>`; `BodyErrorsAsFailures` takes every \
            error of a body"
)]
pub trait ClassifyEnd<E> {
    /// Looks at a chunk of the body's data; the chunks of one body come in their order.
    ///
    /// `None` for a frame whose data cannot be seen as slices in memory.
    fn data(&mut self, chunk: Option<&[u8]>) {
        let _ = chunk;
    }

    /// Returns the outcome of the end: of the trailers, if any, or of the error that broke the
    /// body.
    fn classify_end(self, end: Result<Option<&HeaderMap>, &E>) -> Outcome;

    /// Returns the outcome of a body dropped before its end, by a reader that had not waited in
    /// vain.
    ///
    /// Default: [`Outcome::Success`], as its head says. Runs where the body is dropped or, for a
    /// probe whose body is not read, on the thread of the next call; if it panics, the panic is
    /// caught and the call counts as abandoned.
    fn classify_left(self, left: Left) -> Outcome
    where
        Self: Sized,
    {
        let _ = left;
        Outcome::Success
    }
}

/// How much of a body had come when it was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "all that was announced has come, or not")]
pub enum Left {
    /// The whole length that its head announced.
    Whole,
    /// Less than that, or no length was announced.
    Midway,
}

/// Counts a body that breaks off as a failure of kind [`BODY`], every other end as a success.
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

#[diagnostic::do_not_recommend]
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

            fn error_ref<'e>(&self, error: &'e E) -> Option<ErrorRef<'e>> {
                Classify::<Response<B>, E>::error_ref(self, error)
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

impl<C, F, B, E> ClassifyHttp<B, E> for AlsoFailureIf<C, F>
where
    C: ClassifyHttp<B, E>,
    F: Fn(&Result<Response<B>, E>) -> bool,
    B: Body,
{
    type Call = C::Call;
    type End = C::End;

    fn begin<R>(&self, request: &Request<R>) -> C::Call {
        self.first().begin(request)
    }

    fn classify_head(&self, call: C::Call, result: &Result<Response<B>, E>) -> Decision<C::End> {
        match self.first().classify_head(call, result) {
            Decision::Now(Outcome::Success) | Decision::AtEnd(_) if self.predicate()(result) => {
                Decision::Now(Outcome::Failure(FailureKind::OTHER))
            }
            decision => decision,
        }
    }

    fn classify_unready(&self, error: &Result<Response<B>, E>) -> Outcome {
        match self.first().classify_unready(error) {
            Outcome::Success if self.predicate()(error) => Outcome::Failure(FailureKind::OTHER),
            outcome => outcome,
        }
    }

    fn error_ref<'e>(&self, error: &'e E) -> Option<ErrorRef<'e>> {
        self.first().error_ref(error)
    }
}

adds_failure_if! {
    [] crate::http::ServerErrorsAsFailures
    [] crate::http::StatusInRangeAsFailures
    [] crate::http::GrpcErrorsAsFailures
    [G] crate::http::ReadBody<G>
}

/// The decision of the head: its outcome, unless that is a success, which the end of the body
/// decides.
pub(super) fn unless_success(outcome: Outcome) -> Decision<BodyErrorsAsFailures> {
    match outcome {
        Outcome::Success => Decision::AtEnd(BodyErrorsAsFailures),
        outcome => Decision::Now(outcome),
    }
}
