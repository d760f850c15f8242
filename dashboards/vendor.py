"""Fetch the front end's few libraries at exact versions; write them below web/vendor, with licences and a manifest.

Given: npm on the path (a developer's tool; not needed at run time). Gives: the files, `manifest.json` with each
file's package, version, source and sha256, and the browser tests' accessibility checker below tests/browser/vendor.
Never: a changed file, but for two things: a source-map line is cut off (the maps are not shipped), and
uPlot's minified script gets one line that makes it a module.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent
WEB = ROOT / "web" / "vendor"
TESTS = ROOT.parent / "tests" / "browser" / "vendor"
SOURCE_MAP = re.compile(rb"\s*//# sourceMappingURL=\S+\s*$")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file of one package: where it lies in the package, and what it is called here."""

    package: str
    version: str
    licence: str
    source: str
    target: str
    suffix: str = ""
    shipped: bool = True


WANTED = (
    Wanted("preact", "11.2.0", "MIT", "dist/preact.mjs", "preact/preact.mjs"),
    Wanted("preact", "11.2.0", "MIT", "hooks/dist/hooks.mjs", "preact/hooks.mjs"),
    Wanted("htm", "3.1.1", "Apache-2.0", "dist/htm.mjs", "htm/htm.mjs"),
    Wanted("@preact/signals", "2.11.4", "MIT", "dist/signals.mjs", "signals/signals.mjs"),
    Wanted("@preact/signals-core", "1.14.5", "MIT", "dist/signals-core.mjs", "signals-core/signals-core.mjs"),
    Wanted("uplot", "1.6.32", "MIT", "dist/uPlot.iife.min.js", "uplot/uPlot.mjs", suffix="\nexport default uPlot;\n"),
    Wanted("uplot", "1.6.32", "MIT", "dist/uPlot.min.css", "uplot/uPlot.min.css"),
    Wanted("axe-core", "4.14.1", "MPL-2.0", "axe.min.js", "axe-core/axe.min.js", shipped=False),
)


def main() -> int:
    """Fetch everything and write both folders.

    Returns:
        The exit code: 0, or 1 when npm could not deliver a package.
    """
    manifests: dict[Path, list[dict[str, str]]] = {WEB: [], TESTS: []}
    with tempfile.TemporaryDirectory() as folder:
        packages: dict[str, Path] = {}
        for wanted in WANTED:
            try:
                package = packages.get(wanted.package) or fetch(wanted, Path(folder))
            except subprocess.CalledProcessError as failure:
                sys.stderr.write(f"npm could not deliver {wanted.package} {wanted.version}: {failure.stderr}\n")
                return 1
            packages[wanted.package] = package
            base = WEB if wanted.shipped else TESTS
            manifests[base].append(place(wanted, package, base))
    for base, entries in manifests.items():
        (base / "manifest.json").write_text(json.dumps({"files": entries}, indent=2) + "\n", encoding="utf-8")
    return 0


def fetch(wanted: Wanted, folder: Path) -> Path:
    """Download and unpack one package.

    Raises:
        subprocess.CalledProcessError: npm has no such version, or cannot be reached.
    """
    name = f"{wanted.package}@{wanted.version}"
    packed = subprocess.run(["npm", "pack", "--silent", name], cwd=folder, check=True, capture_output=True, text=True)  # noqa: S603, S607 - a developer's own npm, constant arguments
    target = folder / wanted.package.replace("/", "_")
    with tarfile.open(folder / packed.stdout.split()[-1]) as archive:
        archive.extractall(target, filter="data")
    return target / "package"


def place(wanted: Wanted, package: Path, base: Path) -> dict[str, str]:
    """Copy one file and its package's licence; describe it for the manifest."""
    content = SOURCE_MAP.sub(b"\n", (package / wanted.source).read_bytes()) + wanted.suffix.encode()
    target = base / wanted.target
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    (target.parent / "LICENSE").write_bytes((package / "LICENSE").read_bytes())
    return {
        "package": wanted.package,
        "version": wanted.version,
        "licence": wanted.licence,
        "source": wanted.source,
        "file": wanted.target,
        "sha256": hashlib.sha256(content).hexdigest(),
    }


if __name__ == "__main__":
    raise SystemExit(main())
