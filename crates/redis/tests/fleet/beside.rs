//! Servers beside the one that is meant: other nodes, other databases, Sentinels that know less, a cluster of which a part is away.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};
use tower_circuit_breaker::{CircuitRegistry, CircuitState};
use tower_circuit_breaker_redis::SyncStatus;

use crate::nodes::{LONG, Node, fail, link, registry, watch_for};
use crate::server::{Server, free_port};

/// "Login, TLS and database are those of the first URL."
#[tokio::test(flavor = "multi_thread")]
async fn another_node_is_spoken_to_by_tls_when_the_url_is_one_of_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let other = format!("redis://{}", listener.local_addr().unwrap());
    let first = format!("rediss://:a-secret@127.0.0.1:{}", free_port());
    let asking = tokio::spawn(async move {
        let registry = CircuitRegistry::new();
        let _ = link(first).nodes([other]).connect(&registry).await;
    });
    let (mut client, _) =
        timeout(Duration::from_secs(20), listener.accept()).await.unwrap().unwrap();
    let mut bytes = [0; 1024];
    let length = timeout(Duration::from_secs(20), client.read(&mut bytes)).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&bytes[..length]).into_owned();
    asking.abort();
    assert!(!said.contains("a-secret"), "the password goes over the wire as it is: {said:?}");
    assert_eq!(bytes[0], 0x16, "no hello of TLS: {said:?}");
}

/// Two databases of one Redis are two fleets.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_fleet_in_another_database_is_another_fleet() {
    let server = Server::start().await;
    let at = |database: u32| link(format!("{}/{database}", server.url()));
    let production = Node::join(at(0).node("production"), registry(LONG)).await;
    let staging = Node::join(at(1).node("staging"), registry(LONG)).await;
    staging.sync.force_open("api").await.unwrap();
    watch_for(Duration::from_secs(1)).await;
    production.read_again().await;
    let record = server.record();
    assert_eq!(
        (production.api.state(), record.as_str()),
        (CircuitState::Closed, ""),
        "staging has opened it"
    );
}

/// "Has connect succeed although Redis cannot be reached."
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn one_sentinel_without_a_memory_keeps_nobody_from_starting_while_the_others_are_away() {
    let fresh = Server::sentinel("sentinel monitor other 127.0.0.1 1 2").await;
    let (one, two) = (free_port(), free_port());
    let url = format!(
        "redis+sentinel://127.0.0.1:{one},127.0.0.1:{two},127.0.0.1:{}/fleet",
        fresh.port()
    );
    let started = link(&url).local_until_connected().connect(&registry(LONG)).await;
    assert!(started.is_ok(), "{}", started.unwrap_err());
}

/// "the link follows a fail-over as soon as they name the new primary": one that is cut off from the
/// others still names the old one.
async fn most_sentinels_are_believed(stale_at: u16, primary: &Server) {
    let watching = |port: u16| format!("sentinel monitor fleet 127.0.0.1 {port} 2\n");
    let stale = Server::sentinel(&watching(stale_at)).await;
    let one = Server::sentinel(&watching(primary.port())).await;
    let two = Server::sentinel(&watching(primary.port())).await;
    let url = format!(
        "redis+sentinel://127.0.0.1:{},127.0.0.1:{},127.0.0.1:{}/fleet",
        stale.port(),
        one.port(),
        two.port()
    );
    // Of itself each of the others leads to the primary.
    for sentinel in [&one, &two] {
        let url = format!("redis+sentinel://127.0.0.1:{}/fleet", sentinel.port());
        let sync = link(url).connect(&registry(LONG)).await.unwrap();
        assert_eq!(sync.health().status, SyncStatus::Connected);
    }
    let registry = registry(LONG);
    let sync = link(&url).local_until_connected().connect(&registry).await.unwrap();
    let start = Instant::now();
    while sync.health().status != SyncStatus::Connected && start.elapsed() < Duration::from_secs(20)
    {
        watch_for(Duration::from_millis(50)).await;
    }
    let health = sync.health();
    assert_eq!(health.status, SyncStatus::Connected, "two of three name it: {health:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_sentinel_that_names_what_is_away_does_not_hide_the_others() {
    let primary = Server::start().await;
    most_sentinels_are_believed(free_port(), &primary).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_sentinel_that_names_a_replica_does_not_hide_the_others() {
    let primary = Server::start().await;
    let port = primary.port().to_string();
    let replica = Server::with(&["--replicaof", "127.0.0.1", &port]).await;
    most_sentinels_are_believed(replica.port(), &primary).await;
}

/// A server that accepts and says nothing, several times over: connect ends.
#[tokio::test(flavor = "multi_thread")]
async fn connect_ends_whoever_keeps_silent() {
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
    }
    let ports: Vec<_> = silent.iter().map(|one| one.local_addr().unwrap().port()).collect();
    let urls = [
        format!("redis://127.0.0.1:{}", ports[0]),
        format!("rediss://127.0.0.1:{}", ports[0]),
        format!(
            "redis+sentinel://127.0.0.1:{},127.0.0.1:{},127.0.0.1:{}/fleet",
            ports[0], ports[1], ports[2]
        ),
        format!("rediss+sentinel://127.0.0.1:{},127.0.0.1:{}/fleet", ports[0], ports[1]),
    ];
    for url in urls {
        let start = Instant::now();
        let registry = registry(LONG);
        let connecting = link(&url).connect(&registry);
        let error = timeout(Duration::from_secs(10), connecting).await.expect(&url).unwrap_err();
        eprintln!("{url}: after {:.1?}: {error}", start.elapsed());
    }
}

/// Whatever letter a password has that ought to have been encoded.
#[tokio::test(flavor = "multi_thread")]
async fn no_letter_of_a_password_brings_it_into_a_text() {
    let port = free_port();
    for letter in (32_u8..127).map(char::from) {
        let password = format!("QWERT{letter}ZUIOP");
        for url in [
            format!("redis://:{password}@127.0.0.1:{port}"),
            format!("redis://web:{password}@127.0.0.1:{port}/0"),
            format!("rediss://:{password}@127.0.0.1:{port}"),
            format!("redis+sentinel://web:{password}@127.0.0.1:{port}/fleet"),
            format!("redis+sentinel://:{password}@127.0.0.1:{port},127.0.0.1:{port}/fleet"),
            format!("redis+unix:///nowhere.sock?user=web&pass={password}"),
            format!("unix:///nowhere.sock?pass={password}"),
        ] {
            let builder = link(&url);
            let registry = registry(LONG);
            let connecting = builder.clone().connect(&registry);
            let Ok(result) = timeout(Duration::from_secs(10), connecting).await else {
                panic!("{url}: connect does not end");
            };
            let Err(error) = result else { panic!("{url}") };
            let text = format!("{error} {error:?} {builder:?}");
            let is_said = text.contains("QWERT") || text.contains("ZUIOP");
            assert!(!is_said, "{url}: {text}");
        }
    }
}

/// What a cluster is told to call itself, nobody reaches: the text says so.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_cluster_behind_address_translation_names_the_map() {
    let announced = [free_port(), free_port(), free_port(), free_port()];
    let shards = crate::shards::Shards::announcing(&announced).await;
    let error = link(shards.primaries[1].url()).connect(&registry(LONG)).await;
    let text = error.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(text.contains("map_address"), "{text}");
}

/// One primary of a cluster hangs: the circuits of the others are shared all the time.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes half a minute: run by tests/deep.sh stores"]
async fn a_primary_of_a_cluster_that_hangs_takes_only_its_own_circuits_along() {
    let partial = || ["--cluster-require-full-coverage".to_owned(), "no".to_owned()].to_vec();
    let shards = crate::shards::Shards::with([partial(), partial(), partial(), partial()]).await;
    let url = shards.primaries[shards.followed].url();
    let mut nodes = Vec::new();
    for at in 0..2 {
        let builder =
            link(&url).node(format!("node-{at}")).response_timeout(Duration::from_millis(500));
        nodes.push(Node::join(builder, registry(LONG)).await);
    }
    let key = |circuit: &str| {
        let partition = tower_circuit_breaker_fleet::partition::partition(circuit, 16);
        format!("{{breaker:{partition}}}:record:{circuit}")
    };
    let lost = (shards.followed + 1) % 3;
    let kept = (0..100).map(|at| format!("c-{at}"));
    let kept: Vec<_> =
        kept.filter(|name| shards.place_of(&key(name)) == shards.followed).take(6).collect();
    let circuits: Vec<_> = kept.iter().map(|name| nodes[1].registry.get_or_create(name)).collect();
    let own: Vec<_> = kept.iter().map(|name| nodes[0].registry.get_or_create(name)).collect();
    nodes[0].read_again().await;
    nodes[1].read_again().await;
    shards.primaries[lost].freeze();
    let mut waits = Vec::new();
    let (mut away, mut seen) = (0, 0);
    for (mine, theirs) in own.iter().zip(&circuits) {
        let start = Instant::now();
        fail(mine);
        while theirs.state() != CircuitState::Open && start.elapsed() < Duration::from_secs(30) {
            seen += 1;
            away += u32::from(nodes.iter().any(|node| node.status() == SyncStatus::Disconnected));
            watch_for(Duration::from_millis(5)).await;
        }
        waits.push(start.elapsed());
        watch_for(Duration::from_secs(2)).await;
    }
    shards.primaries[lost].thaw();
    eprintln!("after {waits:.1?}, and in {away} of {seen} looks one was disconnected");
    let worst = waits.iter().max().unwrap();
    assert!(
        *worst < Duration::from_secs(5),
        "{waits:.1?}, {away} of {seen}: {:?}",
        nodes[0].sync.health()
    );
}

/// "One line of the log says when Redis is away": one primary of three stays away.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes half a minute: run by tests/deep.sh stores"]
async fn a_primary_that_stays_away_is_told_of_once() {
    let partial = || ["--cluster-require-full-coverage".to_owned(), "no".to_owned()].to_vec();
    let mut shards =
        crate::shards::Shards::with([partial(), partial(), partial(), partial()]).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let url = shards.primaries[shards.followed].url();
    let builder = link(&url).response_timeout(Duration::from_millis(500)).on_health({
        let told = Arc::clone(&told);
        move |health| told.lock().unwrap().push(health.status)
    });
    let node = Node::join(builder, registry(LONG)).await;
    let names: Vec<_> = (0..30).map(|at| format!("c-{at}")).collect();
    let _circuits: Vec<_> = names.iter().map(|name| node.registry.get_or_create(name)).collect();
    node.read_again().await;
    told.lock().unwrap().clear();
    let lost = (shards.followed + 1) % 3;
    shards.primaries[lost].kill();
    watch_for(Duration::from_secs(30)).await;
    let told = told.lock().unwrap().clone();
    let well = told.iter().filter(|status| **status == SyncStatus::Connected).count();
    assert!(well == 0, "{well} times it was said that all is well again: {told:?}");
}

/// "those whose primary is away go on by themselves": the others do not.
async fn commands_while_one_primary_is_away(hangs: bool) {
    let partial = || ["--cluster-require-full-coverage".to_owned(), "no".to_owned()].to_vec();
    let mut shards =
        crate::shards::Shards::with([partial(), partial(), partial(), partial()]).await;
    let url = shards.primaries[shards.followed].url();
    let builder = link(&url).response_timeout(Duration::from_millis(500));
    let node = Node::join(builder, registry(LONG)).await;
    let key = |circuit: &str| {
        let partition = tower_circuit_breaker_fleet::partition::partition(circuit, 16);
        format!("{{breaker:{partition}}}:record:{circuit}")
    };
    let names: Vec<_> = (0..30).map(|at| format!("c-{at}")).collect();
    let _circuits: Vec<_> = names.iter().map(|name| node.registry.get_or_create(name)).collect();
    let kept = names.iter().find(|name| shards.place_of(&key(name)) == shards.followed).unwrap();
    node.read_again().await;
    let lost = (shards.followed + 1) % 3;
    if hangs {
        shards.primaries[lost].freeze();
    } else {
        shards.primaries[lost].kill();
    }
    watch_for(Duration::from_secs(3)).await;
    let mut failed = Vec::new();
    for _ in 0..60 {
        if let Err(error) = node.sync.reset(kept).await {
            failed.push(error.to_string());
        }
        watch_for(Duration::from_millis(250)).await;
    }
    if hangs {
        shards.primaries[lost].thaw();
    }
    assert!(failed.len() <= 2, "{} of 60 fail: {:.400}", failed.len(), failed.last().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes half a minute: run by tests/deep.sh stores"]
async fn commands_reach_the_primaries_that_are_there_while_another_is_killed() {
    commands_while_one_primary_is_away(false).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes half a minute: run by tests/deep.sh stores"]
async fn commands_reach_the_primaries_that_are_there_while_another_hangs() {
    commands_while_one_primary_is_away(true).await;
}
