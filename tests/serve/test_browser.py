"""The served pages in a real browser: by mouse, by keyboard, on a phone, without another host."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.report.chromium import BINARY, Chromium, _troubles
from tests.report.test_browser import FAINT
from tests.serve.conftest import SAVED, dna_texts
from tests.serve.server import WAIT, Server
from tests.serve.test_serve import cells_of

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BINARY is None, reason="Chromium is not installed"),
]
# What axe-core would call serious and plain HTML can tell.
UNNAMED = """[...document.querySelectorAll('input, select, textarea, button, a, progress')]
  .filter(e => e.checkVisibility() && !(e.textContent.trim() || e.getAttribute('aria-label')
    || (e.labels && e.labels.length))).map(e => e.outerHTML)"""
TWICE = """[...document.querySelectorAll('[id]')].map(e => e.id)
  .filter((id, i, all) => all.indexOf(id) !== i)"""
LOST = """[...document.querySelectorAll('[aria-describedby], [aria-labelledby]')].flatMap(e =>
  ['aria-describedby', 'aria-labelledby'].filter(n => e.hasAttribute(n)
    && !document.getElementById(e.getAttribute(n))).map(n => e.outerHTML))"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    opened = Chromium(tmp_path_factory.mktemp("chromium"))
    yield opened
    opened.close()


def look(browser: Chromium, width: int = 1100, scheme: str = "light") -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.call("Emulation.setDeviceMetricsOverride", **size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.call("Emulation.setEmulatedMedia", media="", features=features)
    browser.events.clear()


def visit(browser: Chromium, url: str) -> None:
    browser.call("Page.navigate", url=url)
    until(browser, f"location.href === {url!r} && document.readyState === 'complete'")


def until(browser: Chromium, expression: str) -> None:
    """Wait until something is true of the page, which may be loading."""
    last = time.monotonic() + WAIT
    while True:
        try:
            if browser.value(expression):
                return
        except (RuntimeError, KeyError):  # between two pages there is none
            pass
        assert time.monotonic() < last, (expression, browser.value("document.body.innerText"))
        time.sleep(0.1)


def troubles(browser: Chromium, server: Server) -> list[str]:
    """Return console errors, and requests to other hosts."""
    browser.value("1")  # events up to now
    return [t for t in _troubles(browser.events, "") if not t.startswith(f"request: {server.url}/")]


def sound(browser: Chromium, width: int) -> None:
    """Check what is the same of every page."""
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value(FAINT) == []
    assert browser.value(UNNAMED) == []
    assert browser.value(TWICE) == []
    assert browser.value(LOST) == []
    assert browser.value("document.querySelectorAll('h1').length") == 1
    assert browser.value("document.documentElement.lang") == "en"


def paste(browser: Chromium, text: str) -> None:
    browser.value("document.getElementById('text').select()")
    browser.call("Input.insertText", text=text)


def press(browser: Chromium, key: str, code: int, text: str = "") -> None:
    keys = {"key": key, "windowsVirtualKeyCode": code}
    browser.call("Input.dispatchKeyEvent", type="keyDown", text=text, **keys)
    browser.call("Input.dispatchKeyEvent", type="keyUp", **keys)


FASTA = {
    "proteins": (SAVED / "proteins" / "input.fasta").read_text(),
    "dna": "".join(f">d{i}\n{t}\n" for i, t in enumerate(dna_texts(6)[0])),
}


@pytest.mark.parametrize(("width", "scheme"), [(1100, "light"), (390, "dark")])
@pytest.mark.parametrize("name", FASTA)
def test_paste_table_explanation_download(server, browser, name, width, scheme):
    look(browser, width, scheme)
    visit(browser, f"{server.url}/")
    sound(browser, width)
    visit(browser, f"{server.url}/models/{name}")
    paste(browser, FASTA[name])
    until(browser, "document.getElementById('said').textContent.includes('can be predicted')")
    sound(browser, width)
    browser.value("document.querySelector('form[data-model] button[type=submit]').click()")
    until(browser, "document.querySelector('table.rows') !== null")
    sound(browser, width)
    rows = browser.value("document.querySelectorAll('table.rows tbody tr').length")
    assert rows == FASTA[name].count(">")
    job = browser.value("location.pathname")
    browser.value("document.querySelector('table.rows tbody a').click()")
    until(browser, "document.querySelector('figure svg') !== null")
    sound(browser, width)
    paper = browser.value("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, paper[4:-1].split(","))) < 380) == (scheme == "dark")
    assert browser.value("document.querySelectorAll('button.png:not([hidden])').length") >= 1
    browser.value(
        "HTMLAnchorElement.prototype.click = "
        "function () { window.saved = [this.download, this.href] };"
        "document.querySelector('button.png').click()"
    )
    until(browser, "window.saved !== undefined")
    saved = browser.value("window.saved")
    assert saved[0].endswith(".png")
    assert saved[1].startswith("data:image/png;base64,iVBOR")
    assert len(saved[1]) > 2000
    assert troubles(browser, server) == []
    for link in ("tsv", "json"):
        path = f"/v1{job}/results?format={link}"
        answer = server.client.get(path)
        assert answer.headers["content-disposition"].startswith("attachment")


def test_cells_are_uploaded(server, browser, tmp_path):
    look(browser)
    visit(browser, f"{server.url}/models/cells")
    sound(browser, 1100)
    document = browser.call("DOM.getDocument")["root"]["nodeId"]
    node = browser.call("DOM.querySelector", nodeId=document, selector="#file")["nodeId"]
    browser.call("DOM.setFileInputFiles", nodeId=node, files=[str(cells_of("h5ad", tmp_path))])
    browser.value("document.querySelector('form[data-model] button[type=submit]').click()")
    until(browser, "document.querySelector('table.rows') !== null")
    sound(browser, 1100)
    assert browser.value("document.body.innerText.includes('H5AD')")
    browser.value("document.querySelector('table.rows tbody a').click()")
    until(browser, "document.querySelector('figure svg') !== null")
    sound(browser, 1100)
    assert troubles(browser, server) == []


def test_a_bad_record_is_named_while_typing(server, browser):
    look(browser)
    visit(browser, f"{server.url}/models/proteins")
    said = "document.getElementById('said').textContent"
    paste(browser, ">good\nMKVLLAGQWWHCW\n>spoiled\nMK?V\n")
    until(browser, f"{said}.includes('Record 2 spoiled: is not predicted')")
    paste(browser, ">rna\n" + "ACGU" * 12)
    until(browser, f"{said}.includes('looks like RNA')")
    sound(browser, 1100)
    paste(browser, ">long\n" + "MKVLA" * 100)
    until(browser, f"{said}.includes('longer than any training sequence')")


def test_by_keyboard_alone(server, browser):
    look(browser)
    visit(browser, f"{server.url}/models/dna?example=1")
    for _ in range(40):
        press(browser, "Tab", 9)
        if browser.value("document.activeElement.textContent") == "Predict":
            break
    assert browser.value("document.activeElement.type") == "submit"
    outline = browser.value("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    press(browser, "Enter", 13, "\r")
    until(browser, "document.querySelector('table.rows') !== null")
    for _ in range(40):
        press(browser, "Tab", 9)
        if browser.value("document.activeElement.closest('table.rows tbody') !== null"):
            break
    press(browser, "Enter", 13, "\r")
    until(browser, "document.querySelector('figure svg') !== null")
    assert troubles(browser, server) == []


def test_a_page_without_scripts_still_works(server, browser):
    look(browser)
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        job = server.wait(server.submit(FASTA["dna"], model="dna"))["id"]
        for path in ("/", "/models/dna?example=1", f"/jobs/{job}?warned=1", f"/jobs/{job}/rows/0"):
            browser.events.clear()
            browser.call("Page.navigate", url=server.url + path)
            while not any(e["method"] == "Page.loadEventFired" for e in browser.events):
                browser.receive(timeout=60)
            assert troubles(browser, server) == []
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
