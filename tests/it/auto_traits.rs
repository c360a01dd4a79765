//! Which types are `Send`, `Sync`, `Unpin` and unwind safe, and that they stay so.

use std::future::Ready;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;

use tower_circuit_breaker::TracingListener;
use tower_circuit_breaker::completion::{BypassIf, Filtered, Ignoring, InError, NotSent};
use tower_circuit_breaker::http::{
    AnyClient, AtEndOfBody, BodyCall, ClientErrors, GrpcEnd, GrpcErrorsAsFailures,
    IdempotentRequests, ReadBody, ReadBodyEnd, ResponseBody, ServerErrorsAsFailures,
    StatusInRangeAsFailures, TowerHttp, TowerHttpEnd,
};
use tower_circuit_breaker::hyper::HyperErrors;
use tower_circuit_breaker::rejection::{FallbackCause, FallbackOnFailure};
use tower_circuit_breaker::reqwest::{HttpClient, HttpClientFuture, ReqwestErrors};
use tower_circuit_breaker::tonic::AsStatus;
use tower_circuit_breaker::{
    AlsoFailureIf, Backoff, Circuit, CircuitBreaker, CircuitBreakerLayer, CircuitBuilder,
    CircuitConfig, CircuitEvent, CircuitGroup, CircuitRegistry, CircuitSnapshot, Error, ErrorText,
    ErrorsAsFailures, FailureIf, Isolation, LastFailure, LatencyHistogram, ListenerHandle,
    ManualClock, OpenCap, Permit, Rejected, RepeatIf, ResponseFuture, RetryIf, RetryPolicy,
    SavedCircuit, SlidingWindow, SystemClock, TokioClock, TripRule, Typed,
};
use tower_circuit_breaker_admin::{Admin, AdminBody, AdminBuilder, AdminFuture, AuditEntry, Peer};
use tower_circuit_breaker_postgres::{self as postgres, PostgresSync, PostgresSyncBuilder};
use tower_circuit_breaker_redis::{
    ConnectError, FleetRecord, RedisSync, RedisSyncBuilder, SyncError, SyncHealth,
};
use tower_circuit_breaker_telemetry::{MetricsListener, PrometheusCollector, PrometheusText};
use tower_circuit_breaker_test::conformance::{AsTold, Broken, Promise, Report};
use tower_circuit_breaker_test::{Answer, Gate, ScriptedFuture, ScriptedService};

fn send_sync_unpin<T: Send + Sync + Unpin>() {}
fn send_sync<T: Send + Sync>() {}
fn cloneable<T: Clone>() {}

#[test]
fn public_types_can_be_shared() {
    send_sync_unpin::<Circuit>();
    send_sync_unpin::<CircuitBuilder>();
    send_sync_unpin::<CircuitConfig>();
    send_sync_unpin::<CircuitSnapshot>();
    send_sync_unpin::<SavedCircuit>();
    send_sync_unpin::<CircuitEvent>();
    send_sync_unpin::<CircuitGroup>();
    send_sync_unpin::<Isolation>();
    send_sync_unpin::<OpenCap>();
    send_sync_unpin::<Permit>();
    send_sync_unpin::<Rejected>();
    send_sync_unpin::<Error<()>>();
    send_sync_unpin::<TripRule>();
    send_sync_unpin::<SlidingWindow>();
    send_sync_unpin::<Backoff>();
    send_sync_unpin::<SystemClock>();
    send_sync_unpin::<TokioClock>();
    send_sync_unpin::<ManualClock>();
    send_sync_unpin::<LastFailure>();
    send_sync_unpin::<LatencyHistogram>();
    send_sync_unpin::<ErrorText>();
    send_sync_unpin::<ListenerHandle>();
    send_sync_unpin::<CircuitBreakerLayer>();
    send_sync_unpin::<BypassIf<fn()>>();
    send_sync_unpin::<FallbackOnFailure<fn()>>();
    send_sync_unpin::<FallbackCause<(), ()>>();
    send_sync_unpin::<AlsoFailureIf<FailureIf<fn()>, fn()>>();
    send_sync_unpin::<MetricsListener>();
    send_sync_unpin::<PrometheusCollector>();
    send_sync_unpin::<PrometheusText>();
    send_sync_unpin::<TracingListener>();
    send_sync_unpin::<CircuitBreaker<()>>();
    // What is looked for need not be shared.
    send_sync_unpin::<Filtered<Ignoring<Rc<()>>>>();
    send_sync_unpin::<Filtered<NotSent<Rc<()>, InError<Rc<()>>>>>();
    send_sync::<ResponseFuture<Ready<()>, Ready<()>, ErrorsAsFailures, Typed>>();
}

#[test]
fn what_stands_around_http_can_be_shared() {
    send_sync_unpin::<CircuitBreaker<(), ServerErrorsAsFailures, Typed, AtEndOfBody>>();
    send_sync_unpin::<ClientErrors<HyperErrors>>();
    send_sync_unpin::<ClientErrors<ReqwestErrors>>();
    send_sync_unpin::<Filtered<HyperErrors, AtEndOfBody>>();
    send_sync_unpin::<BodyCall<()>>();
    send_sync_unpin::<GrpcErrorsAsFailures>();
    send_sync_unpin::<ReadBody<fn()>>();
    send_sync_unpin::<StatusInRangeAsFailures>();
    send_sync_unpin::<TowerHttp<()>>();
    send_sync_unpin::<ResponseBody<()>>();
    send_sync_unpin::<ResponseBody<(), GrpcEnd>>();
    send_sync_unpin::<ResponseBody<(), ReadBodyEnd<fn()>>>();
    send_sync_unpin::<ResponseBody<(), TowerHttpEnd<()>>>();
}

#[test]
fn what_serves_clients_can_be_shared() {
    send_sync_unpin::<HttpClient>();
    send_sync::<HttpClientFuture>();
    send_sync_unpin::<CircuitBreaker<(), GrpcErrorsAsFailures, AsStatus, AtEndOfBody>>();
    send_sync_unpin::<RetryPolicy>();
    send_sync_unpin::<RetryPolicy<IdempotentRequests<AnyClient>>>();
    send_sync_unpin::<RetryPolicy<IdempotentRequests<HyperErrors>>>();
    send_sync_unpin::<RetryPolicy<RepeatIf<RetryIf<IdempotentRequests<ReqwestErrors>, ()>, ()>>>();
}

#[test]
fn what_serves_operators_can_be_shared() {
    send_sync_unpin::<Admin>();
    send_sync_unpin::<AdminBuilder>();
    send_sync_unpin::<AdminBody>();
    send_sync_unpin::<AuditEntry>();
    send_sync_unpin::<Peer>();
    send_sync::<AdminFuture<()>>();
}

#[test]
fn what_a_fleet_shares_can_be_shared() {
    send_sync_unpin::<PostgresSync>();
    send_sync_unpin::<PostgresSyncBuilder>();
    send_sync_unpin::<postgres::SyncHealth>();
    send_sync_unpin::<RedisSync>();
    send_sync_unpin::<RedisSyncBuilder>();
    send_sync_unpin::<SyncHealth>();
    send_sync_unpin::<FleetRecord>();
    send_sync_unpin::<ConnectError>();
    send_sync_unpin::<SyncError>();
}

#[test]
fn what_tests_are_made_of_can_be_shared() {
    send_sync_unpin::<ScriptedService<(), (), ()>>();
    send_sync_unpin::<ScriptedFuture<(), (), ()>>();
    send_sync_unpin::<Answer<(), ()>>();
    send_sync_unpin::<Gate>();
    send_sync_unpin::<AsTold>();
    send_sync_unpin::<Broken>();
    send_sync_unpin::<Promise>();
    send_sync_unpin::<Report>();
}

#[test]
fn what_should_be_cloned_can_be() {
    struct NotClone;

    cloneable::<Circuit>();
    cloneable::<ScriptedService<NotClone, NotClone, NotClone>>();
    cloneable::<CircuitConfig>();
    cloneable::<CircuitGroup>();
    cloneable::<Isolation>();
    cloneable::<HttpClient>();
    cloneable::<RetryPolicy<IdempotentRequests<NotClone>>>();
    cloneable::<CircuitBreakerLayer<NotClone, NotClone>>();
    cloneable::<CircuitBreaker<(), NotClone, NotClone>>();
}

#[test]
fn plain_values_are_unwind_safe() {
    fn check<T: UnwindSafe + RefUnwindSafe>() {}

    check::<Circuit>();
    check::<CircuitBuilder>();
    check::<CircuitRegistry>();
    check::<CircuitGroup>();
    check::<Isolation>();
    check::<Permit>();
    check::<ListenerHandle>();
    check::<CircuitBreakerLayer>();
    check::<CircuitBreaker<String>>();
    check::<SlidingWindow>();
    check::<Rejected>();
    check::<CircuitSnapshot>();
    check::<ErrorText>();
}
