//! What a fleet costs its PostgreSQL: statements, bytes, dead rows, and time of its processor.

use std::time::Duration;

use tokio::time::Instant;
use tower_circuit_breaker::{Circuit, FailureKind, Outcome};
use tower_circuit_breaker_postgres::PostgresSync;

use crate::counter::Counter;
use crate::nodes::{LONG, Node, registry_with, watch_for};
use crate::server::Server;

const CIRCUITS: usize = 50;

/// What a process costs in a second.
#[derive(Debug)]
struct Cost {
    statements: f64,
    sent: f64,
    received: f64,
    dead_rows: f64,
    /// A share of one processor, of all processes together.
    load: f64,
}

/// What a fleet has cost so far.
#[derive(Debug, Clone, Copy)]
struct Spent([f64; 5]);

impl Spent {
    fn read(server: &Server, counter: &Counter) -> Self {
        let transactions = "SELECT xact_commit FROM pg_stat_database WHERE datname = 'postgres'";
        let dead = "SELECT pg_stat_force_next_flush(); \
             SELECT sum(n_tup_upd + n_tup_del) FROM pg_stat_user_tables";
        let number = |said: String| said.trim().parse::<f64>().unwrap();
        let [sent, received] = counter.bytes().map(|bytes| number(bytes.to_string()));
        Self([
            number(server.sql(transactions)),
            sent,
            received,
            number(server.sql(dead)),
            server.processor(),
        ])
    }

    fn since(self, before: Self, processes: usize, seconds: f64) -> Cost {
        let processes = f64::from(u32::try_from(processes).unwrap());
        let each = |at: usize| (self.0[at] - before.0[at]) / seconds / processes;
        // Two statements are those of who asks here.
        let asked = 2.0 / seconds / processes;
        Cost {
            statements: each(0) - asked,
            sent: each(1),
            received: each(2),
            dead_rows: each(3),
            load: each(4) * processes,
        }
    }
}

async fn join(number: usize, counter: &Counter, rate: bool) -> Vec<Node> {
    let mut nodes = Vec::new();
    for at in 0..number {
        let registry = registry_with(|b| b.consecutive_failures(1_000_000).open_for(LONG));
        for circuit in 0..CIRCUITS {
            registry.get_or_create(&format!("upstream-{circuit}"));
        }
        let builder = PostgresSync::builder(counter.url()).node(format!("node-{at}"));
        let builder = builder.response_timeout(Duration::from_secs(5));
        let over = Duration::from_secs(10);
        let builder = if rate { builder.fleet_failure_rate(0.5, 100, over) } else { builder };
        nodes.push(Node::join(builder, registry).await);
    }
    // What is read at first is no part of it.
    watch_for(Duration::from_secs(2)).await;
    nodes
}

/// What `number` processes cost while each does `work` 20 times a second.
async fn cost(number: usize, rate: bool, lasts: Duration, work: impl Fn(&[Node], usize)) -> Cost {
    let server = Server::start().await;
    let counter = Counter::to(server.port()).await;
    let nodes = join(number, &counter, rate).await;
    let (start, before) = (Instant::now(), Spent::read(&server, &counter));
    let mut at = 0;
    while start.elapsed() < lasts {
        at += 7;
        work(&nodes, at);
        watch_for(Duration::from_millis(50)).await;
    }
    let after = Spent::read(&server, &counter);
    after.since(before, number, start.elapsed().as_secs_f64())
}

fn print(what: &str, number: usize, cost: &Cost) {
    eprintln!(
        "{what}: {number} processes of {CIRCUITS} circuits: each {:.2} statements, {:.0} bytes to the \
         server and {:.0} from it a second, {:.0} dead rows an hour; {:.2} % of a processor in all",
        cost.statements,
        cost.sent,
        cost.received,
        cost.dead_rows * 3600.0,
        cost.load * 100.0,
    );
}

fn call_all(nodes: &[Node], at: usize) {
    let circuits = nodes.iter().flat_map(|node| node.registry.circuits());
    for (number, circuit) in circuits.enumerate() {
        call(&circuit, at + number);
    }
}

/// One in twenty fails.
fn call(circuit: &Circuit, number: usize) {
    let failure = Outcome::Failure(FailureKind::OTHER);
    let outcome = if number % 20 == 0 { failure } else { Outcome::Success };
    circuit.try_acquire().unwrap().record(outcome);
}

/// A poll every one to two seconds.
const IDLE: f64 = 1.1;
/// Of one statement in two seconds besides; and once, when the first failure is news, of some more.
const FAILING: f64 = 3.0;

async fn costs(number: usize, lasts: Duration) {
    let all_well = |nodes: &[Node], _| {
        nodes
            .iter()
            .flat_map(|node| node.registry.circuits())
            .for_each(|circuit| call(&circuit, 1));
    };
    let (idle, well, failing) = tokio::join!(
        cost(number, false, lasts, |_, _| {}),
        cost(number, true, lasts, all_well),
        cost(number, true, lasts, call_all),
    );
    print("idle", number, &idle);
    print("all calls are well, and the whole fleet's rate is looked at", number, &well);
    print("of 20 calls one fails, and the whole fleet's rate is looked at", number, &failing);
    assert!(idle.statements < IDLE, "{idle:?}");
    assert!(idle.dead_rows < 0.01, "nothing is written: {idle:?}");
    assert!(well.statements < IDLE && well.dead_rows < 0.01, "{well:?}");
    assert!(failing.statements < FAILING, "{failing:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgres: run by tests/run.sh"]
async fn an_idle_fleet_costs_a_statement_a_poll_and_failing_calls_one_in_two_seconds() {
    costs(3, Duration::from_secs(4)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute: run by tests/deep.sh cost"]
async fn what_forty_processes_cost() {
    costs(40, Duration::from_secs(15)).await;
}
