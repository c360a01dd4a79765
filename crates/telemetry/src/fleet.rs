//! What is exported of a registry's link to its fleet.

use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;
use tower_circuit_breaker::CircuitRegistry;
use tower_circuit_breaker::fleet::{FleetLink, LinkStatus};

use crate::series::{Kind, Sample, Value};

/// One metric of a link.
struct LinkMetric {
    name: &'static str,
    help: &'static str,
    kind: Kind,
    read: fn(&FleetLink) -> Value,
}

const METRICS: [LinkMetric; 3] = [
    LinkMetric {
        name: "circuit_breaker_fleet_connected",
        help: "1 while the fleet's store answers; circuits go on by themselves while it is 0.",
        kind: Kind::Gauge,
        read: |link| Value::Count(u64::from(link.status == LinkStatus::Connected)),
    },
    LinkMetric {
        name: "circuit_breaker_fleet_last_agreed_seconds",
        help: "How long ago all that the fleet has agreed on was known; infinite before the first time.",
        kind: Kind::Gauge,
        read: |link| Value::Real(link.last_agreed.map_or(f64::INFINITY, |ago| ago.as_secs_f64())),
    },
    LinkMetric {
        name: "circuit_breaker_fleet_errors",
        help: "What went wrong between this process and the fleet's store.",
        kind: Kind::Counter,
        read: |link| Value::Count(link.errors),
    },
];

/// Exports the link of `registry`, where it has joined a fleet that tells of it.
pub(crate) fn encode(
    registry: &CircuitRegistry,
    encoder: &mut DescriptorEncoder<'_>,
) -> fmt::Result {
    let Some(link) = registry.fleet().and_then(|fleet| fleet.link()) else {
        return Ok(());
    };
    METRICS.iter().try_for_each(|metric| {
        let encoder =
            encoder.encode_descriptor(metric.name, metric.help, None, metric.kind.into())?;
        Sample { label: None, value: (metric.read)(&link) }.encode(metric.kind, encoder)
    })
}
