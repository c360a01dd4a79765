//! Names of circuits, whatever is in them, are one key each.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tower_circuit_breaker::CircuitState;

use crate::nodes::{LONG, Node, fail, link, registry, until};
use crate::server::Server;

/// What means something to Redis, a shell, a script or a terminal.
const ODD: [&str; 14] = [
    "{}",
    "{a}b",
    "a}{b",
    " ",
    "a b",
    "a\r\nFLUSHALL\r\n",
    "*",
    "[a-z]?",
    "\0",
    "\\",
    "%7B",
    "ü \u{202e}",
    "api:record",
    "\u{1b}[31m",
];

fn names() -> impl Strategy<Value = BTreeSet<String>> {
    let odd = proptest::sample::select(&ODD[..]).prop_map(str::to_owned);
    let name =
        prop_oneof![odd.clone(), any::<String>(), (odd, any::<String>()).prop_map(|(a, b)| a + &b)];
    proptest::collection::btree_set(name, 1..12)
}

/// The keys of `names` after all have tripped.
async fn keys_of(server: &Server, names: &BTreeSet<String>) -> Vec<String> {
    server.cli(&["flushall"]);
    server.cli(&["mset", "sentinel", "kept", "{breaker}", "kept", "breaker", "kept"]);
    let [one, other] = [registry(LONG), registry(LONG)];
    let _links = [
        link(server.url()).connect(&one).await.unwrap(),
        link(server.url()).connect(&other).await.unwrap(),
    ];
    for name in names {
        other.get_or_create(name);
        fail(&one.get_or_create(name));
    }
    until("each travels", || {
        other.circuits().iter().all(|circuit| circuit.state() == CircuitState::Open)
    })
    .await;
    assert_eq!(server.cli(&["mget", "sentinel", "{breaker}", "breaker"]), "kept\nkept\nkept");
    let keys = server.cli(&["keys", "*"]);
    let of = |start: &str| keys.lines().filter(|key| key.starts_with(start)).collect::<Vec<_>>();
    // Of processes, of the layout, and of changes: of no circuit.
    let (ours, others) = (of("{breaker:"), [of("{breaker:~"), of("{breaker:0}:changes")].concat());
    assert_eq!(keys.lines().count(), ours.len() + 3, "{keys}");
    ours.into_iter().filter(|key| !others.contains(key)).map(str::to_owned).collect()
}

#[test]
#[ignore = "needs redis-server: run by tests/run.sh"]
fn each_name_is_one_key_and_no_other_key_is_touched() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let server = runtime.block_on(Server::start());
    let config = Config { cases: 24, failure_persistence: None, ..Config::default() };

    TestRunner::new(config)
        .run(&names(), |names| {
            let keys = runtime.block_on(keys_of(&server, &names));
            prop_assert_eq!(keys.len(), names.len(), "{:?}", keys);
            for key in &keys {
                prop_assert!(key.contains("}:record:"), "{}", key);
                let is_plain = |c: char| c.is_ascii_alphanumeric() || "{}:_-.%".contains(c);
                prop_assert!(key.chars().all(is_plain), "{}", key);
                prop_assert_eq!(key.matches(['{', '}']).count(), 2, "one hash tag: {}", key);
            }
            Ok(())
        })
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_name_of_64_kib_is_one_key() {
    let server = Server::start().await;
    let names: BTreeSet<_> = ["x".repeat(65_536), "{".repeat(65_536), "\n".repeat(65_535)].into();

    let keys = keys_of(&server, &names).await;

    assert_eq!(keys.len(), 3);
}

/// The message says only that something has changed, and all are asked for it at once.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_name_that_has_no_room_in_a_message_travels_as_fast_and_is_nothing_foreign() {
    let server = Server::start().await;
    let mut nodes = Vec::new();
    for _ in 0..2 {
        nodes.push(Node::join(link(server.url()).poll_interval(LONG), registry(LONG)).await);
    }
    // The longest that has room, the shortest that has none, and much longer ones.
    for length in [3000, 3001, 5000, 65_536] {
        let name = "x".repeat(length);
        let [one, other] = [0, 1].map(|at: usize| nodes[at].registry.get_or_create(&name));
        // The circuit is new: it is read before it trips elsewhere.
        nodes[1].read_again().await;
        fail(&one);
        until("it travels", || other.state() == CircuitState::Open).await;
        nodes[1].sync.reset(&name).await.unwrap();
        until("and back", || one.state() == CircuitState::Closed).await;
    }
    for node in &nodes {
        assert_eq!(node.sync.health().errors, []);
    }
}
