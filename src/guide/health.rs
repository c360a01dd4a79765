//! Health: what probes and balancers may ask, and why an outage of an upstream must neither restart nor
//! drain its callers.
//!
//! | who asks | to decide | what it is told |
//! |---|---|---|
//! | Kubernetes' `livenessProbe` | would a restart help? | that the process answers: no circuit is asked |
//! | its `startupProbe` | has it started? | the same |
//! | its `readinessProbe`; a balancer's check, as of HAProxy, Envoy or a cloud | should calls come here? | 200, but 503 where a [critical](crate::CircuitBuilder::critical) circuit is [failing](crate::Health) |
//! | who is to be woken | must somebody look? | nothing here: metrics and their alerts, which know for how long |
//!
//! # Not the liveness probe
//!
//! A restart mends what is wrong with the process, and nothing that is wrong with its upstream. It loses
//! what the circuits have learnt, so the new process calls the upstream that is down until its circuits
//! open anew; it empties caches that could have answered meanwhile; and it comes to all pods at once.
//! Kubernetes waits longer before each further restart, up to five minutes: the outage of the upstream
//! ends, and yours does not. See also
//! [what to do if the pod restarts](crate::guide::troubleshooting#the-pod-restarts).
//!
//! # Nor the readiness probe, for most circuits
//!
//! A pod is taken out so that calls go to one that does better. All pods have the same upstream: all are
//! taken out at once, none is left, and callers meet an empty balancer in the place of the answers that
//! you have without that upstream, from a cache, by a fallback, or from all other paths. Nor does a
//! circuit close by itself: it takes a call, and to a pod that is taken out none comes.
//!
//! So a registry is *degraded* where a circuit is open, and that is 200. It is *failing*, 503, only where
//! a circuit is that was marked as critical. Mark it where both hold: without this upstream the process
//! can answer nothing, and another pod may do better, as with a sidecar, a local disk, or a replica in
//! this zone. Even then it comes back: a circuit whose open time is over counts as degraded though no call
//! has come yet, so that the balancer sends the call that closes it. Only an operator who
//! [forces it open](crate::Circuit::force_open) keeps a pod out for longer; with
//! [an end](crate::Circuit::force_open_for), for no longer than that.
//!
//! # Both probes
//!
//! ```
//! use axum::{Router, http::StatusCode, routing::get};
//! use tower_circuit_breaker::{CircuitRegistry, Health};
//!
//! fn probes(registry: CircuitRegistry) -> Router {
//!     let ready = move || async move {
//!         match registry.health() {
//!             Health::Failing => StatusCode::SERVICE_UNAVAILABLE,
//!             Health::Degraded | Health::Healthy => StatusCode::OK,
//!         }
//!     };
//!     Router::new().route("/live", get(|| async { "yes" })).route("/ready", get(ready))
//! }
//! # use axum::{body::Body, http::Request};
//! # use tower::ServiceExt;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let registry = CircuitRegistry::new();
//! registry.get_or_create("recommendations").trip();
//! # let ask = |path: &'static str| {
//! #     let call = Request::get(path).body(Body::empty()).unwrap();
//! #     let app = probes(registry.clone());
//! #     async move { app.oneshot(call).await.unwrap().status() }
//! # };
//! assert_eq!(ask("/ready").await, StatusCode::OK, "degraded");
//!
//! registry.mark_critical("sessions");
//! registry.get_or_create("sessions").trip();
//! assert_eq!(ask("/ready").await, StatusCode::SERVICE_UNAVAILABLE, "failing");
//! assert_eq!(ask("/live").await, StatusCode::OK, "a restart would not help");
//! # }
//! ```
//!
//! ```yaml
//! livenessProbe:  { httpGet: { path: /live, port: 3000 } }
//! readinessProbe: { httpGet: { path: /ready, port: 3000 }, periodSeconds: 5 }
//! ```
//!
//!
//! The admin crate's `/health` answers as `/ready` here does; without a token it tells no more than the
//! word. For HAProxy:
//!
//! ```text
//! option httpchk GET /circuits/health
//! server a 10.0.0.1:3000 check inter 2s fall 3 rise 2
//! server b 10.0.0.2:3000 check inter 2s fall 3 rise 2
//! ```
//!
//! Let an open time be longer than such a check takes to notice, `fall` times `inter`: a pod that is taken
//! out for a circuit that has closed again was taken out for nothing.
