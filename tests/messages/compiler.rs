//! Has cargo check the cases, and reads what the compiler says.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use toml::{Table, toml};

use crate::case::Case;

/// The first error of a program.
pub(crate) struct CompilerError {
    /// `-` where it has none.
    pub(crate) code: String,
    pub(crate) line: u64,
    /// Message, labels, notes and helps.
    pub(crate) said: String,
    pub(crate) rendered: String,
}

/// The earliest minor version of the compiler that words its own messages as the cases say.
const KNOWN: u64 = 95;

/// # Panics
///
/// Panics if the compiler words its messages otherwise.
pub(crate) fn expect_known_compiler() {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().unwrap();
    let version = String::from_utf8(output.stdout).unwrap();
    let number = version.split(' ').nth(1).unwrap_or_default();
    let minor = number.split('.').nth(1).and_then(|minor| minor.parse().ok());
    let is_known = !number.contains('-') && minor.is_some_and(|minor: u64| minor >= KNOWN);
    assert!(is_known, "this needs stable Rust from 1.{KNOWN} on, and is {version}");
}

/// Checks `cases` as programs of one package, and returns the first error of each that has one.
///
/// The package is made in the target folder, with the versions of this crate's lock file. What is
/// built for it lies apart from what is built for this test, whose lock cargo may still hold.
pub(crate) fn check(
    package: &str,
    cases: &[Case],
    options: &[&str],
) -> BTreeMap<String, CompilerError> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("messages");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let package = folder.join(package);
    fs::create_dir_all(&package).unwrap();
    fs::write(package.join("Cargo.toml"), manifest(root, cases).to_string()).unwrap();
    fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock")).unwrap();

    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for flags in
        ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"]
    {
        cargo.env_remove(flags);
    }
    cargo
        .args(["check", "--offline", "--keep-going", "--bins", "--message-format=json"])
        .args(options)
        .arg("--target-dir")
        .arg(folder.join("target"))
        .current_dir(package);
    let output = cargo.output().unwrap();

    let messages = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
    let messages: Vec<_> = messages.map(Result::unwrap).collect();
    let mut errors = BTreeMap::new();
    for message in messages.iter().filter(|it| it["message"]["level"] == "error") {
        let name = text(&message["target"]["name"]);
        errors.entry(name).or_insert_with(|| CompilerError::read(&message["message"]));
    }
    // Else it has failed for a reason of its own, before it came to the cases.
    let is_explained = output.status.success() == errors.is_empty();
    assert!(is_explained, "{}", String::from_utf8_lossy(&output.stderr));
    errors
}

fn manifest(root: &Path, cases: &[Case]) -> Table {
    let own = fs::read_to_string(root.join("Cargo.toml")).unwrap().parse::<Table>().unwrap();
    let mut dependencies = Table::new();
    for name in ["axum", "bytes", "http", "http-body", "reqwest", "tower"] {
        dependencies.insert(name.into(), own["dev-dependencies"][name].clone());
    }
    let mut breaker: Table = toml! { features = ["full"] };
    breaker.insert("path".into(), string(root));
    dependencies.insert("tower-circuit-breaker".into(), breaker.into());
    let kit = Table::from_iter([("path".to_owned(), string(&root.join("crates/test")))]);
    dependencies.insert("tower-circuit-breaker-test".into(), kit.into());

    let program = |case: &Case| {
        [("name".to_owned(), case.name.clone().into()), ("path".to_owned(), string(&case.path))]
    };
    let programs: Vec<_> = cases.iter().map(|case| Table::from_iter(program(case))).collect();
    let mut manifest = toml! {
        [package]
        name = "messages"
        version = "0.0.0"
        edition = "2024"
        publish = false

        [features]
        mended = []

        [workspace]
    };
    manifest.insert("dependencies".into(), dependencies.into());
    manifest.insert("bin".into(), programs.into());
    manifest
}

fn string(path: &Path) -> toml::Value {
    path.to_str().unwrap().into()
}

impl CompilerError {
    fn read(message: &Value) -> Self {
        let spans = message["spans"].as_array().unwrap();
        let primary = spans.iter().find(|span| span["is_primary"] == true);
        Self {
            code: message["code"]["code"].as_str().unwrap_or("-").to_owned(),
            line: primary.and_then(|span| span["line_start"].as_u64()).unwrap_or_default(),
            said: said(message).join("\n"),
            rendered: text(&message["rendered"]),
        }
    }
}

/// What a message says itself, without the lines of the program.
fn said(message: &Value) -> Vec<String> {
    let list = |name: &str| message[name].as_array().cloned().unwrap_or_default();
    let labels = list("spans").into_iter().map(|span| text(&span["label"]));
    let children: Vec<_> = list("children").iter().flat_map(said).collect();
    [text(&message["message"])].into_iter().chain(labels).chain(children).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
