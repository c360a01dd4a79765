//! Exchanges over HTTP, and what their bodies hold.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use tower::{Layer, Service};
use tower_circuit_breaker::http::{AtEndOfBody, ClassifyHttp, ReadBody, layer};
use tower_circuit_breaker::{
    Circuit, CircuitBreakerLayer, CircuitState, ManualClock, Outcome, Typed,
};

use crate::{LIVE_BYTES, allocations};

/// 10 GiB in frames of a MiB that are always the same.
struct TenGib {
    frames: usize,
}

impl Body for TenGib {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        static MIB: [u8; 1 << 20] = [0; 1 << 20];
        let left = self.frames.checked_sub(1);
        Poll::Ready(left.map(|left| {
            self.frames = left;
            Ok(Frame::data(Bytes::from_static(&MIB)))
        }))
    }
}

/// The most bytes that were live, and the allocations, while 10 GiB pass through `layer`.
fn pass_ten_gib<C>(layer: &CircuitBreakerLayer<C, Typed, AtEndOfBody>) -> (isize, usize)
where
    C: ClassifyHttp<TenGib, Infallible>,
{
    let mut service =
        layer.layer(tower::service_fn(|_| ready(Ok(Response::new(TenGib { frames: 10 << 10 })))));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Service::<Request<()>>::poll_ready(&mut service, &mut cx).is_ready());
    let response = match pin!(service.call(Request::new(()))).poll(&mut cx) {
        Poll::Ready(Ok(response)) => response,
        Poll::Ready(Err(_)) | Poll::Pending => panic!("it answers at once"),
    };
    let mut body = pin!(response.into_body());
    let (before, mut most) = (LIVE_BYTES.with(Cell::get), 0);
    let counted = allocations(|| {
        while let Poll::Ready(Some(_)) = body.as_mut().poll_frame(&mut cx) {
            most = most.max(LIVE_BYTES.with(Cell::get) - before);
        }
    });
    (most, counted)
}

#[test]
fn a_body_of_10_gib_passes_without_allocations() {
    let circuit = Circuit::builder("api").build();

    assert_eq!(pass_ten_gib(&layer(circuit.clone())), (0, 0));

    assert_eq!(circuit.snapshot().totals.successes, 1);
}

#[test]
fn exchanges_over_http_do_not_allocate() {
    let circuit = Circuit::builder("api").build();
    let answer = |_: Request<()>| ready(Ok::<_, Infallible>(Response::new(TenGib { frames: 1 })));
    let mut service = layer(circuit.clone()).layer(tower::service_fn(answer));
    let mut cx = Context::from_waker(Waker::noop());

    let counted = allocations(|| {
        for _ in 0..100 {
            assert!(service.poll_ready(&mut cx).is_ready());
            let Poll::Ready(Ok(response)) = pin!(service.call(Request::new(()))).poll(&mut cx)
            else {
                panic!("it answers at once");
            };
            let mut body = pin!(response.into_body());
            while let Poll::Ready(Some(_)) = body.as_mut().poll_frame(&mut cx) {}
        }
    });

    assert_eq!(counted, 0);
    assert_eq!(circuit.snapshot().totals.successes, 100);
}

#[test]
fn a_probe_allocates_once_for_its_body_and_never_for_a_frame() {
    let clock = ManualClock::new();
    let circuit = Circuit::builder("api").probes(2).clock(clock.clone()).build();
    circuit.trip();
    clock.advance(Duration::from_secs(30));
    // The first probe makes the event of the change and the room for leases.
    circuit.try_acquire().unwrap().record(Outcome::Success);
    let answer =
        |_: Request<()>| ready(Ok::<_, Infallible>(Response::new(TenGib { frames: 1000 })));
    let mut service = layer(circuit.clone()).layer(tower::service_fn(answer));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_ready());

    let mut response = None;
    let for_the_head = allocations(|| {
        response = Some(pin!(service.call(Request::new(()))).poll(&mut cx));
    });
    let Some(Poll::Ready(Ok(response))) = response else { panic!("it answers at once") };
    let mut body = pin!(response.into_body());
    let for_frames = allocations(|| {
        for _ in 0..1000 {
            assert!(body.as_mut().poll_frame(&mut cx).is_ready());
        }
    });

    assert_eq!(circuit.state(), CircuitState::HalfOpen, "its end is still to come");
    assert_eq!((for_the_head, for_frames), (1, 0));
}

#[test]
fn a_body_of_10_gib_is_read_up_to_the_limit_and_no_further() {
    let circuit = Circuit::builder("api").build();
    let reads = ReadBody::new(|_, _: &[u8]| Outcome::Ignored).limit(3 << 20);

    let (most, _) = pass_ten_gib(&layer(circuit.clone()).classify_with(reads));

    assert!((3 << 20..=6 << 20).contains(&most), "{most} bytes");
    assert_eq!(circuit.snapshot().totals.successes, 1, "its end decided");
}
