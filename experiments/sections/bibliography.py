"""The page of references, and the links to it: which work each number, KPI and page cites, and what of it was read."""

from __future__ import annotations

import re
from collections.abc import Iterable

from crmlab.sim.sources import CITATION, SOURCES, Source, cited

PAGE = "bibliography.md"
INTRO = (
    "Every work that a number, a KPI or a page cites. *Read* says what of it was before our eyes when the number was "
    "written down; figures of works that are cited from memory were not looked up again, and the evidence of a number "
    "that rests on one is never R ([assumptions.md](assumptions.md)). A number marked R2 comes from a practitioner's "
    "or another secondary page."
)


def bibliography() -> str:
    """The works in the order of their citations, as text in Markdown."""
    return "\n\n".join(_entry(source) for source in sorted(SOURCES.values(), key=lambda s: s.citation.lower()))


def linked(text: str) -> str:
    """The text with every citation as a link to its place on the page of references."""
    for citation in sorted(set(cited(text)) & set(SOURCES), key=len, reverse=True):
        link = f"[{citation}]({PAGE}#{SOURCES[citation].anchor})"
        text = re.sub(rf"(?<![\[\w]){re.escape(citation)}(?!\w)", link, text)
    return text


def works(texts: Iterable[str]) -> list[Source]:
    """The works that some texts cite, in the order of their citations."""
    found = {citation for text in texts for citation in cited(text)}
    return [SOURCES[citation] for citation in sorted(found & set(SOURCES), key=str.lower)]


def unknown_citations(text: str) -> list[str]:
    """Citations in a text that have no entry among the references."""
    return [citation for citation in CITATION.findall(text) if citation not in SOURCES]


def _entry(source: Source) -> str:
    read = f"Read: {source.read}." if source.read else "Cited from memory."
    return f"## {source.citation}\n\n{source.reference}. *{read}*"
