//! What is measured, called by hand.

use std::future::{Future, Ready};
use std::hint::{black_box, spin_loop};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tower::Service;
use tower_circuit_breaker::Circuit;

use crate::inner::{Failure, Inner, Load};

/// One circuit and a service around it.
pub(crate) trait Subject: Send {
    /// Makes `calls` calls, one after the other; gives how many of them succeeded.
    fn run(&mut self, calls: u32, load: Load) -> u32;

    /// Another service around the same circuit.
    fn twin(&self) -> Box<dyn Subject>;
}

/// Any service, without a box or a virtual call between the loop and itself.
#[derive(Debug)]
pub(crate) struct Around<S>(pub(crate) S);

/// `Circuit::call`, around the future of the same inner service.
#[derive(Debug)]
pub(crate) struct Calling(pub(crate) Circuit);

impl<S> Subject for Around<S>
where
    S: Service<u64> + Clone + Send + 'static,
{
    fn run(&mut self, calls: u32, load: Load) -> u32 {
        successes(calls, load, |request, cx| {
            be_ready(&mut self.0, cx);
            finish(self.0.call(request), cx)
        })
    }

    fn twin(&self) -> Box<dyn Subject> {
        Box::new(Self(self.0.clone()))
    }
}

impl Subject for Calling {
    fn run(&mut self, calls: u32, load: Load) -> u32 {
        let mut inner = Inner;
        successes(calls, load, |request, cx| {
            be_ready(&mut inner, cx);
            let future: Ready<Result<u64, Failure>> = inner.call(request);
            finish(self.0.call(future), cx)
        })
    }

    fn twin(&self) -> Box<dyn Subject> {
        Box::new(Self(self.0.clone()))
    }
}

#[inline]
fn successes<T, E>(
    calls: u32,
    load: Load,
    mut call: impl FnMut(u64, &mut Context<'_>) -> Result<T, E>,
) -> u32 {
    let mut cx = Context::from_waker(Waker::noop());
    let mut succeeded = 0;
    for index in 0..calls {
        let request = black_box(load.request(index));
        succeeded += u32::from(call(request, &mut cx).is_ok());
    }
    black_box(succeeded)
}

#[inline]
fn be_ready<S: Service<u64>>(service: &mut S, cx: &mut Context<'_>) {
    while black_box(service.poll_ready(cx).is_pending()) {
        spin_loop();
    }
}

/// Pending only where two threads meet at a lock. Polling again at once is what serves such a call
/// best: no thread has to be woken.
#[inline]
fn finish<F: Future>(future: F, cx: &mut Context<'_>) -> F::Output {
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(cx) {
            Poll::Ready(result) => return result,
            Poll::Pending => spin_loop(),
        }
    }
}
