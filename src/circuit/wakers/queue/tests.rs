use std::task::{Wake, Waker};

use crate::circuit::wakers::queue::{MOST_AHEAD, Place, Queue};
use crate::sync::Arc;

struct Asleep;

impl Wake for Asleep {
    fn wake(self: Arc<Self>) {}
}

/// A queue and the wakers of the tasks in it, by their keys from 0 on.
fn queue(size: u64) -> (Queue, Vec<Waker>) {
    let mut queue = Queue::default();
    let wakers: Vec<_> = (0..size).map(|_| Waker::from(Arc::new(Asleep))).collect();
    for (key, waker) in (0..).zip(&wakers) {
        queue.put(key, waker.clone());
    }
    (queue, wakers)
}

/// Which of the tasks is the next to be woken.
fn next(queue: &mut Queue, wakers: &[Waker]) -> Option<usize> {
    let woken = queue.wake_next()?;
    Some(wakers.iter().position(|waker| waker.will_wake(&woken)).expect("one of them"))
}

fn ahead(queue: &mut Queue, key: u64, wakers: &[Waker]) -> u32 {
    let waker = wakers.first().expect("one at least").clone();
    let (place, _) = queue.put(key, waker);
    assert_eq!(place.key, key);
    place.ahead
}

#[test]
fn the_first_to_come_is_the_first_to_be_woken() {
    let (mut queue, wakers) = queue(3);
    queue.put(0, wakers[0].clone());

    let order = [(); 4].map(|()| next(&mut queue, &wakers));

    assert_eq!(order, [Some(0), Some(1), Some(2), None]);
    assert!(!queue.is_awaited());
}

#[test]
fn who_waits_on_after_it_was_woken_keeps_its_place() {
    let (mut queue, wakers) = queue(3);
    assert_eq!(next(&mut queue, &wakers), Some(0));
    assert_eq!(next(&mut queue, &wakers), Some(1));

    queue.put(1, wakers[1].clone());
    queue.put(0, wakers[0].clone());

    assert_eq!([(); 3].map(|()| next(&mut queue, &wakers)), [Some(0), Some(1), Some(2)]);
}

#[test]
fn another_waker_of_the_same_task_takes_the_place_of_the_first() {
    let (mut queue, wakers) = queue(1);
    let other = Waker::from(Arc::new(Asleep));

    let (place, old) = queue.put(0, other.clone());

    assert_eq!(place, Place { key: 0, ahead: 0 });
    assert!(old.is_some_and(|old| old.will_wake(&wakers[0])));
    assert!(queue.wake_next().is_some_and(|woken| woken.will_wake(&other)));
    assert!(queue.wake_next().is_none());
}

#[test]
fn timekeeper_and_woken_tasks_are_answerable_and_nobody_else() {
    let (mut queue, wakers) = queue(5);
    assert_eq!(next(&mut queue, &wakers), Some(0));
    queue.put(1, wakers[1].clone());

    assert!(queue.remove(0).0, "woken");
    assert!(!queue.remove(0).0, "gone");
    assert!(!queue.remove(2).0, "asleep");
    assert!(queue.remove(1).0, "keeps the time");
    queue.put(2, wakers[2].clone());
    assert_eq!([(); 3].map(|()| next(&mut queue, &wakers)), [Some(2), Some(3), Some(4)]);
    queue.put(2, wakers[2].clone());
    queue.put(3, wakers[3].clone());
    assert!(!queue.remove(3).0, "asleep again");
    queue.put(3, wakers[3].clone());
    queue.wake_all().for_each(drop);
    assert!(queue.remove(3).0, "woken with all");
    queue.put(4, wakers[4].clone());
    assert!(queue.remove(4).0, "keeps the time");
    assert!(!queue.remove(4).0, "gone");
}

#[test]
fn a_task_that_goes_leaves_its_waker() {
    let (mut queue, wakers) = queue(2);
    assert_eq!(next(&mut queue, &wakers), Some(0));

    assert!(queue.remove(0).1.is_none(), "it was used");
    assert!(queue.remove(1).1.is_some_and(|waker| waker.will_wake(&wakers[1])));
}

#[test]
fn the_first_that_asks_keeps_the_time() {
    let (mut queue, wakers) = queue(4);
    assert_eq!(ahead(&mut queue, 0, &wakers), 0);
    assert_eq!([1, 2, 3].map(|key| ahead(&mut queue, key, &wakers)), [1, 2, 3]);

    assert_eq!(next(&mut queue, &wakers), Some(0));

    assert_eq!(ahead(&mut queue, 3, &wakers), 0, "as nobody did");
    assert_eq!(ahead(&mut queue, 2, &wakers), 0, "it came earlier");
    assert_eq!(ahead(&mut queue, 3, &wakers), 2);
    assert_eq!(ahead(&mut queue, 1, &wakers), 0);
    assert_eq!(ahead(&mut queue, 0, &wakers), 0, "it waits on");
    assert_eq!(ahead(&mut queue, 1, &wakers), 1);
}

#[test]
fn the_timekeeper_goes_before_those_that_came_earlier() {
    let (mut queue, wakers) = queue(2);
    assert_eq!(next(&mut queue, &wakers), Some(0));
    assert_eq!(ahead(&mut queue, 7, &wakers), 0);

    assert_eq!(next(&mut queue, &wakers), Some(1));
    assert_eq!(ahead(&mut queue, 8, &wakers), 1);
}

#[test]
fn all_are_woken_once_and_wait_on_in_their_order() {
    let (mut queue, wakers) = queue(3);

    let woken: Vec<_> = queue.wake_all().collect();

    assert_eq!(woken.len(), 3);
    assert!(woken.iter().zip(&wakers).all(|(woken, waker)| woken.will_wake(waker)));
    assert_eq!(queue.wake_all().count(), 0);
    for key in [2, 0, 1] {
        queue.put(key, wakers[usize::try_from(key).expect("it fits")].clone());
    }
    assert_eq!([(); 3].map(|()| next(&mut queue, &wakers)), [Some(0), Some(1), Some(2)]);
}

#[test]
fn what_stands_ahead_is_counted_up_to_a_thousand() {
    let (mut queue, wakers) = queue(1_300);

    for (key, expected) in [(999, 999), (1_000, 1_000), (1_200, 1_000), (1_299, 1_000)] {
        assert_eq!(ahead(&mut queue, key, &wakers), expected, "of task {key}");
    }
    assert_eq!(MOST_AHEAD, 1_000);
}
