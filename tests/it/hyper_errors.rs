//! What the errors of hyper's clients count as, with real servers.

use std::future::ready;
use std::io;
use std::time::Duration;

use futures_util::stream;
use http::header::CONTENT_LENGTH;
use http::{Method, Request, Response, StatusCode, Version};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_circuit_breaker::http::{self as breaker, BODY, CONNECT, ResponseBody, STATUS, TIMEOUT};
use tower_circuit_breaker::hyper::{ClientErrors, layer};
use tower_circuit_breaker::{Circuit, CircuitState, Classify, ErrorChain, FailureKind, Outcome};

use crate::clients::{
    Ends, HALF, Upload, WHOLE, answering_early, broken, closing, closing_after, endless, post,
    refusing, server, whole,
};
use crate::error_types::{Own, Shed, of_hyper};
use crate::half_open::probing;
use crate::script::kinds;
use crate::support::{circuit, rejection};

type Answer = Response<ResponseBody<Incoming>>;
type Asks<B> = BoxCloneSyncService<Request<B>, Answer, BoxError>;

const VERSIONS: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];

fn client<B>(version: Version) -> Client<HttpConnector, B>
where
    B: Body<Data: Send> + Send + 'static,
{
    Client::builder(TokioExecutor::new()).http2_only(version == Version::HTTP_2).build_http()
}

fn guarded<B>(circuit: &Circuit, version: Version) -> Asks<B>
where
    B: Body<Data: Send, Error: Into<BoxError>> + Send + Sync + Unpin + 'static,
{
    BoxCloneSyncService::new(layer(circuit.clone()).boxed().layer(client(version)))
}

/// Successes, failures, ignored and not sent.
fn counted(circuit: &Circuit) -> [u64; 4] {
    let totals = circuit.snapshot().totals;
    [totals.successes, totals.failures, totals.ignored, totals.not_sent]
}

/// Row 22 of the counter-examples: of four callers three break their uploads. Ends early where the
/// circuit opens.
async fn break_forty_uploads(client: &Asks<Upload>, circuit: &Circuit, version: Version) {
    let address = server(Ok(StatusCode::OK)).await;
    for number in 1..=40 {
        client.clone().oneshot(post(address, broken())).await.expect_err("it broke");
        if circuit.state() == CircuitState::Open {
            return;
        }
        if number % 3 == 0 {
            let answer = client.clone().oneshot(post(address, whole())).await.unwrap();
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "thanks");
        }
    }
    assert_eq!(circuit.state(), CircuitState::Closed, "{version:?}");
}

#[tokio::test]
async fn forty_broken_uploads_leave_a_circuit_of_the_defaults_closed() {
    for version in VERSIONS {
        let (circuit, _) = circuit(|b| b);

        break_forty_uploads(&guarded(&circuit, version), &circuit, version).await;

        assert_eq!(counted(&circuit), [13, 0, 0, 40], "{version:?}");
        assert_eq!(circuit.state(), CircuitState::Closed, "{version:?}");
    }
}

#[tokio::test]
async fn without_the_layer_broken_uploads_open_the_circuit() {
    for version in VERSIONS {
        let (circuit, _) = circuit(|b| b);
        let client = breaker::layer(circuit.clone()).boxed().layer(client(version));

        break_forty_uploads(&BoxCloneSyncService::new(client), &circuit, version).await;

        assert_eq!(circuit.state(), CircuitState::Open, "{version:?}");
    }
}

#[tokio::test]
async fn a_broken_upload_is_no_evidence_as_a_probe() {
    let address = server(Ok(StatusCode::OK)).await;
    let (circuit, _) = probing(|b| b);
    let client = guarded(&circuit, Version::HTTP_11);

    for _ in 0..20 {
        client.clone().oneshot(post(address, broken())).await.expect_err("it broke");
    }

    assert_eq!((circuit.state(), counted(&circuit)), (CircuitState::HalfOpen, [0, 0, 0, 20]));
}

#[tokio::test]
async fn an_upload_shorter_than_it_says_is_not_sent() {
    let address = server(Ok(StatusCode::OK)).await;
    let (circuit, _) = circuit(|b| b);
    let mut request = post(address, whole());
    request.headers_mut().insert(CONTENT_LENGTH, 1_000.into());

    let error = guarded(&circuit, Version::HTTP_11).oneshot(request).await;

    assert!(error.is_err());
    assert_eq!(counted(&circuit), [0, 0, 0, 1]);
}

#[tokio::test]
async fn an_upload_that_breaks_with_another_clients_response_is_not_sent() {
    let (upstream, _) = closing_after(HALF).await;
    let half = client::<Empty<Bytes>>(Version::HTTP_11);
    let half = half.get(format!("http://{upstream}/").parse().unwrap()).await.unwrap();
    let address = server(Ok(StatusCode::OK)).await;
    let (circuit, _) = circuit(|b| b);

    let error = guarded(&circuit, Version::HTTP_11).oneshot(post(address, half.into_body())).await;

    assert!(error.is_err(), "four bytes are missing");
    assert_eq!(counted(&circuit), [0, 0, 0, 1]);
}

#[tokio::test]
async fn requests_that_cannot_be_sent_are_not_sent() {
    let address = server(Ok(StatusCode::OK)).await;
    let changes: [(Version, fn(&mut Request<Upload>)); 5] = [
        (Version::HTTP_11, |request| *request.uri_mut() = "/rose".parse().unwrap()),
        (Version::HTTP_11, |request| *request.version_mut() = Version::HTTP_09),
        (Version::HTTP_11, |request| *request.version_mut() = Version::HTTP_2),
        (Version::HTTP_11, |request| {
            *request.version_mut() = Version::HTTP_10;
            *request.method_mut() = Method::CONNECT;
        }),
        (Version::HTTP_2, |request| {
            *request.method_mut() = Method::CONNECT;
            request.headers_mut().insert(CONTENT_LENGTH, 1.into());
        }),
    ];
    for (number, (version, change)) in changes.into_iter().enumerate() {
        let (circuit, _) = circuit(|b| b);
        let mut request = post(address, whole());
        change(&mut request);

        let error = guarded(&circuit, version).oneshot(request).await;

        assert!(error.is_err(), "{number}");
        assert_eq!(counted(&circuit), [0, 0, 0, 1], "{number}");
    }
}

#[tokio::test]
async fn an_upstream_that_closes_or_resets_connections_fails() {
    for ends in [Ends::AtResult, Ends::Midway, Ends::Resets] {
        let address = closing(ends).await;
        for version in VERSIONS {
            let (circuit, _) = circuit(|b| b.failure_count(1_000));
            for _ in 0..20 {
                // A client of its own, so that each connection is new.
                let client = guarded(&circuit, version);
                client.oneshot(post(address, endless())).await.expect_err("no answer");
            }
            assert_eq!(counted(&circuit), [0, 20, 0, 0], "{ends:?} {version:?}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_the_upstream_resets_has_failed() {
    let address = server(Err("out of memory")).await;
    let (circuit, _) = circuit(|b| b);
    let kinds = kinds(&circuit);

    let error = guarded(&circuit, Version::HTTP_2).oneshot(post(address, whole())).await;

    assert!(error.is_err());
    assert_eq!(counted(&circuit), [0, 1, 0, 0]);
    assert_eq!(*kinds.lock().unwrap(), [FailureKind::OTHER]);
}

#[tokio::test]
async fn stale_pooled_connections_never_come_to_the_circuit() {
    let (address, noticed) = closing_after(WHOLE).await;
    let (circuit, _) = circuit(|b| b);
    let client = guarded(&circuit, Version::HTTP_11);

    for _ in 0..10 {
        let request = Request::get(format!("http://{address}/")).body(Empty::<Bytes>::new());
        let answer = client.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "rose");
        noticed.notified().await;
    }

    assert_eq!(counted(&circuit), [10, 0, 0, 0]);
}

/// As the documentation says of what cannot be told apart.
#[tokio::test]
async fn doubts_are_held_against_the_upstream() {
    let address = server(Ok(StatusCode::OK)).await;
    let table: [(Version, &str, fn(&mut Request<Upload>)); 2] = [
        (Version::HTTP_2, "other", |request| {
            request.headers_mut().insert(CONTENT_LENGTH, 1_000.into());
        }),
        (Version::HTTP_11, "connect", |request| {
            *request.uri_mut() = "ftp://nowhere.example/".parse().unwrap();
        }),
    ];
    for (version, kind, change) in table {
        let (circuit, _) = circuit(|b| b);
        let kinds = kinds(&circuit);
        let mut request = post(address, whole());
        change(&mut request);

        assert!(guarded(&circuit, version).oneshot(request).await.is_err());

        assert_eq!(counted(&circuit), [0, 1, 0, 0]);
        assert_eq!(*kinds.lock().unwrap(), [FailureKind::new(kind)]);
    }
}

#[tokio::test]
async fn an_upload_that_breaks_after_the_head_breaks_the_response() {
    let address = answering_early(HALF).await;
    let (circuit, _) = circuit(|b| b);
    let kinds = kinds(&circuit);
    let (breaks, broke) = tokio::sync::oneshot::channel::<()>();
    let upload = stream::once(async {
        broke.await.unwrap();
        Err::<Frame<Bytes>, _>(io::Error::other("the phone is in a tunnel"))
    });

    let upload = StreamBody::new(Box::pin(upload));
    let answer = guarded(&circuit, Version::HTTP_11).oneshot(post(address, upload)).await.unwrap();
    breaks.send(()).unwrap();
    answer.into_body().collect().await.expect_err("the connection is gone");

    assert_eq!(counted(&circuit), [0, 1, 0, 0]);
    assert_eq!(*kinds.lock().unwrap(), [BODY]);
}

/// What a call that ends with `error` fails as; `None` where it is not sent.
async fn kind_of<E: ErrorChain + 'static>(error: E) -> Option<FailureKind> {
    let (circuit, _) = circuit(|b| b);
    let kinds = kinds(&circuit);
    let mut error = Some(error);
    let inner = service_fn(move |_| ready(Err::<Response<Empty<Bytes>>, _>(error.take().unwrap())));
    assert!(layer(circuit.clone()).layer(inner).oneshot(Request::new(())).await.is_err());
    let kinds = kinds.lock().unwrap();
    assert_eq!(counted(&circuit), [0, kinds.len() as u64, 0, 1 - kinds.len() as u64]);
    kinds.first().copied()
}

#[tokio::test]
async fn failures_have_kinds() {
    let (_held, nobody) = refusing();
    let refused = client(Version::HTTP_11).request(post(nobody, whole())).await.unwrap_err();
    let timed_out = || io::Error::from(io::ErrorKind::TimedOut);
    let elapsed = tokio::time::timeout(Duration::ZERO, std::future::pending::<()>()).await;
    let (circuit, _) = circuit(|b| b);
    circuit.trip();
    let rejected = rejection(&circuit);

    assert_eq!(kind_of(refused).await, Some(CONNECT));
    assert_eq!(
        kind_of(of_hyper(timed_out().into()).await).await,
        Some(CONNECT),
        "it took too long"
    );
    assert_eq!(kind_of::<BoxError>(of_hyper(Shed.into()).await.into()).await, Some(CONNECT));
    assert_eq!(
        kind_of(of_hyper(rejected.clone().into()).await).await,
        None,
        "it was not even tried"
    );
    assert_eq!(kind_of(Own(rejected.into())).await, None, "the default would not find it");
    assert_eq!(kind_of(timed_out()).await, Some(TIMEOUT));
    assert_eq!(kind_of::<BoxError>(elapsed.unwrap_err().into()).await, Some(TIMEOUT));
    let elapsed = tower::timeout::error::Elapsed::new();
    assert_eq!(kind_of::<BoxError>(elapsed.into()).await, Some(TIMEOUT));
    assert_eq!(kind_of::<BoxError>("down".into()).await, Some(FailureKind::OTHER));
}

#[tokio::test]
async fn it_knows_them_whatever_else_is_a_failure() {
    let address = server(Ok(StatusCode::NOT_FOUND)).await;
    let (circuit, _) = circuit(|b| b);
    let kinds = kinds(&circuit);
    let fails = |result: &Result<Response<Incoming>, _>| match result {
        Ok(response) => response.status() == StatusCode::NOT_FOUND,
        Err(_) => true,
    };
    let client = layer(circuit.clone()).failure_if(fails).layer(client(Version::HTTP_11));
    let (_held, nobody) = refusing();

    assert!(client.clone().oneshot(post(address, broken())).await.is_err());
    assert_eq!(counted(&circuit), [0, 0, 0, 1]);
    assert!(client.clone().oneshot(post(address, whole())).await.is_ok());
    assert!(client.oneshot(post(nobody, whole())).await.is_err());

    assert_eq!(counted(&circuit), [0, 2, 0, 1]);
    assert_eq!(*kinds.lock().unwrap(), [FailureKind::OTHER, CONNECT]);
}

#[tokio::test]
async fn the_classifier_knows_them_by_itself() {
    let address = server(Ok(StatusCode::INTERNAL_SERVER_ERROR)).await;
    let client = client(Version::HTTP_11);
    let (_held, nobody) = refusing();
    let refused = client.request(post(nobody, whole())).await;
    let broke = client.request(post(address, broken())).await;
    let failed = client.request(post(address, whole())).await;
    let ignores = |_: &Result<Response<Incoming>, _>| Outcome::Ignored;

    assert_eq!(ClientErrors::new().classify(&broke), Outcome::NotSent);
    assert_eq!(ClientErrors::new().classify(&refused), Outcome::Failure(CONNECT));
    assert_eq!(ClientErrors::new().classify(&failed), Outcome::Failure(STATUS));
    assert_eq!(ClientErrors::around(ignores).classify(&broke), Outcome::NotSent);
    assert_eq!(ClientErrors::around(ignores).classify(&refused), Outcome::Ignored);

    let (circuit, _) = circuit(|b| b);
    let kinds = kinds(&circuit);
    let layer = breaker::layer(circuit.clone()).classify_with(ClientErrors::new());
    let guarded = layer.layer(client);
    for request in [post(address, broken()), post(nobody, whole()), post(address, whole())] {
        let _ = guarded.clone().oneshot(request).await;
    }
    assert_eq!(counted(&circuit), [0, 2, 0, 1]);
    assert_eq!(*kinds.lock().unwrap(), [CONNECT, STATUS]);
}
