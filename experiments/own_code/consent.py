"""Which code of the user's own may run: what was trusted once, by its hash, until it changes.

A file that somebody else sent may name any module that lies beside it; importing one runs it. So such code runs only
where the user has said so, with `--trust` on the command line or `trust=True` in Python, or has run it before. What was
trusted stands in `trusted.json` in the user's configuration folder (`CRMLAB_CONFIG`, by default ~/.config/crmlab), as
hashes over all files that the module reaches.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path

from crmlab.experiments.own_code.reach import Reach

_trusting: ContextVar[Callable[[str], None] | None] = ContextVar("trusting", default=None)


@contextmanager
def trusting(yes: bool = True, told: Callable[[str], None] = lambda sentence: None) -> Iterator[None]:
    """Within it, code of the user's own may run. `told` hears one sentence about each that is trusted anew."""
    token = _trusting.set(told) if yes else None
    try:
        yield
    finally:
        if token is not None:
            _trusting.reset(token)


def may_run(module: str, reach: Reach) -> bool:
    """Whether a module with all that it reaches may run: trusted before, or now."""
    digest = digest_of(reach)
    if digest in _known():
        return True
    told = _trusting.get()
    if told is None:
        return False
    kept = remember(module, reach)
    more = f" and {len(reach.files) - 1} more files that it reaches" if len(reach.files) > 1 else ""
    until = "from now on, until something in it changes" if kept else "for this time"
    told(f"Running {next(iter(reach.files))}{more} from {reach.folder}: its code is trusted {until}.")
    return True


def remember(module: str, reach: Reach) -> bool:
    """Trust code from now on. Whether that could be written down."""
    known = _known()
    known[digest_of(reach)] = {
        "module": module,
        "folder": str(reach.folder),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    path = _path()
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
        os.replace(temporary, path)
        return True
    return False


def was_trusted(module: str, reach: Reach) -> bool:
    """Whether another version of this code was trusted."""
    same = (e for e in _known().values() if e.get("module") == module and e.get("folder") == str(reach.folder))
    return any(same)


def digest_of(reach: Reach) -> str:
    """Hash over the names and contents of all that is reached."""
    return hashlib.sha256(json.dumps(sorted(reach.hashes().items())).encode()).hexdigest()


def _known() -> dict[str, dict[str, object]]:
    try:
        known = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in known.items() if isinstance(v, dict)} if isinstance(known, dict) else {}


def _path() -> Path:
    home = os.environ.get("CRMLAB_CONFIG")
    base = os.environ.get("XDG_CONFIG_HOME")
    folder = Path(home) if home else (Path(base) if base else Path.home() / ".config") / "crmlab"
    return folder / "trusted.json"
