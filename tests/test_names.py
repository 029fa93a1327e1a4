"""The field's words: names of a dialect that was given up stay out of the code (`docs/naming.md`)."""

from __future__ import annotations

import re
import tokenize

from tests.places import ROOT

GIVEN_UP = re.compile(
    r"_?(MOST|FEWEST|LEAST|most|fewest|least)_\w+|pulls?|\w+_pull|moods?|bonds?|lots?|\w+_lots?|founders?|found_imported|Founders"
    r"|readings?|Reading|Record|WeeklyBooks|textbook|compiling|[Ll]ived|LIVED|lives|live|live_\w+|micro|crowd|Person|Reaction|Loyal"
    r"|Pressure|resolved|rebuilt|in_progress|surroundings|matters|possible_worlds"
)
MEANT = {"most_common", "most_changed", "least_squares"}  # of the standard library; a choice of `crmlab twins --like`


def test_no_name_of_the_old_dialect_is_in_the_code() -> None:
    for package in ("sim", "strategies", "experiments", "tests", "notebooks"):
        for path in sorted((ROOT / package).rglob("*.py")):
            with path.open("rb") as file:
                names = {token.string for token in tokenize.tokenize(file.readline) if token.type == tokenize.NAME}
            found = {name for name in names if GIVEN_UP.fullmatch(name)} - MEANT
            assert not found, f"{path.relative_to(ROOT)}: {found}; docs/naming.md has the word"
