"""The published contracts of executors and task stores: what ships keeps them, and what breaks them is told so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crmlab.experiments.execution.checkpoint import Checkpoint
from crmlab.experiments.execution.chunks import Chunk, Done, Lost
from crmlab.experiments.execution.contracts import ContractError, check_executor, check_task_store
from crmlab.experiments.execution.local import LocalProcesses, Serial
from crmlab.experiments.execution.task_store import MemoryStore
from crmlab.experiments.lab.memory_store import KeptTasks


@pytest.mark.parametrize("make", [Serial, lambda: LocalProcesses(2)], ids=["this process", "two processes"])
def test_the_shipped_executors_keep_the_contract(make: Callable[[], Any]) -> None:
    check_executor(make)


def test_the_shipped_task_stores_keep_the_contract(tmp_path: Path) -> None:
    check_task_store(lambda: Checkpoint(tmp_path, "a run"))
    check_task_store(KeptTasks, survives=False)
    check_task_store(MemoryStore, survives=False)


class Forgetful(Serial):
    """Loses the last outcome of every chunk."""

    def take(self, seconds: float) -> list[tuple[Chunk, Done | Lost]]:
        ((chunk, done),) = super().take(seconds)
        assert isinstance(done, Done)
        return [(chunk, Done(done.outcomes[::-1], done.seconds))]


class Rounding(MemoryStore):
    """Keeps six digits."""

    def add(self, key: str, result: Any) -> None:
        super().add(key, {k: round(v, 6) for k, v in result.items()} if isinstance(result, dict) else result)


class Careless(MemoryStore):
    """Tells no stages apart."""

    def key(self, stage: str, position: int, task: Any) -> str:
        return str(position)


def test_what_breaks_a_contract_is_told_its_clause() -> None:
    with pytest.raises(ContractError, match="outcomes come in the order of the tasks"):
        check_executor(Forgetful)
    with pytest.raises(ContractError, match="equal to what was added after it is written"):
        check_task_store(Rounding, survives=False)
    with pytest.raises(ContractError, match="tell stages and places apart"):
        check_task_store(Careless, survives=False)
    with pytest.raises(ContractError, match="when it is opened again"):
        check_task_store(MemoryStore)
