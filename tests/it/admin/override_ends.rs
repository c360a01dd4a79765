//! Ends of overrides that are imposed over HTTP, and by others beside it: whoever imposes one, its end
//! is its own (rule 31).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tower_circuit_breaker::fleet::{Member, Ruling, Verdict};
use tower_circuit_breaker::{
    Circuit, CircuitEvent, CircuitRegistry, CircuitState, ManualClock, Override,
};
use tower_circuit_breaker_admin::Admin;

use super::{get, post, registry, registry_in_time, steering};
use crate::support::{SECOND, fail};
use Override::{ForcedClosed, ForcedOpen, Observing};

/// Who imposes an override for ten seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Http,
    Code,
    Fleet,
    SecondService,
    Restore,
}

const ALL: [By; 5] = [By::Http, By::Code, By::Fleet, By::SecondService, By::Restore];

/// A circuit in a registry that two services show, on a clock that stands still.
struct Scene {
    registry: CircuitRegistry,
    services: [Admin; 2],
    clock: ManualClock,
    circuit: Circuit,
    by: By,
}

impl Scene {
    async fn new(by: By, imposed: Override) -> Self {
        let names: &[&str] = if by == By::Restore { &[] } else { &["plants"] };
        let (registry, clock) = registry(names);
        if by == By::Restore {
            let (earlier, _clock) = super::registry(&["plants"]);
            impose(&earlier.get("plants").unwrap(), imposed);
            registry.restore(earlier.export().into_iter().map(|it| it.away_for(Duration::ZERO)));
        }
        let services = [steering(&registry).build(), steering(&registry).build()];
        let circuit = registry.get_or_create("plants");
        let scene = Self { registry, services, clock, circuit, by };
        match by {
            By::Http => scene.post(0, imposed).await,
            By::SecondService => scene.post(1, imposed).await,
            By::Code => impose(&scene.circuit, imposed),
            By::Fleet => scene.hear(7, imposed, 10),
            By::Restore => {}
        }
        assert_eq!(scene.overridden(), Some(imposed), "{by:?}");
        scene
    }

    async fn post(&self, service: usize, imposed: Override) {
        let command = match imposed {
            ForcedOpen => "force-open",
            ForcedClosed => "force-closed",
            Observing => "observe",
        };
        let path = format!("/circuits/plants/{command}");
        let answer = post(&self.services[service], &path, r#"{"for": "10s"}"#).await;
        assert_eq!(answer.json["override_ends_in"], 10.0, "{}", answer.text);
    }

    /// The fleet says it; what is left of it as well.
    fn hear(&self, epoch: u64, overridden: Override, left: u32) {
        let ruling = Ruling::Forced { overridden, left: Some(left * SECOND) };
        self.circuit.adopt(Verdict { epoch, ruling });
    }

    fn overridden(&self) -> Option<Override> {
        self.circuit.snapshot().overridden
    }

    fn pass(&self, seconds: u32) {
        self.clock.advance(seconds * SECOND);
    }

    /// It starts closed, with everything cleared, and protects again.
    fn assert_released(&self) {
        assert_eq!(self.overridden(), None, "{:?}", self.by);
        assert_eq!(self.circuit.state(), CircuitState::Closed, "{:?}", self.by);
        fail(&self.circuit);
        assert_eq!(self.circuit.state(), CircuitState::Open, "{:?}", self.by);
    }
}

fn impose(circuit: &Circuit, imposed: Override) {
    match imposed {
        ForcedOpen => circuit.force_open_for(10 * SECOND),
        ForcedClosed => circuit.force_closed_for(10 * SECOND),
        Observing => circuit.observe_for(10 * SECOND),
    }
}

/// All that can be imposed by each of them; a fleet does not observe.
fn cases() -> impl Iterator<Item = (By, Override)> {
    let each = |by| [ForcedOpen, ForcedClosed, Observing].map(|imposed| (by, imposed));
    ALL.into_iter().flat_map(each).filter(|case| *case != (By::Fleet, Observing))
}

#[tokio::test]
async fn whoever_imposed_it_it_ends_at_its_time() {
    for (by, imposed) in cases() {
        let scene = Scene::new(by, imposed).await;

        scene.pass(9);
        assert_eq!(scene.overridden(), Some(imposed), "{by:?}");
        scene.pass(1);

        scene.assert_released();
    }
}

#[tokio::test]
async fn whoever_imposed_it_a_newer_one_outlives_it() {
    for (by, imposed) in cases() {
        for newer in [By::Http, By::Code, By::SecondService] {
            let scene = Scene::new(by, imposed).await;
            scene.pass(5);

            match newer {
                By::Code => impose(&scene.circuit, ForcedOpen),
                By::SecondService => scene.post(1, ForcedOpen).await,
                _ => scene.post(0, ForcedOpen).await,
            }
            scene.pass(9);
            assert_eq!(scene.overridden(), Some(ForcedOpen), "{by:?}, then {newer:?}");
            scene.pass(1);

            scene.assert_released();
        }
    }
}

/// An operator of this process has the last word over the fleet.
#[tokio::test]
async fn a_fleets_newer_one_replaces_only_the_fleets_own_or_what_observes() {
    for (by, imposed) in cases() {
        let scene = Scene::new(by, imposed).await;
        scene.pass(5);

        scene.hear(8, ForcedOpen, 20);
        scene.pass(6);

        let is_replaced = by == By::Fleet || imposed == Observing;
        let expected = is_replaced.then_some(ForcedOpen);
        assert_eq!(scene.overridden(), expected, "{imposed} by {by:?}");
    }
}

#[tokio::test]
async fn whoever_imposed_it_one_without_an_end_outlives_it() {
    for (by, imposed) in cases() {
        let scene = Scene::new(by, imposed).await;
        scene.pass(5);

        post(&scene.services[0], "/circuits/plants/force-closed", "{}").await;
        scene.pass(3600);

        assert_eq!(scene.overridden(), Some(ForcedClosed), "{by:?}");
    }
}

#[tokio::test]
async fn whoever_imposed_it_its_time_runs_on_beneath_an_isolation() {
    for (by, imposed) in cases() {
        let scene = Scene::new(by, imposed).await;
        let isolation = scene.circuit.isolate();
        scene.pass(11);
        assert_eq!(scene.overridden(), Some(ForcedOpen), "{by:?}: isolated");
        drop(isolation);
        scene.assert_released();

        let scene = Scene::new(by, imposed).await;
        let isolation = scene.circuit.isolate();
        scene.pass(9);
        drop(isolation);
        assert_eq!(scene.overridden(), Some(imposed), "{by:?}: not over yet");
        scene.pass(1);
        scene.assert_released();
    }
}

#[tokio::test]
async fn whoever_imposed_it_a_release_ends_it_and_its_end_does_not_come_again() {
    for (by, imposed) in cases() {
        let scene = Scene::new(by, imposed).await;
        scene.pass(5);

        post(&scene.services[1], "/circuits/plants/release", "{}").await;
        assert_eq!(scene.overridden(), None, "{by:?}");
        scene.circuit.force_open();
        scene.pass(6);

        assert_eq!(scene.overridden(), Some(ForcedOpen), "{by:?}: of after the release");
    }
}

#[tokio::test]
async fn whoever_imposed_it_a_restart_leaves_it_its_end() {
    for (by, imposed) in cases() {
        let mut scene = Scene::new(by, imposed).await;
        scene.pass(4);

        let saved = scene.registry.export();
        (scene.registry, scene.clock) = registry(&[]);
        scene.registry.restore(saved.into_iter().map(|it| it.away_for(2 * SECOND)));
        scene.circuit = scene.registry.get_or_create("plants");
        if by == By::Fleet {
            assert_eq!(scene.overridden(), None, "the fleet will say it again");
            scene.hear(7, imposed, 4);
        }

        scene.pass(3);
        assert_eq!(scene.overridden(), Some(imposed), "{by:?}");
        scene.pass(1);
        scene.assert_released();
    }
}

/// Nobody calls, nobody looks: the task of the service does.
#[tokio::test(start_paused = true)]
async fn listeners_are_told_when_the_time_is_over() {
    let registry = registry_in_time(&["plants", "prices", "other"]);
    let admin = steering(&registry).build();
    let started = tokio::time::Instant::now();
    let told: Arc<Mutex<BTreeMap<String, u64>>> = Arc::default();
    let ear = Arc::clone(&told);
    registry.on_event(move |event: &CircuitEvent| {
        if let CircuitEvent::Overridden { circuit, to: None, .. } = event {
            ear.lock().unwrap().insert(circuit.to_string(), started.elapsed().as_secs());
        }
    });

    registry.get("other").unwrap().force_open_for(400 * SECOND);
    post(&admin, "/circuits/plants/force-open", r#"{"for": "10m"}"#).await;
    post(&admin, "/circuits/prices/force-closed", r#"{"for": "5m"}"#).await;
    let left = get(&admin, "/circuits/plants").await.json["override_ends_in"].clone();
    drop(admin);
    tokio::time::sleep(700 * SECOND).await;

    assert_eq!(left, 600.0);
    let expected = [("other", 400), ("plants", 600), ("prices", 300)];
    assert_eq!(*told.lock().unwrap(), expected.map(|(name, at)| (name.to_owned(), at)).into());
}

#[test]
fn listeners_are_told_also_after_a_runtime_that_served_is_gone() {
    let (registry, clock) = registry(&["plants", "prices"]);
    let admin = steering(&registry).build();
    let told = Arc::new(Mutex::new(0));
    let ear = Arc::clone(&told);
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().unwrap()
    };

    runtime().block_on(post(&admin, "/circuits/plants/force-open", r#"{"for": "5m"}"#));
    registry.on_event(move |_: &CircuitEvent| *ear.lock().unwrap() += 1);
    runtime().block_on(async {
        post(&admin, "/circuits/prices/force-open", r#"{"for": "10m"}"#).await;
        let told_before = *told.lock().unwrap();
        clock.advance(600 * SECOND);
        tokio::time::sleep(601 * SECOND).await;
        assert!(*told.lock().unwrap() > told_before);
    });
}

#[tokio::test]
async fn an_override_and_its_end_are_shown() {
    let (registry, clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    post(&admin, "/circuits/plants/force-closed", r#"{"for": "10m"}"#).await;
    clock.advance(60 * SECOND);

    let shown = get(&admin, "/circuits/plants").await.json;

    let expected = json!({
        "overridden": "forced_closed", "serial": 1, "imposed_ago": 60.0, "ends_in": 540.0,
        "by_fleet": false,
    });
    assert_eq!(shown["operators_override"], expected);
    assert_eq!(shown["override_ends_in"], 540.0);
}

#[tokio::test]
async fn each_service_writes_the_end_into_its_audit_and_one_that_is_gone_hears_no_more() {
    let (registry, clock) = registry(&["plants"]);
    let [first, second, third] = [(); 3].map(|()| steering(&registry).build());
    drop(third);
    post(&first, "/circuits/plants/observe", r#"{"for": "10s"}"#).await;
    let isolation = registry.get("plants").unwrap().isolate();
    clock.advance(10 * SECOND);

    let _ = registry.snapshots();
    drop(isolation);

    for service in [&first, &second] {
        let audit = get(service, "/audit").await.json;
        let last = audit["entries"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&last["command"], &last["actor"]), (&json!("release"), &json!("expiry")));
        assert_eq!(last["reason"], "the time of its override was over");
    }
}

#[tokio::test]
async fn the_audit_has_an_end_before_the_command_that_found_it() {
    for (path, command) in
        [("/circuits/plants/force-open", "force-open"), ("/circuits/reset-all", "reset-all")]
    {
        let (registry, clock) = registry(&["plants"]);
        let admin = steering(&registry).build();
        registry.get("plants").unwrap().force_open_for(10 * SECOND);
        clock.advance(3600 * SECOND);

        post(&admin, path, "{}").await;

        let audit = get(&admin, "/audit").await.json;
        let entries = audit["entries"].as_array().unwrap();
        let commands: Vec<_> = entries.iter().map(|entry| &entry["command"]).collect();
        assert_eq!(commands, ["release", command]);
    }
}
