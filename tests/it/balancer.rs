//! Two processes behind a balancer that obeys `/health`.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::Request;
use http_body_util::Empty;
use tower::ServiceExt;
use tower_circuit_breaker::{
    Circuit, CircuitBuilder, CircuitRegistry, CircuitState, ManualClock, Outcome,
};
use tower_circuit_breaker_admin::Admin;

use crate::support::{FAILURE, SECOND};

/// A process: its circuit, and the health that it answers.
struct Pod {
    circuit: Circuit,
    admin: Admin,
    served: u32,
}

impl Pod {
    fn new(clock: &ManualClock, set: fn(CircuitBuilder) -> CircuitBuilder) -> Self {
        let circuit = set(Circuit::builder("upstream")).clock(clock.clone()).build();
        let registry = CircuitRegistry::new();
        registry.insert(&circuit).unwrap();
        let admin = Admin::builder(registry).build();
        Self { circuit, admin, served: 0 }
    }

    /// What `/health` answers.
    fn health(&self) -> u16 {
        let request = Request::get("/health").header("host", "localhost");
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let answer = self.admin.clone().oneshot(request).now_or_never().expect("at once");
        answer.unwrap().status().as_u16()
    }

    /// One call; whether it was answered.
    fn call(&mut self, outcome: Outcome) -> bool {
        let admitted = self.circuit.try_acquire().map(|permit| permit.record(outcome));
        let is_served = admitted.is_ok() && outcome == Outcome::Success;
        self.served += u32::from(is_served);
        is_served
    }
}

/// What came of ten minutes in which the upstream was down for the second.
struct Seen {
    pods: Vec<Pod>,
    /// Seconds in which a circuit rejected and its health was 503.
    taken_out: u32,
    /// Calls of the last five minutes that were not answered.
    lost: u32,
}

/// Ten calls a second, each to a process whose health is 200 if there is one, in turn.
fn ten_minutes(set: fn(CircuitBuilder) -> CircuitBuilder) -> Seen {
    let clock = ManualClock::new();
    let mut pods = vec![Pod::new(&clock, set), Pod::new(&clock, set)];
    let (mut taken_out, mut lost) = (0, 0);
    for second in 0..600 {
        let healths: Vec<u16> = pods.iter().map(Pod::health).collect();
        let rejecting = pods
            .iter()
            .zip(&healths)
            .filter(|(pod, health)| pod.circuit.state() == CircuitState::Open && **health == 503);
        taken_out += u32::from(rejecting.count() > 0);
        let is_down = (60..120).contains(&second);
        for call in 0..10_usize {
            let in_rotation: Vec<usize> =
                (0..pods.len()).filter(|pod| healths[*pod] == 200).collect();
            let pod = in_rotation.get(call % in_rotation.len().max(1));
            let outcome = if is_down { FAILURE } else { Outcome::Success };
            let is_served = pod.is_some_and(|pod| pods[*pod].call(outcome));
            lost += u32::from(second >= 300 && !is_served);
            clock.advance(SECOND / 10);
        }
        if second == 299 {
            pods.iter_mut().for_each(|pod| pod.served = 0);
        }
    }
    Seen { pods, taken_out, lost }
}

#[test]
fn after_a_blip_both_processes_serve_again() {
    let Seen { pods, taken_out, lost } = ten_minutes(|b| b);

    assert!(pods.iter().all(|pod| pod.circuit.state() == CircuitState::Closed));
    assert!(pods.iter().all(|pod| pod.served == 1_500), "each half of the calls");
    assert_eq!((taken_out, lost), (0, 0), "no process was taken out");
}

#[test]
fn where_the_circuit_is_critical_they_are_taken_out_and_come_back() {
    let Seen { pods, taken_out, lost } = ten_minutes(|b| b.critical());

    assert!(taken_out > 0, "its health was 503 while it rejected");
    assert!(pods.iter().all(|pod| pod.circuit.state() == CircuitState::Closed));
    assert!(pods.iter().all(|pod| pod.served == 1_500), "each half of the calls");
    assert_eq!(lost, 0);
}

#[test]
fn where_a_minute_is_short_of_the_open_time_a_critical_one_comes_back_by_it() {
    let Seen { pods, lost, .. } = ten_minutes(|b| b.critical().open_for(Duration::from_secs(150)));

    assert!(pods.iter().all(|pod| pod.circuit.state() == CircuitState::Closed));
    assert_eq!(lost, 0);
}
