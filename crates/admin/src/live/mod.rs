//! What goes on among the circuits, for all who look.
//!
//! While anybody reads the events or has asked for rows, and all the time where a history is kept, one
//! task looks at the circuits. What it finds is written once, and the same bytes are sent to all.

use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;
use tower_circuit_breaker::Health;

use crate::history::places::{History, Places};
use crate::live::frames::{Cursor, Frames, KEPT_FOR, ReaderId, Reading};
use crate::live::look::Look;
use crate::live::roster::Roster;
use crate::live::summary::Summary;
use crate::live::teller::{News, Teller};
use crate::state::AdminState;
use crate::sync::lock;

mod compact;
mod driver;
pub(crate) mod frames;
pub(crate) mod look;
mod nearest;
pub(crate) mod roster;
pub(crate) mod row;
pub(crate) mod summary;
mod teller;
mod told;

/// What is known of the circuits together, and who is told.
#[derive(Debug)]
pub(crate) struct Live {
    state: Arc<AdminState>,
    frames: Mutex<Frames>,
    roster: Mutex<Roster>,
    /// Away while somebody looks.
    teller: Mutex<Option<Teller>>,
    attention: Mutex<Attention>,
    has_history: bool,
}

/// Whether anybody wants to know.
#[derive(Debug, Default)]
struct Attention {
    /// Until when at least changes are followed.
    until: Option<Instant>,
    /// Whether there is a task that looks.
    has_task: bool,
}

/// The teller, lent to the thread that looks. It comes back also when user code panics.
struct Turn<'a> {
    live: &'a Live,
    teller: Teller,
}

impl Live {
    pub(crate) fn new(state: Arc<AdminState>, history: Option<History>) -> Self {
        Self {
            state,
            frames: Mutex::new(Frames::new()),
            has_history: history.is_some(),
            roster: Mutex::new(Roster::new(history.map(Places::new))),
            teller: Mutex::new(Some(Teller::default())),
            attention: Mutex::default(),
        }
    }

    /// One reader more, unless there are too many; it goes on after the last frame so far.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<(ReaderId, Cursor)> {
        let mut frames = lock(&self.frames);
        let entered = (frames.enter()?, frames.end());
        drop(frames);
        self.attend();
        Some(entered)
    }

    pub(crate) fn leave(self: &Arc<Self>, reader: ReaderId) {
        lock(&self.frames).leave(reader);
        self.attend();
    }

    /// What comes after `place`, and where it is gone the place to go on from.
    pub(crate) fn read(&self, place: Cursor, reader: ReaderId, waker: &Waker) -> (Reading, Cursor) {
        let mut frames = lock(&self.frames);
        let reading = frames.after(place, reader, waker);
        let next = match reading {
            Reading::Frame(_) => place.next(),
            Reading::Gone => frames.end(),
            Reading::Nothing | Reading::Over => place,
        };
        (reading, next)
    }

    /// There will be no more frames.
    pub(crate) fn end(&self) {
        let waiting = lock(&self.frames).close();
        waiting.into_iter().for_each(Waker::wake);
    }

    /// The place from which the events tell all that changes in what is looked at hereafter.
    pub(crate) fn follow(self: &Arc<Self>) -> Cursor {
        self.attend();
        let is_followed = lock(&self.roster).is_followed();
        if is_followed || self.look() {
            return lock(&self.frames).end();
        }
        // Somebody is looking for the first time just now, and may see what is not seen hereafter.
        lock(&self.frames).nowhere()
    }

    /// Looks at the circuits, unless somebody does. It runs clocks, which are user code.
    pub(crate) fn look(&self) -> bool {
        let Some(teller) = lock(&self.teller).take() else { return false };
        let mut turn = Turn { live: self, teller };
        let look = Look::at(&self.state.registry);
        let news = turn.compare(&look);
        let frames = news.frames(&look);
        let now = Instant::now();
        for (name, json) in frames {
            let waiting = lock(&self.frames).push(name, &json, now);
            waiting.into_iter().for_each(Waker::wake);
        }
        true
    }

    /// Takes a sample, if the last one is a second old.
    pub(crate) fn sample(&self) {
        let is_due = lock(&self.roster).is_due(Instant::now());
        if is_due {
            self.look();
        }
    }

    /// All circuits together, as they are now.
    pub(crate) fn summary(&self) -> Summary {
        let look = Look::at(&self.state.registry);
        let rates = lock(&self.roster).rates();
        Summary::of(
            &look,
            rates,
            look.health.unwrap_or(Health::Degraded),
            self.state.audit.written(),
        )
    }

    /// What the roster knows; no user code runs in `f`.
    pub(crate) fn know<T>(&self, f: impl FnOnce(&mut Roster) -> T) -> T {
        f(&mut lock(&self.roster))
    }

    /// How long until the next look; `None` where nobody wants to know, and then the task that asks is
    /// the task no longer.
    fn pace(&self) -> Option<Duration> {
        let mut attention = lock(&self.attention);
        let is_wanted = attention.until.is_some_and(|until| Instant::now() < until);
        if is_wanted || lock(&self.frames).has_readers() {
            return Some(TICK);
        }
        if self.has_history {
            return Some(SLOW);
        }
        attention.has_task = false;
        lock(&self.roster).forget();
        lock(&self.frames).forget();
        None
    }
}

impl Turn<'_> {
    fn compare(&mut self, look: &Look) -> News {
        let mut roster = lock(&self.live.roster);
        if !roster.is_followed() {
            self.teller.forget();
        }
        self.teller.compare(&mut roster, look, self.live.state.audit.written(), Instant::now())
    }
}

impl Drop for Turn<'_> {
    // Cannot panic: it moves a value back.
    fn drop(&mut self) {
        *lock(&self.live.teller) = Some(std::mem::take(&mut self.teller));
    }
}

/// An operator sees a change at once.
const TICK: Duration = Duration::from_millis(250);
/// Where only the history is kept.
const SLOW: Duration = Duration::from_secs(1);
/// After somebody has asked: a page that is hidden asks each ten seconds, one that has lost its line
/// comes back sooner.
const ATTENTION: Duration = Duration::from_secs(15);
const _: () = assert!(ATTENTION.as_secs() > KEPT_FOR.as_secs(), "what is kept is of use");
