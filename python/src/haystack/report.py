"""A report on this machine: shown in a notebook, opened in a browser elsewhere."""

from __future__ import annotations

import html
import webbrowser
from pathlib import Path

# The page runs no script, and reaches nothing of the notebook; its links open beside it.
FRAME = (
    '<iframe sandbox="allow-popups allow-popups-to-escape-sandbox" referrerpolicy="no-referrer" title="{title}" '
    'style="width:100%;height:{height}px;border:1px solid #8888" srcdoc="{page}"></iframe>'
)


class Report:
    """A self-contained page in a file. As the last expression of a notebook's cell it is shown there."""

    def __init__(self, path: Path, title: str) -> None:
        self.path = path
        self.title = title

    @property
    def html(self) -> str:
        return self.path.read_text(encoding="utf-8")

    def show(self) -> None:
        """Opens it in the browser of this machine."""
        webbrowser.open(self.path.resolve().as_uri())

    def __repr__(self) -> str:
        return f"{self.title}: {self.path}"

    def _repr_html_(self, height: int = 720) -> str:
        return FRAME.format(title=html.escape(self.title), height=height, page=html.escape(self.html))
