//! The completion of calls whose response has a body.

use std::task::Poll;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use http_body::Body;

use crate::circuit::permit::Permit;
use crate::engine::outcome::Outcome;
use crate::error::{ErrorRef, Rejected};
use crate::http::body::ResponseBody;
use crate::http::classify::{ClassifyEnd, ClassifyHttp};
use crate::http::judging::{Course, Judging};
use crate::service::completion::{Complete, CompleteCall, Decision, Innermost, Never, sealed};

/// Records a call when the body of its response ends, unless the head decides.
///
/// From [`judge_body`](crate::CircuitBreakerLayer::judge_body).
#[derive(Debug, Clone, Copy, Default)]
pub struct AtEndOfBody {
    deadline: Option<Deadline>,
}

/// A completion that waits for the end of a body: [`AtEndOfBody`]. Sealed.
#[diagnostic::on_unimplemented(
    message = "a call that is recorded `{Self}` does not wait for the end of a body",
    note = "call `judge_body()` before `body_deadline(..)`, or begin with `http::layer(circuit)`"
)]
pub trait WaitForBody: sealed::Sealed {}

impl WaitForBody for AtEndOfBody {}

/// When a body that has not ended is judged, and as what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    pub(super) after: Duration,
    pub(super) outcome: Outcome,
}

/// The completion of one call that is recorded [`AtEndOfBody`].
#[derive(Debug)]
pub struct BodyCall<K> {
    /// The classifier's value, until it is asked about the head.
    kept: Option<K>,
    has_body: HasBody,
    deadline: Option<Deadline>,
}

/// Whether a response to the request can have a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HasBody {
    Perhaps,
    Never,
}

impl AtEndOfBody {
    pub(super) const fn with_deadline(after: Duration, outcome: Outcome) -> Self {
        Self { deadline: Some(Deadline { after, outcome }) }
    }
}

impl HasBody {
    const fn of_method(method: &Method) -> Self {
        match *method {
            Method::HEAD | Method::CONNECT => Self::Never,
            _ => Self::Perhaps,
        }
    }

    #[inline]
    fn and_of_status(self, status: StatusCode) -> Self {
        match status {
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => Self::Never,
            status if status.is_informational() => Self::Never,
            _ => self,
        }
    }
}

impl<C, B, Q, E> Complete<C, Request<Q>, Response<B>, E> for AtEndOfBody
where
    C: ClassifyHttp<B, E>,
    B: Body,
{
    type Call = BodyCall<C::Call>;
    type Bypass = Never;

    fn begin(&self, classify: &C, request: &Request<Q>) -> Self::Call {
        BodyCall {
            kept: Some(classify.begin(request)),
            has_body: HasBody::of_method(request.method()),
            deadline: self.deadline,
        }
    }

    fn classify_unready(&self, classify: &C, result: &Result<Response<B>, E>) -> Outcome {
        classify.classify_unready(result)
    }
}

impl<C, B, E> CompleteCall<C, Response<B>, E> for BodyCall<C::Call>
where
    C: ClassifyHttp<B, E>,
    B: Body,
{
    type Later = C::End;
    type Response = Response<ResponseBody<B, C::End>>;

    #[inline]
    fn decide(&mut self, classify: &C, result: &Result<Response<B>, E>) -> Decision<C::End> {
        if let Ok(response) = result {
            if response.extensions().get::<Rejected>().is_some() {
                return Decision::Now(Outcome::NotSent);
            }
        }
        let kept = self.kept.take().expect("a call is judged once");
        let completion = classify.classify_head(kept, result);
        match (completion, result) {
            (Decision::AtEnd(end), Err(_)) => Decision::Now(end.classify_end(Ok(None))),
            (Decision::AtEnd(end), Ok(response)) => {
                match self.has_body.and_of_status(response.status()) {
                    HasBody::Perhaps => Decision::AtEnd(end),
                    HasBody::Never => Decision::Now(Outcome::Success),
                }
            }
            (completion @ Decision::Now(_), _) => completion,
        }
    }

    fn error_ref<'e>(classify: &C, error: &'e E) -> Option<ErrorRef<'e>> {
        classify.error_ref(error)
    }

    #[inline]
    fn completed<X>(polled: Poll<Result<Response<B>, X>>) -> Poll<Result<Self::Response, X>> {
        polled.map_ok(|response| response.map(ResponseBody::completed))
    }

    #[inline]
    fn deferred(&self, response: Response<B>, permit: Permit, end: C::End) -> Self::Response {
        let course = Course::of(&response);
        let judging = Judging::new::<B::Error>(permit, end, self.deadline, course);
        response.map(|body| ResponseBody::deferred(body, judging))
    }
}

impl Innermost for AtEndOfBody {
    type Base = Self;
    type With<N> = N;

    fn change<N>(self, change: impl FnOnce(Self) -> N) -> N {
        change(self)
    }
}

impl sealed::Sealed for AtEndOfBody {}
impl<K> sealed::Sealed for BodyCall<K> {}
