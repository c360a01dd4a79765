//! One process of a fleet that random steps are taken with.

use std::sync::Arc;
use std::time::Duration;

use tower_circuit_breaker::fleet::Member;
use tower_circuit_breaker::{Circuit, CircuitBuilder};

use crate::identity::Identity;
use crate::node::Node;
use crate::node::tests::HOLD;
use crate::node::tests::turns::{Begun, Turns};
use crate::options::Options;
use crate::outbox::{Outbox, OutboxListener};
use crate::reach::Reach;
use crate::request::{Ask, Reply, Request};
use crate::time::Timestamp;
use crate::word::Word;

/// One process of the fleet, and what stands between it and the store.
pub(super) struct Process {
    pub(super) identity: Identity,
    pub(super) node: Node,
    pub(super) circuit: Circuit,
    pub(super) outbox: Arc<Outbox>,
    pub(super) link: Reach,
    pub(super) is_refused: bool,
    /// Its link does nothing, for want of a processor.
    pub(super) is_stopped: bool,
    pub(super) begun: Vec<Begun>,
    pub(super) turns: Turns,
    pub(super) late: Vec<(Replies, Timestamp)>,
    /// What has been asked, and when, while nothing comes.
    pub(super) hung: Option<(Vec<Request>, Timestamp)>,
    pub(super) epoch: u64,
}

pub(super) type Replies = Vec<(Request, Option<Reply>)>;

impl Process {
    pub(super) fn new(at: usize, circuit: CircuitBuilder, at_once: u32) -> Self {
        let (outbox, turns) = (Arc::new(Outbox::default()), Turns::new(at_once));
        let circuit = circuit
            .concurrent_probes(at_once)
            .listener(OutboxListener(Arc::clone(&outbox)))
            .listener(turns.listener())
            .build();
        let options = Options { hold: HOLD, lease: None, vote_window: Duration::ZERO, seed: 0 };
        Self {
            identity: Identity::named(format!("node-{at}"), at.try_into().unwrap()),
            node: Node::new(options),
            circuit,
            outbox,
            link: Reach::Up,
            is_refused: false,
            is_stopped: false,
            begun: Vec::new(),
            turns,
            late: Vec::new(),
            hung: None,
            epoch: 0,
        }
    }

    pub(super) fn ask(&self, ask: Ask) -> Request {
        Request { circuit: Arc::clone(self.circuit.shared_name()), ask }
    }

    pub(super) fn collect(&mut self) {
        for change in self.outbox.take().values() {
            self.node.changed(&self.circuit, change);
        }
    }

    pub(super) fn heard(&mut self, word: &Word, now: Timestamp) {
        self.node.heard(&self.circuit, Some(word), now);
    }

    pub(super) fn mend(&mut self) {
        self.link = Reach::Up;
        self.is_refused = false;
    }

    pub(super) fn answered(
        &mut self,
        answers: &[(Request, Option<Reply>)],
        is_in_time: bool,
        sent: Timestamp,
        now: Timestamp,
    ) {
        for (request, reply) in answers {
            let reply = reply.as_ref().filter(|_| is_in_time);
            self.node.answered(&self.circuit, request, reply, sent, now);
        }
    }
}
