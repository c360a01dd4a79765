//! Writes the public items of each published crate to `<folder>/<package>.txt`, one a line:
//! `api <folder>`, run in the workspace that they are in.
//!
//! Blanket impls and those of auto traits are left out; of what is derived, only that it is.

use std::collections::HashSet;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use api::{cargo, library, metadata, output, published, text};
use public_api::{Builder, PublicApi};
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::args_os().nth(1).ok_or("usage: api <folder>")?);
    let metadata = metadata(&["--no-deps"])?;
    let written = Path::new(text(&metadata["target_directory"])).join("doc");
    document()?;

    for package in published(&metadata) {
        let name = text(&package["name"]);
        let library = library(package).ok_or("no library")?;
        let lines = items(&written.join(library).with_extension("json"))?;
        fs::write(folder.join(format!("{name}.txt")), lines.join("\n") + "\n")?;
    }
    Ok(())
}

/// Has rustdoc write its JSON, of what the step `docs` is built of, too.
fn document() -> Result<(), Box<dyn Error>> {
    let mut command = cargo();
    command
        .env("RUSTDOC", env::current_dir()?.join("tests/api/rustdoc.sh"))
        .env("RUSTDOCFLAGS", "-Z unstable-options --output-format json")
        .args(["doc", "--quiet", "--locked", "--workspace", "--all-features", "--no-deps"]);
    output(&mut command).map(drop)
}

/// The public items in the library's order, which keeps together what belongs together. What shows
/// in two places, as an impl does with its trait and with its type, is told at the first.
fn items(json: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let written: HashSet<String> = lines(&read(json, Derived::Omit)?).collect();
    let mut seen = HashSet::new();
    let told = |line: &String| {
        written.contains(line) || line.starts_with("impl") && !line.contains("StructuralPartialEq")
    };
    Ok(lines(&read(json, Derived::Keep)?)
        .filter(told)
        .filter(|line| seen.insert(line.clone()))
        .collect())
}

/// What becomes of impls that a derive macro wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Derived {
    Keep,
    Omit,
}

fn read(json: &Path, derived: Derived) -> Result<PublicApi, Box<dyn Error>> {
    Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(derived == Derived::Omit)
        .build()
        .map_err(|error| format!("{error}\n{}", format_of(json)).into())
}

fn lines(api: &PublicApi) -> impl Iterator<Item = String> + '_ {
    api.items().map(ToString::to_string)
}

/// The likely cause of a file that could not be read.
fn format_of(json: &Path) -> String {
    let version = fs::read_to_string(json)
        .ok()
        .and_then(|json| serde_json::from_str::<Value>(&json).ok())
        .map_or(Value::Null, |json| json["format_version"].clone());
    format!(
        "rustdoc wrote the format {version}: tests/api/Cargo.toml says which ones are read, and \
         how to find the public-api that reads another"
    )
}
