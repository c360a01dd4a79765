//! The options of the service.

use std::net::SocketAddr;
use std::sync::Arc;

use http::Extensions;
use tower_circuit_breaker::CircuitRegistry;

use crate::attempts::Attempts;
use crate::audit::{Audit, AuditEntry};
use crate::dispatch::Dispatcher;
use crate::guard::{Control, Guard, Hosts, PeerOf};
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::override_ends::{EndsWritten, OverrideEnds};
use crate::service::Admin;
use crate::state::AdminState;
use crate::token::{SHORTEST_TOKEN, Token};

/// Options of [`Admin`]; see the [module docs](super) for which callers may do what.
#[derive(Debug)]
#[must_use = "a builder does nothing until it builds"]
pub struct AdminBuilder {
    registry: CircuitRegistry,
    guard: Guard,
    prefix: String,
    metrics: Option<Metrics>,
    audit: Audit,
}

/// The address of the peer, as an extension of the request: for servers that put it there.
///
/// See [`AdminBuilder::peer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a name for an address")]
pub struct Peer(pub SocketAddr);

impl Admin {
    /// Starts a service of the circuits of `registry`, which shows and does not steer.
    pub fn builder(registry: CircuitRegistry) -> AdminBuilder {
        AdminBuilder::new(registry)
    }
}

impl AdminBuilder {
    fn new(registry: CircuitRegistry) -> Self {
        let guard = Guard {
            hosts: Hosts::Named(Vec::new()),
            token: None,
            control: Control::Off,
            peer: PeerOf(Box::new(|extensions| extensions.get().map(|Peer(address)| *address))),
            attempts: Attempts::default(),
        };
        let (prefix, metrics, audit) = (String::new(), None, Audit::default());
        Self { registry, guard, prefix, metrics, audit }
    }

    /// Switches the commands on. Default: off, and each is answered with 403.
    ///
    /// With a [`token`](Self::token) they are for callers that show it. Without, they are for callers
    /// on the same machine, as far as the server gives the caller's address: see
    /// [`peer`](Self::peer). Behind a proxy on that machine every caller seems to be there: set a
    /// token.
    pub fn control(mut self) -> Self {
        if self.guard.control == Control::Off {
            self.guard.control = Control::ByLoopback;
        }
        self
    }

    /// Switches the commands on for every caller that reaches this service, where there is no token.
    ///
    /// For a service that something else guards: a proxy that asks for a password, or a private
    /// network whose members may all do everything.
    pub fn allow_unauthenticated_control(mut self) -> Self {
        self.guard.control = Control::ByAnyone;
        self
    }

    /// Asks for `Authorization: Bearer <token>` wherever circuits are shown or steered.
    ///
    /// The page asks its user for the token. Without it there are only the page, which is empty, the
    /// description in `openapi.json`, and the overall health. A peer that shows ten wrong tokens
    /// within a minute is answered 429 for the rest of it: by address where the server gives it, else
    /// all peers together. Default: none.
    ///
    /// # Panics
    ///
    /// When the token has fewer than 16 characters, or others than visible ASCII.
    #[track_caller]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        let token = Token::new(token.into());
        assert!(
            token.is_some(),
            "the token is not shown: must have {SHORTEST_TOKEN} or more visible ASCII characters"
        );
        self.guard.token = token;
        self
    }

    /// Answers requests to this host name, too, whatever the port.
    ///
    /// `localhost` and addresses are always answered, other names with 421: a foreign page that binds
    /// its own name to this address cannot use the browser of a user who can reach it.
    pub fn allow_host(mut self, name: impl Into<String>) -> Self {
        if let Hosts::Named(names) = &mut self.guard.hosts {
            names.push(name.into().trim_end_matches('.').to_ascii_lowercase());
        }
        self
    }

    /// Answers requests to any host name: where something in front of this service looks at it.
    pub fn allow_any_host(mut self) -> Self {
        self.guard.hosts = Hosts::Any;
        self
    }

    /// Tells where to find the address of the peer. Default: the extension [`Peer`].
    ///
    /// # Examples
    ///
    /// With axum and `into_make_service_with_connect_info::<SocketAddr>()`:
    ///
    /// ```
    /// use std::net::SocketAddr;
    ///
    /// use axum::extract::ConnectInfo;
    /// use tower_circuit_breaker::CircuitRegistry;
    /// use tower_circuit_breaker_admin::Admin;
    ///
    /// let admin = Admin::builder(CircuitRegistry::new())
    ///     .control()
    ///     .peer(|extensions| extensions.get().map(|ConnectInfo(address)| *address))
    ///     .build();
    /// # let _ = admin;
    /// ```
    pub fn peer(
        mut self,
        find: impl Fn(&Extensions) -> Option<SocketAddr> + Send + Sync + 'static,
    ) -> Self {
        self.guard.peer = PeerOf(Box::new(find));
        self
    }

    /// Serves what `encode` writes about the registry at `metrics`, in the text format of Prometheus
    /// (or `OpenMetrics`). Default: 404.
    ///
    /// With `tower-circuit-breaker-telemetry` that is `.metrics(PrometheusText::encode)`.
    pub fn metrics(
        mut self,
        encode: impl Fn(&CircuitRegistry) -> String + Send + Sync + 'static,
    ) -> Self {
        self.metrics = Some(Metrics::new(encode));
        self
    }

    /// Tells `listener` of each command, before it is done: for a log that outlasts the process.
    ///
    /// Log the entry by its `Display`, or its fields with what escapes them: names of circuits are not
    /// always one's own, as where there is a circuit for each host.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_circuit_breaker::CircuitRegistry;
    /// use tower_circuit_breaker_admin::Admin;
    ///
    /// let admin = Admin::builder(CircuitRegistry::new())
    ///     .control()
    ///     .on_audit(|entry| eprintln!("{entry}")) // trip of "plants" by "ann" from 127.0.0.1: "drill"
    ///     .build();
    /// # let _ = admin;
    /// ```
    pub fn on_audit(mut self, listener: impl Fn(&AuditEntry) + Send + Sync + 'static) -> Self {
        self.audit.listener = Some(Box::new(listener));
        self
    }

    /// Finds paths below `prefix`, such as `/ops`, where the router leaves that on them.
    ///
    /// Routers that nest take it off: axum's `nest_service` does, `route_service` does not.
    pub fn path_prefix(mut self, prefix: impl Into<String>) -> Self {
        let prefix = prefix.into();
        self.prefix = match prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("/{prefix}"),
        };
        self
    }

    /// The service.
    #[must_use]
    pub fn build(self) -> Admin {
        let Self { registry, guard, prefix, metrics, audit } = self;
        let audit = Arc::new(audit);
        let ends_written = EndsWritten::new(&registry, &audit);
        let override_ends = Arc::new(OverrideEnds::new(registry.clone()));
        let shows_control = guard.control != Control::Off;
        let state = AdminState { registry, audit, override_ends, shows_control, ends_written };
        let state = Arc::new(state);
        let hub = Arc::new(Hub::new(Arc::clone(&state)));
        Admin::new(Dispatcher { guard, prefix, metrics, hub, state })
    }
}
