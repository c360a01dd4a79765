use crate::outbox::{Outbox, OutboxListener};
use std::sync::Arc;
use tower_circuit_breaker::Circuit;

#[test]
fn a_circuit_that_comes_back_open_is_no_news_and_its_next_trip_is() {
    let earlier = Circuit::builder("api").build();
    earlier.trip();
    let outbox = Arc::new(Outbox::default());
    let scribe = OutboxListener(Arc::clone(&outbox));

    let later = Circuit::builder("api").listener(scribe).restore(earlier.export()).build();

    assert!(outbox.take().is_empty());
    later.reset();
    later.trip();
    assert_eq!(outbox.take().len(), 1);
}
