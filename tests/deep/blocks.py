"""Builds the whole programs of the README and the guide as a newcomer would.

Each block of Rust with a visible `fn main` is put into an empty package, outside of this workspace,
with the dependencies that the block's own `// cargo add` lines name: crates of this workspace by
their paths, all others as the registry has them. So is each file of `src/guide/programs`, which a page
of the guide shows. It is run for a minute at most, unless the block says `no_run`. With `--offline`,
cargo takes what the machine has; words besides choose the programs whose places contain one of them.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = {"tower-circuit-breaker": ROOT} | {
    f"tower-circuit-breaker-{path.name}": path for path in (ROOT / "crates").iterdir()
}
TARGET = ROOT / "target/blocks"
OFFLINE = ["--offline"] if "--offline" in sys.argv[1:] else []
WORDS = [word for word in sys.argv[1:] if not word.startswith("-")]
LONGEST_RUN = 60  # seconds; a program that ends by itself takes less than one
# None of these is Rust that compiles by itself; without a language it is Rust in rustdoc alone.
OTHER = {"text", "sh", "toml", "json", "yaml", "http", "promql", "compile_fail", "ignore"}


def lines_of(path):
    """The Markdown of a file: all of it, or what stands in its `//!` comments."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if path.suffix == ".md":
            yield number, line
        elif (doc := re.match(r"\s*//! ?(.*)", line)) is not None:
            yield number, doc[1]


def shown_files(path):
    """The files of `guide/programs` that a page shows whole: as `programs` gives blocks.

    A program with a peer, from which users migrate, is `text` to rustdoc, which has no peers.
    """
    if path.suffix != ".rs":
        return
    shown = r'concat!\("```([a-z_]*)\\n", include_str!\("(programs/\w+\.rs)"\), "```"\)'
    for attribute, name in re.findall(shown, path.read_text(encoding="utf-8")):
        file = path.parent / name
        block = file.read_text(encoding="utf-8").splitlines()
        yield str(file.relative_to(ROOT)), {attribute} - {"text"}, block


def programs(path):
    """The blocks with a `main`: where each begins, its attributes, its text."""
    attributes, block, begun = None, [], 0
    for number, line in lines_of(path):
        if not line.startswith("```"):
            block.append(line)
        elif attributes is None:
            attributes, block, begun = set(re.split(r"[\s,]+", line[3:])), [], number
        else:
            is_program = any(re.match(r"(async )?fn main\(", line) for line in block)
            is_rust = not attributes & OTHER and (path.suffix == ".rs" or "rust" in attributes)
            if is_program and is_rust:
                yield f"{path.relative_to(ROOT)}:{begun}", attributes, block
            attributes, block = None, []


def additions(block):
    """The arguments of `cargo add`, crate by crate."""
    for line in block:
        command = re.match(r"// cargo add (.*)", line)
        if command is None:
            continue
        words = shlex.split(command[1])
        crates, features = [], []
        while words:
            word = words.pop(0)
            if word in ("-F", "--features"):
                features += words.pop(0).split(",")
            elif word.startswith("-"):
                sys.exit(f"blocks.py: what is {word} in `{line}`?")
            else:
                crates.append(word)
        for crate in crates:
            own = [name.split("/")[1] for name in features if name.startswith(f"{crate}/")]
            own += [name for name in features if "/" not in name]
            where = ["--path", str(OURS[crate])] if crate in OURS else [crate]
            yield [*where, *(["--features", ",".join(own)] if own else [])]


def cargo(*words, folder):
    """Runs cargo as if there were no workspace around; its target folder is one for all blocks."""
    environment = os.environ | {"CARGO_TARGET_DIR": str(TARGET)}
    subprocess.run(["cargo", *words, "--quiet", *OFFLINE], cwd=folder, env=environment, check=True)


def build(attributes, block, number):
    """Makes a package of a block, and builds or runs it."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["cargo", "init", "--quiet", "--vcs", "none", "--name", f"block-{number}", folder],
            check=True,
        )
        added = list(additions(block))
        if not added:
            raise ValueError("it has no `// cargo add` line")
        for words in added:
            cargo("add", *words, folder=folder)
        main = "\n".join(line.removeprefix("# ") for line in block) + "\n"
        (Path(folder) / "src/main.rs").write_text(main, encoding="utf-8")
        cargo("build", folder=folder)
        if "no_run" not in attributes:
            binary = TARGET / f"debug/block-{number}"
            subprocess.run([binary], cwd=folder, timeout=LONGEST_RUN, check=True)


def main():
    failed = []
    files = [ROOT / "README.md", ROOT / "src/guide.rs", *sorted((ROOT / "src/guide").glob("*.rs"))]
    shown = [program for path in files for program in shown_files(path)]
    kept = {str(path.relative_to(ROOT)) for path in (ROOT / "src/guide/programs").glob("*.rs")}
    if lost := kept - {where for where, _, _ in shown}:
        sys.exit(f"blocks.py: shown by no page: {sorted(lost)}")
    found = [program for path in files for program in programs(path)] + shown
    found = [it for it in found if not WORDS or any(word in it[0] for word in WORDS)]
    for number, (where, attributes, block) in enumerate(found):
        print(f"block: {where}", flush=True)
        try:
            build(attributes, block, number)
        except (subprocess.SubprocessError, ValueError) as error:
            print(f"{where}: {error}", file=sys.stderr)
            failed.append(where)
    print(f"{len(found)} programs, {len(failed)} failed")
    sys.exit(bool(failed) or not found)


main()
