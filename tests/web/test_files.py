"""What can be read off the pages' files: sizes, licences, digests, what the policy forbids, and the colours."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "dashboards" / "web"
VENDOR = WEB / "vendor"
OWN = sorted(path for path in WEB.rglob("*") if path.suffix in (".js", ".css", ".html") and VENDOR not in path.parents)
RGB = tuple[float, float, float]
PAGES = [
    "live",
    "costs",
    "traces",
    "trace",
    "prices",
    "reconcile",
    "settings",
    "tokens",
    "data",
    "changes",
    "about",
    "sampling",
    "slos",
    "slo",
    "slo-report",
    "slo-form",
    "sla",
    "budgets",
    "query",
    "logs",
    "trends",
    "audio",
    "alerts",
    "incidents",
    "alert",
    "rules",
    "rule",
    "routing",
    "silences",
    "channels",
    "services",
    "service",
]


def name(path: Path) -> str:
    return str(path.relative_to(WEB))


@pytest.mark.parametrize("path", OWN, ids=name)
def test_no_file_is_longer_than_400_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", OWN, ids=name)
def test_nothing_is_written_that_the_policy_would_block_or_that_leaves_this_origin(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for forbidden in (
        "innerHTML",
        "dangerouslySetInnerHTML",
        "eval(",
        "new Function",
        "setAttribute('style'",
        "<style",
        "onclick=",
    ):
        assert forbidden not in text, forbidden
    assert not re.search(r"""https?://(?!\$\{location|www\.w3\.org/)""", text)


READ = """const { readFileSync } = require('node:fs'); const { SourceTextModule } = require('node:vm');
for (const path of process.argv.slice(1)) new SourceTextModule(readFileSync(path, 'utf8'), { identifier: path });"""


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on the path")
def test_every_module_can_be_read_by_a_browser() -> None:
    paths = [str(path) for path in OWN if path.suffix == ".js"]
    command = ["node", "--no-warnings", "--experimental-vm-modules", "-e", READ, "--", *paths]
    read = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert read.returncode == 0, read.stderr


def reached(file: Path, seen: set[Path]) -> set[Path]:
    """A module and all that it imports before it runs."""
    if file not in seen:
        seen.add(file)
        for target in re.findall(
            r"""^(?:import|export)\b[^;'"]*['"](\.[^'"]+)['"]""", file.read_text(encoding="utf-8"), re.MULTILINE
        ):
            reached((file.parent / target).resolve(), seen)
    return seen


@pytest.mark.parametrize("page", PAGES)
def test_no_page_loads_more_than_its_budget(page: str) -> None:
    modules = reached(WEB / "pages" / f"{page}.js", reached(WEB / "app.js", set()))
    styles = re.findall(r"styles = '/assets/([^']+)'", (WEB / "pages" / f"{page}.js").read_text(encoding="utf-8"))
    everywhere = [*WEB.glob("*.css"), *(WEB / file for file in styles), WEB / "index.html", WEB / "theme.js"]
    assert sum(path.stat().st_size for path in [*modules, *everywhere]) < 190_000


def test_vendored_files_stay_within_their_budget() -> None:
    assert sum(path.stat().st_size for path in VENDOR.rglob("*") if path.suffix in (".mjs", ".css")) < 150_000


def test_every_vendored_file_is_listed_with_its_digest_and_has_a_licence() -> None:
    listed = {
        entry["file"]: entry for entry in json.loads((VENDOR / "manifest.json").read_text(encoding="utf-8"))["files"]
    }
    found = {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.suffix in (".mjs", ".css", ".js")}
    assert set(listed) == found
    for file, entry in listed.items():
        content = (VENDOR / file).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]
        assert b"sourceMappingURL" not in content
        assert (VENDOR / file).with_name("LICENSE").is_file()


def test_the_import_map_names_files_that_exist_and_every_bare_import_is_in_it() -> None:
    page = (WEB / "index.html").read_text(encoding="utf-8")
    found = re.search(r'<script type="importmap">(.*?)</script>', page)
    assert found
    imports = json.loads(found[1])["imports"]
    for address in [*imports.values(), *re.findall(r'(?:href|src)="(/assets/[^"]+)"', page)]:
        assert (WEB / address.removeprefix("/assets/")).is_file(), address
    for path in WEB.rglob("*.*js"):
        for target in re.findall(r"""(?:from|import)\s*\(?["']([@\w./-]+)["']""", path.read_text(encoding="utf-8")):
            if target.startswith("."):
                assert (path.parent / target).is_file(), f"{name(path)} imports {target}"
            else:
                assert target in imports, f"{name(path)} imports {target}"


def test_what_every_page_needs_is_asked_for_at_once_and_not_one_import_after_the_other() -> None:
    page = (WEB / "index.html").read_text(encoding="utf-8")
    preloaded = re.findall(r'<link rel="modulepreload" href="/assets/([^"]+)">', page)
    needed = {name(path) for path in reached(WEB / "app.js", set())} - {"app.js"}
    assert {one for one in preloaded if not one.startswith("vendor/")} == needed
    assert len(preloaded) == len(set(preloaded))


def palettes() -> dict[str, dict[str, str]]:
    text = (WEB / "tokens.css").read_text(encoding="utf-8")
    blocks = {"light": text.split("@media")[0], "dark": text.split(":root[data-theme=dark]")[1]}
    return {theme: dict(re.findall(r"--([a-z0-9-]+):(#[0-9a-f]{6})", block)) for theme, block in blocks.items()}


def linear(colour: str) -> RGB:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return red, green, blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted(
        (
            sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear(colour), strict=True))
            for colour in (one, other)
        ),
        reverse=True,
    )
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_a_contrast_of_four_and_a_half_on_every_ground_and_graphics_of_three(theme: str) -> None:
    palette = palettes()[theme]
    grounds = [palette[ground] for ground in ("bg", "surface", "raised", "sunken")]
    for text in ("text", "text-2", "text-3", "accent", "ok", "warn", "crit", "unk", "info"):
        own = [palette[f"{text}-bg"]] if f"{text}-bg" in palette else []
        assert min(contrast(palette[text], ground) for ground in [*grounds, *own]) >= 4.5, text
    assert contrast(palette["on-accent"], palette["accent"]) >= 4.5
    for graphic in ("line-strong", *(f"s{slot}" for slot in range(1, 11))):
        assert contrast(palette[graphic], palette["surface"]) >= 3, graphic


# Full protanopia, deuteranopia and tritanopia after Machado and others (2009), on linear RGB.
SIGHTS = [
    ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
]


def oklab(colour: RGB) -> RGB:
    red, green, blue = (min(1.0, max(0.0, part)) for part in colour)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    middle = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_two_series_colours_look_alike_to_any_kind_of_sight(theme: str) -> None:
    palette = palettes()[theme]
    for sight in SIGHTS:
        seen = []
        for slot in range(1, 11):
            parts = linear(palette[f"s{slot}"])
            red, green, blue = (sum(weight * part for weight, part in zip(row, parts, strict=True)) for row in sight)
            seen.append(oklab((red, green, blue)))
        for one, other in itertools.combinations(seen, 2):
            distance = 100 * sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5
            assert distance >= 8.0


def test_both_ways_to_the_dark_theme_have_the_same_colours() -> None:
    text = (WEB / "tokens.css").read_text(encoding="utf-8")
    by_system, by_choice = (
        dict(re.findall(r"--([a-z0-9-]+):(#[0-9a-f]{6})", part))
        for part in text.split("@media")[1].split(":root[data-theme=dark]")[:2]
    )
    assert by_system == by_choice
