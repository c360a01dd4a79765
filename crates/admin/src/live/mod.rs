//! What goes on among the circuits, for all who look.
//!
//! While anybody reads the events or has asked for rows, and all the time where a history is kept, one
//! task looks at the circuits. What it finds is written once, and the same bytes are sent to all.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tower_circuit_breaker::Health;

use crate::caught::unless_it_panics;
use crate::history::places::{History, Places};
use crate::live::frames::{Cursor, Frames, KEPT_FOR, ReaderId, Reading};
use crate::live::look::Look;
use crate::live::roster::Roster;
use crate::live::summary::Summary;
use crate::live::teller::{Frame, News, Teller};
use crate::state::AdminState;
use crate::sync::lock;
use crate::wall_clock::since_1970;

mod compact;
mod driver;
pub(crate) mod frames;
mod known;
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
    /// It has come back.
    is_back: Condvar,
    attention: Mutex<Attention>,
    /// For the task, when somebody wants to know who did not before.
    wake: Arc<Notify>,
    has_history: bool,
}

/// Whether anybody wants to know.
#[derive(Debug, Default)]
struct Attention {
    /// Until when at least changes are followed.
    until: Option<Instant>,
    /// Whether there is a task that looks.
    has_task: bool,
    /// Which of the tasks so far it is, and when it last went to look.
    task: u64,
    looked: Option<Instant>,
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
            roster: Mutex::new(Roster::new(history.map(Places::new), since_1970())),
            teller: Mutex::new(Some(Teller::default())),
            is_back: Condvar::new(),
            attention: Mutex::default(),
            wake: Arc::default(),
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
        let waker = lock(&self.frames).leave(reader);
        // After the lock: wakers are user code.
        drop(waker);
        self.attend();
    }

    /// What comes after `place`, and where it is gone the place to go on from.
    pub(crate) fn read(&self, place: Cursor, reader: ReaderId, waker: &Waker) -> (Reading, Cursor) {
        // Before and after the lock: wakers are user code.
        let mut waker = Some(waker.clone());
        let mut frames = lock(&self.frames);
        let reading = frames.after(place);
        if reading == Reading::Nothing {
            waker = waker.and_then(|waker| frames.wait(reader, waker));
        }
        let next = match reading {
            Reading::Frame(_) => place.next(),
            Reading::Gone => frames.end(),
            Reading::Nothing | Reading::Over => place,
        };
        drop(frames);
        drop(waker);
        (reading, next)
    }

    /// There will be no more frames.
    pub(crate) fn end(&self) {
        let mut frames = lock(&self.frames);
        frames.close();
        let waiting = frames.waiting();
        drop(frames);
        wake(waiting);
    }

    /// The place from which the events tell all that changes in what is looked at hereafter.
    pub(crate) fn follow(self: &Arc<Self>) -> Cursor {
        self.attend();
        let is_followed = lock(&self.roster).is_followed();
        if is_followed || self.look() {
            return lock(&self.frames).end();
        }
        // Somebody is looking for the first time just now, and may see what is not seen hereafter.
        self.wait_for_look();
        if lock(&self.roster).is_followed() {
            return lock(&self.frames).end();
        }
        lock(&self.frames).nowhere()
    }

    /// The place after the last frame so far.
    pub(crate) fn place(&self) -> Cursor {
        lock(&self.frames).end()
    }

    /// Waits until nobody looks any longer, for a second at most.
    fn wait_for_look(&self) {
        let teller = lock(&self.teller);
        let waited = self.is_back.wait_timeout_while(teller, FIRST_LOOK, |away| away.is_none());
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Looks at the circuits, unless somebody does. It runs clocks, which are user code.
    pub(crate) fn look(&self) -> bool {
        let Some(teller) = lock(&self.teller).take() else { return false };
        let mut turn = Turn { live: self, teller };
        let look = Look::at(&self.state.registry);
        let news = turn.compare(&look);
        let frames = news.frames(&look);
        let now = Instant::now();
        if !frames.is_empty() {
            self.push(&frames, now);
        }
        true
    }

    /// All frames of a look, and then those who wait: whatever becomes of one of them.
    fn push(&self, new: &[Frame], now: Instant) {
        let mut frames = lock(&self.frames);
        for (name, json) in new {
            frames.push(name, json, now);
        }
        let waiting = frames.waiting();
        drop(frames);
        wake(waiting);
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

    pub(crate) const fn has_history(&self) -> bool {
        self.has_history
    }

    /// What the roster knows; no user code runs in `f`.
    pub(crate) fn know<T>(&self, f: impl FnOnce(&mut Roster) -> T) -> T {
        f(&mut lock(&self.roster))
    }

    /// How long until the next look; `None` where nobody wants to know, and then the task that asks is
    /// the task no longer.
    fn pace(&self, task: u64) -> Option<Duration> {
        let mut attention = lock(&self.attention);
        if attention.task != task {
            // Another has taken its place.
            return None;
        }
        attention.looked = Some(Instant::now());
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
        self.live.is_back.notify_all();
    }
}

/// A waker that panics takes nothing from the others.
fn wake(waiting: Vec<Waker>) {
    for waker in waiting {
        let _ = unless_it_panics(|| waker.wake());
    }
}

/// A first look takes some milliseconds, unless a clock stands still.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// An operator sees a change at once.
const TICK: Duration = Duration::from_millis(250);
/// Where only the history is kept.
const SLOW: Duration = Duration::from_secs(1);
/// After somebody has asked: a page that is hidden asks each ten seconds, one that has lost its line
/// comes back sooner.
const ATTENTION: Duration = Duration::from_secs(15);
const _: () = assert!(ATTENTION.as_secs() > KEPT_FOR.as_secs(), "what is kept is of use");
