//! What `tests/release.sh text` asks of manifests and changelog, and that it misses nothing.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the published crates are.
const CRATES: [&str; 7] = [
    "",
    "crates/admin/",
    "crates/fleet/",
    "crates/postgres/",
    "crates/redis/",
    "crates/telemetry/",
    "crates/test/",
];
const ADDRESS: &str = "https://example.com/tower-circuit-breaker";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A copy of what the script reads, ready to be released.
struct Tree(PathBuf);

impl Tree {
    fn new(name: &str) -> Self {
        let tree = Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join("releasing").join(name));
        let _ = fs::remove_dir_all(&tree.0);
        for folder in CRATES {
            fs::create_dir_all(tree.0.join(folder)).unwrap();
            let manifest = format!("{folder}Cargo.toml");
            let address = format!("repository = \"{ADDRESS}\"\nreadme = ");
            tree.copy(&manifest, |text| text.replacen("readme = ", &address, 1));
        }
        tree.copy("CHANGELOG.md", |text| {
            let section = format!("## Unreleased\n\n## {VERSION} - 2027-01-31");
            text.replacen("## Unreleased", &section, 1)
        });
        tree
    }

    fn copy(&self, file: &str, change: impl FnOnce(&str) -> String) {
        let text = fs::read_to_string(root().join(file)).unwrap();
        fs::write(self.0.join(file), change(&text)).unwrap();
    }

    /// Changes a file of the copy.
    fn change(&self, file: &str, from: &str, to: &str) {
        let path = self.0.join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    /// Whether it may be published, and what the script says is missing.
    fn check(&self) -> (bool, String) {
        check(&["text", self.0.to_str().unwrap()])
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn check(args: &[&str]) -> (bool, String) {
    let script = root().join("tests/release.sh");
    let output = Command::new("bash").arg(script).args(args).output().unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_tree_whose_manifests_and_changelog_say_one_thing_may_be_published() {
    assert_eq!(Tree::new("whole").check(), (true, String::new()));
}

#[test]
fn without_the_address_of_the_repository_nothing_may_be_published() {
    for folder in CRATES {
        let tree = Tree::new("address");
        let file = format!("{folder}Cargo.toml");
        tree.change(&file, &format!("repository = \"{ADDRESS}\"\n"), "");

        let (is_ready, said) = tree.check();

        assert!(!is_ready, "{folder}");
        let expected = "`package.repository` is missing: add `repository = \"https://...\"`";
        assert!(said.contains(&format!("{file}: {expected}")), "{folder}: {said}");
        assert_eq!(said.lines().count(), 2, "{folder}: {said}");
    }
}

#[test]
fn what_does_not_fit_together_is_named_with_its_remedy() {
    let asks = format!("tower-circuit-breaker = {{ path = \"../..\", version = \"{VERSION}\"");
    let dated = format!("## {VERSION} - 2027-01-31");
    let version = format!("version = \"{VERSION}\"");
    let cases = [
        ("crates/test/Cargo.toml", "readme = \"README.md\"", "", "`package.readme` is missing"),
        ("crates/admin/Cargo.toml", ADDRESS, "https://host/<owner>/x", "is the example"),
        ("crates/fleet/Cargo.toml", &version, "version = \"7.0.0\"", "`package.version` is"),
        (
            "crates/redis/Cargo.toml",
            &asks,
            "tower-circuit-breaker = { path = \"../..\"",
            "\"none\": write",
        ),
        (
            "crates/fleet/Cargo.toml",
            &asks,
            "tower-circuit-breaker-redis = { version = \"0.1.0\"",
            "published later",
        ),
        ("CHANGELOG.md", &dated, "## 0.0.9 - 2027-01-31", "has no section"),
        ("CHANGELOG.md", &dated, &format!("## {VERSION} - soon"), "with today's date"),
        ("CHANGELOG.md", &dated, "### More", "move them to the section"),
    ];
    for (file, from, to, words) in cases {
        let tree = Tree::new("faults");
        tree.change(file, from, to);

        let (is_ready, said) = tree.check();

        assert!(!is_ready && said.contains(words), "{file}, {words}: {said}");
    }
}

#[test]
fn links_of_packaged_readmes_are_addresses() {
    for folder in CRATES {
        let readme = fs::read_to_string(root().join(folder).join("README.md")).unwrap();
        let targets = readme.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
        for target in targets {
            assert!(
                target.starts_with("https://") || target.starts_with('#'),
                "{folder}: {target}"
            );
        }
    }
}
