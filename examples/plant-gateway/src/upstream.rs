//! One upstream: a cache, a circuit and a call, and what the ends of a call are worth.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use moka::future::Cache;
use reqwest::Client;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tower_circuit_breaker::http::retry_after;
use tower_circuit_breaker::{BoxError, Circuit, Error, FailureKind, Outcome, TripRule};
use tracing::info;

use crate::fake;
use crate::figures::Figures;
use crate::fleet::Fleet;
use crate::kind::Kind;
use crate::log::CircuitLog;
use crate::quota::Usage;
use crate::settings::{count, seconds, url};

/// The cache is in front of the circuit: a hit touches neither that nor the upstream.
pub(crate) struct Upstream {
    pub(crate) circuit: Circuit,
    pub(crate) kind: Kind,
    pub(crate) usage: Usage,
    url: String,
    client: Client,
    kept: Cache<String, Plants>,
    fleet: Option<Fleet>,
    figures: Arc<Figures>,
}

/// A picture, and what is asked about it.
pub(crate) struct Question {
    pub(crate) picture: Bytes,
    /// Its name in the log.
    pub(crate) image: String,
    pub(crate) content_type: HeaderValue,
    pub(crate) organ: Option<String>,
}

/// What it may be, each with a score.
pub(crate) type Plants = Vec<(String, f64)>;
pub(crate) type Answer<E = Failure> = Result<Plants, E>;
pub(crate) type Failure = Error<Wrong>;

/// Why a call brought no answer, and what that says about the upstream.
pub(crate) struct Wrong {
    pub(crate) why: String,
    pub(crate) worth: Outcome,
}

impl Upstream {
    /// As the environment says; played where that has no URL.
    pub(crate) async fn open(
        mut kind: Kind,
        fleet: Option<Fleet>,
        figures: Arc<Figures>,
    ) -> Result<Arc<Self>, BoxError> {
        let variable = |of| format!("{}_{of}", kind.key().to_uppercase());
        let probes = count(&variable("CIRCUIT_SUCCESS_THRESHOLD"), 2)?;
        let circuit = Circuit::builder(kind.circuit)
            .consecutive_failures(count(&variable("CIRCUIT_FAIL_MAX"), kind.fail_max)?)
            // The rule above leaves these out. Pictures differ, and some take long.
            .rule(TripRule::consecutive_failures(10).of(TIMEOUT))
            .rule(TripRule::consecutive_failures(3).of(CONNECT))
            .open_for(seconds(&variable("CIRCUIT_RESET_TIMEOUT"), kind.reset_timeout)?)
            .probes(probes)
            .listener(CircuitLog::new(probes))
            // That log is its own.
            .quiet()
            .build();
        let timeout = seconds(&variable("TIMEOUT"), kind.timeout)?;
        let client = Client::builder().no_proxy().timeout(timeout).build()?;
        // Beside a cache of the fleet it holds what is asked often, and adds little to its age.
        let seconds = if fleet.is_some() { kind.keep_for.min(60) } else { kind.keep_for };
        let kept_for = Duration::from_secs(seconds);
        // A few megabytes.
        let kept = Cache::builder().max_capacity(10_000).time_to_live(kept_for).build();
        let url = match url(&variable("URL"))? {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => fake::start(kind.played.clone()).await?,
        };
        println!("{:<9} {url}", kind.name);
        let allowed = count(&variable("QUOTA"), u32::try_from(kind.quota.calls)?)?;
        kind.quota.calls = allowed.into();
        let usage = Usage::new(kind.circuit, kind.quota, fleet.clone());
        let url = url + "/identify";
        Ok(Arc::new(Self { circuit, kind, usage, url, client, kept, fleet, figures }))
    }

    /// The answer that is kept, or else that of a call, which all who ask the same at once share.
    /// Its failure is shared by them, too, and not kept.
    pub(crate) async fn ask(self: Arc<Self>, question: Arc<Question>) -> Answer<Arc<Failure>> {
        let (key, source) = (self.key(&question), self.circuit.name());
        let image = &*question.image;
        if let Some(plants) = self.kept.get(&key).await {
            self.figures.hits.add();
            info!(source, "[CACHE] HIT for image {image}...");
            return Ok(plants);
        }
        let is_asker = AtomicBool::new(false);
        let asked = async {
            // Relaxed: it is read by the same task.
            is_asker.store(true, Ordering::Relaxed);
            let call = async {
                self.figures.misses.add();
                info!(source, "[CACHE] MISS for image {image}...");
                let answer = self.circuit.call_with(worth, self.call(&question)).await;
                if answer.is_ok() {
                    let seconds = self.kind.keep_for;
                    info!(source, "[CACHE] Stored image {image}... for {seconds}s");
                }
                answer
            };
            match &self.fleet {
                Some(fleet) => fleet.get_or(&key, image, self.kind.keep_for, call).await,
                None => call.await,
            }
        };
        let answer = self.kept.try_get_with_by_ref(&key, asked).await;
        if !is_asker.load(Ordering::Relaxed) {
            self.figures.saved.add();
        }
        answer
    }

    /// One call, which is over when its whole body has been understood.
    async fn call(&self, question: &Question) -> Answer<Wrong> {
        self.usage.count().await;
        let request = self.client.post(&self.url).query(&[("organ", &question.organ)]);
        let request = request.header(CONTENT_TYPE, &question.content_type);
        let response = request.body(question.picture.clone()).send().await?;
        let status = response.status();
        if status.is_success() {
            let why = "its answer makes no sense".to_owned();
            return self.read(&response.json().await?).ok_or(Wrong { why, worth: OTHER });
        }
        let worth = match status.as_u16() {
            429 => Outcome::TripFor(retry_after(response.headers()).unwrap_or(FIVE_MINUTES)),
            // The picture is at fault, not the upstream.
            400 | 413 | 415 | 422 => Outcome::Ignored,
            _ => OTHER,
        };
        Err(Wrong { why: format!("it answered {status}"), worth })
    }

    /// Reads an answer; `None` when it is not in the form of this upstream.
    fn read(&self, answer: &Value) -> Option<Plants> {
        let Kind { plants, plant, score, .. } = &self.kind;
        let read = |one: &Value| {
            Some((one.pointer(plant)?.as_str()?.to_owned(), one.pointer(score)?.as_f64()?))
        };
        answer.pointer(plants)?.as_array()?.iter().map(read).collect()
    }

    /// The SHA-256 of all that an answer depends on.
    fn key(&self, Question { picture, content_type, organ, .. }: &Question) -> String {
        // Escaped, so that none of them runs over into the next.
        let options = format!("{:?} v1 {organ:?} {content_type:?}\n", self.kind.name);
        format!("{:x}", Sha256::new().chain_update(options).chain_update(picture).finalize())
    }
}

impl From<reqwest::Error> for Wrong {
    fn from(error: reqwest::Error) -> Self {
        let kind = match &error {
            error if error.is_timeout() => TIMEOUT,
            error if error.is_connect() => CONNECT,
            _ => FailureKind::OTHER,
        };
        Self { why: format!("{kind}: {}", error.without_url()), worth: Outcome::Failure(kind) }
    }
}

fn worth(answer: &Answer<Wrong>) -> Outcome {
    answer.as_ref().map_or_else(|wrong| wrong.worth, |_| Outcome::Success)
}

const TIMEOUT: FailureKind = FailureKind::new("timeout");
const CONNECT: FailureKind = FailureKind::new("connect");
const OTHER: Outcome = Outcome::Failure(FailureKind::OTHER);
const FIVE_MINUTES: Duration = Duration::from_secs(300);
