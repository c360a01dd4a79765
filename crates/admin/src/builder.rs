//! The options of the service.

use std::net::SocketAddr;
use std::sync::Arc;

use http::Extensions;
use http::request::Parts;
use tokio::sync::Semaphore;
use tower_circuit_breaker::{CircuitGroup, CircuitRegistry};

use crate::about::About;
use crate::access::{Access, PeerOf};
use crate::actor::ActorOf;
use crate::attempts::Attempts;
use crate::audit::{Audit, AuditEntry};
use crate::dispatch::{AT_ONCE, Dispatcher};
use crate::guard::{Guard, Hosts};
use crate::history::places::History;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::override_ends::{EndsWritten, OverrideEnds};
use crate::refused::Refused;
use crate::service::Admin;
use crate::state::AdminState;
use crate::token::{Purpose, SHORTEST_TOKEN, Token, Tokens};

/// Options of [`Admin`]; see the [module docs](super) for which callers may do what.
#[derive(Debug)]
#[must_use = "a builder does nothing until it builds"]
pub struct AdminBuilder {
    registry: CircuitRegistry,
    guard: Guard,
    prefix: String,
    metrics: Option<Metrics>,
    actor: Option<ActorOf>,
    audit: Audit,
    history: Option<History>,
    about: Option<Arc<About>>,
    groups: Vec<CircuitGroup>,
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
        let peer = PeerOf(Box::new(|extensions| extensions.get().map(|Peer(address)| *address)));
        let access = Access {
            tokens: Tokens::default(),
            has_open_control: false,
            peer,
            attempts: Attempts::default(),
        };
        let guard = Guard { hosts: Hosts::Named(Vec::new()), access };
        let (prefix, metrics, audit) = (String::new(), None, Audit::default());
        Self {
            registry,
            guard,
            prefix,
            metrics,
            actor: None,
            audit,
            history: None,
            about: None,
            groups: Vec::new(),
        }
    }

    /// Lets whoever shows `Authorization: Bearer <token>` see and do everything.
    ///
    /// With any token set, whatever shows circuits needs one; the page asks its user for it. Without it
    /// there are only the page, which is empty, the description in `openapi.json`, and the overall
    /// health. Call it several times for several tokens, so that one can take the place of another
    /// without an outage. Default: none, and then nobody gives commands.
    ///
    /// Wrong tokens are counted by the peer's address; where the server gives none, all together. After
    /// ten within a minute, each further one is answered 429, and a second late, but for those that come
    /// at once: eight of one peer and 256 of all wait. The right one is let in, whatever wrong ones came
    /// before: nothing but its length keeps it from being guessed, so let it be random. How long a comparison takes tells nothing of the token but its length.
    ///
    /// # Panics
    ///
    /// When the token has fewer than 16 characters, or others than visible ASCII.
    #[track_caller]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.guard.access.tokens.add(Purpose::Steer, checked(token.into()));
        self
    }

    /// Lets callers with `Authorization: Bearer <token>` see the circuits, and give no commands.
    ///
    /// For those who look, and for what scrapes `/metrics`.
    ///
    /// It is shown what is in force and what has changed, but not which operator did it, from where and
    /// why, nor the texts of errors. Otherwise as
    /// [`token`](Self::token).
    ///
    /// # Panics
    ///
    /// When the token has fewer than 16 characters, or others than visible ASCII.
    #[track_caller]
    pub fn read_token(mut self, token: impl Into<String>) -> Self {
        self.guard.access.tokens.add(Purpose::Read, checked(token.into()));
        self
    }

    /// Lets callers on this machine give commands without a token, as long as none is set.
    ///
    /// Default: nobody does.
    ///
    /// For development. **Any proxy or sidecar on the machine is a caller on it**, and so is everyone
    /// behind it: nginx with `proxy_pass` alone adds no header by which that could be told. A request is
    /// refused where the server does not give its address ([`peer`](Self::peer)), where it carries
    /// `Forwarded`, `X-Forwarded-…`, `X-Real-IP`, `Via` or one of the headers by which the usual
    /// proxies tell of themselves, and where it was sent to another host than `localhost` or an address of the loopback.
    pub fn control_from_loopback(mut self) -> Self {
        self.guard.access.has_open_control = true;
        self
    }

    /// Names the caller that gives a command, by what a proxy in front has checked.
    ///
    /// Such as a header that a signing-in proxy sets, or the name on a client's certificate.
    ///
    /// Only where nobody can reach this service but through that: a header is easily sent. Default:
    /// nobody is known, and a name is shown as what somebody says.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_circuit_breaker::CircuitRegistry;
    /// use tower_circuit_breaker_admin::Admin;
    ///
    /// let admin = Admin::builder(CircuitRegistry::new())
    ///     .token("an-operators-secret")
    ///     .actor(|parts| Some(parts.headers.get("x-auth-user")?.to_str().ok()?.to_owned()))
    ///     .build();
    /// # let _ = admin;
    /// ```
    pub fn actor(
        mut self,
        find: impl Fn(&Parts) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.actor = Some(ActorOf(Box::new(find)));
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
    ///     .control_from_loopback()
    ///     .peer(|extensions| extensions.get().map(|ConnectInfo(address)| *address))
    ///     .build();
    /// # let _ = admin;
    /// ```
    pub fn peer(
        mut self,
        find: impl Fn(&Extensions) -> Option<SocketAddr> + Send + Sync + 'static,
    ) -> Self {
        self.guard.access.peer = PeerOf(Box::new(find));
        self
    }

    /// Serves what `encode` writes about the registry at `metrics`, as Prometheus' text.
    ///
    /// `OpenMetrics` is a form of it. Default: 404.
    ///
    /// With `tower-circuit-breaker-telemetry`, whose text remembers what it has seen:
    /// `let text = PrometheusText::new();`, and `.metrics(move |circuits| text.encode(circuits))`.
    pub fn metrics(
        mut self,
        encode: impl Fn(&CircuitRegistry) -> String + Send + Sync + 'static,
    ) -> Self {
        self.metrics = Some(Metrics::new(encode));
        self
    }

    /// Calls `listener` with each command before it is carried out.
    ///
    /// For a log that outlasts the process. A command that a fleet has not kept comes once more,
    /// [after it has failed](AuditEntry::failed).
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
    ///     .token("an-operators-secret")
    ///     // trip of "plants" by one who says "ann" from 127.0.0.1: "drill"
    ///     .on_audit(|entry| eprintln!("{entry}"))
    ///     .build();
    /// # let _ = admin;
    /// ```
    pub fn on_audit(mut self, listener: impl Fn(&AuditEntry) + Send + Sync + 'static) -> Self {
        self.audit.listener = Some(Box::new(listener));
        self
    }

    /// Serves, at `history`, what circuits did in the last five minutes and the last hour.
    ///
    /// Default: none is kept.
    ///
    /// Totals are read once a second, so calls pay nothing; a circuit takes 3 kB, which [`History`]
    /// bounds. The readings are taken by one task on the tokio runtime in which the
    /// service is [built](Self::build) or, outside of one, that the first request comes in; where neither is to be, call
    /// [`Admin::sample`] once a second. What happened while nobody read is a hole, and no zero. How long
    /// calls took is in it for circuits that keep it:
    /// [`CircuitBuilder::latency`](tower_circuit_breaker::CircuitBuilder::latency).
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_circuit_breaker::CircuitRegistry;
    /// use tower_circuit_breaker_admin::{Admin, History};
    ///
    /// let admin = Admin::builder(CircuitRegistry::new()).history(History::busiest(1_000)).build();
    /// # let _ = admin;
    /// ```
    pub fn history(mut self, history: History) -> Self {
        self.history = Some(history);
        self
    }

    /// Says which service this is, for operators who look at several. Default: nothing is said.
    pub fn about(mut self, about: About) -> Self {
        self.about = Some(Arc::new(about));
        self
    }

    /// Shows a group at `groups`, with its members that are in the registry. Default: none.
    pub fn group(mut self, group: &CircuitGroup) -> Self {
        self.groups.push(group.clone());
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

    /// Returns the service.
    #[must_use]
    pub fn build(self) -> Admin {
        let Self { registry, guard, prefix, metrics, actor, audit, history, about, groups } = self;
        let audit = Arc::new(audit);
        let ends_written = EndsWritten::new(&registry, &audit);
        let override_ends = Arc::new(OverrideEnds::new(registry.clone()));
        let refused = Refused::default();
        let state = AdminState { registry, audit, refused, override_ends, ends_written, groups };
        let state = Arc::new(state);
        let live = Arc::new(Live::new(Arc::clone(&state), history));
        live.start_history();
        let places = Arc::new(Semaphore::new(AT_ONCE));
        Admin::new(Dispatcher { guard, prefix, metrics, actor, about, live, state, places })
    }
}

/// The token, if it can be one.
#[track_caller]
fn checked(token: String) -> Token {
    let token = Token::new(token);
    assert!(
        token.is_some(),
        "the token is not shown: must have {SHORTEST_TOKEN} or more visible ASCII characters"
    );
    token.expect("asserted a line above")
}
