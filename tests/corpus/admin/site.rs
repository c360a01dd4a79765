//! The service with its circuits, and all that hears of them.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body::{Body, Frame as HttpFrame};
use tower_circuit_breaker::TracingListener;
use tower_circuit_breaker::{
    Circuit, CircuitEvent, CircuitRegistry, Interest, Listener, ManualClock,
};
use tower_circuit_breaker_admin::{Admin, AuditEntry, Peer};
use tower_circuit_breaker_telemetry::PrometheusText;
use tower_service::Service;

use super::answer::Answer;
use super::{ALLOWED_HOST, Ask, Frame, Hosts, PREFIX, READ_TOKEN, Setup, TOKEN};

pub(super) struct Site {
    pub(super) circuits: Vec<Circuit>,
    pub(super) clock: ManualClock,
    pub(super) audit: Heard<AuditEntry>,
    /// A line is logged for each.
    pub(super) events: Heard<CircuitEvent>,
    pub(super) log: Heard<u8>,
    admin: Admin,
}

/// What was heard, in order.
#[derive(Clone)]
pub(super) struct Heard<T>(Arc<Mutex<Vec<T>>>);

impl Site {
    pub(super) fn new(setup: &Setup) -> Self {
        let (clock, settings) = (ManualClock::new(), setup.settings.clone());
        let (audit, events, log) = (Heard::default(), Heard::default(), Heard::default());
        let shared = clock.clone();
        let registry = CircuitRegistry::with_template(move |builder| {
            settings.clone().build(builder).clock(shared.clone())
        });
        registry.on_event(TracingListener::new().rejections());
        registry.on_event(events.clone());
        let circuits = setup.names.iter().map(|name| registry.get_or_create(name)).collect();
        let admin = admin(setup, &registry, audit.clone());
        Self { circuits, clock, audit, events, log, admin }
    }

    pub(super) async fn ask(&self, ask: &Ask) -> Result<Answer, String> {
        let body = Pieces(ask.body.clone().into());
        let mut request = Request::new(body);
        *request.method_mut() = ask.method.clone();
        *request.uri_mut() = ask.uri.clone();
        for (name, value) in &ask.headers {
            request.headers_mut().append(name, value.clone());
        }
        if let Some(peer) = ask.peer {
            request.extensions_mut().insert(Peer(SocketAddr::new(peer, 50_000)));
        }
        let Ok(response) = self.admin.clone().call(request).await;
        Answer::read(response).await
    }
}

fn admin(setup: &Setup, registry: &CircuitRegistry, audit: Heard<AuditEntry>) -> Admin {
    let mut builder = Admin::builder(registry.clone());
    if setup.has_open_control {
        builder = builder.control_from_loopback();
    }
    builder = match setup.hosts {
        Hosts::Own => builder,
        Hosts::Named => builder.allow_host(ALLOWED_HOST),
        Hosts::Any => builder.allow_any_host(),
    };
    if setup.has_token {
        builder = builder.token(TOKEN);
    }
    if setup.has_read_token {
        builder = builder.read_token(READ_TOKEN);
    }
    if setup.has_prefix {
        builder = builder.path_prefix(PREFIX);
    }
    let text = PrometheusText::new();
    builder
        .metrics(move |circuits| text.encode(circuits))
        .on_audit(move |entry| audit.push([entry.clone()]))
        .build()
}

impl<T> Heard<T> {
    fn push(&self, news: impl IntoIterator<Item = T>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(news);
    }

    pub(super) fn take(&self) -> Vec<T> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T> Default for Heard<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl Listener for Heard<CircuitEvent> {
    fn on_event(&self, event: &CircuitEvent) {
        self.push([event.clone()]);
    }

    fn interest(&self) -> Interest {
        Interest::CHANGES | Interest::REJECTIONS
    }
}

impl Write for Heard<u8> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes.iter().copied());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A body that comes in pieces.
struct Pieces(VecDeque<Frame>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<HttpFrame<Bytes>, &'static str>>> {
        // Who has stalled stalls on.
        if let Some(Frame::Stalls) = self.0.front() {
            return Poll::Pending;
        }
        Poll::Ready(self.0.pop_front().map(|frame| match frame {
            Frame::Data(data) => Ok(HttpFrame::data(data.into())),
            Frame::Trailers => Ok(HttpFrame::trailers(HeaderMap::new())),
            Frame::Breaks | Frame::Stalls => Err("it broke"),
        }))
    }
}
