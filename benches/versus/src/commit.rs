//! Which code was measured.

use std::process::Command;

/// The commit, and whether the tree differs from it in more than what this program writes.
pub(crate) fn measured() -> String {
    let Some(commit) = git(&["rev-parse", "--short", "HEAD"]) else {
        return "no commit".into();
    };
    let changes =
        git(&["status", "--porcelain", "--untracked-files=no", "--", ".", NOT[0], NOT[1]]);
    let is_dirty = changes.is_none_or(|changes| !changes.is_empty());
    format!("commit {commit}{}", if is_dirty { "-dirty" } else { "" })
}

/// What git says of this repository.
fn git(arguments: &[&str]) -> Option<String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let output = Command::new("git").args(["-C", root]).args(arguments).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| said.trim().into())
}

/// The files that this program writes.
const NOT: [&str; 2] = [":!README.md", ":!docs/versus.svg"];
