"""Servers on loopback that take messages as the providers do, and refuse what the providers' documents do not allow.

Each keeps what it took (`taken`), and answers what is put into `answers` first, for failures. What the formats do not
allow is answered as the provider answers it, and kept in `mistakes`, so that a test sees it even where the sender is
content.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.support.certificates import Pair

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


class WrongFormat(Exception):
    """The provider would refuse this."""


def need(condition: object, what: str) -> None:
    """Refuse unless `condition`."""
    if not condition:
        raise WrongFormat(what)


@dataclass
class Request:
    """What came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at_s: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    """What is answered."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def as_json(value: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json", **headers})


class Provider:
    """A server; use it in a `with`."""

    def __init__(self, certificate: Pair | None = None) -> None:
        self.requests: list[Request] = []
        self.taken: list[Any] = []
        self.mistakes: list[str] = []
        self.answers: deque[Reply | Callable[[Request], Reply]] = deque()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.certificate, certificate.key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        scheme = "http" if certificate is None else "https"
        self.origin = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Any:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def judge(self, request: Request) -> Reply:
        """What the provider answers; raises WrongFormat."""
        raise NotImplementedError

    def refuse(self, mistake: str) -> Reply:
        """How the provider says that something is wrong."""
        return Reply(400, mistake.encode())

    def _answer(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            if self.answers:
                planned = self.answers.popleft()
                return planned(request) if callable(planned) else planned
            try:
                return self.judge(request)
            except (WrongFormat, ValueError, KeyError, TypeError) as error:
                self.mistakes.append(f"{type(error).__name__}: {error}")
                return self.refuse(str(error))

    def _handler(provider) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = provider._answer(Request("POST", self.path, headers, body, time.time()))
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            do_GET = do_PUT = do_POST

            def log_message(self, *_: object) -> None:
                """Be silent."""

        return Handler


def _json_body(request: Request) -> Any:
    need(request.headers.get("content-type", "").split(";")[0] == "application/json", "Content-Type")
    request.body.decode("utf-8")
    return json.loads(request.body)


class WebhookReceiver(Provider):
    """A program that checks the signature, and the body that interfaces promise."""

    KEYS = ("version", "notification_id", "status", "incident_id", "severity", "title", "text", "value", "threshold")
    MORE = ("started_at", "labels", "links")

    def __init__(self, secret: str | None = None, certificate: Pair | None = None) -> None:
        super().__init__(certificate)
        self.secret = secret

    @property
    def url(self) -> str:
        return f"{self.origin}/hook/t0psecretpath"

    def judge(self, request: Request) -> Reply:
        body = _json_body(request)
        need(request.method == "POST" and request.path == "/hook/t0psecretpath", "where")
        sent = request.headers["x-spanledger-timestamp"]
        need(re.fullmatch(r"\d{10}", sent) and abs(int(sent) - request.at_s) < 300, "an old timestamp")
        if self.secret is not None:
            made = hmac.new(self.secret.encode(), sent.encode() + b"." + request.body, hashlib.sha256).hexdigest()
            need(f"sha256={made}" in request.headers["x-spanledger-signature"].split(","), "the signature")
        for key in (*self.KEYS, *self.MORE):
            need(key in body, key)
        need(body["status"] in ("firing", "acknowledged", "resolved", "digest", "test"), "status")
        need(body["severity"] in ("info", "warning", "error", "critical"), "severity")
        need(RFC3339.fullmatch(body["started_at"]), "started_at")
        need(all(isinstance(value, str) for value in body["labels"].values()), "labels")
        need(all(set(each) == {"name", "url"} for each in body["links"]), "links")
        self.taken.append(body)
        return Reply(200, b"thanks")


class AlertmanagerWebhook(Provider):
    """A program made for Alertmanager's webhooks, version 4."""

    @property
    def url(self) -> str:
        return f"{self.origin}/am"

    def judge(self, request: Request) -> Reply:
        body = _json_body(request)
        keys = {"version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "commonLabels"}
        need(set(body) == keys | {"commonAnnotations", "externalURL", "alerts"}, f"keys {sorted(body)}")
        need(body["version"] == "4" and body["status"] in ("firing", "resolved") and body["alerts"], "version 4")
        for alert in body["alerts"]:
            named = {"status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"}
            need(set(alert) == named, f"keys of an alert {sorted(alert)}")
            need(re.fullmatch("[0-9a-f]{16}", alert["fingerprint"]), "fingerprint")
            need(RFC3339.fullmatch(alert["startsAt"]) and RFC3339.fullmatch(alert["endsAt"]), "times")
            need((alert["status"] == "firing") == (alert["endsAt"] == "0001-01-01T00:00:00Z"), "an end while it fires")
        self.taken.append(body)
        return Reply(200)


class Slack(Provider):
    """Incoming webhooks and the API, with the limits of blocks, and channels as people see them."""

    TOKEN = "xoxb-0123456789-abcdefghijkl"
    CHANNEL = "C0123456789"

    def __init__(self, certificate: Pair | None = None) -> None:
        super().__init__(certificate)
        self.messages: dict[str, dict[str, Any]] = {}  # by ts
        self.threads: dict[str, list[dict[str, Any]]] = {}

    @property
    def url(self) -> str:
        return f"{self.origin}/services/T0000/B0000/s3cr3tpartofwebhook"

    @property
    def api_url(self) -> str:
        return f"{self.origin}/api"

    def judge(self, request: Request) -> Reply:
        body = _json_body(request)
        if request.path.startswith("/services/"):
            need(set(body) <= {"text", "blocks", "attachments"}, "unknown members")
            check_message(body)
            self.taken.append(body)
            return Reply(200, b"ok", {"Content-Type": "text/html"})
        if request.headers.get("authorization") != f"Bearer {self.TOKEN}":
            return as_json({"ok": False, "error": "invalid_auth"})
        if body.get("channel") not in (self.CHANNEL, "#alerts"):
            return as_json({"ok": False, "error": "channel_not_found"})
        return self._called(request.path.removeprefix("/api/"), body)

    def refuse(self, mistake: str) -> Reply:
        return (
            Reply(400, b"invalid_payload")
            if "api" not in self.requests[-1].path
            else as_json({"ok": False, "error": "invalid_blocks", "response_metadata": {"messages": [mistake]}})
        )

    def _called(self, method: str, body: dict[str, Any]) -> Reply:
        check_message(body)
        self.taken.append({"method": method, **body})
        if method == "chat.update":
            need(body["channel"] == self.CHANNEL, "chat.update takes ids only")
            if body["ts"] not in self.messages:
                return as_json({"ok": False, "error": "message_not_found"})
            self.messages[body["ts"]] = body
            return as_json({"ok": True, "channel": self.CHANNEL, "ts": body["ts"]})
        need(method == "chat.postMessage", method)
        ts = f"17{len(self.messages) + sum(map(len, self.threads.values())):08}.000100"
        if "thread_ts" in body:
            need(body["thread_ts"] in self.messages, "thread_not_found")
            self.threads.setdefault(body["thread_ts"], []).append(body)
        else:
            self.messages[ts] = body
        return as_json({"ok": True, "channel": self.CHANNEL, "ts": ts, "message": {"text": body["text"]}})


def check_message(body: Mapping[str, Any]) -> None:
    """What Slack's documents say of a message."""
    need(isinstance(body.get("text"), str) and 0 < len(body["text"]) <= 40_000, "text")
    check_text(body["text"])
    blocks = body.get("blocks", [])
    need(len(blocks) <= 50, "more than 50 blocks")
    total = 0
    for block in blocks:
        if block["type"] == "header":
            need(set(block) <= {"type", "text", "block_id"} and block["text"]["type"] == "plain_text", "header")
            need(len(block["text"]["text"]) <= 150, "header longer than 150")
            total += check_object(block["text"])
        elif block["type"] == "section":
            need(set(block) <= {"type", "text", "fields", "block_id", "accessory"}, "section")
            need("text" in block or block.get("fields"), "section without text")
            if "text" in block:
                need(len(block["text"]["text"]) <= 3000, "section longer than 3000")
                total += check_object(block["text"])
            need(len(block.get("fields", [])) <= 10, "more than 10 fields")
            for each in block.get("fields", []):
                need(len(each["text"]) <= 2000, "field longer than 2000")
                total += check_object(each)
        else:
            raise WrongFormat(f"a block of type {block['type']}")
    need(total <= 13_200, "msg_blocks_too_long")


def check_object(found: Mapping[str, Any]) -> int:
    """A text object; its length."""
    need(found["type"] in ("plain_text", "mrkdwn") and found["text"], "an empty text")
    allowed = {"type", "text", "emoji"} if found["type"] == "plain_text" else {"type", "text", "verbatim"}
    need(set(found) <= allowed, f"members {sorted(found)}")
    check_text(found["text"])
    return len(found["text"])


def check_text(text: str) -> None:
    """Nothing that calls people, and no sign of Slack's that is not an escape or a link."""
    rest = re.sub(r"<https?://[^\s<>|]+\|[^<>|]*>", "", text)
    need("<" not in rest and ">" not in rest, f"unescaped: {rest[:80]}")
    need(not re.search(r"&(?!amp;|lt;|gt;)", rest), f"unescaped &: {rest[:80]}")


class PagerDuty(Provider):
    """The Events API v2, and the incidents that come of it."""

    KEY = "R0UT1NGKEY0123456789abcdefABCDEF"

    def __init__(self, certificate: Pair | None = None) -> None:
        super().__init__(certificate)
        self.incidents: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"{self.origin}/v2/enqueue"

    def judge(self, request: Request) -> Reply:
        body = _json_body(request)
        need(request.path == "/v2/enqueue", "where")
        need(len(request.body) <= 512 * 1024, "larger than 512 KB")
        action = body["event_action"]
        need(action in ("trigger", "acknowledge", "resolve"), "event_action")
        need(body["routing_key"] == self.KEY, "routing_key")
        need(0 < len(body["dedup_key"]) <= 255, "dedup_key")
        if action == "trigger":
            self._check(body)
        else:
            need(set(body) == {"routing_key", "event_action", "dedup_key"}, "more than is needed")
        key = body["dedup_key"]
        self.taken.append(body)
        if action == "trigger":
            self.incidents[key] = "triggered"
        elif key in self.incidents:
            self.incidents[key] = {"acknowledge": "acknowledged", "resolve": "resolved"}[action]
        return as_json({"status": "success", "message": "Event processed", "dedup_key": key}, 202)

    def refuse(self, mistake: str) -> Reply:
        return as_json({"status": "invalid event", "message": "Event object is invalid", "errors": [mistake]}, 400)

    def _check(self, body: Mapping[str, Any]) -> None:
        known = {"routing_key", "event_action", "dedup_key", "payload", "links", "images", "client", "client_url"}
        need(set(body) <= known, f"members {sorted(body)}")
        payload = body["payload"]
        fields = {"summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"}
        need(set(payload) <= fields, f"members {sorted(payload)}")
        need(isinstance(payload["summary"], str) and 0 < len(payload["summary"]) <= 1024, "summary")
        need(isinstance(payload["source"], str) and payload["source"], "source")
        need(payload["severity"] in ("critical", "error", "warning", "info"), "severity")
        need(RFC3339.fullmatch(payload["timestamp"]), "timestamp")
        need(isinstance(payload.get("custom_details", {}), dict), "custom_details")
        for link in body.get("links", []):
            need(set(link) == {"href", "text"} and link["href"].startswith(("http://", "https://")), "links")


class Twilio(Provider):
    """Messages of the API of 2010-04-01."""

    SID = "AC" + "0a" * 16
    TOKEN = "tw1l10authtoken0123456789abcdef0"

    def judge(self, request: Request) -> Reply:
        if request.path != f"/2010-04-01/Accounts/{self.SID}/Messages.json":
            return self._error(404, 20404, "The requested resource was not found")
        need(request.headers["content-type"] == "application/x-www-form-urlencoded", "Content-Type")
        pair = base64.b64encode(f"{self.SID}:{self.TOKEN}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {pair}":
            return self._error(401, 20003, "Authenticate")
        pairs = parse_qsl(request.body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
        form = dict(pairs)
        need(len(form) == len(pairs), "a parameter twice")
        need(set(form) <= {"To", "From", "MessagingServiceSid", "Body", "StatusCallback"}, f"parameters {sorted(form)}")
        need(("From" in form) != ("MessagingServiceSid" in form), "From or MessagingServiceSid")
        if not re.fullmatch(r"\+[1-9]\d{1,14}", form["To"]) or form["To"] == "+15005550001":
            return self._error(400, 21211, f"The 'To' number {form['To']} is not a valid phone number.")
        if form["To"] == "+15005550004":
            return self._error(400, 21610, "Attempt to send to unsubscribed recipient")
        need(0 < len(form["Body"]) <= 1600, "Body")
        segments = sms_segments(form["Body"])
        self.taken.append({**form, "num_segments": segments})
        sid = f"SM{len(self.taken):032x}"
        body = {"sid": sid, "status": "queued", "error_code": None, "num_segments": str(segments), "to": form["To"]}
        return as_json(body, 201)

    def _error(self, status: int, code: int, message: str) -> Reply:
        return as_json({"code": code, "message": message, "status": status, "more_info": "https://…"}, status)


GSM = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)


def sms_segments(text: str) -> int:
    """How many messages a text costs."""
    if any(each not in GSM and each not in "^{}\\[~]|€" for each in text):
        length = len(text.encode("utf-16-be")) // 2
        return 1 if length <= 70 else -(-length // 67)
    length = sum(2 if each in "^{}\\[~]|€" else 1 for each in text)
    return 1 if length <= 160 else -(-length // 153)


class AlertmanagerReceiver(Provider):
    """POST /api/v2/alerts, as its OpenAPI document has it."""

    @property
    def url(self) -> str:
        return self.origin

    def judge(self, request: Request) -> Reply:
        body = _json_body(request)
        need(request.path == "/api/v2/alerts", "where")
        need(isinstance(body, list) and body, "a list of alerts")
        for alert in body:
            need(set(alert) <= {"labels", "annotations", "startsAt", "endsAt", "generatorURL"}, "members")
            for name, value in {**alert["labels"], **alert.get("annotations", {})}.items():
                need(re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name) and isinstance(value, str), f"label {name!r}")
            need(alert["labels"].get("alertname") and all(alert["labels"].values()), "labels")
            need(RFC3339.fullmatch(alert["startsAt"]) and RFC3339.fullmatch(alert["endsAt"]), "times")
            need(alert["endsAt"] >= alert["startsAt"], "ends before it starts")
            need(urlsplit(alert["generatorURL"]).scheme in ("http", "https"), "generatorURL")
        self.taken.append(body)
        return Reply(200)
