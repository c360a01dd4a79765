//! Readings for operators: while somebody looks, and at most once in two seconds.

use std::sync::Arc;

use tokio::time::Instant;
use tower_circuit_breaker::fleet::Member;
use tower_circuit_breaker::{Circuit, CircuitState};
use tower_circuit_breaker_fleet::request::{Ask, Request};

use crate::session::Answer;
use crate::task::Task;

/// The most circuits of one reading: those that are not closed come first.
const MOST: usize = 500;

impl Task {
    /// What is asked for operators now.
    pub(super) fn questions_of_look(&mut self, now: Instant) -> Vec<Request> {
        if self.looks.due().is_none_or(|due| due > now) {
            return Vec::new();
        }
        let mut circuits = self.parts.registry.circuits();
        circuits.sort_by_key(|circuit| !self.is_of_interest(circuit));
        circuits.truncate(MOST);
        let look = |circuit: &Circuit| {
            let name = circuit.shared_name();
            let open = self.parts.node.open_epoch(name);
            Request { circuit: Arc::clone(name), ask: Ask::Look { open } }
        };
        let census = Request { circuit: "".into(), ask: Ask::Census };
        let questions: Vec<_> = circuits.iter().map(look).chain([census]).collect();
        self.looks.begin(questions.len(), now);
        questions
    }

    fn is_of_interest(&self, circuit: &Circuit) -> bool {
        let is_usual = circuit.state() == CircuitState::Closed && !circuit.is_overridden();
        !is_usual || self.parts.node.open_epoch(circuit.name()).is_some()
    }

    /// One of these questions was answered.
    pub(super) fn looked(&mut self, request: &Request, answer: &Answer) {
        let word = self.parts.node.word(&request.circuit, self.now());
        let Some(reading) = self.looks.collected() else {
            return;
        };
        match answer {
            Ok(reply) if request.ask == Ask::Census => {
                reading.counted(&reply.processes, &self.parts.connector.terms.identity);
            }
            Ok(reply) => {
                let looked = reply.looked.clone().unwrap_or_default();
                reading.looked(&request.circuit, &looked, word.as_ref());
            }
            Err(_) => reading.failed(),
        }
        if reading.end(&self.parts.shown, Instant::now()) {
            self.looks.break_off();
        }
    }
}
