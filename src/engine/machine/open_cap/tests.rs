use crate::engine::machine::open_cap::{GroupMemberships, OpenCap, OpenCounter};
use crate::engine::state::{CircuitState, Override, Word};
use crate::engine::time::Timestamp;
use crate::sync::Arc;

const fn word(state: CircuitState, overridden: Option<Override>) -> Word {
    Word::new(state, overridden, 0, 1)
}

const CLOSED: Word = word(CircuitState::Closed, None);
const OPEN: Word = word(CircuitState::Open, None);

const AT: Timestamp = Timestamp::ZERO;

fn seated(places: &Arc<OpenCounter>) -> GroupMemberships {
    let mut memberships = GroupMemberships::default();
    memberships.join(places, CLOSED);
    memberships
}

#[test]
fn every_cap_comes_back_from_its_bits() {
    let numbers = [1, 2, u32::MAX].map(OpenCap::number);
    let named = [OpenCap::NONE, OpenCap::half(), OpenCap::all_but_one()];

    for cap in numbers.into_iter().chain(named) {
        assert_eq!(OpenCap::from_bits(cap.to_bits()), cap);
    }
}

#[test]
fn caps_leave_one_of_any_number() {
    let limits = |cap: OpenCap| [0, 1, 2, 3, 4, 5].map(|members| cap.limit(members));

    assert_eq!(limits(OpenCap::half()), [0, 0, 1, 1, 2, 2]);
    assert_eq!(limits(OpenCap::all_but_one()), [0, 0, 1, 2, 3, 4]);
    assert_eq!(limits(OpenCap::number(3)), [0, 0, 1, 2, 3, 3]);
    assert_eq!(limits(OpenCap::NONE), [u64::MAX; 6]);
}

#[test]
fn places_are_counted_as_the_circuits_stand() {
    let half_open = word(CircuitState::HalfOpen, None);
    let observing = word(CircuitState::Open, Some(Override::Observing));
    let places = Arc::new(OpenCounter::new());
    let mut memberships = seated(&places);

    for (word, open) in
        [(OPEN, 1), (OPEN, 1), (half_open, 1), (observing, 0), (half_open, 1), (CLOSED, 0)]
    {
        memberships.update(word);
        assert_eq!(places.open(), open, "{word:?}");
    }
    memberships.update(OPEN);
    drop(memberships);
    assert_eq!(places.open(), 0);
}

#[test]
fn a_place_that_was_taken_twice_is_one() {
    let places = Arc::new(OpenCounter::new());
    places.cap_at(OpenCap::number(2));
    let mut all = [seated(&places), seated(&places), seated(&places)];

    assert!(all[0].take(CLOSED, AT) && all[0].take(CLOSED, AT));
    all[0].update(OPEN);
    assert_eq!(places.open(), 1);
    assert!(all[1].take(CLOSED, AT) && !all[2].take(CLOSED, AT));
    all[0].leave(&places);

    assert_eq!(places.open(), 1);
    assert!(!all[2].take(CLOSED, AT), "one of two is left");
}
