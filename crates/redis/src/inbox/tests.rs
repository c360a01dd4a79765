use super::{Inbox, LONGEST_MESSAGE, MOST, MOST_BYTES, Pushed};

fn message(bytes: usize) -> Pushed {
    Pushed::Message(vec![b' '; bytes])
}

#[test]
fn a_message_that_is_too_long_is_counted_and_not_kept() {
    let (inbox, mut pushed) = Inbox::new();

    inbox.put(1, message(LONGEST_MESSAGE + 1));
    inbox.put(1, message(LONGEST_MESSAGE));

    assert!(
        matches!(pushed.try_recv().unwrap().what, Pushed::Message(it) if it.len() == LONGEST_MESSAGE)
    );
    assert!(pushed.try_recv().is_err());
    assert_eq!((inbox.oversized(), inbox.lagged()), (1, 0));
}

#[test]
fn what_waits_is_bounded_by_its_bytes_and_takes_room_only_while_it_waits() {
    let (inbox, mut pushed) = Inbox::new();
    let most = MOST_BYTES / LONGEST_MESSAGE;

    for round in 1..=3 {
        for _ in 0..2 * most {
            inbox.put(1, message(LONGEST_MESSAGE));
        }
        let mut kept = 0;
        while pushed.try_recv().is_ok() {
            kept += 1;
        }

        assert_eq!(kept, most, "round {round}");
        assert_eq!(inbox.lagged(), round * u64::try_from(most).unwrap());
    }
}

#[test]
fn what_waits_is_bounded_by_its_number() {
    let (inbox, _pushed) = Inbox::new();

    for _ in 0..MOST + 3 {
        inbox.put(1, message(1));
    }
    inbox.put(1, Pushed::Disconnected);

    assert_eq!(inbox.lagged(), 4);
}
