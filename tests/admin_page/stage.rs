//! An outage to look at: a shop of sixty circuits, of which some are in every state there is, by real
//! calls that fail, hang and are slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use tokio::time::{interval, sleep};
use tower_circuit_breaker::{
    Circuit, CircuitBuilder, CircuitGroup, CircuitRegistry, FailureKind, Isolation, OpenCap,
    Outcome, OverrideOrder, Permit, SlidingWindow,
};
use tower_circuit_breaker_admin::{About, AdminBuilder, History};

use crate::scripted_fleet::ScriptedFleet;
use crate::site::Site;

/// The site, and what holds its circuits as they are.
pub(crate) struct Stage {
    pub(crate) site: Site,
    _isolation: Isolation,
    _hung: Vec<Permit>,
    is_over: Arc<AtomicBool>,
}

impl Stage {
    /// As it is on an ordinary day.
    pub(crate) fn calm() -> Self {
        Self::new(false)
    }

    /// As it is when three upstreams are away at once.
    pub(crate) fn incident() -> Self {
        Self::new(true)
    }

    fn new(is_bad: bool) -> Self {
        let registry = CircuitRegistry::with_template(rated);
        let groups = [
            CircuitGroup::new("payments"),
            CircuitGroup::new("warehouse-replicas").at_most_open(OpenCap::number(2)),
            CircuitGroup::new("vendor-acme"),
        ];
        fill(&registry, &groups);
        let callers = callers(&registry);
        let held = groups[2].isolate_because("ACME maintenance 03:00 to 04:00");
        if !is_bad {
            drop(held);
        }
        let isolation = if is_bad {
            groups[2].isolate_because("ACME maintenance 03:00 to 04:00")
        } else {
            CircuitGroup::new("nobody").isolate()
        };
        ScriptedFleet::join(&registry, is_bad);
        let started = SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_000_000);
        let site = Site::of(registry, move |admin: AdminBuilder| {
            let about = About::new("orders-api")
                .instance("orders-api-7c9f4d-x2k8p")
                .environment("production")
                .version("4.12.1")
                .started(started);
            let admin = admin.about(about).history(History::all());
            groups.iter().fold(admin, AdminBuilder::group).control_from_loopback()
        });
        let mut hung = Vec::new();
        if is_bad {
            hung = break_some(&site.registry);
        }
        let is_over = Arc::new(AtomicBool::new(false));
        for caller in callers {
            site.spawn(caller.run(is_bad, Arc::clone(&is_over)));
        }
        Self { site, _isolation: isolation, _hung: hung, is_over }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

fn rated(builder: CircuitBuilder) -> CircuitBuilder {
    builder
        .failure_rate(0.5)
        .slow_call_rate(0.6, Duration::from_millis(800))
        .stalled_calls(10, Duration::from_millis(900))
        .window(SlidingWindow::count(100))
        .minimum_calls(20)
        .open_for(Duration::from_secs(60))
        .latency()
        .last_error(|error: &String| error.clone())
}

fn fill(registry: &CircuitRegistry, groups: &[CircuitGroup; 3]) {
    let run = |name: &str| Circuit::builder(name).consecutive_failures(5).latency();
    for circuit in [
        rated(Circuit::builder("pricing.rules/eu-west-1"))
            .ramp(Duration::from_secs(180))
            .open_for(Duration::from_millis(1)),
        rated(Circuit::builder("recommend.items")).throttle(1.1),
        rated(Circuit::builder("payments.adyen/charge"))
            .probes(3)
            .probe_timeout(Duration::from_secs(1200))
            .open_for(Duration::from_millis(10)),
        run("auth.tokens"),
        run("sms.gateway/primary"),
        run("exchange.rates/nightly"),
    ] {
        registry.insert(&circuit.build()).unwrap();
    }
    for (group, names) in groups.iter().zip([PAYMENTS, WAREHOUSE, ACME]) {
        for name in names {
            group.add(&registry.get_or_create(name));
        }
    }
    for name in OTHERS {
        registry.get_or_create(name);
    }
    for (place, base) in GENERIC.iter().enumerate() {
        for region in &["eu-west-1", "eu-central-1", "us-east-1"][place % 2..] {
            registry.get_or_create(&format!("{base}/{region}"));
        }
    }
    for name in ["payments.stripe/charge", "payments.adyen/charge", "ledger.postings"] {
        registry.mark_critical(name);
    }
}

/// Has upstreams fail as they do: by calls, and by what operators then did.
fn break_some(registry: &CircuitRegistry) -> Vec<Permit> {
    let circuit = |name: &str| registry.get(name).unwrap();
    fail(&circuit("payments.stripe/charge"), 39, 61, "timeout");
    for name in &WAREHOUSE[..3] {
        fail(&circuit(name), 43, 57, "connect");
    }
    circuit("fraud.score/v2").impose(
        OverrideOrder::force_open()
            .lasting(Duration::from_secs(1800))
            .actor("ann.meyer")
            .reason("INC-4711: bad model rollout, answers are wrong"),
    );
    circuit("ledger.postings").impose(
        OverrideOrder::force_closed()
            .said_by("ops:night")
            .reason("never drop postings during close"),
    );
    circuit("crm.profile").impose(
        OverrideOrder::observe()
            .lasting(Duration::from_secs(13 * 3600))
            .actor("lea")
            .reason("tuning thresholds"),
    );
    let pricing = circuit("pricing.rules/eu-west-1");
    fail(&pricing, 30, 70, "status_503");
    std::thread::park_timeout(Duration::from_millis(20));
    let _ = pricing.run(|| Ok::<_, String>(()));
    let adyen = circuit("payments.adyen/charge");
    fail(&adyen, 30, 70, "timeout");
    std::thread::park_timeout(Duration::from_millis(20));
    let _ = adyen.run(|| Ok::<_, String>(()));
    let hanging = circuit("search.elastic/query");
    let mut hung: Vec<_> = (0..7).map(|_| hanging.try_acquire().unwrap()).collect();
    hung.extend(adyen.try_acquire());
    hung
}

fn fail(circuit: &Circuit, good: u32, bad: u32, kind: &'static str) {
    let outcomes = [(good, Outcome::Success), (bad, Outcome::Failure(FailureKind::new(kind)))];
    for (calls, outcome) in outcomes {
        for _ in 0..calls {
            if let Ok(permit) = circuit.try_acquire() {
                permit.record(outcome);
            }
        }
    }
}

/// Calls one circuit again and again.
struct Caller {
    circuit: Circuit,
    number: u64,
}

fn callers(registry: &CircuitRegistry) -> Vec<Caller> {
    let numbered = (0..).zip(registry.circuits());
    numbered.map(|(number, circuit)| Caller { circuit, number }).collect()
}

impl Caller {
    async fn run(self, is_bad: bool, is_over: Arc<AtomicBool>) {
        let Self { circuit, number } = self;
        let failing = match circuit.name() {
            "recommend.items" if is_bad => 45,
            "sms.gateway/primary" => 40,
            "ledger.postings" if is_bad => 9,
            name if name.starts_with("warehouse") && is_bad => 57,
            _ => number % 5,
        };
        let mut ticks = interval(Duration::from_millis(12 + number * 53 % 190));
        for call in 0_u64.. {
            ticks.tick().await;
            if is_over.load(Ordering::Relaxed) {
                return;
            }
            let is_failure = (call * 37 + number * 11) % 100 < failing;
            let took = Duration::from_millis(2 + number * 7 % 60 + call * 13 % (20 + number % 90));
            let circuit = circuit.clone();
            tokio::spawn(async move {
                let _ = circuit
                    .call(async {
                        sleep(took).await;
                        if is_failure { Err(ERROR.to_owned()) } else { Ok(()) }
                    })
                    .await;
            });
        }
    }
}

const ERROR: &str = "deadline of 2 s exceeded while awaiting response headers from api.example:443";
const PAYMENTS: &[&str] = &["payments.stripe/charge", "payments.adyen/charge"];
const WAREHOUSE: &[&str] = &[
    "warehouse.slots/replica-a",
    "warehouse.slots/replica-b",
    "warehouse.slots/replica-c",
    "warehouse.slots/replica-d",
    "warehouse.slots/replica-e",
    "warehouse.slots/replica-f",
];
const ACME: &[&str] =
    &["inventory.acme/eu-west-1", "inventory.acme/eu-central-1", "inventory.acme/us-east-1"];
const OTHERS: &[&str] = &[
    "fraud.score/v2",
    "search.elastic/query",
    "ledger.postings",
    "crm.profile",
    "שירות-משלוחים.example",
    "ship.dhl/labels-and-manifests-for-returns.internal.eu-central-1.example.com:8443/v3/very-long",
];
const GENERIC: &[&str] = &[
    "catalog.search",
    "catalog.images",
    "pricing.vat",
    "basket.store",
    "session.cache",
    "auth.jwks",
    "mail.transactional",
    "geo.lookup",
    "tax.eu",
    "ship.ups",
    "feature.flags",
    "audit.sink",
    "loyalty.points",
    "cms.pages",
    "push.apns",
    "returns.portal",
];

/// Serves an outage for a browser, for as long as is asked for.
#[test]
#[ignore = "to look at: run by hand"]
fn a_stage_to_look_at() {
    let seconds = std::env::var("STAGE_SECONDS").map_or(5, |text| text.parse().unwrap());
    let stage = match std::env::var("STAGE").as_deref() {
        Ok("calm") => Stage::calm(),
        _ => Stage::incident(),
    };
    eprintln!("stage: {}", stage.site.url("/ops/"));
    std::thread::park_timeout(Duration::from_secs(seconds));
}
