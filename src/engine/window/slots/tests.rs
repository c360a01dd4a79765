use crate::engine::window::slots::Slots;

#[test]
fn room_grows_and_what_was_made_stays() {
    let slots = Slots::new(3);

    let small = slots.make_room(3);
    let large = slots.make_room(100);

    assert_eq!(slots.words(small).len(), 3);
    assert_eq!(slots.words(large).len(), 128);
    assert_eq!(slots.make_room(120), large);
    assert_eq!(slots.make_room(2), small);
    assert_eq!(slots.words(small).len(), 3);
}

#[test]
fn a_block_that_was_never_made_is_empty() {
    assert!(Slots::new(1).words(9).is_empty());
    assert!(Slots::new(1).words(u64::MAX).is_empty());
}
