//! The state of one service that waits in `poll_ready`: for a busy inner service, or for its
//! circuit.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use crate::circuit::Circuit;
use crate::circuit::reserve::RejectedUntil;
use crate::circuit::wakers::{Awaited, Leaving, Place};
use crate::engine::ticket::Ticket;
use crate::engine::time::Timestamp;
use crate::error::Rejected;
use crate::service::wait::timer::{Timer, TimerFuture};

/// What a service holds at its circuit: a place while it waits, a reservation until its call.
pub(crate) struct Waiting {
    state: State,
}

enum State {
    /// Nothing is held, and the service rejects while the circuit is open.
    Rejects,
    /// Nothing is held, and the service waits while the circuit is open.
    Waits(Timer),
    /// Boxed, since it is rare.
    Holds(Box<Held>),
}

/// Whether a call that may now be made has a slot reserved for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    Reserved,
    /// The circuit would admit any call.
    NotNeeded,
}

/// A place in the queue, a timer and a reservation, all given up when it is dropped.
struct Held {
    circuit: Circuit,
    timer: Option<Timer>,
    place: Option<(Awaited, Place)>,
    alarm: Option<(Timestamp, TimerFuture)>,
    reserved: Option<Ticket>,
}

// A panic leaves it as it was: a timer that panicked panics again when it is asked again.
impl UnwindSafe for Waiting {}
impl RefUnwindSafe for Waiting {}

impl Waiting {
    pub(crate) const fn new(timer: Option<Timer>) -> Self {
        Self { state: State::without(timer) }
    }

    /// The timer of a service that waits while the circuit is open.
    pub(crate) const fn timer(&self) -> Option<Timer> {
        match &self.state {
            State::Rejects => None,
            State::Waits(timer) => Some(*timer),
            State::Holds(held) => held.timer,
        }
    }

    /// Whether nothing is held, nor has to be waited for.
    #[inline]
    pub(crate) const fn is_idle(&self) -> bool {
        matches!(self.state, State::Rejects)
    }

    /// Registers `waker` to be woken when the circuit may reject, for a task that waits for its
    /// inner service.
    pub(crate) fn begin(&mut self, circuit: &Circuit, waker: &Waker) {
        self.held(circuit).enter(Awaited::Inner, waker);
    }

    /// Gives up all that is held.
    #[inline]
    pub(crate) fn end(&mut self) {
        if let State::Holds(_) = self.state {
            self.take();
        }
    }

    /// Waits while the circuit would reject a call; the place in the queue is kept for the next
    /// step.
    pub(crate) fn poll_open(
        &mut self,
        timer: Timer,
        circuit: &Circuit,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        self.poll_grant(timer, circuit, Circuit::ask, cx)
    }

    /// Waits until a call may be made, with a slot where it needs one. Ready at once for a service
    /// that rejects.
    pub(crate) fn poll_slot(&mut self, circuit: &Circuit, cx: &mut Context<'_>) -> Poll<Slot> {
        let Some(timer) = self.timer() else {
            self.end();
            return Poll::Ready(Slot::NotNeeded);
        };
        if let State::Holds(held) = &mut self.state {
            // A reservation whose lease or epoch is over need not be given back.
            held.reserved = held.reserved.filter(|reserved| circuit.holds(*reserved));
            if held.reserved.is_some() {
                return Poll::Ready(Slot::Reserved);
            }
        }
        let Some(ticket) = ready!(self.poll_grant(timer, circuit, Circuit::reserve, cx)) else {
            self.end();
            return Poll::Ready(Slot::NotNeeded);
        };
        let held = self.held(circuit);
        held.reserved = Some(ticket);
        held.leave(Leaving::WithSlot);
        Poll::Ready(Slot::Reserved)
    }

    /// Admits the call for which a slot is reserved; like any other call if the slot is lost.
    #[cold]
    #[inline(never)]
    pub(crate) fn admit(&mut self, circuit: &Circuit) -> Result<Ticket, Rejected> {
        let reserved = self.take().and_then(|mut held| held.reserved.take());
        match reserved.and_then(|reserved| circuit.resume(reserved)) {
            Some(ticket) => Ok(ticket),
            None => circuit.admit(),
        }
    }

    /// Waits until `ask` is granted.
    fn poll_grant<T>(
        &mut self,
        timer: Timer,
        circuit: &Circuit,
        ask: fn(&Circuit) -> Result<T, RejectedUntil>,
        cx: &mut Context<'_>,
    ) -> Poll<T> {
        let mut is_in_place = false;
        loop {
            match ask(circuit) {
                Ok(granted) => return Poll::Ready(granted),
                Err(rejected) if is_in_place => {
                    ready!(self.held(circuit).poll_alarm(rejected, timer, cx));
                }
                // Asked again after the waker is in place: a change in between woke nobody.
                Err(_) => {
                    self.held(circuit).enter(Awaited::Admission, cx.waker());
                    is_in_place = true;
                }
            }
        }
    }

    fn held(&mut self, circuit: &Circuit) -> &mut Held {
        if !matches!(self.state, State::Holds(_)) {
            self.state = State::Holds(Box::new(Held::new(circuit.clone(), self.timer())));
        }
        match &mut self.state {
            State::Holds(held) => held,
            State::Rejects | State::Waits(_) => unreachable!("put there a few lines above"),
        }
    }

    #[inline(never)]
    fn take(&mut self) -> Option<Box<Held>> {
        let without = State::without(self.timer());
        match std::mem::replace(&mut self.state, without) {
            State::Holds(held) => Some(held),
            State::Rejects | State::Waits(_) => None,
        }
    }
}

impl State {
    const fn without(timer: Option<Timer>) -> Self {
        match timer {
            Some(timer) => Self::Waits(timer),
            None => Self::Rejects,
        }
    }
}

impl Held {
    const fn new(circuit: Circuit, timer: Option<Timer>) -> Self {
        Self { circuit, timer, place: None, alarm: None, reserved: None }
    }

    /// Takes a place among the waiting tasks, or replaces the waker of its place.
    fn enter(&mut self, awaited: Awaited, waker: &Waker) {
        let key = self.place.map(|(_, place)| place.key);
        let place = self.circuit.wakers().put(awaited, key, waker);
        self.place = Some((awaited, place));
    }

    /// Ends the waiting; a reservation stays.
    fn leave(&mut self, leaving: Leaving) {
        self.alarm = None;
        if let Some((awaited, place)) = self.place.take() {
            self.circuit.wakers().remove(awaited, place.key, leaving);
        }
    }

    /// Ready when it is time to ask again.
    fn poll_alarm(
        &mut self,
        rejected: RejectedUntil,
        timer: Timer,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let RejectedUntil::Time { due, left } = rejected else {
            self.alarm = None;
            return Poll::Pending;
        };
        let grace = GRACE_EACH.saturating_mul(self.place.map_or(0, |(_, place)| place.ahead));
        let due = due.after(grace);
        self.alarm.take_if(|(set_for, _)| *set_for != due);
        let (_, alarm) = self.alarm.get_or_insert_with(|| (due, timer(left.saturating_add(grace))));
        ready!(alarm.as_mut().poll(cx));
        // A timer that fired early is set anew for the rest.
        self.alarm = None;
        Poll::Ready(())
    }
}

/// How long a task waits for each task ahead of it to ask, before it asks by itself: many times as
/// long as a running task needs. A task that does not run is passed over.
const GRACE_EACH: Duration = Duration::from_secs(1);

impl Drop for Held {
    // Cannot panic, unless the executor's waker does.
    fn drop(&mut self) {
        if let Some(reserved) = self.reserved.take() {
            self.circuit.give_back(reserved);
        }
        self.leave(Leaving::WithoutSlot);
    }
}
