"""The press: HTML and CSS in, measures and pixels out. The one file that knows the rendering engine (Takumi)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from markupsafe import escape
from PIL import Image

from service.errors import ComposeError

from .fonts import Face, folder

PICTURE = "mem:picture"  #: what a fragment that goes to the press calls its picture
CACHE_BYTES = 2 << 20  #: decoded pictures the engine keeps: none, they are 4 MB each and decoded in 3 ms
MEASURE_PX = 100  #: type size that widths are measured at
ENDLESS = 200_000  #: px; wider than any 300 characters
MEASURE_CSS = (
    f".slide{{width:{ENDLESS}px;height:auto}}.mf{{display:flex;flex-direction:column;align-items:flex-start}}"
    f".mf div{{font-size:{MEASURE_PX}px;line-height:1;white-space:pre}}"
)


@dataclass(frozen=True, slots=True)
class Style:
    """What widths depend on: language, direction, the faces, the classes of the slide, the role of the text."""

    language: str
    direction: str
    faces: tuple[Face, ...]
    stacks: str  #: the CSS variables --sans and --serif
    classes: str
    role: str  #: "as-headline" or "as-kicker"


class Press:
    """One engine and the faces it has been given so far. Safe to use from several threads."""

    def __init__(self, css: str) -> None:
        self._css = css
        self._lock = Lock()
        self._engine: Any = None
        self._given: set[str] = set()

    def _ready(self, faces: Iterable[Face]) -> Any:
        with self._lock:
            if self._engine is None:
                import pytakumi

                self._engine = pytakumi.Renderer(cache_max_bytes=CACHE_BYTES)
            for face in faces:
                if face.file not in self._given:
                    self._give(face)
            return self._engine

    def _give(self, face: Face) -> None:
        path = Path(face.file)
        if path.is_absolute():  # the extra's collection carries its own family names
            self._engine.register_font(path.read_bytes())
        else:
            self._engine.register_font((folder() / path).read_bytes(), name=face.family)
        self._given.add(face.file)

    def measure(self, texts: Sequence[str], style: Style) -> list[float]:
        """Widths of texts in em, as the engine draws them."""
        # the two last rows are guards: the engine folds an only child into its parent
        rows = "".join(f"<div>{escape(t) or '&#8203;'}</div>" for t in (*texts, "x", "x"))
        known = f'lang="{style.language}" dir="{style.direction}" style="{escape(style.stacks)}"'
        html = f'<div class="slide {style.classes}" {known}><div class="mf {style.role}">{rows}</div></div>'
        node = self._do(
            "measure", html, style.faces, width=ENDLESS, height=ENDLESS, stylesheets=[self._css, MEASURE_CSS]
        )
        while len(node["children"]) == 1:
            node = node["children"][0]
        if len(node["children"]) != len(texts) + 2:
            raise ComposeError("the rendering engine lost part of a headline while measuring it")
        return [child["width"] / MEASURE_PX for child in node["children"][: len(texts)]]

    def print(self, html: str, size: tuple[int, int], faces: Iterable[Face], picture: bytes | None) -> Image.Image:
        """The pixels of a fragment. ``picture``: the encoded picture that the fragment calls ``PICTURE``."""
        images = [{"src": PICTURE, "data": picture}] if picture else []
        width, height = size
        raw = self._do("render_html", html, faces, width=width, height=height, stylesheets=[self._css], images=images)
        return Image.frombytes("RGBA", size, raw).convert("RGB")

    def _do(self, what: str, html: str, faces: Iterable[Face], **options: Any) -> Any:
        engine = self._ready(faces)
        try:
            if what == "measure":
                import pytakumi

                return engine.measure(pytakumi.from_html(_tagged(html)), **options)
            return engine.render_html(_tagged(html), format="raw", **options)
        except Exception as failed:  # the engine raises several kinds of its own
            raise ComposeError(f"the rendering engine refused a slide: {failed}") from failed


def _tagged(html: str) -> str:
    """The engine reads only the primary subtag of ``lang`` and would set traditional Chinese in simplified forms;
    OpenType's own tags for Taiwan and Hong Kong answer to Literary Chinese and Cantonese (HarfBuzz's table).
    """
    html = re.sub(r'lang="zh-(?:Hant-)?(?:HK|MO)"', 'lang="yue"', html)
    return re.sub(r'lang="zh-(?:Hant|TW)[^"]*"', 'lang="lzh"', html)


def encoded(picture: Image.Image) -> bytes:
    """A picture in the form the engine reads fastest."""
    out = io.BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=95, subsampling=0)
    return out.getvalue()
