//! What the compiler says of the commonest mistakes: its first error names the remedy.
//!
//! Each file of `cases` is a program with one mistake; with the feature `mended` it has none. Below
//! the line of the first error stand its code (`-` if it has none) and words that it says, and
//! whether the guide quotes it:
//!
//! ```text
//! let _ = layer.failure_if(|result: Result<u8, BoxError>| result.is_err());
//! //~^ E0631 consider adjusting the signature
//! //~| so it borrows its argument
//! //~ guide
//! ```
//!
//! Checked by stable alone: others may word their own messages otherwise.

#![allow(clippy::unwrap_used, reason = "helpers outside of tests unwrap, too")]

mod case;
mod compiler;

use std::fs;
use std::path::Path;

use crate::case::{Case, cases};
use crate::compiler::{check, expect_known_compiler};

#[test]
#[ignore = "needs rustc-1.95: run by tests/run.sh"]
fn the_first_error_of_each_mistake_names_the_remedy() {
    expect_known_compiler();
    let cases = cases();
    let errors = check("mistakes", &cases, &[]);

    let complaints: Vec<_> = cases
        .iter()
        .filter_map(|case| match errors.get(&case.name) {
            Some(error) => case.complaint(error),
            None => Some(format!("{}: compiles", case.name)),
        })
        .collect();
    assert!(cases.len() > 20, "only {} were found", cases.len());
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
#[ignore = "needs rustc-1.95: run by tests/run.sh"]
fn each_mistake_compiles_once_it_is_mended() {
    expect_known_compiler();
    let errors = check("mended", &cases(), &["--features", "mended"]);

    let found: Vec<_> = errors.into_values().map(|error| error.rendered).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
#[ignore = "needs rustc-1.95: run by tests/run.sh"]
fn the_guide_quotes_what_the_compiler_prints() {
    expect_known_compiler();
    let quoted: Vec<_> = cases().into_iter().filter(|case| case.is_quoted).collect();
    let errors = check("quoted", &quoted, &[]);
    let quotes = quotes();

    let is_of = |quote: &[String], case: &Case| {
        let printed = one_line(errors[&case.name].rendered.lines());
        quote.iter().all(|part| printed.contains(part.as_str()))
    };
    for quote in &quotes {
        let is_printed = quoted.iter().any(|case| is_of(quote, case));
        assert!(is_printed, "the guide quotes what is not printed:\n{}", quote.join("\n"));
    }
    for case in &quoted {
        let is_there = quotes.iter().any(|quote| is_of(quote, case));
        assert!(is_there, "not in the guide, {}:\n{}", case.name, errors[&case.name].rendered);
    }
}

/// The errors that the guide quotes, each by its parts: what it leaves out stands as `...`.
fn quotes() -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/guide/compiler.rs");
    let text = fs::read_to_string(path).unwrap();
    let docs: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("//!")).collect();
    let blocks = docs.split(|line| line.trim().starts_with("```"));
    let begins = |line: &&str| ["error[", "error: "].iter().any(|it| line.trim().starts_with(it));
    let is_error = |block: &&[&str]| block.iter().any(begins);
    let parts = |block: &[&str]| {
        let parts = block.split(|line| line.trim() == "...");
        parts.map(|part| one_line(part.iter().copied())).collect()
    };
    blocks.filter(is_error).map(parts).collect()
}

/// The lines as one, whatever they were indented by.
fn one_line<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}
