"""Look at a built site in headless Chromium: ``python docs/check_site.py [FOLDER]``, by default ``site``.

Every page is opened at the widths of a desk and a phone, in both themes. It must not be wider than its window, its
text must have a contrast of at least 4.5 (3 where it is large; WCAG 2.1, success criterion 1.4.3), and its links must
lead to pages and anchors that there are. ``--shots FOLDER`` keeps pictures of some pages. Without Chromium or selenium
it says that it is skipped, and succeeds.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import threading
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urldefrag

WIDTHS = {"desk": 1280, "phone": 390}
SHOWN = ("index.html", "tutorial.html", "api/fits.html", "gallery.html", "measured.html", "coming_from.html")
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars"
)
LOOK = """
const found = {overflow: null, faint: []};
const width = window.innerWidth;
if (document.documentElement.scrollWidth > width + 1) {
  const wide = [...document.body.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > width + 1);
  found.overflow = document.documentElement.scrollWidth + ' px: ' +
    wide.slice(0, 3).map(e => e.tagName + '.' + e.className + ' ' + (e.id || '')).join('; ');
}
const numbers = text => text.match(/[\\d.]+/g).map(Number);
const channel = c => (c /= 255, c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const over = (top, below) => top.slice(0, 3).map((c, i) => c * top[3] + below[i] * (1 - top[3]));
const rgba = text => { const n = numbers(text); return n.length < 4 ? [...n, 1] : n; };
function ground(element) {
  const layers = [];
  for (let e = element; e; e = e.parentElement) {
    const colour = rgba(getComputedStyle(e).backgroundColor);
    layers.push(colour);
    if (colour[3] === 1) break;
  }
  return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
}
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), seen = new Set();
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || seen.has(element)) continue;
  seen.add(element);
  if (element.closest('script, style, noscript, svg, [aria-hidden="true"]')) continue;
  const properly = {opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true};
  if (!element.checkVisibility(properly)) continue;
  const right = element.getBoundingClientRect().right;
  if (right > width + 1 && !element.closest('pre, table, dialog'))
    found.overflow ??= 'text ends at ' + right.toFixed() + ' px: ' + walker.currentNode.data.trim().slice(0, 40);
  const style = getComputedStyle(element), below = ground(element);
  const text = luminance(over(rgba(style.color), below)), back = luminance(below);
  const ratio = (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
  const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  if (ratio < (large ? 3 : 4.5))
    found.faint.push(ratio.toFixed(2) + ' ' + element.tagName + '.' + element.className + ': ' +
      walker.currentNode.data.trim().slice(0, 40));
}
return found;
"""


class Page(HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Keep what leads somewhere, and what can be led to."""
        for name, value in attributes:
            if value and (name == "id" or (tag == "a" and name == "name")):
                self.anchors.add(value)
            if value and ((tag == "a" and name == "href") or (tag == "img" and name == "src")):
                self.links.add(value)


def broken_links(site: Path) -> list[str]:
    """Links of the site's pages to files and anchors of its own that there are not."""
    pages = {path: Page(path.read_text()) for path in sorted(site.rglob("*.html")) if "_static" not in path.parts}
    wrong = []
    for path, page in pages.items():
        for link in sorted(page.links):
            address, anchor = urldefrag(link)
            if ":" in address or address.startswith("//"):
                continue
            target = (path.parent / unquote(address)).resolve() if address else path.resolve()
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                wrong.append(f"{path.relative_to(site)}: {link}: no such file")
            elif anchor and target in pages and unquote(anchor) not in pages[target].anchors:
                wrong.append(f"{path.relative_to(site)}: {link}: no such anchor")
    return wrong


def looked_at(site: Path, shots: Path | None) -> list[str]:
    """What a browser finds wrong with the pages."""
    handler = partial(_Silent, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, tempfile.TemporaryDirectory() as profile:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = _browser(profile)
        try:
            return _look(browser, f"http://127.0.0.1:{server.server_port}", site, shots)
        finally:
            browser.quit()
            server.shutdown()


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        """Nothing is logged."""


def _browser(profile: str):
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium()
    for flag in [*FLAGS.split(), f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))


def _look(browser, address, site, shots) -> list[str]:
    wrong = []
    pages = [path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts]
    for name, width in WIDTHS.items():
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        for theme in ("light", "dark"):
            for path in pages:
                page = path.relative_to(site).as_posix()
                if path == pages[0]:
                    browser.get(f"{address}/{page}")
                    browser.execute_script(f"localStorage.mode = localStorage.theme = '{theme}'")
                browser.get(f"{address}/{page}")
                found = browser.execute_script(LOOK)
                at = f"{page} at {width} px, {theme}"
                wrong += [f"{at}: {found['overflow']}"] if found["overflow"] else []
                wrong += [f"{at}: contrast {line}" for line in found["faint"]]
                if shots and page in SHOWN:
                    browser.save_screenshot(str(shots / f"{page.replace('/', '_')}_{name}_{theme}.png"))
    return wrong


def chromium() -> str | None:
    """The program of the browser."""
    found = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    return next(filter(None, found), None)


def missing() -> str | None:
    """What is not there and is needed to look at pages."""
    if chromium() is None:
        return "no Chromium is installed"
    if shutil.which("chromedriver") is None:
        return "no chromedriver is installed"
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "selenium is not installed"
    return None


def main(argv: list[str] | None = None) -> int:
    """Check links, then look at the pages, and print what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).resolve().parents[1] / "site")
    parser.add_argument("--shots", type=Path, help="keep pictures of some pages here")
    args = parser.parse_args(argv)
    wrong, why = broken_links(args.folder), missing()
    if why is None:
        if args.shots:
            args.shots.mkdir(parents=True, exist_ok=True)
        wrong += looked_at(args.folder, args.shots)
    print(*wrong, sep="\n")
    print(f"{args.folder}: links checked; " + (f"pages not looked at: skipped, {why}" if why else "pages looked at"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
