use crate::engine::machine::probes::ProbeId;
use crate::engine::state::{CircuitState, Override, Word};
use crate::engine::ticket::{Role, Ticket};
use crate::engine::time::Timestamp;

const NOW: Timestamp = Timestamp::from_nanos(7);

#[test]
fn a_ticket_knows_its_epoch_whatever_the_flags_are() {
    for epoch in [1, 2, 0xffff, 0xffff_ffff] {
        let word = Word::new(CircuitState::Closed, None, Word::TIMED, epoch);
        let ticket = Ticket::new(word, NOW);
        let overridden = Some(Override::Observing);
        let flagged = Word::new(CircuitState::Closed, overridden, Word::CALL_EVENTS, epoch);
        let next = Word::new(CircuitState::Closed, None, Word::TIMED, epoch + 1);

        assert!(ticket.is_of(word) && ticket.is_of(flagged), "epoch {epoch}");
        assert!(!ticket.is_of(next), "epoch {epoch}");
    }
}

#[test]
fn a_ticket_knows_its_role() {
    let closed = Word::new(CircuitState::Closed, None, 0, 3);
    let half_open = Word::new(CircuitState::HalfOpen, None, 0, 3);
    let probe = ProbeId::FIRST.next();
    let probing = Ticket::new(half_open, NOW).probing(probe);

    assert_eq!(Ticket::new(closed, NOW).role(), Role::Call);
    assert_eq!(Ticket::new(half_open, NOW).role(), Role::Observed);
    assert_eq!(probing.role(), Role::Probe(probe));
    assert!(probing.is_of(half_open) && probing.is_probe() && probing.is_timed());
    assert!(!Ticket::new(closed, NOW).is_timed());
}
