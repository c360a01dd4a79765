use std::convert::Infallible;
use std::time::Duration;

use http::Response;

use crate::circuit::Circuit;
use crate::http::classify::BodyErrorsAsFailures;
use crate::http::judging::{Course, Judging};
use crate::http::watch::Watch;

fn watch(circuit: &Circuit) -> Watch<BodyErrorsAsFailures> {
    let permit = circuit.try_acquire().expect("the call is admitted");
    let shape = Course::of(&Response::new(()));
    Watch::new(Judging::new::<Infallible>(permit, BodyErrorsAsFailures, None, shape))
}

#[test]
fn a_lock_is_taken_for_probes_alone() {
    let circuit = Circuit::builder("api").build();

    assert!(matches!(watch(&circuit), Watch::Own(Some(_))), "a call of a closed circuit");
    circuit.observe();
    circuit.trip();
    assert!(matches!(watch(&circuit), Watch::Own(Some(_))), "a call that is only observed");
    circuit.release();
    circuit.trip_for(Duration::ZERO);
    assert!(matches!(watch(&circuit), Watch::Shared(_)), "a probe");
}
