//! What a fleet costs its Redis: commands, those of scripts among them, bytes, and time of its processor.

use std::time::Duration;

use tokio::time::Instant;
use tower_circuit_breaker::{Circuit, FailureKind, Outcome};
use tower_circuit_breaker_redis::{RedisSync, RedisSyncBuilder};

use crate::nodes::{LONG, Node, registry_with, until_within, watch_for};
use crate::server::Server;

const CIRCUITS: usize = 50;

/// What a process costs in a second.
#[derive(Debug)]
struct Cost {
    commands: f64,
    received: f64,
    sent: f64,
}

async fn join(number: usize, server: &Server, rate: bool) -> Vec<Node> {
    let builder = |at: usize| -> RedisSyncBuilder {
        let builder = RedisSync::builder(server.url()).node(format!("node-{at}"));
        let builder = builder.response_timeout(Duration::from_secs(5));
        if rate { builder.fleet_failure_rate(0.5, 100, Duration::from_secs(10)) } else { builder }
    };
    let mut nodes = Vec::new();
    for at in 0..number {
        let registry = registry_with(|b| b.consecutive_failures(1_000_000).open_for(LONG));
        for circuit in 0..CIRCUITS {
            registry.get_or_create(&format!("upstream-{circuit}"));
        }
        nodes.push(Node::join(builder(at), registry).await);
    }
    // What is read at first is no part of it.
    watch_for(Duration::from_secs(3)).await;
    nodes
}

/// Numbers of what `INFO` says.
fn info<const N: usize>(server: &Server, fields: [&str; N]) -> [f64; N] {
    let said = server.cli(&["info", "everything"]);
    fields.map(|field| {
        let line = said.lines().find_map(|line| line.strip_prefix(field));
        line.and_then(|rest| rest.strip_prefix(':')).unwrap().trim().parse().unwrap()
    })
}

const FIELDS: [&str; 5] = [
    "total_commands_processed",
    "total_net_input_bytes",
    "total_net_output_bytes",
    "used_cpu_user",
    "used_cpu_sys",
];

/// What `number` processes cost while each does `work` 20 times a second.
async fn cost(server: &Server, number: usize, lasts: Duration, mut work: impl FnMut()) -> Cost {
    let read = || info(server, FIELDS);
    let (start, before) = (Instant::now(), read());
    while start.elapsed() < lasts {
        work();
        watch_for(Duration::from_millis(50)).await;
    }
    let (seconds, after) = (start.elapsed().as_secs_f64(), read());
    let each = |at: usize| (after[at] - before[at]) / seconds;
    let processes = f64::from(u32::try_from(number).unwrap());
    let load = each(3) + each(4);
    let cost = Cost {
        commands: each(0) / processes,
        received: each(1) / processes,
        sent: each(2) / processes,
    };
    eprintln!(
        "{number} processes of {CIRCUITS} circuits: each {:.2} commands, {:.0} bytes in and {:.0} out a \
         second; {:.2} % of a processor in all",
        cost.commands,
        cost.received,
        cost.sent,
        100.0 * load,
    );
    cost
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
    let outcome = if number.is_multiple_of(20) { failure } else { Outcome::Success };
    circuit.try_acquire().unwrap().record(outcome);
}

async fn idle(number: usize, lasts: Duration) -> Cost {
    let server = Server::start().await;
    let _nodes = join(number, &server, false).await;
    eprint!("idle: ");
    cost(&server, number, lasts, || {}).await
}

async fn failing(number: usize, lasts: Duration) -> Cost {
    let server = Server::start().await;
    let nodes = join(number, &server, true).await;
    let mut at = 0;
    // That calls fail is told once, and all that is known is read again then.
    for _ in 0..60 {
        at += 7;
        call_all(&nodes, at);
        watch_for(Duration::from_millis(50)).await;
    }
    eprint!("of 20 calls one fails, and the whole fleet's rate is looked at: ");
    cost(&server, number, lasts, || {
        at += 7;
        call_all(&nodes, at);
    })
    .await
}

/// A poll every one to two seconds, and of a word every five that the process is there.
const IDLE: f64 = 1.2;
/// Of one script a second besides.
const FAILING: f64 = 10.0;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn an_idle_fleet_costs_a_command_a_poll_and_failing_calls_ten_a_second() {
    let lasts = Duration::from_secs(4);

    let idle = idle(5, lasts).await;
    assert!(idle.commands < IDLE, "{idle:?}");
    let failing = failing(5, lasts).await;
    assert!(failing.commands < FAILING, "{failing:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn while_no_call_fails_nothing_is_added_to_sums() {
    let server = Server::start().await;
    let nodes = join(3, &server, true).await;
    let all = || nodes.iter().flat_map(|node| node.registry.circuits());

    let well = cost(&server, 3, Duration::from_secs(4), || all().for_each(|c| call(&c, 1))).await;
    assert!(well.commands < IDLE, "{well:?}");

    // One process meets failures, and all of them add what they meet.
    let one = &nodes[0].api;
    let sums = || server.cli(&["keys", "*:sums:*"]);
    until_within(Duration::from_secs(20), "sums are there", || {
        call(one, 0);
        !sums().is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute: run by tests/deep.sh cost"]
async fn what_forty_and_two_hundred_processes_cost() {
    for number in [40, 200] {
        let lasts = Duration::from_secs(10);
        let idle = idle(number, lasts).await;
        assert!(idle.commands < IDLE, "{idle:?}");
        let failing = failing(number, lasts).await;
        assert!(failing.commands < FAILING, "{failing:?}");
    }
}
