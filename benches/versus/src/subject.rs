//! A service under measurement, called by hand.

use std::future::Future;
use std::hint::{black_box, spin_loop};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tower::Service;

use crate::inner::Load;

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

impl<S> Subject for Around<S>
where
    S: Service<u64> + Clone + Send + 'static,
{
    fn run(&mut self, calls: u32, load: Load) -> u32 {
        let mut cx = Context::from_waker(Waker::noop());
        let mut succeeded = 0;
        for index in 0..calls {
            let request = black_box(load.request(index));
            while black_box(self.0.poll_ready(&mut cx).is_pending()) {
                spin_loop();
            }
            let mut call = pin!(self.0.call(request));
            // Pending only where two threads meet at a lock. Polling again at once is what serves
            // such a service best: no thread has to be woken.
            let result = loop {
                match call.as_mut().poll(&mut cx) {
                    Poll::Ready(result) => break result,
                    Poll::Pending => spin_loop(),
                }
            };
            succeeded += u32::from(result.is_ok());
        }
        black_box(succeeded)
    }

    fn twin(&self) -> Box<dyn Subject> {
        Box::new(Self(self.0.clone()))
    }
}
