use crate::engine::state::{CircuitState, Override, Tag, Word};

#[test]
fn word_gives_back_what_was_put_in() {
    for state in [CircuitState::Closed, CircuitState::Open, CircuitState::HalfOpen] {
        for overridden in [
            None,
            Some(Override::ForcedOpen),
            Some(Override::ForcedClosed),
            Some(Override::Observing),
        ] {
            let word = Word::new(state, overridden, Word::TIMED | Word::CALL_EVENTS, 77);

            assert_eq!(word.state(), state, "{word:?}");
            assert_eq!(word.overridden(), overridden, "{word:?}");
            assert_eq!(word.epoch(), 77, "{word:?}");
            assert!(word.has(Word::TIMED) && !word.has(Word::REJECTION_EVENTS), "{word:?}");
        }
    }
}

#[test]
fn tags_of_neighbouring_epochs_differ() {
    let word = Tag::of(65_536 + 7).mark(99);

    assert_eq!(Tag::on(word), Tag::of(7));
    assert_ne!(Tag::on(word), Tag::of(8));
    assert_eq!(Tag::strip(word), 99);
}
