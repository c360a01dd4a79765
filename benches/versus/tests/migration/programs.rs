//! The programs of the guide, before and after.

macro_rules! program {
    ($name:ident, $path:literal) => {
        mod $name {
            #![expect(dead_code, reason = "`main` is for who copies the program")]

            include!(concat!("../../../../src/guide/programs/", $path));

            pub(super) async fn seen() -> Vec<&'static str> {
                outage().await
            }
        }
    };
}

program!(failsafe_before, "failsafe_before.rs");
program!(failsafe_after, "failsafe_after.rs");
program!(tower_resilience_before, "tower_resilience_before.rs");
program!(tower_resilience_after, "tower_resilience_after.rs");

/// Three answers, an outage that trips, two rejections, and after the open time answers again.
const SEEN: [&str; 10] = [
    "answered", "answered", "answered", "failed", "failed", "failed", "rejected", "rejected",
    "answered", "answered",
];

#[tokio::test]
async fn the_program_with_tower_resilience_and_the_one_after_it_see_the_same() {
    assert_eq!(tower_resilience_before::seen().await, SEEN);
    assert_eq!(tower_resilience_after::seen().await, SEEN);
}

#[tokio::test]
async fn the_program_with_failsafe_and_the_one_after_it_see_the_same() {
    assert_eq!(failsafe_before::seen().await, SEEN);
    assert_eq!(failsafe_after::seen().await, SEEN);
}
