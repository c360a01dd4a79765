//! The program, run as its users run it.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail them that way")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::OnceLock;

#[test]
fn one_cycle_ends_well_and_shows_every_figure() {
    let output = one_cycle();

    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    assert_eq!(text(&output.stderr), "");
    assert!(!shown.contains('\x1b'), "colours where there is no terminal:\n{shown}");
    for row in ROWS {
        assert!(shown.lines().any(|line| line.starts_with(row)), "no row {row:?} in:\n{shown}");
    }
    for phase in 1..=5 {
        assert!(shown.contains(&format!("phase {phase} of 5: ")), "no phase {phase} in:\n{shown}");
    }
    assert!(seconds_played(&shown) <= 20.0, "{shown}");
}

#[test]
fn figures_of_one_cycle_add_up() {
    let output = one_cycle();

    let shown = text(&output.stdout);
    let [calls, calls_b] = figures(&shown, "calls");
    let [answered, answered_b] = figures(&shown, "  answered");
    let [failed, failed_b] = figures(&shown, "  failed");
    let [rejected, rejected_b] = figures(&shown, "  rejected");
    let [reached, reached_b] = figures(&shown, "upstream calls, with retries");
    let [saved, saved_b] = figures(&shown, "upstream calls saved");
    assert_eq!(calls, answered + failed + rejected, "{shown}");
    assert!(failed > 0 && rejected > 0, "{shown}");
    assert_eq!(saved, rejected, "{shown}");
    assert!(reached >= answered + failed, "{shown}");
    assert_eq!(calls_b, answered_b + failed_b, "{shown}");
    assert!(reached_b >= calls_b, "{shown}");
    assert_eq!([rejected_b, saved_b], [0, 0], "{shown}");
}

#[test]
fn open_circuit_is_answered_with_retry_after_and_seen_at_circuits() {
    let mut gateway = Gateway::start();

    gateway.read_until("A  closed -> open");
    // While its probes are in flight no time is known, and none is named.
    let rejected = gateway.get_until("/a/hello", "\r\nretry-after: 1\r\n");
    let passed = gateway.get("/b/hello");
    let circuits = gateway.get("/circuits");

    assert!(rejected.starts_with("HTTP/1.1 503 "), "{rejected}");
    assert!(rejected.contains("\r\nx-rejected-by: upstream-a\r\n"), "{rejected}");
    assert!(rejected.contains("\r\ncache-control: no-store\r\n"), "{rejected}");
    assert!(rejected.contains(r#""circuit":"upstream-a""#), "{rejected}");
    assert!(passed.starts_with("HTTP/1.1 200 "), "{passed}");
    assert!(circuits.contains(r#""name":"upstream-a","critical":false,"state":"#), "{circuits}");
    assert!(
        circuits.contains(r#""name":"upstream-b","critical":false,"state":"closed""#),
        "{circuits}"
    );
}

#[test]
fn page_health_and_metrics_are_served_and_a_reset_closes_the_circuit() {
    let mut gateway = Gateway::start();

    let page = gateway.get("/circuits/");
    gateway.read_until("A  closed -> open");
    let metrics = gateway.get("/metrics");
    let health = gateway.get("/health");
    let summary = gateway.get("/circuits/summary");
    let reset = gateway.post("/circuits/circuits/upstream-a/reset", r#"{"reason": "a test"}"#);
    let audit = gateway.get("/circuits/audit");

    assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
    assert!(page.contains("<title>(unknown) Circuits</title>"), "{page}");
    assert!(health.contains(r#""name":"upstream-b""#), "{health}");
    assert!(metrics.contains(r#"circuit_breaker_state{name="upstream-a"} "#), "{metrics}");
    for about in [
        r#""service":"gateway""#,
        r#""environment":"development""#,
        concat!(r#""version":""#, env!("CARGO_PKG_VERSION"), '"'),
        r#""started":1"#,
    ] {
        assert!(summary.contains(about), "{summary}");
    }
    assert!(reset.starts_with("HTTP/1.1 200 "), "{reset}");
    assert!(reset.contains(r#""state":"closed""#), "{reset}");
    assert!(audit.contains(r#""reason":"a test""#), "{audit}");
}

#[test]
fn a_run_has_a_token_of_its_own_and_shows_no_circuit_without_it() {
    let mut command = Command::new(GATEWAY);
    let child = command.args(["--port", "0"]).stdout(Stdio::piped());
    let mut gateway = Gateway::of(child.env_remove("ADMIN_TOKEN").env_remove("APP_ENV"));
    let mut told = || {
        let mut line = String::new();
        gateway.lines.read_line(&mut line).unwrap();
        line
    };
    let [page, token] = [told(), told()];
    let token = token.split_whitespace().nth(1).unwrap().to_owned();

    for path in ["/circuits", "/circuits/circuits", "/metrics", "/circuits/events"] {
        let refused = gateway.get(path);
        assert!(refused.starts_with("HTTP/1.1 401 "), "{path}: {refused}");
        assert!(!refused.contains("upstream-a"), "{path}: {refused}");
    }
    let head = format!("Authorization: Bearer {token}\r\n");
    let shown = gateway.ask_with("GET", "/circuits", &head, "");
    let reset = gateway.ask_with("POST", "/circuits/circuits/upstream-a/reset", &head, "{}");

    assert!(page.contains("http://127.0.0.1:") && page.contains("/circuits/"), "{page}");
    assert!(shown.starts_with("HTTP/1.1 200 "), "{shown}");
    assert!(reset.starts_with("HTTP/1.1 200 "), "{reset}");
}

#[test]
fn open_control_is_said_at_the_start_and_refused_in_production() {
    let mut gateway = Gateway::start();
    gateway.read_until("control   open to every program on this machine and to any proxy");

    let output = Command::new(GATEWAY)
        .args(["--once", "--open-control"])
        .env("APP_ENV", "production")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        text(&output.stderr),
        "gateway: --open-control is refused with APP_ENV=production: set ADMIN_TOKEN\n"
    );
}

#[test]
#[cfg(unix)]
fn a_reader_of_events_does_not_hold_up_the_end() {
    let mut gateway = Gateway::start();
    let mut stream = TcpStream::connect(&gateway.address).unwrap();
    write!(stream, "GET /circuits/events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut events = BufReader::new(stream);
    let mut line = String::new();
    while !line.starts_with("event: tick") {
        line.clear();
        assert_ne!(events.read_line(&mut line).unwrap(), 0, "no tick");
    }

    let asked = Command::new("kill").arg(gateway.child.id().to_string()).status().unwrap();
    let mut rest = String::new();
    events.read_to_string(&mut rest).unwrap();

    assert!(asked.success());
    assert!(rest.ends_with("0\r\n\r\n"), "the stream was cut off: {rest}");
    assert_eq!(gateway.child.wait().unwrap().code(), Some(0));
}

#[test]
#[cfg(unix)]
fn asked_to_end_it_shows_the_table_so_far_and_exits_with_0() {
    let mut gateway = Gateway::start();

    gateway.read_until("phase 1 of 5");
    let asked = Command::new("kill").arg(gateway.child.id().to_string()).status().unwrap();
    let mut shown = String::new();
    gateway.lines.read_to_string(&mut shown).unwrap();

    assert!(asked.success());
    assert_eq!(gateway.child.wait().unwrap().code(), Some(0), "{shown}");
    assert_eq!(figures(&shown, "  rejected"), [0, 0], "{shown}");
}

#[test]
fn wrong_options_are_one_line_and_exit_with_2() {
    let cases: [&[&str]; 5] =
        [&["--twice"], &["twice"], &["--port"], &["--port", "x"], &["--port", "65536"]];
    for args in cases {
        let output = run(args);

        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {complaint}");
        assert_eq!(text(&output.stdout), "", "{args:?}");
        assert_eq!(complaint.lines().count(), 1, "{args:?}: {complaint}");
        assert!(complaint.starts_with("gateway: "), "{args:?}: {complaint}");
        assert!(complaint.ends_with("; see --help\n"), "{args:?}: {complaint}");
    }
}

#[test]
fn taken_port_is_one_line_and_exits_with_2() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();

    let output = run(&["--once", "--port", &address.port().to_string()]);

    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stdout), "");
    assert_eq!(
        text(&output.stderr),
        format!(
            "gateway: cannot listen on {address}: address already in use; \
             choose another with --port\n"
        )
    );
}

#[test]
fn help_names_every_option_and_exits_with_0() {
    let output = run(&["--help"]);

    let help = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
    for part in ["--port <PORT>", "[default: 3000]", "--once", "Exit status:"] {
        assert!(help.contains(part), "no {part:?} in:\n{help}");
    }
}

const GATEWAY: &str = env!("CARGO_BIN_EXE_gateway");

const ROWS: [&str; 10] = [
    "calls ",
    "  answered ",
    "  failed ",
    "  rejected ",
    "upstream calls, with retries ",
    "upstream calls saved ",
    "failing call before the trip, p50 / p99 ",
    "failing call after the trip, p50 / p99 ",
    "time from recovery to closed ",
    "as it should be: ",
];

/// The program at play, until dropped.
struct Gateway {
    child: Child,
    lines: BufReader<ChildStdout>,
    address: String,
}

impl Gateway {
    fn start() -> Self {
        let mut command = Command::new(GATEWAY);
        Self::of(command.args(["--port", "0", "--open-control"]).stdout(Stdio::piped()))
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        let address = first.split("http://").nth(1).and_then(|rest| rest.split(' ').next());
        Self { child, address: address.expect("the first line names it").to_owned(), lines }
    }

    fn read_until(&mut self, part: &str) {
        let mut line = String::new();
        while !line.contains(part) {
            line.clear();
            assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "ended before {part:?}");
        }
    }

    /// The whole response, as text.
    fn get(&self, path: &str) -> String {
        self.ask("GET", path, "")
    }

    fn post(&self, path: &str, body: &str) -> String {
        self.ask("POST", path, body)
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> String {
        self.ask_with(method, path, "", body)
    }

    /// With more of a head: lines that each end as such lines do.
    fn ask_with(&self, method: &str, path: &str, more: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let (address, length) = (&self.address, body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n{more}\r\n"
        );
        write!(stream, "{head}{body}").unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    }

    /// Asks again as long as the call happens to be a probe, which the upstream answers itself.
    fn get_until(&self, path: &str, part: &str) -> String {
        let responses = std::iter::repeat_with(|| self.get(path)).take(100);
        responses.into_iter().find(|response| response.contains(part)).expect(part)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Fails when it has ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(args: &[&str]) -> Output {
    Command::new(GATEWAY).args(args).output().unwrap()
}

/// Played once for all tests that look at it.
fn one_cycle() -> &'static Output {
    static OUTPUT: OnceLock<Output> = OnceLock::new();
    OUTPUT.get_or_init(|| run(&["--once", "--port", "0"]))
}

/// What a row of the table says of A and of B.
fn figures(shown: &str, row: &str) -> [u64; 2] {
    let rest = shown.lines().find_map(|line| line.strip_prefix(row)?.strip_prefix(' '));
    let mut figures = rest.expect(row).split_whitespace().map(|figure| figure.parse().unwrap());
    std::array::from_fn(|_| figures.next().expect(row))
}

fn seconds_played(shown: &str) -> f64 {
    let rest = shown.lines().find_map(|line| line.strip_prefix("played for "));
    rest.and_then(|rest| rest.split(' ').next()).expect("played for ...").parse().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
