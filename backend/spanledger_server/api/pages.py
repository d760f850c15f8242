"""The dashboard's files: the page itself at every place it has, and what it loads under `/assets/`.

In the wheel they lie in `spanledger_server/web`, in a checkout in `dashboards/web`. The policy that is sent with the
page carries the hash of its import map, worked out from the file at the start, so that the two cannot differ. A
browser that opens an address at which there is nothing gets the page, too, which says so.

Never: a file from outside that directory, or anything from another origin.
"""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request, Response

from spanledger_server.errors import NotFound

PLACES = (
    "/",
    "/traces",
    "/traces/{trace_id}",
    "/costs",
    "/costs/{tab}",
    "/logs",
    "/trends",
    "/audio",
    "/slos",
    "/slos/{name}",
    "/slos/{name}/report",
    "/slos/{name}/edit",
    "/reports/sla",
    "/alerts",
    "/alerts/{rest:path}",
    "/services",
    "/services/{name:path}",
    "/query",
    "/settings",
    "/settings/{tab}",
)
TYPES = {
    ".mjs": "text/javascript",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
TYPES |= {
    ".html": "text/html",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
POLICY = (
    "default-src 'none'; script-src 'self'{hashes}; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
MISSING = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>spanledger</title>"
    "<h1>spanledger is running</h1><p>The dashboard's files are not part of this installation. "
    "The API is described at /openapi.json.</p>"
)
_IMPORT_MAP = re.compile(r'<script type="?importmap"?>(.*?)</script>', re.DOTALL)


def directory() -> Path | None:
    """Where the files are: in the installed package, else in the checkout this file lies in; None when nowhere."""
    package = Path(__file__).resolve().parent.parent
    for candidate in (package / "web", package.parent.parent / "dashboards" / "web"):
        if (candidate / "index.html").is_file():
            return candidate
    return None


@dataclass(frozen=True, slots=True)
class Page:
    """The one page, and the hashes of what stands inline in it."""

    content: bytes
    hashes: tuple[str, ...]

    @classmethod
    def read(cls, root: Path | None) -> Page:
        """The page under `root`, or a sentence when there is none."""
        text = MISSING if root is None else (root / "index.html").read_text(encoding="utf-8")
        digests = [hashlib.sha256(found.encode()).digest() for found in _IMPORT_MAP.findall(text)]
        return cls(text.encode(), tuple(base64.b64encode(digest).decode() for digest in digests))

    @property
    def policy(self) -> str:
        """The content security policy."""
        return POLICY.format(hashes="".join(f" 'sha256-{digest}'" for digest in self.hashes))


class NoSuchPage(NotFound):
    """A browser opens an address at which there is nothing."""


@dataclass(frozen=True, slots=True)
class Nowhere:
    """What a browser is told at such an address.

    Attributes:
        page: What it is given.
        programs: The first parts of addresses that programs ask; these are answered as programs want it.
    """

    page: Page
    programs: frozenset[str]

    @classmethod
    def of(cls, root: Path | None, paths: Iterable[str]) -> Nowhere:
        """Beside the paths of all routes that there are."""
        return cls(Page.read(root), frozenset(map(_first, paths)) - frozenset(map(_first, PLACES)))

    def check(self, method: str, path: str, accept: str) -> None:
        """Look at a request for which there is no route.

        Raises:
            NoSuchPage: It is a browser's, for a page.
        """
        if method in ("GET", "HEAD") and _prefers_html(accept) and _first(path) not in self.programs:
            raise NoSuchPage(f"there is no page {path!r}")

    def answer(self) -> Response:
        """The page, under the status that there is none."""
        headers = {"Content-Security-Policy": self.page.policy, "Cache-Control": "no-cache"}
        return Response(self.page.content, 404, headers, "text/html")


def _first(path: str) -> str:
    return path.partition("/")[2].partition("/")[0]


def _prefers_html(accept: str) -> bool:
    """Whether a page is wanted rather than JSON; weights are told apart as text, of which 1 is the greatest."""
    weights = {}
    for one in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in one.split(";"))
        weights[kind] = next((part[2:] for part in parameters if part.startswith("q=")), "1")
    return weights.get("text/html", "") > weights.get("application/json", "")


def router(root: Path | None) -> APIRouter:
    """The routes of the pages."""
    routes = APIRouter(include_in_schema=False)
    page = Page.read(root)
    headers = {"Content-Security-Policy": page.policy, "ETag": _tag(page.content)}

    async def show(request: Request) -> Response:
        return _unless_known(request, page.content, "text/html; charset=utf-8", headers)

    for place in PLACES:
        routes.add_api_route(place, show, methods=["GET", "HEAD"])

    return routes


def assets(root: Path | None) -> APIRouter:
    """The route of their files: a page asks for forty, so it is plain, and stands where it is found first."""
    routes, files = APIRouter(), Files(root)

    async def asset(request: Request) -> Response:  # not worth a thread: it is in memory
        path = request.path_params["path"]
        file = files.find(path)
        if file is None:
            raise NotFound(f"there is no file {path!r}")
        return _unless_known(request, file.content, _type(path), {"ETag": file.tag})

    routes.add_route("/assets/{path:path}", asset, methods=["GET"], include_in_schema=False)
    return routes


@dataclass(frozen=True, slots=True)
class File:
    """What was read of a file, and when it had been written."""

    path: Path
    written: tuple[int, int]  # ns, bytes
    content: bytes
    tag: str


class Files:
    """The dashboard's files, each read once and again when it was written: a page asks for forty of them."""

    def __init__(self, root: Path | None) -> None:
        self._root = None if root is None else root.resolve()
        self._known: dict[str, File] = {}

    def find(self, path: str) -> File | None:
        """A file by its path; None when it does not exist or does not lie in the directory."""
        try:
            known = self._known.get(path)
            if known is None or _written(known.path) != known.written:
                known = self._read(path)
        except (OSError, ValueError):
            known = None
        if known is None:
            self._known.pop(path, None)
        else:
            self._known[path] = known
        return known

    def _read(self, path: str) -> File | None:
        root = self._root
        if root is None:
            return None
        file = (root / path).resolve()
        inside = file.is_relative_to(root) and not any(part.startswith(".") for part in file.relative_to(root).parts)
        if not inside or not file.is_file():
            return None
        written, content = _written(file), file.read_bytes()
        return File(file, written, content, _tag(content))


def _written(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_mtime_ns, found.st_size


def _type(path: str) -> str:
    suffix = Path(path).suffix.lower()
    kind = TYPES.get(suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def _tag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:24]}"'


def _unless_known(request: Request, content: bytes, kind: str, headers: dict[str, str]) -> Response:
    """The content, or 304 when the browser has it already; it asks every time."""
    headers = {**headers, "Cache-Control": "no-cache"}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if headers["ETag"] in known:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=kind)
