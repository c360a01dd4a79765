//! Exchanges with Redis: what is asked in each, what becomes of the answers, and the connection
//! that they go over.

use std::mem::discriminant;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tower_circuit_breaker_fleet::counts::MERGE;
use tower_circuit_breaker_fleet::presence::said;
use tower_circuit_breaker_fleet::request::{Ask, Merge, Request};
use tower_circuit_breaker_fleet::time::Timestamp;
use tower_circuit_breaker_fleet::words::Words;

use crate::error::SyncError;
use crate::fault::Fault;
use crate::health::SyncStatus;
use crate::session::{Answer, Heard, Misplaced, Session};
use crate::task::{BATCH, Done, Round, Task, Waiting, since};

/// So long a refusal is believed: a process says every five seconds that it is there.
const REFUSED: Duration = Duration::from_secs(12);

/// The shortest time between two attempts to connect; up to as much again is drawn at random.
const ATTEMPT: Duration = Duration::from_secs(1);

impl Task {
    pub(super) fn begin_work(&mut self) {
        if self.work.is_some() {
            return;
        }
        let now = Instant::now();
        if self.renewal.due().is_some_and(|due| due <= now) && self.renew(now) {
            return;
        }
        match self.parts.session.clone() {
            Some(session) => self.begin_exchange(session, now),
            None if now >= self.next_attempt => {
                // Circuits come and go also while nothing can be read.
                let registry = &self.parts.registry;
                let now_here = |name: &str| registry.get(name).is_some();
                self.parts.node.forget(now_here, since(self.start));
                self.put_off_attempt(now);
                self.begin_connecting();
            }
            None => {}
        }
    }

    fn begin_connecting(&mut self) {
        self.attempt += 1;
        let (connector, generation) = (self.parts.connector.clone(), self.attempt);
        self.work =
            Some(Box::pin(async move { Done::Connected(connector.connect(generation).await) }));
    }

    fn begin_exchange(&mut self, session: Session, now: Instant) {
        if now >= self.next_poll && self.round == Round::Over {
            self.begin_round(now);
        }
        let requests: Arc<[Request]> = self.questions(now).into();
        if requests.is_empty() {
            return;
        }
        let sent = self.now();
        self.work = Some(Box::pin(async move {
            let heard = session.ask(Arc::clone(&requests)).await;
            Done::Asked { requests, heard, sent }
        }));
    }

    /// What to ask in the next exchange: what is urgent first.
    fn questions(&mut self, now: Instant) -> Vec<Request> {
        let node = &self.parts.node;
        let command = |waiting: &Waiting| {
            let circuit = Arc::clone(&waiting.circuit);
            let (known, command) = (node.epoch(&circuit), waiting.order.command);
            let words = Words::of(&waiting.order);
            Request { circuit, ask: Ask::Command { known, command, words } }
        };
        let mut requests: Vec<_> = self.commands.iter().map(command).collect();
        requests.extend(self.announcements(now));
        requests.extend(self.questions_of_look(now));
        requests.extend(self.parts.node.requests(BATCH, self.now()));
        requests.extend(self.sums(now));
        requests.extend(self.questions_of_round());
        let room = BATCH.saturating_sub(requests.len()).max(1).min(self.unread.len());
        let read = |circuit| Request { circuit, ask: Ask::Read };
        requests.extend(self.unread.drain(..room).map(read));
        if requests.is_empty() {
            self.end_round(Instant::now());
        }
        requests
    }

    /// What calls have met, to be added to the sums of the fleet.
    fn sums(&mut self, now: Instant) -> Vec<Request> {
        let time = self.now();
        let Some(counts) = self.counts.as_mut().filter(|_| now >= self.next_merge) else {
            return Vec::new();
        };
        self.next_merge = now + MERGE;
        let node = &self.parts.node;
        counts.requests(&self.parts.registry.circuits(), |circuit| node.epoch(circuit), time)
    }

    /// That this process is there, from time to time.
    fn announcements(&mut self, now: Instant) -> Vec<Request> {
        if !self.presence.is_due(now) {
            return Vec::new();
        }
        let jitter = self.up_to(Duration::from_secs(1));
        let is_listed = self.presence.said(jitter, now);
        let identity = &self.parts.connector.terms.identity;
        let circuits = self.parts.registry.circuits();
        let link = self.parts.monitor.reading().link(now);
        let said = said(identity, env!("CARGO_PKG_VERSION"), Some(&link), &circuits).into();
        let asks = [Some(Ask::Announce { said }), is_listed.then_some(Ask::Enlist)];
        let about = |ask| Request { circuit: identity.name.as_str().into(), ask };
        asks.into_iter().flatten().map(about).collect()
    }

    pub(super) fn finish(&mut self, done: Done) {
        self.work = None;
        match done {
            Done::Connected(Ok(session)) => self.connected(session),
            Done::Connected(Err(why)) => {
                self.parts.monitor.count_error(&why.fault());
                if self.parts.session.is_some() {
                    // What there is goes on until there is something better.
                    let share = self.random.f64();
                    self.renewal.plan(Instant::now(), Duration::ZERO, share);
                    return;
                }
                self.disconnected();
                if why.is_refusal() {
                    let share = self.random.f64();
                    let pause = self.renewal.refused(share);
                    self.next_attempt = self.next_attempt.max(Instant::now() + pause);
                }
            }
            Done::Asked { requests, heard, sent } => {
                let now = Instant::now();
                self.heard = now;
                self.clock = heard.clock.map(|clock| (clock, now)).or(self.clock);
                self.asked(&requests, &heard, sent);
            }
        }
    }

    fn connected(&mut self, session: Session) {
        let (now, joined) = (Instant::now(), self.now());
        let partitions = session.partitions();
        self.parts.node.join(joined);
        self.heard = now;
        self.parts.monitor.count_connection(now);
        // Where another goes on it is not known yet that this one is better.
        if self.parts.session.is_none() {
            self.parts.monitor.enter(SyncStatus::Connected, now);
        }
        self.generation = session.generation;
        self.renewal.connected();
        // Another server may have lost the list, and who has written there.
        self.presence.forget();
        self.parts.session = Some(session);
        self.begin_anew(partitions);
    }

    fn asked(&mut self, requests: &[Request], heard: &Heard, sent: Timestamp) {
        let answers = &heard.answers;
        for (request, answer) in requests.iter().zip(answers) {
            self.take(request, answer, sent);
        }
        let now = Instant::now();
        self.note_refusals(requests, answers, now);
        let errors = answers.iter().filter_map(|answer| answer.as_ref().err());
        // What comes after the connection was seen to end is no news of it.
        let mut errors = errors.filter(|_| self.parts.session.is_some());
        match errors.next() {
            Some(_) if heard.is_lost => self.disconnected(),
            Some(_) => self.parts.monitor.enter(SyncStatus::Degraded, now),
            None => {}
        }
        if let Some(misplaced) = heard.misplaced.as_ref().filter(|_| self.parts.session.is_some()) {
            self.misplaced(misplaced, answers, now);
        }
        if self.is_round_done() && self.round != Round::Over {
            self.end_round(now);
        }
    }

    /// What is written may be refused while all can be read: then the link is not well before the same
    /// is written again, or was not to be written for a while.
    fn note_refusals(&mut self, requests: &[Request], answers: &[Answer], now: Instant) {
        let written = requests.iter().zip(answers).filter(|(request, _)| {
            !matches!(request.ask, Ask::Read | Ask::Changes { .. } | Ask::Census | Ask::Look { .. })
        });
        for (request, answer) in written {
            let kind = discriminant(&request.ask);
            match (answer, self.refused) {
                (Err(_), _) => self.refused = Some((kind, now + REFUSED)),
                (Ok(_), Some((refused, _))) if refused == kind => self.refused = None,
                _ => {}
            }
        }
    }

    /// Another server is the one to ask: a new connection is to find it, if this goes on.
    fn misplaced(&mut self, found: &Misplaced, answers: &[Answer], now: Instant) {
        let is_told = |answer: &Answer| {
            answer.as_ref().is_err_and(|fault| fault.kind() == found.fault.kind())
        };
        // One that only read was refused nothing.
        if !answers.iter().any(is_told) {
            self.parts.monitor.count_error(&found.fault);
            self.round = self.round.after(found.fault.kind());
            self.parts.monitor.enter(SyncStatus::Degraded, now);
        }
        let share = self.random.f64();
        self.renewal.plan(now, found.patience, share);
    }

    /// A connection was cut.
    pub(super) fn cut(&mut self) {
        let now = Instant::now();
        match &self.parts.session {
            // One of many, perhaps the one that tells of changes: all is read now, and soon anew.
            Some(session) if session.is_of_cluster() => {
                self.next_poll = now;
                let share = self.random.f64();
                self.renewal.insist(now, share);
            }
            Some(_) => {
                self.parts.monitor.count_error(&self.hung_up());
                self.disconnected();
            }
            None => {}
        }
    }

    /// Gives the connection up for a new one. That to a cluster goes on until there is a new one, which
    /// may take its time where a node is away, and so does that to a primary that Sentinels do not name
    /// any longer: gives whether it is being made.
    fn renew(&mut self, now: Instant) -> bool {
        self.renewal.begin();
        let goes_on = |session: &Session| session.is_of_cluster() || self.renewal.goes_on();
        if self.parts.session.as_ref().is_some_and(goes_on) {
            self.begin_connecting();
            return true;
        }
        // The time was drawn already.
        let soonest = self.next_attempt.max(now);
        self.disconnected();
        self.next_attempt = soonest;
        false
    }

    /// Takes one answer.
    fn take(&mut self, request: &Request, answer: &Answer, sent: Timestamp) {
        if let Err(fault) = answer {
            self.parts.monitor.count_error(fault);
            self.round = self.round.after(fault.kind());
        }
        match &request.ask {
            Ask::Announce { .. } => {
                self.announced(answer.as_ref().is_ok_and(|reply| reply.code == 1));
            }
            Ask::Census | Ask::Look { .. } => self.looked(request, answer),
            Ask::Changes { partition } => self.counted(*partition, answer),
            Ask::Begin { .. } | Ask::Enlist => {}
            Ask::Merge(merge) => self.merged(merge, answer),
            _ => self.pass_on(request, answer, sent),
        }
        // The caller that gave the command finds it carried out here.
        if matches!(request.ask, Ask::Command { .. }) {
            self.commanded(answer);
        }
    }

    fn announced(&mut self, is_of_another: bool) {
        let now = Instant::now();
        self.presence.heard(is_of_another, now);
        if is_of_another && let Some(fault) = self.name_fault(now) {
            self.parts.monitor.count_error(&fault);
            self.parts.monitor.enter(SyncStatus::Degraded, now);
        }
    }

    pub(super) fn name_fault(&self, now: Instant) -> Option<Fault> {
        self.presence.fault(&self.parts.connector.terms.identity, now)
    }

    fn pass_on(&mut self, request: &Request, answer: &Answer, sent: Timestamp) {
        let Some(circuit) = self.parts.registry.get(&request.circuit) else {
            let now = self.now();
            self.parts.node.answered_in_vain(request);
            if let Some(word) = answer.as_ref().ok().and_then(|reply| reply.word.as_ref()) {
                self.parts.node.overheard(&request.circuit, word, now);
            }
            return;
        };
        let now = self.now();
        match (&request.ask, answer) {
            (Ask::Read, Ok(_)) => self.changes.has_read(&request.circuit),
            (Ask::Read, Err(_)) => self.changes.has_not_read(&request.circuit),
            _ => {}
        }
        self.parts.node.answered(&circuit, request, answer.as_ref().ok(), sent, now);
    }

    fn merged(&mut self, merge: &Merge, answer: &Answer) {
        let (Some(counts), Ok(reply)) = (&mut self.counts, answer) else {
            return;
        };
        for circuit in counts.merged(merge, reply) {
            if let Some(circuit) = self.parts.registry.get(&circuit) {
                self.parts.node.exceeded(&circuit);
            }
        }
    }

    /// Answers whose command was the first: they are asked in order.
    fn commanded(&mut self, answer: &Answer) {
        if let Some(waiting) = self.commands.pop_front() {
            // A caller that no longer waits does not want to know.
            let answer = answer.as_ref().map(|_| ()).map_err(|fault| SyncError::new(fault.clone()));
            let _ = waiting.done.send(answer);
        }
    }

    pub(super) fn disconnected(&mut self) {
        let now = Instant::now();
        self.parts.session = None;
        self.renewal.forget();
        self.presence.forget();
        self.break_round_off(now);
        self.parts.monitor.enter(SyncStatus::Disconnected, now);
        let away = self.away();
        for waiting in self.commands.drain(..) {
            let _ = waiting.done.send(Err(SyncError::new(away.clone())));
        }
        // Not before its time, and not all processes together.
        let soonest = self.next_attempt.max(now);
        self.next_attempt = soonest + self.up_to(ATTEMPT);
    }

    fn put_off_attempt(&mut self, now: Instant) {
        self.next_attempt = now + ATTEMPT;
    }
}
