//! Race models of the last failure's text; see `engine::explore`.

use crate::engine::explore::{Depth, explore, race};
use crate::engine::outcome::FailureKind;
use crate::engine::record::kinds::KindCounts;
use crate::engine::time::Timestamp;
use crate::sync::Arc;

const EARLIER: Timestamp = Timestamp::from_nanos(64);
const LATER: Timestamp = Timestamp::from_nanos(128);

fn begun() -> Arc<KindCounts> {
    let kinds = KindCounts::new();
    kinds.keep_text(Vec::new());
    Arc::new(kinds)
}

fn fail(kinds: &KindCounts, at: Timestamp, text: &str) {
    let last = kinds.text().expect("it keeps texts");
    let held = last.hold();
    kinds.add(FailureKind::OTHER, at);
    held.keep(at, Some(text.into()));
}

fn text(kinds: &KindCounts) -> Option<Arc<str>> {
    kinds.text_at(kinds.last()?.1)
}

/// Two calls fail at once: the text is that of the one that ended later.
#[test]
fn two_failures_with_texts_at_once() {
    explore(Depth::Every, 2, &["lost-text"], || {
        let kinds = begun();
        let (a, b) = (Arc::clone(&kinds), Arc::clone(&kinds));
        race(move || fail(&a, EARLIER, "earlier"), move || fail(&b, LATER, "later"));
        assert_eq!(text(&kinds).as_deref(), Some("later"));
    });
}

/// A call fails with an error, and one without: no text stands for the one without.
#[test]
fn a_failure_without_a_text_at_once() {
    explore(Depth::Every, 2, &["old-text"], || {
        let kinds = begun();
        let (a, b) = (Arc::clone(&kinds), Arc::clone(&kinds));
        race(
            move || fail(&a, EARLIER, "earlier"),
            move || {
                b.add(FailureKind::OTHER, LATER);
                // Meanwhile, too.
                assert_eq!(text(&b), None);
            },
        );
        assert_eq!(text(&kinds), None);
    });
}
