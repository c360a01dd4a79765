use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::sleep;
use tower_circuit_breaker::Circuit;

use crate::log::{Format, level};
use crate::{Control, ControlArgs, Desk, Flood, failures_in_a_row};

const OPEN: ControlArgs = ControlArgs { open_control: true };
const CLOSED: ControlArgs = ControlArgs { open_control: false };

fn desk(args: ControlArgs, env: &[(&str, &str)]) -> Result<Desk, String> {
    let find = |name: &str| env.iter().find(|(of, _)| *of == name).map(|(_, it)| (*it).to_owned());
    Desk::by(args, find)
}

#[test]
fn each_run_of_development_has_a_token_of_its_own_that_is_told() {
    let told = [(); 2].map(|()| desk(CLOSED, &[]).unwrap().told("http://here/"));

    let token = told[0].lines().nth(1).unwrap().split_whitespace().nth(1).unwrap();
    assert!(token.len() == 32 && token.bytes().all(|b| b.is_ascii_hexdigit()), "{token}");
    assert_ne!(told[0], told[1]);
    assert!(told[0].starts_with("page      http://here/\n"));
}

#[test]
fn tokens_of_the_environment_are_never_told() {
    let both = [
        ("ADMIN_TOKEN", "0123456789abcdef, fedcba9876543210"),
        ("ADMIN_READ_TOKEN", "read-by-this-one"),
    ];
    let desk = desk(CLOSED, &both).unwrap();

    assert!(matches!(desk.control, Control::Tokens));
    for told in [desk.told("http://here/"), format!("{desk:?}")] {
        assert!(
            !told.contains("0123") && !told.contains("fedc") && !told.contains("read-by"),
            "{told}"
        );
    }
}

#[test]
fn what_is_open_is_said() {
    let told = desk(OPEN, &[("APP_ENV", "development")]).unwrap().told("http://here/");

    assert!(told.contains("any proxy"), "{told}");
}

#[test]
fn production_without_a_token_to_steer_by_is_not_steered() {
    for read in ["", "a-token-to-read-by-only-that"] {
        let env = [("APP_ENV", "production"), ("ADMIN_READ_TOKEN", read)];
        let desk = desk(CLOSED, &env).unwrap();

        assert!(matches!(desk.control, Control::Off));
        assert!(desk.told("http://here/").contains("off: set ADMIN_TOKEN"));
    }
}

#[test]
fn what_cannot_be_is_named_with_its_remedy_and_never_shown() {
    let cases: [(ControlArgs, &[(&str, &str)], &str); 6] = [
        (CLOSED, &[("APP_ENV", "prod")], "APP_ENV is \"prod\": must be development or production"),
        (CLOSED, &[("ADMIN_TOKEN", "short-horse")], "ADMIN_TOKEN must have 16 or more"),
        (
            CLOSED,
            &[("ADMIN_READ_TOKEN", "a horse with spaces in it")],
            "ADMIN_READ_TOKEN must have",
        ),
        (
            CLOSED,
            &[("APP_ENV", "production"), ("ADMIN_TOKEN", "a-horse-of-23-character")],
            "24 or more",
        ),
        (OPEN, &[("APP_ENV", "production")], "refused with APP_ENV=production: set ADMIN_TOKEN"),
        (OPEN, &[("ADMIN_TOKEN", "0123456789abcdef")], "exclude each other"),
    ];
    for (args, env, expected) in cases {
        let said = desk(args, env).unwrap_err();
        assert!(said.contains(expected), "{env:?}: {said}");
        assert!(!said.contains("horse"), "{said}");
    }
    let long = [("APP_ENV", "production"), ("ADMIN_TOKEN", "a-horse-of-24-characters")];
    assert!(matches!(desk(CLOSED, &long).unwrap().control, Control::Tokens));
}

#[test]
fn a_log_that_cannot_be_is_told_by_name() {
    assert_eq!(Format::named(None), Ok(Format::Text));
    assert_eq!(Format::named(Some("json")), Ok(Format::Json));
    let said = Format::named(Some("xml")).unwrap_err();
    assert_eq!(said, "LOG_FORMAT is \"xml\": must be text or json");
    assert!(level(Some("loud")).unwrap_err().contains("error, warn, info"));
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_said_at_once_and_then_counted_by_the_second() {
    let (flood, told) = (Flood::default(), Arc::new(Mutex::new(Vec::new())));
    let count = || {
        let told = Arc::clone(&told);
        flood.count(move |times| told.lock().unwrap().push(times));
    };

    for _ in 0..1_000 {
        count();
    }
    assert_eq!(*told.lock().unwrap(), [1]);
    sleep(Duration::from_millis(1_100)).await;
    count();
    sleep(Duration::from_secs(5)).await;
    assert_eq!(*told.lock().unwrap(), [1, 999, 1]);

    // It was quiet for a second: the next is said at once.
    count();
    assert_eq!(*told.lock().unwrap(), [1, 999, 1, 1]);
}

#[test]
fn failures_in_a_row_are_told_also_while_the_circuit_is_open() {
    let circuit = Circuit::builder("plants").consecutive_failures(3).build();
    let mut told = Vec::new();
    for _ in 0..3 {
        let _ = circuit.run(|| Err::<(), _>("down"));
        told.push(failures_in_a_row(&circuit.snapshot()));
    }
    circuit.reset();
    told.push(failures_in_a_row(&circuit.snapshot()));

    assert_eq!(told, [1, 2, 3, 0]);
}
