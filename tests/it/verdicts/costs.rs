//! How often a body reads the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use http_body_util::BodyExt;
use tower_circuit_breaker::http::ResponseBody;
use tower_circuit_breaker::{Circuit, CircuitState, Clock, ManualClock};

use crate::script::{Script, Step, call, response};
use crate::support::ready_to_probe;

/// Counts its readings.
struct Counting {
    clock: ManualClock,
    readings: Arc<AtomicUsize>,
}

impl Clock for Counting {
    fn now(&self) -> Duration {
        self.readings.fetch_add(1, Ordering::SeqCst);
        self.clock.now()
    }
}

/// The body of a call and a count of the readings.
struct Counted {
    body: ResponseBody<Script>,
    readings: Arc<AtomicUsize>,
}

impl Counted {
    /// Of a closed circuit, and of a probe.
    fn both(steps: impl Fn() -> Vec<Step>) -> [(&'static str, Self); 2] {
        ["closed", "probe"].map(|which| {
            let (clock, readings) = (ManualClock::new(), Arc::<AtomicUsize>::default());
            let counting = Counting { clock: clock.clone(), readings: Arc::clone(&readings) };
            let circuit = Circuit::builder("api").consecutive_failures(5).clock(counting).build();
            if which == "probe" {
                ready_to_probe(&circuit, &clock);
            }
            let body = call(&circuit, response(200, Script::new(steps()))).into_body();
            assert_eq!(circuit.state() == CircuitState::HalfOpen, which == "probe");
            (which, Self { body, readings })
        })
    }

    /// The readings that a poll takes.
    fn poll(&mut self) -> usize {
        let before = self.readings.load(Ordering::SeqCst);
        let _ = self.body.frame().now_or_never();
        self.readings.load(Ordering::SeqCst) - before
    }

    /// The readings that leaving takes.
    fn leave(self) -> usize {
        let before = self.readings.load(Ordering::SeqCst);
        drop(self.body);
        self.readings.load(Ordering::SeqCst) - before
    }
}

#[test]
fn a_frame_that_is_there_at_once_reads_no_clock() {
    let ten = || (0..10).map(|_| Step::Data("rose")).chain([Step::Stall]).collect();
    for (which, mut counted) in Counted::both(ten) {
        for number in 0..10 {
            assert_eq!(counted.poll(), 0, "{which}: {number}");
        }
    }
}

#[test]
fn a_wait_reads_the_clock_once_however_often_it_is_asked() {
    let two_waits = || {
        let [frame, wait] = [|| Step::Data("rose"), || Step::Stall];
        vec![frame(), wait(), wait(), wait(), frame(), wait(), frame(), wait()]
    };
    for (which, mut counted) in Counted::both(two_waits) {
        let readings: Vec<_> = (0..7).map(|_| counted.poll()).collect();

        assert_eq!(readings, [0, 1, 0, 0, 0, 1, 0], "{which}");
    }
}

#[test]
fn leaving_reads_the_clock_once_more_where_the_reader_waits() {
    let leave = |polls: usize| {
        let steps = || vec![Step::Data("rose"), Step::Stall];
        Counted::both(steps).map(|(which, mut counted)| {
            for _ in 0..polls {
                counted.poll();
            }
            (which, counted.leave())
        })
    };

    // A judged probe is timed, whatever its reader did.
    assert_eq!(leave(1), [("closed", 0), ("probe", 1)], "a frame came last");
    assert_eq!(leave(2), [("closed", 1), ("probe", 2)], "nothing was there");
}
