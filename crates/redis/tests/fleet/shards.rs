//! A Redis Cluster of three primaries, of which one has a replica.

use super::server::{Server, free_port};
use super::watched::pause_until;

/// Where the slots of one primary end and the next one's begin.
const BORDERS: [u16; 4] = [0, 5461, 10923, 16384];

pub(crate) struct Shards {
    pub(crate) primaries: Vec<Server>,
    /// Of the primary that has the slot of the fleet's channel.
    pub(crate) replica: Server,
    /// The place of that primary.
    pub(crate) followed: usize,
}

impl Shards {
    pub(crate) async fn start() -> Self {
        let shards = Self::begin(|_| Vec::new()).await;
        shards.replicate().await;
        shards
    }

    /// Servers that call themselves by these ports, by which nobody reaches them: not even a replica,
    /// so there is none.
    pub(crate) async fn announcing(ports: &[u16; 4]) -> Self {
        let announce = |number: usize| ports[number].to_string();
        Self::begin(|number| vec!["--cluster-announce-port".to_owned(), announce(number)]).await
    }

    /// Servers with these arguments each, without a replica.
    pub(crate) async fn with(arguments: [Vec<String>; 4]) -> Self {
        Self::begin(|number| arguments[number].clone()).await
    }

    async fn begin(more: impl Fn(usize) -> Vec<String>) -> Self {
        let (mut servers, mut buses) = (Vec::new(), Vec::new());
        for number in 0..4 {
            let bus = free_port().to_string();
            let mut arguments = vec!["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"];
            arguments.extend(["--cluster-port", &bus, "--repl-diskless-sync-delay", "0"]);
            let more = more(number);
            arguments.extend(more.iter().map(String::as_str));
            servers.push(Server::with(&arguments).await);
            buses.push(bus);
        }
        let replica = servers.pop().unwrap();
        let slot: u16 = replica.cli(&["cluster", "keyslot", "breaker:changes"]).parse().unwrap();
        let shards = Self { primaries: servers, replica, followed: place(slot) };
        shards.join(&buses).await;
        shards
    }

    /// What `redis-cli --cluster create` does, for servers that announce other ports, too.
    async fn join(&self, buses: &[String]) {
        for (place, primary) in self.primaries.iter().enumerate() {
            let ends = [BORDERS[place], BORDERS[place + 1] - 1].map(|slot| slot.to_string());
            said_ok(&primary.cli(&["cluster", "addslotsrange", &ends[0], &ends[1]]));
            let epoch = (place + 1).to_string();
            said_ok(&primary.cli(&["cluster", "set-config-epoch", &epoch]));
        }
        for (server, bus) in self.servers().zip(buses).skip(1) {
            let port = server.port().to_string();
            said_ok(&self.primaries[0].cli(&["cluster", "meet", "127.0.0.1", &port, bus]));
        }
        for server in self.servers() {
            pause_until("all know each other", || {
                let info = server.cli(&["cluster", "info"]);
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:4")
            })
            .await;
        }
    }

    async fn replicate(&self) {
        let primary = self.primaries[self.followed].cli(&["cluster", "myid"]);
        said_ok(&self.replica.cli(&["cluster", "replicate", &primary]));
        pause_until("the replica is in step, and known as such", || {
            let is_in_step =
                self.replica.cli(&["info", "replication"]).contains("master_link_status:up");
            let nodes = self.servers().map(|server| server.cli(&["cluster", "nodes"]));
            is_in_step && nodes.map(|nodes| nodes.matches(&primary).count()).all(|times| times == 2)
        })
        .await;
    }

    pub(crate) fn servers(&self) -> impl Iterator<Item = &Server> {
        self.primaries.iter().chain([&self.replica])
    }

    /// The primary that has a replica.
    pub(crate) fn followed(&mut self) -> &mut Server {
        &mut self.primaries[self.followed]
    }

    /// The place of the primary that has this key.
    pub(crate) fn place_of(&self, key: &str) -> usize {
        place(self.replica.cli(&["cluster", "keyslot", key]).parse().unwrap())
    }

    /// Moves the slot of this key with all that is in it, as `redis-cli --cluster reshard` does.
    pub(crate) fn move_slot(&self, key: &str, from: usize, to: usize) {
        let slot = self.replica.cli(&["cluster", "keyslot", key]);
        let (from, to) = (&self.primaries[from], &self.primaries[to]);
        let [from_id, to_id] = [from, to].map(|primary| primary.cli(&["cluster", "myid"]));
        said_ok(&to.cli(&["cluster", "setslot", &slot, "importing", &from_id]));
        said_ok(&from.cli(&["cluster", "setslot", &slot, "migrating", &to_id]));
        let port = to.port().to_string();
        for key in from.cli(&["cluster", "getkeysinslot", &slot, "100"]).lines() {
            said_ok(&from.cli(&["migrate", "127.0.0.1", &port, key, "0", "5000"]));
        }
        for primary in [to, from] {
            said_ok(&primary.cli(&["cluster", "setslot", &slot, "node", &to_id]));
        }
    }

    pub(crate) async fn until_promoted(&self) {
        pause_until("the replica is promoted", || {
            self.replica.cli(&["info", "replication"]).contains("role:master")
        })
        .await;
    }
}

fn place(slot: u16) -> usize {
    BORDERS.windows(2).position(|ends| slot < ends[1]).unwrap()
}

fn said_ok(answer: &str) {
    assert_eq!(answer, "OK");
}
