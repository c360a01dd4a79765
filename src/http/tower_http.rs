//! Classifiers of tower-http (feature `tower-http-07`).

use std::fmt;

use http::{HeaderMap, Request, Response};
use http_body::Body;
use tower_http::classify::{ClassifiedResponse, ClassifyEos, ClassifyResponse, MakeClassifier};

use crate::circuit::classify::adds_failure_if;
use crate::engine::outcome::{FailureKind, Outcome};
use crate::error::{ErrorRef, known_rejection};
use crate::http::classify::{BODY, ClassifyEnd, ClassifyHttp};
use crate::http::status::STATUS;
use crate::service::completion::Decision;

/// The classifier that asks a `MakeClassifier` of tower-http, as its `TraceLayer` takes.
///
/// Its failures are failures, whatever their class: of kind [`STATUS`] if the head or the trailers
/// decide, [`BODY`] if the body broke off, [`FailureKind::OTHER`] for an error of the service.
/// Rejections are not sent. A classifier that is `Ready` with a success at the head, as
/// tower-http's `ServerErrorsAsFailures` always is, has decided: the body no longer counts.
///
/// # Examples
///
/// ```
/// use tower_circuit_breaker::Circuit;
/// use tower_circuit_breaker::http::{TowerHttp, layer};
/// use tower_http::classify::{GrpcErrorsAsFailures, SharedClassifier};
///
/// let layer = layer(Circuit::builder("greeter").build())
///     .classify_with(TowerHttp::new(SharedClassifier::new(GrpcErrorsAsFailures::new())));
/// # let _ = layer;
/// ```
#[derive(Debug, Clone, Copy)]
pub struct TowerHttp<M> {
    make: M,
}

/// The classifier of the end of one body, by tower-http; from [`TowerHttp`].
#[derive(Debug)]
pub struct TowerHttpEnd<N> {
    end: N,
}

impl<M: MakeClassifier> TowerHttp<M> {
    /// Makes a classifier that asks one made by `make` for each request.
    #[must_use]
    pub const fn new(make: M) -> Self {
        Self { make }
    }
}

adds_failure_if! {
    [M] TowerHttp<M>
}

impl<M, B, E> ClassifyHttp<B, E> for TowerHttp<M>
where
    M: MakeClassifier,
    M::ClassifyEos: Send + 'static,
    B: Body,
    B::Error: fmt::Display + 'static,
    E: fmt::Display + 'static,
{
    type Call = M::Classifier;
    type End = TowerHttpEnd<M::ClassifyEos>;

    fn begin<R>(&self, request: &Request<R>) -> M::Classifier {
        self.make.make_classifier(request)
    }

    fn classify_head(
        &self,
        call: M::Classifier,
        result: &Result<Response<B>, E>,
    ) -> Decision<Self::End> {
        let response = match result {
            Err(error) if known_rejection(error).is_some() => {
                return Decision::Now(Outcome::NotSent);
            }
            Err(error) => {
                call.classify_error(error);
                return Decision::Now(Outcome::Failure(FailureKind::OTHER));
            }
            Ok(response) => response,
        };
        match call.classify_response(response) {
            ClassifiedResponse::Ready(verdict) => Decision::Now(outcome(verdict, STATUS)),
            ClassifiedResponse::RequiresEos(end) => Decision::AtEnd(TowerHttpEnd { end }),
        }
    }

    fn classify_unready(&self, error: &Result<Response<B>, E>) -> Outcome {
        match error {
            Err(error) if known_rejection(error).is_some() => Outcome::NotSent,
            _ => Outcome::Failure(FailureKind::OTHER),
        }
    }

    fn error_ref<'e>(&self, error: &'e E) -> Option<ErrorRef<'e>> {
        Some(ErrorRef::of(error))
    }
}

impl<N, E> ClassifyEnd<E> for TowerHttpEnd<N>
where
    N: ClassifyEos,
    E: fmt::Display + 'static,
{
    fn classify_end(self, end: Result<Option<&HeaderMap>, &E>) -> Outcome {
        match end {
            Ok(trailers) => outcome(self.end.classify_eos(trailers), STATUS),
            Err(error) => {
                self.end.classify_error(error);
                Outcome::Failure(BODY)
            }
        }
    }
}

fn outcome<F>(verdict: Result<(), F>, kind: FailureKind) -> Outcome {
    match verdict {
        Ok(()) => Outcome::Success,
        Err(_) => Outcome::Failure(kind),
    }
}
