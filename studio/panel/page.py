"""The page at a link, in one document: it asks for nothing but the questions. Made of the Compare tab's own parts."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path

STATIC = Path(__file__).parents[1] / "ui" / "static"
STYLES = ("page.css", "parts.css", "compare.css", "listen.css", "touch.css")
SCRIPTS = ("listen.js", "compare_player.js", "compare_blind.js", "compare_rate.js", "listen_start.js")
FONT = "ibm-plex-serif-latin-400-normal.woff2"
# nothing from elsewhere, and nobody's frame around it; the address, which is the key, is told to no other page
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; font-src data:; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


@cache
def document() -> str:
    """The whole page; the same for every link."""
    font = base64.b64encode((STATIC / "fonts" / FONT).read_bytes()).decode()
    face = f"@font-face {{ font-family: 'IBM Plex Serif'; src: url(data:font/woff2;base64,{font}) format('woff2'); }}"
    styles = f"{face}\n{_read('tokens.css')}\n:root:root {{\n{_read(*STYLES)}\n}}"
    script = f"{_read('base.js')}\n(() => {{\n{_read(*SCRIPTS)}\n}})();"
    return (
        _read("listen.html")
        .replace("/* styles */", styles)
        .replace("// script", script.replace("</script", "<\\/script"))
    )


def _read(*names: str) -> str:
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)
