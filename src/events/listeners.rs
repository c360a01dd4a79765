//! Delivers events to listeners: each change once, in order, outside every lock.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use crate::engine::time::Timestamp;
use crate::events::event::{CircuitEvent, Interest, Listener, ListenerFaults};
use crate::events::handle::ListenerId;
use crate::events::history::{History, Readers};
use crate::sync::catch_panic::catch_panic;
use crate::sync::{Arc, AtomicU64, Mutex, OnceLock, Ordering, lock};

pub(crate) mod slot;

/// The listeners of one circuit.
#[derive(Debug)]
pub(crate) struct Listeners {
    roster: Mutex<Roster>,
    /// Made at the first change, or for the first subscription: most circuits have had neither.
    history: OnceLock<Arc<History>>,
    panics: AtomicU64,
    missed: AtomicU64,
}

#[derive(Debug)]
struct Roster {
    entries: Arc<[Arc<ListenerEntry>]>,
    /// The number of the change to deliver next.
    next: u64,
    /// Changes that came before one with a lower number: their threads overtook its thread.
    early: BTreeMap<u64, Vec<CircuitEvent>>,
}

/// Makes a listener that logs changes.
pub(crate) type MakeLog = fn() -> Box<dyn Listener>;

struct ListenerEntry {
    /// `None` for the log that is made at the first change.
    id: Option<ListenerId>,
    listener: Box<dyn Listener>,
    interest: Interest,
    /// Whether it gives way to another log.
    is_log: bool,
    inbox: Mutex<Inbox>,
}

#[derive(Debug, Default)]
struct Inbox {
    waiting: VecDeque<CircuitEvent>,
    /// A thread is calling the listener, and will go on until no event waits.
    is_attended: bool,
}

/// How many changes of one circuit are kept for a listener that does not return; at one trip and
/// recovery a minute, eight hours of them. That the circuit comes or goes is kept whatever waits:
/// what a listener keeps for a circuit that is gone would never go.
const LONGEST_INBOX: usize = 1024;

/// How many events of one circuit are kept in its history.
const KEPT_EVENTS: usize = 256;

thread_local! {
    /// This thread is delivering a call or a rejection. Calls that the listener makes meanwhile are
    /// not delivered: a listener that makes a call would be called for it, and so on without end.
    static TELLING: Cell<bool> = const { Cell::new(false) };
}

impl Listeners {
    pub(crate) fn new() -> Self {
        let roster = Roster { entries: Arc::new([]), next: 1, early: BTreeMap::new() };
        let (panics, missed) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { roster: Mutex::new(roster), history: OnceLock::new(), panics, missed }
    }

    /// Adds a listener, unless it is here already. The event that `added` makes waits for it, if it
    /// asks for that. `publish` is told the interest of all; both run under the lock.
    pub(crate) fn add(
        &self,
        id: ListenerId,
        listener: Box<dyn Listener>,
        added: impl FnOnce() -> CircuitEvent,
        publish: impl FnOnce(Interest),
    ) {
        // User code, so before the lock.
        let (interest, is_log) = (listener.interest(), listener.is_log());
        let entry = ListenerEntry::new(Some(id.clone()), listener, interest, is_log);
        self.change(|entries| {
            if let Some(own) = entries.iter().find(|entry| entry.is(&id)) {
                own.put_presence(added);
                return Arc::from(entries);
            }
            // Every change that `added` does not see goes to the inbox behind it.
            entry.put_presence(added);
            let kept = entries.iter().filter(|other| !(is_log && other.is_log)).cloned();
            publish_all(kept.chain([Arc::clone(&entry)]).collect(), publish)
        });
    }

    /// The event that `removed` makes waits for the listener, if it is here and asks for that.
    pub(crate) fn put_presence(&self, id: &ListenerId, removed: impl FnOnce() -> CircuitEvent) {
        let roster = lock(&self.roster);
        if let Some(entry) = roster.entries.iter().find(|entry| entry.is(id)) {
            entry.put_presence(removed);
        }
    }

    /// Removes a listener, and returns whether it was there. `publish` is told the interest of all
    /// others, under the lock.
    pub(crate) fn remove(&self, id: &ListenerId, publish: impl FnOnce(Interest)) -> bool {
        let before = self.change(|entries| {
            let kept = entries.iter().filter(|entry| !entry.is(id)).cloned();
            publish_all(kept.collect(), publish)
        });
        let Some(removed) = before.iter().find(|entry| entry.is(id)) else { return false };
        lock(&removed.inbox).waiting.clear();
        true
    }

    /// Replaces all listeners, and returns those before: the drop of a listener is user code, and
    /// comes after the lock.
    fn change(
        &self,
        change: impl FnOnce(&[Arc<ListenerEntry>]) -> Arc<[Arc<ListenerEntry>]>,
    ) -> Arc<[Arc<ListenerEntry>]> {
        let mut roster = lock(&self.roster);
        let new = change(&roster.entries);
        std::mem::replace(&mut roster.entries, new)
    }

    /// Puts the events of change `number` into history and inboxes, once those of all changes
    /// before it are there, and wakes the subscriptions that wait for them. No other user code
    /// runs. Where no listener logs yet, the one that `log` makes does: made at the first change,
    /// for most circuits have had none.
    pub(crate) fn deposit(
        &self,
        number: u64,
        events: Vec<CircuitEvent>,
        now: Timestamp,
        log: Option<MakeLog>,
    ) {
        let mut roster = lock(&self.roster);
        if number != roster.next {
            roster.early.insert(number, events);
            return;
        }
        let is_logged = || roster.entries.iter().any(|entry| entry.is_log);
        if let Some(make) = log.filter(|_| !is_logged()) {
            let log = ListenerEntry::new(None, make(), Interest::CHANGES, true);
            roster.entries = [log].into_iter().chain(roster.entries.iter().cloned()).collect();
        }
        let (mut next, mut readers) = (Some(events), Vec::new());
        while let Some(events) = next {
            readers.push(self.history().push(&events, now));
            let missed = roster.deliver(events);
            // Relaxed: a number for snapshots; nothing is decided by it.
            self.missed.fetch_add(missed, Ordering::Relaxed);
            let number = roster.next;
            next = roster.early.remove(&number);
        }
        drop(roster);
        readers.into_iter().for_each(Readers::wake);
    }

    pub(crate) fn history(&self) -> &Arc<History> {
        self.history.get_or_init(|| Arc::new(History::new(KEPT_EVENTS)))
    }

    /// Delivers to all listeners the events that wait for them.
    pub(crate) fn attend(&self) {
        let entries = Arc::clone(&lock(&self.roster).entries);
        for entry in &*entries {
            entry.attend(&self.panics);
        }
    }

    /// Delivers a call or a rejection at once, unless a listener made it.
    pub(crate) fn tell_now(&self, event: &CircuitEvent) {
        if TELLING.replace(true) {
            return;
        }
        let entries = Arc::clone(&lock(&self.roster).entries);
        for entry in entries.iter().filter(|entry| entry.interest.contains(event.interest())) {
            entry.tell(event, &self.panics);
        }
        TELLING.set(false);
    }

    pub(crate) fn faults(&self) -> ListenerFaults {
        // Relaxed: each is a number by itself.
        let [panics, missed] = [&self.panics, &self.missed].map(|n| n.load(Ordering::Relaxed));
        ListenerFaults { panics, missed }
    }
}

/// Publishes the interest of `entries`, and returns them.
fn publish_all(
    entries: Arc<[Arc<ListenerEntry>]>,
    publish: impl FnOnce(Interest),
) -> Arc<[Arc<ListenerEntry>]> {
    publish(entries.iter().fold(Interest::CHANGES, |all, entry| all | entry.interest));
    entries
}

impl Drop for Listeners {
    // Cannot panic: panics of wakers are caught.
    fn drop(&mut self) {
        if let Some(history) = self.history.get() {
            history.end();
        }
    }
}

impl Roster {
    /// Puts the events of the next change into the inboxes; returns how many did not fit.
    fn deliver(&mut self, events: Vec<CircuitEvent>) -> u64 {
        self.next = self.next.wrapping_add(1);
        let mut missed = 0;
        for event in events {
            let interested =
                |entry: &&Arc<ListenerEntry>| entry.interest.contains(event.interest());
            for entry in self.entries.iter().filter(interested) {
                missed += u64::from(!lock(&entry.inbox).put(event.clone()));
            }
        }
        missed
    }
}

impl ListenerEntry {
    fn new(
        id: Option<ListenerId>,
        listener: Box<dyn Listener>,
        interest: Interest,
        is_log: bool,
    ) -> Arc<Self> {
        Arc::new(Self { id, listener, interest, is_log, inbox: Mutex::new(Inbox::default()) })
    }

    fn is(&self, id: &ListenerId) -> bool {
        self.id.as_ref().is_some_and(|own| own.is(id))
    }

    fn put_presence(&self, event: impl FnOnce() -> CircuitEvent) {
        if self.interest.contains(Interest::PRESENCE) {
            lock(&self.inbox).waiting.push_back(event());
        }
    }

    /// Delivers the events that wait for the listener, unless another thread is doing so.
    fn attend(&self, panics: &AtomicU64) {
        {
            let mut inbox = lock(&self.inbox);
            if inbox.is_attended {
                return;
            }
            inbox.is_attended = true;
        }
        loop {
            // The lock ends with this statement, before the listener is called.
            let next = lock(&self.inbox).take();
            let Some(event) = next else { return };
            self.tell(&event, panics);
        }
    }

    fn tell(&self, event: &CircuitEvent, panics: &AtomicU64) {
        if !catch_panic(|| self.listener.on_event(event)) {
            // Relaxed: a number for snapshots; nothing is decided by it.
            panics.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Inbox {
    /// Adds an event; returns whether there was room.
    fn put(&mut self, event: CircuitEvent) -> bool {
        let has_room = self.waiting.len() < LONGEST_INBOX;
        if has_room {
            self.waiting.push_back(event);
        }
        has_room
    }

    /// Takes the next event; when there is none, no thread attends to the inbox any more.
    fn take(&mut self) -> Option<CircuitEvent> {
        let event = self.waiting.pop_front();
        self.is_attended = event.is_some();
        // Most circuits of a large registry come, and have no change for long.
        if matches!(event, Some(CircuitEvent::Added { .. })) && self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
        event
    }
}

impl fmt::Debug for ListenerEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenerEntry").field("interest", &self.interest).finish_non_exhaustive()
    }
}
