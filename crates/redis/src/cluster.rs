//! A Redis Cluster: where its nodes are, and the connection to all of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::{AsyncPushSender, MultiplexedConnection};
use redis::cluster::{ClusterClientBuilder, NodeAddress};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::Slot;
use redis::{ProtocolVersion, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::host::Host;
use crate::lane::Lane;
use crate::scripts::Digests;

/// Says where a node is to be reached that calls itself so.
pub(crate) type AddressMap = Arc<dyn Fn(&str, u16) -> (String, u16) + Send + Sync>;

/// What one node says of all.
#[derive(Debug)]
pub(crate) struct Topology {
    shards: Vec<Shard>,
}

/// A primary with its replicas, which have some of the slots.
#[derive(Debug, PartialEq, Eq)]
struct Shard {
    first_slot: u16,
    /// The primary first.
    nodes: Vec<Host>,
}

/// Beyond the time of one exchange with one node: the crate may look for a node meanwhile.
const ROUNDS: u32 = 3;

impl Topology {
    /// Asks a node, which is at `seed`.
    pub(crate) async fn ask(node: &mut MultiplexedConnection, seed: &Host) -> RedisResult<Self> {
        let answer: Value = redis::cmd("CLUSTER").arg("SLOTS").query_async(node).await?;
        let shards = shards(&answer, seed);
        if shards.is_empty() { Err(no_slots()) } else { Ok(Self { shards }) }
    }

    /// Where primaries are to be reached.
    pub(crate) fn primaries(&self, map: Option<&AddressMap>) -> Vec<Host> {
        let primaries = self.shards.iter().filter_map(|shard| shard.nodes.first());
        primaries.map(|node| reached(node, map)).collect()
    }

    /// Connects to all nodes. What does not answer is looked for again by the redis crate.
    pub(crate) async fn connect(
        &self,
        builder: ClusterClientBuilder,
        map: Option<&AddressMap>,
        limit: Duration,
        pushes: impl AsyncPushSender,
    ) -> RedisResult<ClusterConnection> {
        let nodes = self.shards.iter().flat_map(|shard| &shard.nodes);
        let moved = nodes.map(|node| (node, reached(node, map))).filter(|(own, at)| *own != at);
        let address = |host: &Host| NodeAddress::new(host.name.as_str(), host.port);
        let moved: HashMap<_, _> = moved.map(|(own, at)| (address(own), address(&at))).collect();
        let client = builder
            .use_protocol(ProtocolVersion::RESP3)
            // What is not done is done in the next round, or told by the poll.
            .retries(0)
            .connection_timeout(limit)
            .response_timeout(limit)
            .overall_response_timeout(Some(limit * ROUNDS))
            .node_address_map(moved)
            .push_sender(pushes)
            .build()?;
        let connecting = timeout(limit * ROUNDS, client.get_async_connection()).await;
        connecting.unwrap_or_else(|_| Err(late()))
    }

    /// Gives the scripts to each primary; those that are away get them when they are missed.
    pub(crate) async fn load_scripts(
        &self,
        connection: &ClusterConnection,
    ) -> RedisResult<Digests> {
        let mut loading = JoinSet::new();
        for slot in self.shards.iter().filter_map(|shard| Slot::new(shard.first_slot)) {
            let mut lane = Lane::Slot(connection.clone(), slot);
            loading.spawn(async move { lane.load_scripts().await });
        }
        let mut loaded = Err(no_slots());
        while let Some(Ok(one)) = loading.join_next().await {
            loaded = loaded.or(one);
        }
        loaded
    }
}

fn reached(node: &Host, map: Option<&AddressMap>) -> Host {
    let own = || (node.name.clone(), node.port);
    let (name, port) = map.map_or_else(own, |map| map(&node.name, node.port));
    Host { name, port }
}

fn late() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

fn no_slots() -> RedisError {
    let said = "no node has slots: complete it with redis-cli --cluster create".to_owned();
    (ServerErrorKind::ClusterDown.into(), "the cluster is not complete", said).into()
}

/// What `CLUSTER SLOTS` says. A node without a name is the one that was asked.
fn shards(answer: &Value, seed: &Host) -> Vec<Shard> {
    let Value::Array(ranges) = answer else {
        return Vec::new();
    };
    let ranges = ranges.iter().filter_map(|range| match range {
        Value::Array(parts) => Some(parts.as_slice()),
        _ => None,
    });
    let shard = |range: &[Value]| match range {
        [Value::Int(first), _, nodes @ ..] => Some(Shard {
            first_slot: u16::try_from(*first).ok()?,
            nodes: nodes.iter().filter_map(|node| host(node, seed)).collect(),
        }),
        _ => None,
    };
    ranges.filter_map(shard).collect()
}

fn host(node: &Value, seed: &Host) -> Option<Host> {
    let Value::Array(parts) = node else {
        return None;
    };
    let [name, Value::Int(port), ..] = parts.as_slice() else {
        return None;
    };
    let name = redis::from_redis_value_ref::<Option<String>>(name).ok()?;
    let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| seed.name.clone());
    Some(Host { name, port: u16::try_from(*port).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(name: &str, port: u16) -> Host {
        Host { name: name.to_owned(), port }
    }

    #[test]
    fn shards_are_read_and_nodes_without_a_name_are_at_the_seed() {
        let node = |name: Value, port| {
            Value::Array(vec![name, Value::Int(port), Value::BulkString(b"an-id".to_vec())])
        };
        let named = |name: &str| Value::BulkString(name.as_bytes().to_vec());
        let answer = Value::Array(vec![
            Value::Array(vec![
                Value::Int(0),
                Value::Int(8191),
                node(named("10.0.0.1"), 7001),
                node(named("10.0.0.2"), 7002),
            ]),
            Value::Array(vec![Value::Int(8192), Value::Int(16383), node(named(""), 7003)]),
            Value::Array(vec![Value::Int(0), Value::Int(1), node(Value::Nil, 7004)]),
            Value::Int(1),
        ]);

        let topology = Topology { shards: shards(&answer, &at("seed", 1)) };
        let first =
            Shard { first_slot: 0, nodes: vec![at("10.0.0.1", 7001), at("10.0.0.2", 7002)] };
        assert_eq!(topology.shards[0], first);
        assert_eq!(topology.shards[1].nodes, [at("seed", 7003)]);
        assert_eq!(topology.shards.len(), 3);

        let map: AddressMap = Arc::new(|_, port| ("outside".to_owned(), port + 10_000));
        let primaries = topology.primaries(Some(&map));
        assert_eq!(primaries[..2], [at("outside", 17001), at("outside", 17003)]);
        assert_eq!(topology.primaries(None)[0], at("10.0.0.1", 7001));
    }

    #[test]
    fn what_is_no_list_of_slots_has_none() {
        assert_eq!(shards(&Value::Nil, &at("seed", 1)), []);
    }
}
