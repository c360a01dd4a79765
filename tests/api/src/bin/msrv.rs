//! Fails where a published crate would be built, on whatever system, of a crate that asks for a
//! newer Rust than the published one promises. Checks it with the promised Rust, too, where that is
//! installed. Run in the workspace that they are in.

use std::error::Error;
use std::io::{self, Write};
use std::process::{Command, ExitCode};

use api::{cargo, list, metadata, output, published, text};
use serde_json::Value;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let metadata = metadata(&["--all-features"])?;
    let mut out = io::stdout();
    let mut code = ExitCode::SUCCESS;

    for package in published(&metadata) {
        let (name, promised) = (text(&package["name"]), text(&package["rust_version"]));
        let features = features(package);
        let newer = newer(&metadata, name, &features, promised)?;
        for line in &newer {
            writeln!(out, "{name} promises Rust {promised}: {line}")?;
        }
        if !newer.is_empty() {
            code = ExitCode::FAILURE;
            continue;
        }
        writeln!(out, "{name}: all it is built of takes Rust {promised}, as they say")?;
        if let Some(toolchain) = toolchain(promised) {
            check(&toolchain, name, &features)?;
            writeln!(out, "{name}: checked with {toolchain}")?;
        } else {
            writeln!(out, "{name}: not tried, since Rust {promised} is not installed here")?;
        }
    }
    Ok(code)
}

/// All features but those that need more.
fn features(package: &Value) -> String {
    let features = package["features"].as_object().into_iter().flat_map(|features| features.keys());
    features.map(String::as_str).collect::<Vec<_>>().join(",")
}

/// What a package is built of that asks for more than `promised`.
fn newer(
    metadata: &Value,
    package: &str,
    features: &str,
    promised: &str,
) -> Result<Vec<String>, Box<dyn Error>> {
    let mut command = cargo();
    command
        .args(["tree", "--locked", "--package", package, "--features", features])
        .args(["--edges", "normal,build", "--target", "all"])
        .args(["--prefix", "none", "--no-dedupe", "--format", "{p}"]);
    let tree = output(&mut command)?;
    // A line is a name, a version, and where it comes from if that is not the registry.
    let built: Vec<(&str, &str)> =
        tree.lines().filter_map(|line| line.split_once(' ')).map(first_two).collect();

    Ok(list(&metadata["packages"])
        .map(|it| (text(&it["name"]), text(&it["version"]), text(&it["rust_version"])))
        .filter(|(name, version, _)| built.contains(&(name, version)))
        .filter(|(_, _, asked)| numbers(asked) > numbers(promised))
        .map(|(name, version, asked)| format!("{name} {version} asks for {asked}"))
        .collect())
}

fn first_two<'a>((name, rest): (&'a str, &'a str)) -> (&'a str, &'a str) {
    let version = rest.split_once(' ').map_or(rest, |(version, _)| version);
    (name, version.trim_start_matches('v'))
}

/// A version of Rust, to be compared; zeros for what it leaves out.
fn numbers(version: &str) -> [u32; 3] {
    let mut numbers = [0; 3];
    for (number, part) in numbers.iter_mut().zip(version.split('.')) {
        *number = part.parse().unwrap_or(0);
    }
    numbers
}

/// The installed toolchain of that version, or of one of its patches, by name.
fn toolchain(version: &str) -> Option<String> {
    let listed = Command::new("rustup").args(["toolchain", "list", "--quiet"]).output().ok()?;
    let is_it = |name: &str| {
        name.strip_prefix(version)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
    };
    String::from_utf8(listed.stdout).ok()?.lines().find(|name| is_it(name)).map(str::to_owned)
}

fn check(toolchain: &str, package: &str, features: &str) -> Result<(), Box<dyn Error>> {
    let mut command = Command::new("rustup");
    command.args(["run", toolchain, "cargo", "check", "--quiet", "--locked", "--lib"]).args([
        "--package",
        package,
        "--features",
        features,
    ]);
    output(&mut command).map(drop)
}
