//! Calls through the layer, judged by the user's classifier.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tower_layer::Layer;
use tower_service::Service;

use crate::answer::Gate;
use crate::conformance::samples::Samples;
use crate::conformance::subject::{CallInFlight, NotAdmitted, Subject};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tower_circuit_breaker::{
    Circuit, CircuitBreaker, CircuitBreakerLayer, Classify, Error, ErrorRef, Outcome,
};

/// Calls through the layer around a service that answers when it is told to.
pub(super) struct Layered<C, T, E> {
    service: Around<C, T, E>,
    readied: Option<Around<C, T, E>>,
    reached: Arc<AtomicU64>,
}

impl<C, T: 'static, E: 'static> Layered<C, T, E>
where
    C: Classify<T, E> + 'static,
{
    pub(super) fn new(circuit: &Circuit, samples: &Arc<Samples<C, T, E>>) -> Self {
        let reached = Arc::new(AtomicU64::new(0));
        let upstream = Upstream::new(Arc::clone(samples), Arc::clone(&reached));
        let classify = Arc::clone(&samples.classify);
        let layer =
            CircuitBreakerLayer::new(circuit.clone()).classify_with(SharedClassifier(classify));
        Self { service: layer.layer(upstream), readied: None, reached }
    }

    /// Makes a call on a clone, as each request of a client does.
    fn call(&self, request: Request) -> Result<Flight<C, T, E>, NotAdmitted> {
        let mut service = self.service.clone();
        ready(&mut service).map_err(NotAdmitted::Wrongly)?;
        self.call_on(&mut service, request)
    }

    fn call_on(
        &self,
        service: &mut Around<C, T, E>,
        request: Request,
    ) -> Result<Flight<C, T, E>, NotAdmitted> {
        let wrongly = |what: &str| NotAdmitted::Wrongly(what.to_owned());
        // SeqCst: nobody measures this.
        let before = self.reached.load(Ordering::SeqCst);
        let mut flight = Box::pin(service.call(request));
        if service.get_ref().was_called_unready {
            return Err(wrongly("the inner service was called without having been seen ready"));
        }
        let cx = &mut Context::from_waker(Waker::noop());
        match self.reached.load(Ordering::SeqCst) - before {
            1 => Ok(flight),
            0 => match flight.as_mut().poll(cx) {
                Poll::Ready(Err(Error::Rejected(rejected))) => Err(NotAdmitted::Rejected(rejected)),
                _ => Err(wrongly("the inner service was not called, and the call not rejected")),
            },
            _ => Err(wrongly("one call called the inner service twice")),
        }
    }
}

/// The user's classifier, which the samples hold, too.
pub(super) struct SharedClassifier<C>(Arc<C>);

impl<C> Clone for SharedClassifier<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C: Classify<T, E>, T, E> Classify<T, E> for SharedClassifier<C> {
    fn classify(&self, result: &Result<T, E>) -> Outcome {
        self.0.classify(result)
    }

    fn error_ref<'e>(&self, error: &'e E) -> Option<ErrorRef<'e>> {
        self.0.error_ref(error)
    }
}

type Around<C, T, E> = CircuitBreaker<Upstream<C, T, E>, SharedClassifier<C>>;

/// Asks `service` until it is ready, which is to be at once: its inner one always is.
fn ready<C, T, E>(service: &mut Around<C, T, E>) -> Result<(), String>
where
    C: Classify<T, E>,
{
    match service.poll_ready(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(())) => Ok(()),
        Poll::Ready(Err(_)) => Err("the layer is ready with an error".to_owned()),
        Poll::Pending => Err("the layer is not ready, while its inner service is".to_owned()),
    }
}

type Flight<C, T, E> =
    Pin<Box<<CircuitBreaker<Upstream<C, T, E>, SharedClassifier<C>> as Service<Request>>::Future>>;

impl<C, T: 'static, E: 'static> Subject for Layered<C, T, E>
where
    C: Classify<T, E> + 'static,
{
    fn begin(&mut self, sample: usize) -> Result<Box<dyn CallInFlight>, NotAdmitted> {
        let gate = Gate::new();
        let flight = self.call(Request { end: RequestEnd::Sample(sample), gate: gate.clone() })?;
        Ok(Box::new(HeldCall { flight, gate }))
    }

    fn ready(&mut self) -> bool {
        let mut service = self.service.clone();
        // A service that is not ready is noticed where it is called.
        let is_ready = ready(&mut service).is_ok();
        self.readied = Some(service);
        is_ready
    }

    fn begin_readied(&mut self, sample: usize) -> Result<Box<dyn CallInFlight>, NotAdmitted> {
        let Some(mut service) = self.readied.take() else { return self.begin(sample) };
        let gate = Gate::new();
        let request = Request { end: RequestEnd::Sample(sample), gate: gate.clone() };
        let flight = self.call_on(&mut service, request)?;
        Ok(Box::new(HeldCall { flight, gate }))
    }

    fn panic(&mut self) -> Result<bool, NotAdmitted> {
        let gate = Gate::new();
        gate.open();
        let mut flight = self.call(Request { end: RequestEnd::Panic, gate })?;
        let cx = &mut Context::from_waker(Waker::noop());
        let polled = catch_unwind(AssertUnwindSafe(|| flight.as_mut().poll(cx).is_ready()));
        Ok(polled.is_err())
    }
}

struct HeldCall<C: Classify<T, E>, T: 'static, E: 'static> {
    flight: Flight<C, T, E>,
    gate: Gate,
}

impl<C: Classify<T, E>, T, E> CallInFlight for HeldCall<C, T, E> {
    fn finish(mut self: Box<Self>) -> Result<(), String> {
        self.gate.open();
        let cx = &mut Context::from_waker(Waker::noop());
        match self.flight.as_mut().poll(cx) {
            Poll::Ready(Ok(_) | Err(Error::Inner(_))) => Ok(()),
            Poll::Ready(Err(_)) => Err("an admitted call ended with a rejection".to_owned()),
            Poll::Pending => Err("the inner call has ended, and the call has not".to_owned()),
        }
    }
}

/// A request says how it will end.
#[derive(Debug)]
pub(super) struct Request {
    end: RequestEnd,
    gate: Gate,
}

#[derive(Debug, Clone, Copy)]
enum RequestEnd {
    Sample(usize),
    Panic,
}

/// Always ready; counts what reaches it.
pub(super) struct Upstream<C, T, E> {
    samples: Arc<Samples<C, T, E>>,
    reached: Arc<AtomicU64>,
    is_ready: bool,
    was_called_unready: bool,
}

impl<C, T, E> Upstream<C, T, E> {
    fn new(samples: Arc<Samples<C, T, E>>, reached: Arc<AtomicU64>) -> Self {
        Self { samples, reached, is_ready: false, was_called_unready: false }
    }
}

impl<C, T, E> Clone for Upstream<C, T, E> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.samples), Arc::clone(&self.reached))
    }
}

impl<C, T, E> Service<Request> for Upstream<C, T, E> {
    type Response = T;
    type Error = E;
    type Future = Answering<C, T, E>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.was_called_unready |= !std::mem::take(&mut self.is_ready);
        self.reached.fetch_add(1, Ordering::SeqCst);
        Answering { samples: Arc::clone(&self.samples), request }
    }
}

pub(super) struct Answering<C, T, E> {
    samples: Arc<Samples<C, T, E>>,
    request: Request,
}

impl<C, T, E> Future for Answering<C, T, E> {
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.request.gate.is_open() {
            return Poll::Pending;
        }
        match self.request.end {
            RequestEnd::Sample(sample) => Poll::Ready(self.samples.make(sample)),
            RequestEnd::Panic => resume_unwind(Box::new(())),
        }
    }
}
