//! The ways to servers: one connection, or those of a cluster.

use std::collections::HashMap;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, SingleNodeRoutingInfo, Slot, SlotAddr};
use redis::{Pipeline, RedisResult, Value};
use tower_circuit_breaker_fleet::request::{Ask, Request};

use crate::keys::Keys;
use crate::scripts::{Digests, load};

/// Connections to all servers that hold something of the fleet.
#[derive(Clone)]
pub(crate) enum Way {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// The way to one server: that one, or the one of a cluster that has this slot.
#[derive(Clone)]
pub(crate) enum Lane {
    Server(MultiplexedConnection),
    Slot(ClusterConnection, Slot),
}

impl Way {
    pub(crate) async fn subscribe(&mut self, channel: String) -> RedisResult<()> {
        match self {
            Self::Server(connection) => connection.subscribe(channel).await,
            // One node hears what is published at any.
            Self::Cluster(connection) => connection.subscribe(channel).await,
        }
    }

    /// The way to whoever has `key`.
    pub(crate) fn lane_of(&self, key: &str) -> Lane {
        match self {
            Self::Server(connection) => Lane::Server(connection.clone()),
            Self::Cluster(connection) => Lane::Slot(connection.clone(), Slot::for_key(key)),
        }
    }

    /// Which requests go which way: the places that they have among `requests`.
    pub(crate) fn lanes(&self, requests: &[Request], keys: &Keys) -> Vec<(Lane, Vec<usize>)> {
        match self {
            Self::Server(connection) => {
                vec![(Lane::Server(connection.clone()), (0..requests.len()).collect())]
            }
            Self::Cluster(connection) => slots(requests, keys)
                .into_iter()
                .map(|(slot, places)| (Lane::Slot(connection.clone(), slot), places))
                .collect(),
        }
    }
}

/// A key of those that a request is about: all of them are in one slot.
fn key(request: &Request, keys: &Keys) -> String {
    match &request.ask {
        Ask::Announce { .. } | Ask::Enlist | Ask::Census => keys.processes(),
        Ask::Changes { partition } | Ask::Begin { partition } => keys.changes(*partition),
        Ask::Merge(merge) => keys.changes(merge.partition),
        _ => keys.record(&request.circuit),
    }
}

fn slots(requests: &[Request], keys: &Keys) -> HashMap<Slot, Vec<usize>> {
    let mut slots: HashMap<_, Vec<_>> = HashMap::new();
    for (place, request) in requests.iter().enumerate() {
        slots.entry(Slot::for_key(key(request, keys))).or_default().push(place);
    }
    // Whether the server still answers that tells of changes, though it may have no circuit.
    if requests.iter().any(|request| matches!(request.ask, Ask::Changes { .. })) {
        slots.entry(Slot::for_key(keys.channel())).or_default();
    }
    slots
}

impl Lane {
    /// A value, or what was refused, for each command.
    pub(crate) async fn send(
        &mut self,
        commands: &Pipeline,
    ) -> RedisResult<Vec<RedisResult<Value>>> {
        let values = match self {
            Self::Server(connection) => {
                connection.req_packed_commands(commands, 0, commands.len()).await?
            }
            Self::Slot(connection, slot) => {
                let route = Route::with_slot(*slot, SlotAddr::Master);
                let route = SingleNodeRoutingInfo::SpecificNode(route);
                connection.route_pipeline(commands.clone(), 0, commands.len(), route).await?
            }
        };
        Ok(values.into_iter().map(Value::extract_error).collect())
    }

    /// Gives the server the scripts; they have the same digests at each.
    pub(crate) async fn load_scripts(&mut self) -> RedisResult<Digests> {
        let mut pipe = redis::pipe();
        for load in load() {
            pipe.add_command(load);
        }
        let digests = self.send(&pipe).await?.into_iter().collect::<RedisResult<Vec<_>>>()?;
        let text = |value: &Value| redis::from_redis_value_ref::<String>(value).ok();
        let digest = |at: usize| digests.get(at).and_then(text);
        Ok(std::array::from_fn(|at| digest(at).unwrap_or_default()))
    }
}
