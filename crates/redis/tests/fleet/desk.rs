//! What operators see of a fleet.

use std::time::Duration;

use tower_circuit_breaker::CircuitState;
use tower_circuit_breaker::fleet::{FleetCircuit, FleetLook, LinkStatus};

use crate::nodes::{LONG, Node, OPEN, all_are, call, fail, link, registry, until, watch_for};
use crate::server::Server;

fn look(node: &Node) -> Option<FleetLook> {
    node.registry.fleet().unwrap().look()
}

fn api(look: &FleetLook) -> Option<&FleetCircuit> {
    look.circuits.iter().find(|circuit| &*circuit.name == "api")
}

/// Waits until `node` is shown what is so; looks as a page does, again and again.
async fn until_seen(what: &str, node: &Node, is_so: impl Fn(&FleetLook) -> bool) {
    until(what, || look(node).is_some_and(|look| is_so(&look))).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn who_is_there_who_votes_and_who_probes_is_seen_from_every_process() {
    let server = Server::start().await;
    let mut nodes = Vec::new();
    for at in 0..3 {
        let builder = link(server.url()).node(format!("node-{at}")).quorum(2);
        let builder = builder.vote_window(Duration::from_secs(3)).probe_lease(LONG);
        nodes.push(Node::join(builder, registry(OPEN)).await);
    }
    until_seen("all are there", &nodes[0], |look| look.processes.len() == 3).await;
    let seen = look(&nodes[0]).unwrap();
    let names: Vec<_> = seen.processes.iter().map(|process| process.name.as_str()).collect();
    assert_eq!(names, ["node-0", "node-1", "node-2"]);
    let this: Vec<_> = seen.processes.iter().map(|process| process.is_this).collect();
    assert_eq!(this, [true, false, false]);
    assert!(seen.processes.iter().all(|process| process.version == env!("CARGO_PKG_VERSION")));
    assert_eq!(seen.processes[1].vote, "node-1");
    let links = seen.processes.iter().map(|process| process.link.clone().unwrap());
    assert!(links.clone().all(|link| link.status == LinkStatus::Connected && !link.is_degraded));
    assert!(links.clone().all(|link| link.errors == 0), "{links:?}");
    assert_eq!(seen.processes[1].circuits[0].state, CircuitState::Closed);
    until("they have votes of their own", || {
        nodes.iter().all(|node| node.sync.health().own_vote_in.is_zero())
    })
    .await;

    fail(&nodes[1].api);
    until_seen("its vote", &nodes[0], |look| {
        api(look).is_some_and(|api| api.votes == ["node-1"] && api.record.is_none())
    })
    .await;
    fail(&nodes[2].api);
    until("all open", || all_are(&nodes, CircuitState::Open)).await;
    let mut probe = None;
    until("one probes", || {
        probe = nodes.iter().find_map(|node| node.api.try_acquire().ok());
        probe.is_some()
    })
    .await;
    until_seen("who probes", &nodes[0], |look| {
        api(look).is_some_and(|api| {
            let record = api.record.as_ref();
            let is_open = record.is_some_and(|record| record.state == CircuitState::Open);
            is_open && api.leases.len() == 1 && api.leases[0].process.starts_with("node-")
        })
    })
    .await;
    drop(probe);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn the_fleet_is_read_while_somebody_looks_and_once_in_two_seconds() {
    let mut server = Server::start().await;
    let node = Node::join(link(server.url()).poll_interval(LONG), registry(LONG)).await;
    let censuses = || {
        let stats = server.cli(&["info", "commandstats"]);
        let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
        line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
    };
    watch_for(Duration::from_millis(300)).await;
    let before: u64 = censuses();
    watch_for(Duration::from_secs(2)).await;
    assert_eq!(censuses(), before, "nobody looks");

    for _ in 0..100 {
        let _ = look(&node);
        watch_for(Duration::from_millis(30)).await;
    }
    // A census and one circuit each time.
    let scripts = censuses() - before;
    assert!((2..=6).contains(&scripts), "{scripts} in three seconds");
    assert!(look(&node).unwrap().read_ago < Duration::from_secs(4));

    server.kill();
    watch_for(Duration::from_secs(1)).await;
    let old = look(&node).expect("what was read last is shown");
    watch_for(Duration::from_secs(2)).await;
    assert!(look(&node).unwrap().read_ago > old.read_ago, "with its age");
    assert!(call(&node.api), "and no call waits");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn what_a_process_that_is_no_more_has_said_ends_and_what_is_forged_is_left_out() {
    let server = Server::start().await;
    let node = Node::join(link(server.url()).node("web-1"), registry(LONG)).await;
    for (name, said) in [("long", "x".repeat(5000)), ("odd", "no such text".to_owned())] {
        server.cli(&["zadd", "{breaker:~}:processes", "9999999999999", name]);
        server.cli(&["set", &format!("{{breaker:~}}:process:{name}"), &said]);
    }
    server.cli(&["zadd", "{breaker:~}:processes", "9999999999999", "gone"]);

    until_seen("it is there", &node, |look| !look.processes.is_empty()).await;

    let names: Vec<_> = look(&node).unwrap().processes.into_iter().map(|p| p.name).collect();
    assert_eq!(names, ["web-1"]);
    let ttl: i64 = server.cli(&["pttl", "{breaker:~}:process:web-1"]).parse().unwrap();
    assert!(ttl > 0 && ttl <= 20_000, "{ttl}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn an_override_of_the_fleet_has_a_serial_which_a_reset_leaves() {
    let server = Server::start().await;
    let nodes = Node::join_all(2, &server.url(), LONG).await;
    let record = |node: &Node| look(node).as_ref().and_then(api).and_then(|api| api.record.clone());
    let mut serials = Vec::new();
    for _ in 0..2 {
        let [one, other] = [&nodes[0], &nodes[1]];
        one.sync.force_open("api").await.unwrap();
        until_seen("it is forced", other, |look| {
            let record = api(look).and_then(|api| api.record.clone());
            record.is_some_and(|record| record.serial.is_some_and(|new| !serials.contains(&new)))
        })
        .await;
        let before = record(other).unwrap();
        one.sync.reset("api").await.unwrap();
        until("it is reset", || record(other).is_some_and(|after| after.epoch > before.epoch))
            .await;
        assert_eq!(record(other).unwrap().serial, before.serial);
        serials.extend(before.serial);
    }
    nodes[0].sync.release("api").await.unwrap();
    until("it is released", || record(&nodes[1]).is_some_and(|now| now.overridden.is_none())).await;
    assert_eq!(record(&nodes[1]).unwrap().serial, None);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn others_see_that_a_process_is_refused_what_it_asks() {
    let server = Server::start().await;
    // All keys but those of votes.
    let keys = ["~{breaker:~}*", "~{breaker:0}:changes", "~{breaker:0}:record:*"];
    let user = ["acl", "setuser", "poor", "on", "nopass", "&*", "+@all"];
    assert_eq!(server.cli(&[&user[..], &keys].concat()), "OK");
    let poor = format!("redis://poor:x@127.0.0.1:{}", server.port());
    let poor = Node::join(link(poor).node("poor"), registry(LONG)).await;
    let well = Node::join(link(server.url()).node("well"), registry(LONG)).await;
    fail(&poor.api);

    let degraded = |look: &FleetLook, name: &str| {
        let process = look.processes.iter().find(|process| process.name == name);
        process.and_then(|process| process.link.clone()).map(|link| link.is_degraded)
    };
    until_seen("it is seen", &well, |look| degraded(look, "poor") == Some(true)).await;
    assert_eq!(degraded(&look(&well).unwrap(), "well"), Some(false));
}
