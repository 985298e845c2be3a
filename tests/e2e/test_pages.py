"""The audit and the API's documentation in a real browser: they show, and fetch nothing."""

from __future__ import annotations

import html
import json
import shutil
import struct
import subprocess
import zlib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from processes import own_copy

from bocian import wiring
from bocian.commands import audit, audit_decided

pytestmark = pytest.mark.e2e

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--window-size=1000,1400",
)  # fmt: skip


@pytest.fixture(scope="module")
def chromium(require):
    found = shutil.which("chromium") or shutil.which("google-chrome")
    require(found, "Chromium not found: apt-get install chromium")
    return found


@pytest.fixture(scope="module")
def audit_url(service):
    return audit.run(service.shop.settings, "champion", as_json=False).as_uri()


@pytest.fixture(scope="module")
def decided_page(shop, tmp_path_factory):
    own = own_copy(shop, tmp_path_factory.mktemp("pages") / "shop")
    engine = wiring.engine(own.settings)
    for customer in engine.store.customer_ids[:150]:
        engine.next_best_action(customer)
    engine.ledger.close()
    return audit_decided.run(own.settings, days=7, as_json=False)


class _Seen(HTMLParser):
    """Headings' text and the number of each tag in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: dict[str, int] = {}
        self.headings: list[str] = []
        self._within = ""
        self.feed(text)

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        if tag in ("h1", "h2"):
            self._within = tag
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._within:
            self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within:
            self.headings[-1] += data


def opened(chromium: str, url: str, folder: Path) -> tuple[_Seen, bytes, set[str]]:
    """What the browser makes of `url`: the page, a picture, and hosts that the page asked."""
    net_log, picture = folder / "net.json", folder / "page.png"

    def run(*options: str) -> str:
        done = subprocess.run(
            [chromium, *FLAGS, f"--user-data-dir={folder / 'profile'}", *options, url],
            capture_output=True,
            timeout=90,
            check=True,
        )
        return done.stdout.decode()

    seen = _Seen(run("--dump-dom", f"--log-net-log={net_log}"))
    run(f"--screenshot={picture}")
    log = json.loads(net_log.read_text())
    start = log["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    asked = [e.get("params", {}) for e in log["events"] if e["type"] == start]
    # What the browser wants for itself has no page as its initiator.
    own_wish = "not an origin"
    by_page = {p["url"] for p in asked if "url" in p and p.get("initiator", own_wish) != own_wish}
    return seen, picture.read_bytes(), {urlsplit(url).hostname or "" for url in by_page}


def colours(png: bytes) -> int:
    """How many different bytes the pixels hold: a blank page has a handful."""
    assert png.startswith(b"\x89PNG")
    at, data = 8, b""
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        data += png[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
        at += size + 12
    return len(set(zlib.decompress(data)))


def test_the_audit_is_a_page_that_stands_alone(chromium, audit_url, tmp_path):
    seen, picture, hosts = opened(chromium, audit_url, tmp_path)
    assert len(seen.headings) >= 3
    assert any("age" in heading for heading in seen.headings)
    assert seen.tags["table"] >= 1
    assert "script" not in seen.tags
    assert colours(picture) > 40
    assert hosts <= {""}


def test_the_documentation_shows_every_endpoint(chromium, service, tmp_path):
    seen, picture, hosts = opened(chromium, f"{service.address}/docs", tmp_path)
    assert seen.headings[0] == "Bocian"
    for path in ("/v1/next-best-action", "/v1/predictions", "/v1/decisions/{decision_id}"):
        assert any(path in heading for heading in seen.headings)
    assert seen.tags["table"] > 10
    assert "script" not in seen.tags
    assert colours(picture) > 40
    assert hosts <= {"127.0.0.1"}


def test_a_blank_page_would_be_seen(chromium, tmp_path):
    _, picture, _ = opened(chromium, "about:blank", tmp_path)
    assert colours(picture) < 40


AXE = Path(__file__).parents[2] / "build" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
"""`make axe` fetches it."""

AXE_RUN = """
axe.run(document, {resultTypes: ["violations"]}).then(found => {
  const ground = getComputedStyle(document.body).backgroundColor;
  const faults = found.violations.map(v => [v.impact, v.id, v.nodes.length, v.nodes[0].html]);
  document.body.innerHTML = "<pre id=told></pre>";
  document.getElementById("told").textContent = JSON.stringify({ground, faults});
});
"""


def with_axe(chromium: str, page: Path, folder: Path, *options: str) -> dict[str, object]:
    """The page's background, and what axe-core finds in it as the browser shows it."""
    copy = folder / "with-axe.html"
    script = f"<script>{AXE.read_text()}</script><script>{AXE_RUN}</script></body>"
    copy.write_text(page.read_text().replace("</body>", script))
    done = subprocess.run(
        [chromium, *FLAGS, f"--user-data-dir={folder / 'profile'}", *options, "--dump-dom",
         "--virtual-time-budget=20000", copy.as_uri()],
        capture_output=True, timeout=90, check=True,
    )  # fmt: skip
    _, _, rest = done.stdout.decode().partition('<pre id="told">')
    told: dict[str, object] = json.loads(html.unescape(rest.partition("</pre>")[0]))
    return told


@pytest.mark.parametrize(
    ("ground", "options"),
    [("rgb(255, 255, 255)", ()),
     ("rgb(20, 23, 26)", ("--blink-settings=preferredColorScheme=0",))],
    ids=["light", "dark"],
)  # fmt: skip
def test_axe_finds_no_fault(chromium, audit_url, decided_page, require, tmp_path, ground, options):
    require(AXE.exists(), "axe-core not found: make axe")
    for page in (Path(urlsplit(audit_url).path), decided_page):
        found = with_axe(chromium, page, tmp_path, *options)
        assert found == {"ground": ground, "faults": []}
