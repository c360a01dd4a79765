//! What an exchange is worth, as the tables of the documentation say.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode, Version};
use tower_circuit_breaker::{FailureKind, Outcome};

use crate::exchange::{
    Answer, Classifier, Exchange, Frame, Head, Hints, Own, Said, Verdict, hints, own,
};

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Counted(Outcome),
    /// Its body was dropped, and nobody says what that is worth.
    Abandoned,
    /// The user's code panicked when it was asked.
    Panicked,
}

const OTHER: End = failure(FailureKind::OTHER);
const PANIC: End = failure(FailureKind::PANIC);
const STATUS: End = failure(FailureKind::new("status"));
const BODY: End = failure(FailureKind::new("body"));
const SUCCESS: End = End::Counted(Outcome::Success);
const IGNORED: End = End::Counted(Outcome::Ignored);
const NOT_SENT: End = End::Counted(Outcome::NotSent);

const fn failure(kind: FailureKind) -> End {
    End::Counted(Outcome::Failure(kind))
}

impl From<Verdict> for End {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Is(outcome) => Self::Counted(outcome),
            Verdict::Panics => Self::Panicked,
        }
    }
}

/// How the call ended when its answer came; `None` where the body is to decide.
pub(super) fn at_the_head(exchange: &Exchange) -> Option<End> {
    let (classifier, answer, own) = (&exchange.classifier, &exchange.answer, own_of(exchange));
    match answer {
        // By the default of the trait.
        Answer::Unready if own.is_some() => Some(OTHER),
        Answer::Unready => Some(of_error(classifier, answer)),
        _ if own.is_some_and(|own| own.begins == Verdict::Panics) => Some(End::Panicked),
        Answer::PanicsAtOnce | Answer::Panics => Some(PANIC),
        Answer::Error | Answer::Rejection => Some(of_error(classifier, answer)),
        Answer::Head(head) if head.is_rejection => Some(NOT_SENT),
        Answer::Head(head) => of_head(classifier, head).or_else(|| {
            let has_none = has_no_body(&exchange.method, head.status);
            let end = || is_over(exchange, head, 0).then(|| of_end(exchange, head, 0, None));
            if has_none { Some(SUCCESS) } else { end() }
        }),
    }
}

fn own_of(exchange: &Exchange) -> Option<&Own> {
    match &exchange.classifier {
        Classifier::Own(own) => Some(own),
        _ => None,
    }
}

/// Whether the service has answered a call that ends so, or whose body is to decide.
pub(super) fn is_answered(exchange: &Exchange, end: Option<End>) -> bool {
    let begins = own_of(exchange).is_none_or(|own| own.begins != Verdict::Panics);
    match exchange.answer {
        Answer::Unready => false,
        _ => begins && matches!(end, None | Some(End::Panicked)),
    }
}

/// Whether the body has ended after so many polls, without saying so in a frame.
fn is_over(exchange: &Exchange, head: &Head, polls: usize) -> bool {
    let ends_by_length = head.version <= Version::HTTP_11;
    exchange.body.is_end_stream(polls) || ends_by_length && is_whole(exchange, head, polls)
}

/// Whether all that was announced has come after so many polls.
fn is_whole(exchange: &Exchange, head: &Head, polls: usize) -> bool {
    let frames = exchange.body.frames.iter().take(polls);
    let passed = frames.filter_map(Frame::length).sum::<usize>() as u64;
    hints::length(&head.headers).is_some_and(|length| passed >= length)
}

/// Whether something has to come yet after so many polls.
fn owes(exchange: &Exchange, head: &Head, polls: usize) -> bool {
    match hints::length(&head.headers) {
        Some(_) => !is_whole(exchange, head, polls),
        None => {
            let mut frames = exchange.body.frames.iter().take(polls);
            frames.all(|frame| *frame == Frame::Stalls) && !hints::is_event_stream(&head.headers)
        }
    }
}

fn of_error(classifier: &Classifier, answer: &Answer) -> End {
    match classifier {
        Classifier::Closure(verdict) => (*verdict).into(),
        Classifier::Own(Own { head, ends, .. }) => head.unwrap_or(ends[0]).into(),
        _ if matches!(answer, Answer::Rejection) => NOT_SENT,
        _ => OTHER,
    }
}

fn has_no_body(method: &Method, status: u16) -> bool {
    *method == Method::HEAD || *method == Method::CONNECT || matches!(status, 100..200 | 204 | 304)
}

/// What the head is worth; `None` for a success that the body is to confirm.
fn of_head(classifier: &Classifier, head: &Head) -> Option<End> {
    let is_5xx = (500..600).contains(&head.status);
    match classifier {
        Classifier::Errors => None,
        Classifier::ServerErrors(ignored, _) | Classifier::Statuses(_, ignored, _)
            if ignored.iter().any(|range| range.contains(&head.status)) =>
        {
            Some(IGNORED)
        }
        Classifier::ServerErrors(_, heeds) => of_status(head, is_5xx, *heeds),
        Classifier::Statuses(range, _, heeds) => {
            of_status(head, range.contains(&head.status), *heeds)
        }
        Classifier::ReadBody(_) => of_status(head, is_5xx, Hints::Unheeded),
        Classifier::Grpc(codes, said, heeds) => {
            let of_code = |code| of_code(*codes, *said, *heeds, code, &head.headers);
            match hints::grpc_code(&head.headers) {
                Some(code) => Some(of_code(code)),
                None if head.status == 200 => None,
                None => Some(match of_code(code_of_http(head.status)) {
                    end @ (SUCCESS | IGNORED) => end,
                    failed => asked(head, *heeds).unwrap_or(failed),
                }),
            }
        }
        Classifier::Closure(verdict) => Some((*verdict).into()).filter(|end| *end != SUCCESS),
        Classifier::Own(own) => own.head.map(End::from),
    }
}

fn of_status(head: &Head, is_failing: bool, heeds: Hints) -> Option<End> {
    let is_failing = is_failing || is_heeded(head, heeds);
    asked(head, heeds).or_else(|| is_failing.then_some(STATUS))
}

fn is_heeded(head: &Head, heeds: Hints) -> bool {
    heeds == Hints::Heeded && matches!(head.status, 429 | 503)
}

/// What a 429 or 503 asks for.
fn asked(head: &Head, heeds: Hints) -> Option<End> {
    hints::retry_after(&head.headers).filter(|_| is_heeded(head, heeds)).map(trip)
}

fn trip(wait: Duration) -> End {
    End::Counted(Outcome::TripFor(wait))
}

fn code_of_http(status: u16) -> usize {
    match status {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => hints::UNKNOWN,
    }
}

fn of_code(codes: u32, said: Said, heeds: Hints, code: usize, beside: &HeaderMap) -> End {
    match said {
        _ if code == 0 => return SUCCESS,
        Said::Failure if codes >> code & 1 == 1 => {}
        Said::Success if codes >> code & 1 == 1 => return SUCCESS,
        Said::Ignored if codes >> code & 1 == 1 => return IGNORED,
        _ if code == 1 => return IGNORED,
        _ if !matches!(code, 2 | 4 | 8 | 13 | 14 | 15) => return SUCCESS,
        _ => {}
    }
    match hints::pushback(beside) {
        Some(wait) if heeds == Hints::Heeded => trip(wait),
        _ => failure(FailureKind::new(GRPC[code])),
    }
}

/// What the end after this many frames is worth.
fn of_end(exchange: &Exchange, head: &Head, polls: usize, trailers: Option<&HeaderMap>) -> End {
    match &exchange.classifier {
        Classifier::Grpc(codes, said, heeds) => {
            let trailers = trailers.cloned().unwrap_or_default();
            let code = hints::grpc_code(&trailers).unwrap_or(hints::UNKNOWN);
            of_code(*codes, *said, *heeds, code, &trailers)
        }
        Classifier::ReadBody(limit) => of_body(exchange, head, polls, *limit),
        Classifier::Own(own) => own.ends[usize::from(trailers.is_some())].into(),
        _ => SUCCESS,
    }
}

/// What the closure of `ReadBody` says of what has come after this many frames, if that was copied.
fn of_body(exchange: &Exchange, head: &Head, polls: usize, limit: usize) -> End {
    let is_too_long = exchange.body.size_left(0).is_some_and(|size| size > limit as u64);
    let body = data(exchange, polls).filter(|body| body.len() <= limit && !is_too_long);
    let status = StatusCode::from_u16(head.status).unwrap_or_default();
    body.map_or(SUCCESS, |body| own::of_body(status, &body).into())
}

/// The data of the first frames; `None` where one lies in too many pieces to be looked into.
fn data(exchange: &Exchange, frames: usize) -> Option<Vec<u8>> {
    let data = exchange.body.frames.iter().take(frames).filter_map(Frame::data);
    data.collect::<Option<Vec<_>>>().map(|data| data.concat())
}

impl Frame {
    fn length(&self) -> Option<usize> {
        let Self::Data(pieces) = self else { return None };
        Some(pieces.iter().map(Vec::len).sum())
    }

    /// The bytes of a frame of data, if they can be looked into.
    fn data(&self) -> Option<Option<Vec<u8>>> {
        let Self::Data(pieces) = self else { return None };
        let pieces = || pieces.iter().filter(|piece| !piece.is_empty());
        Some((pieces().count() <= 16).then(|| pieces().flatten().copied().collect()))
    }
}

/// How a call ended whose body was polled at these times after its head had come; `None` where it
/// goes on.
pub(super) fn in_the_body(exchange: &Exchange, polls: &[Duration]) -> Option<End> {
    let Answer::Head(head) = &exchange.answer else { return None };
    let mut polls = polls.iter().enumerate();
    polls.find_map(|(number, at)| late(exchange, *at).or_else(|| of_frame(exchange, head, number)))
}

/// What a body is worth that is looked at so long after its head, if that is too long.
fn late(exchange: &Exchange, at: Duration) -> Option<End> {
    let deadline = exchange.deadline.as_ref().filter(|deadline| at >= deadline.after);
    deadline.map(|deadline| End::Counted(deadline.outcome))
}

/// Why a body is judged that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Dropped,
    /// It was a probe's, and held its slot for long enough.
    Held,
}

/// How a call ended whose body was polled at these times after its head had come, had not ended, and
/// was then left.
pub(super) fn left(
    exchange: &Exchange,
    polls: &[Duration],
    (why, at): (Why, Duration),
    abandoned_after: Option<Duration>,
) -> Option<End> {
    let Answer::Head(head) = &exchange.answer else { return None };
    let frames = polls.len();
    let waited = waited(exchange, polls, at);
    let has_waited = |bound: Duration| waited.is_some_and(|waited| waited >= bound);
    let of_rest = || {
        if abandoned_after.is_some_and(has_waited) {
            return failure(FailureKind::ABANDONED);
        }
        if why == Why::Dropped && owes(exchange, head, frames) && has_waited(BOUND) {
            return End::Abandoned;
        }
        match exchange.classifier {
            Classifier::ReadBody(limit) if is_whole(exchange, head, frames) => {
                match of_body(exchange, head, frames, limit) {
                    // Where a body is dropped, nobody sees a panic.
                    End::Panicked => End::Abandoned,
                    end => end,
                }
            }
            _ => SUCCESS,
        }
    };
    Some(late(exchange, at).unwrap_or_else(of_rest))
}

/// For how long the reader has found nothing, if the last poll did not.
fn waited(exchange: &Exchange, polls: &[Duration], at: Duration) -> Option<Duration> {
    let frames = polls.iter().zip(&exchange.body.frames).rev();
    let stalls = frames.take_while(|(_, frame)| **frame == Frame::Stalls);
    stalls.last().map(|(first, _)| at - *first)
}

/// A reader who has waited for so long for what a body owes has not left it for reasons of its own.
const BOUND: Duration = Duration::from_secs(1);

/// What the frame of this number ends, if it does.
fn of_frame(exchange: &Exchange, head: &Head, number: usize) -> Option<End> {
    let end = |trailers: Option<&HeaderMap>| Some(of_end(exchange, head, number + 1, trailers));
    let own = own_of(exchange);
    match exchange.body.frames.get(number) {
        None => end(None),
        Some(Frame::Trailers(trailers)) => end(Some(trailers)),
        Some(Frame::Breaks) => Some(own.map_or(BODY, |own| own.ends[2].into())),
        Some(Frame::Stalls) => None,
        Some(Frame::Panics) => Some(PANIC),
        Some(frame @ Frame::Data(_)) => {
            let frames = exchange.body.frames.iter().take(number + 1);
            let seen = frames.filter_map(Frame::data).flatten().map(|data| data.len()).sum();
            let most = own.and_then(|own| own.most_data);
            if frame.data().flatten().is_some() && most.is_some_and(|most: usize| most < seen) {
                return Some(End::Panicked);
            }
            is_over(exchange, head, number + 1).then(|| end(None)).flatten()
        }
    }
}

const GRPC: [&str; 17] = [
    "grpc_ok",
    "grpc_cancelled",
    "grpc_unknown",
    "grpc_invalid_argument",
    "grpc_deadline_exceeded",
    "grpc_not_found",
    "grpc_already_exists",
    "grpc_permission_denied",
    "grpc_resource_exhausted",
    "grpc_failed_precondition",
    "grpc_aborted",
    "grpc_out_of_range",
    "grpc_unimplemented",
    "grpc_internal",
    "grpc_unavailable",
    "grpc_data_loss",
    "grpc_unauthenticated",
];
