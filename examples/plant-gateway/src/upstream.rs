//! One upstream: its circuit, the stack around the calls to it, and what their ends are worth.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use serde_json::Value;
use tower::util::BoxCloneSyncService;
use tower::{Layer, service_fn};
use tower_circuit_breaker::http::retry_after;
use tower_circuit_breaker::{
    Circuit, CircuitBreakerLayer, FailureKind, Outcome, Rejected, TripRule,
};

use crate::answer::{Candidates, Read};
use crate::settings::UpstreamSettings;

/// A picture, and what is asked about it.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) picture: Bytes,
    pub(crate) content_type: String,
    pub(crate) organ: String,
}

pub(crate) type Stack = BoxCloneSyncService<Arc<Question>, Candidates, Failure>;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    Rejected(Rejected),
    Timeout,
    Connect,
    /// 429, with what `Retry-After` asks for.
    Busy(Option<Duration>),
    /// The picture is at fault, not the upstream.
    BadPicture(StatusCode),
    Status(StatusCode),
    Broken,
}

/// The circuit: rules of their own for time-outs and connections, the configured one for the rest.
pub(crate) fn circuit(name: &str, settings: &UpstreamSettings) -> Circuit {
    Circuit::builder(name)
        .consecutive_failures(settings.fail_max)
        .rule(TripRule::consecutive_failures(TIMEOUTS).of(TIMEOUT))
        .rule(TripRule::consecutive_failures(REFUSED_CONNECTIONS).of(CONNECT))
        .open_for(settings.reset_timeout)
        .probes(settings.success_threshold)
        .build()
}

/// The breaker around one call, which is over when its whole body has been understood.
pub(crate) fn stack(circuit: &Circuit, url: String, timeout: Duration, read: Read) -> Stack {
    let client = reqwest::Client::builder().no_proxy().build().expect("nothing is set but that");
    let calls = service_fn(move |question: Arc<Question>| {
        let request = client
            .post(&url)
            .query(&[("organ", &question.organ)])
            .header(CONTENT_TYPE, &question.content_type)
            .timeout(timeout)
            .body(question.picture.clone());
        async move { call(request, read).await }
    });
    let breaker = CircuitBreakerLayer::new(circuit.clone()).classify_with(worth).same_error();
    Stack::new(breaker.layer(calls))
}

async fn call(request: reqwest::RequestBuilder, read: Read) -> Result<Candidates, Failure> {
    let answer = request.send().await?;
    match answer.status() {
        status if status.is_success() => {
            let body: Value = answer.json().await?;
            read(&body).ok_or(Failure::Broken)
        }
        StatusCode::TOO_MANY_REQUESTS => Err(Failure::Busy(retry_after(answer.headers()))),
        status if BAD_PICTURE.contains(&status) => Err(Failure::BadPicture(status)),
        status => Err(Failure::Status(status)),
    }
}

/// What a call says about the upstream.
fn worth(result: &Result<Candidates, Failure>) -> Outcome {
    let Err(failure) = result else {
        return Outcome::Success;
    };
    match failure {
        Failure::BadPicture(_) | Failure::Rejected(_) => Outcome::Ignored,
        Failure::Busy(wait) => Outcome::TripFor(wait.unwrap_or(WHEN_BUSY)),
        Failure::Timeout => Outcome::Failure(TIMEOUT),
        Failure::Connect => Outcome::Failure(CONNECT),
        Failure::Status(_) | Failure::Broken => Outcome::Failure(FailureKind::OTHER),
    }
}

impl Failure {
    pub(crate) const fn rejected(&self) -> Option<&Rejected> {
        match self {
            Self::Rejected(rejected) => Some(rejected),
            _ => None,
        }
    }
}

impl From<Rejected> for Failure {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected)
    }
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        match error {
            error if error.is_timeout() => Self::Timeout,
            error if error.is_connect() => Self::Connect,
            _ => Self::Broken,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(rejected) => rejected.fmt(f),
            Self::Timeout => f.write_str("it did not answer in time"),
            Self::Connect => f.write_str("it could not be reached"),
            Self::Busy(_) => f.write_str("it has too many requests"),
            Self::BadPicture(status) => write!(f, "it does not take this picture: {status}"),
            Self::Status(status) => write!(f, "it answered {status}"),
            Self::Broken => f.write_str("its answer broke off or could not be understood"),
        }
    }
}

impl std::error::Error for Failure {}

const TIMEOUT: FailureKind = FailureKind::new("timeout");
const CONNECT: FailureKind = FailureKind::new("connect");
/// Time-outs in a row: pictures differ, and some take long.
const TIMEOUTS: u32 = 10;
const REFUSED_CONNECTIONS: u32 = 3;
/// How long an upstream is left alone that says 429 and not for how long.
const WHEN_BUSY: Duration = Duration::from_secs(300);
const BAD_PICTURE: [StatusCode; 4] = [
    StatusCode::BAD_REQUEST,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    StatusCode::UNPROCESSABLE_ENTITY,
];
