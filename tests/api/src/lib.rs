//! The published crates of the workspace that the working directory is in, as cargo tells them.

use std::env;
use std::error::Error;
use std::process::Command;

use serde_json::Value;

/// What `cargo metadata` says of the workspace as locked.
///
/// # Errors
///
/// When cargo fails, or says something that is not JSON.
pub fn metadata(args: &[&str]) -> Result<Value, Box<dyn Error>> {
    let mut command = cargo();
    command.args(["metadata", "--format-version", "1", "--locked"]).args(args);
    Ok(serde_json::from_str(&output(&mut command)?)?)
}

/// The members of the workspace that are published and have a library.
pub fn published(metadata: &Value) -> impl Iterator<Item = &Value> {
    let members = &metadata["workspace_members"];
    list(&metadata["packages"]).filter(move |package| {
        list(members).any(|id| id == &package["id"])
            && package["publish"] != Value::Array(Vec::new())
            && library(package).is_some()
    })
}

/// The name of a package's library, as code writes it.
#[must_use]
pub fn library(package: &Value) -> Option<&str> {
    list(&package["targets"])
        .find(|target| list(&target["kind"]).any(|kind| kind == "lib"))
        .map(|target| text(&target["name"]))
}

/// The elements of an array.
pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A text, or none of a value that is not there.
#[must_use]
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The cargo that runs this, without what that says of this package: build scripts that look at it,
/// such as ring's, would run again, and all that is built on them would be built again.
#[must_use]
pub fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&*name);
        }
    }
    cargo
}

/// What a command prints; its errors go where ours go.
///
/// # Errors
///
/// When the command does not start, fails, or prints what is not UTF-8.
pub fn output(command: &mut Command) -> Result<String, Box<dyn Error>> {
    let output = command.stderr(std::process::Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
