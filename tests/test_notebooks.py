"""The notebooks: built from their sources, solved without an error, and open in the student's copy only where asked."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import ROOT

nbformat = pytest.importorskip("nbformat", reason="JupyterLab is part of the development environment")
jupyter_client = pytest.importorskip("jupyter_client", reason="JupyterLab is part of the development environment")
nbclient = pytest.importorskip("nbclient", reason="JupyterLab is part of the development environment")

NOTEBOOKS = ROOT / "notebooks"
LESSONS = [path.stem for path in sorted((NOTEBOOKS / "src").glob("*.py"))]
WITH_EXERCISES = [name for name in LESSONS if name != "00_start_here"]


def load_builder():
    spec = importlib.util.spec_from_file_location("notebook_builder", NOTEBOOKS / "build.py")
    builder = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = builder
    spec.loader.exec_module(builder)
    return builder


build = load_builder()


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """One kernel for all notebooks, so that the libraries are loaded once; `executed` empties it in between."""
    folder = tmp_path_factory.mktemp("kernel")
    settings = {
        "CRMLAB_FAST": "1",
        "PLOTLY_RENDERER": "json",  # figures without the library: megabytes less per picture
        "IPYTHONDIR": str(folder),  # the profile of whoever runs the tests plays no part
    }
    manager = jupyter_client.KernelManager(kernel_name="python3")
    manager.start_kernel(env=os.environ | settings, cwd=str(folder))
    yield manager
    manager.shutdown_kernel(now=True)


def executed(path: Path, kernel, allow_errors: bool, after: dict[int, str] | None = None):
    """A notebook after its run; `after` is code to run behind a cell, by its number."""
    notebook = nbformat.read(path, as_version=4)
    empty = nbformat.v4.new_code_cell("%reset -f")
    cells = [empty]
    for number, cell in enumerate(notebook.cells):
        cells += [cell, *([nbformat.v4.new_code_cell(after[number])] if after and number in after else [])]
    whole = nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata)
    nbclient.NotebookClient(whole, km=kernel, timeout=120, allow_errors=allow_errors).execute()
    return notebook


def errors(cell) -> list[str]:
    return [out.ename for out in cell.get("outputs", ()) if out.output_type == "error"]


def sentences(cell) -> list[str]:
    return [out.evalue for out in cell.get("outputs", ()) if out.output_type == "error"]


def test_notebooks_are_those_that_their_sources_make() -> None:
    made = build.built()
    kept = {path for path in NOTEBOOKS.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts}
    assert kept == set(made), "run: python notebooks/build.py"
    for path, text in made.items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is out of date; run: python notebooks/build.py"


def test_students_see_tasks_and_neither_solutions_nor_notes_for_teachers() -> None:
    for name in LESSONS:
        text = (NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8")
        assert "SOLUTION" not in text
        assert "For teachers" not in text
        notebook = nbformat.reads(text, as_version=4)
        assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if "outputs" in cell)


def test_a_solution_leaves_a_task_behind_at_its_own_depth() -> None:
    source = "# %%\ndef f(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION\n\n\nf(1)\n"
    (cell,) = build.student_cells(build.cells_of(source))
    said = 'raise NotImplementedError("First comes the exercise above: put your code there.")'
    assert cell.text == f"def f(x):\n    # YOUR CODE HERE\n    {said}\n\n\nf(1)"
    (solved,) = build.solved_cells(build.cells_of(source))
    assert solved.text == "def f(x):\n    return x\n\n\nf(1)"


@pytest.mark.parametrize("name", WITH_EXERCISES)
def test_a_task_says_which_exercise_it_belongs_to_wherever_its_function_is_called(name: str) -> None:
    cells = build.student_cells(build.cells_of((NOTEBOOKS / "src" / f"{name}.py").read_text(encoding="utf-8")))
    tasks = [cell.text for cell in cells if "exercise" in cell.tags]
    for number, text in enumerate(tasks, 1):
        assert f"First comes Exercise {number}: put your code there." in text


def test_copies_for_a_class_hold_no_solutions_and_no_sources(tmp_path: Path) -> None:
    line = [sys.executable, str(NOTEBOOKS / "build.py"), "--class", str(tmp_path / "class")]
    subprocess.run(line, check=True, capture_output=True)
    copies = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "class").rglob("*") if path.is_file()}
    assert set(copies) == {f"{name}.ipynb" for name in LESSONS}
    assert not [name for name, text in copies.items() if "SOLUTION" in text or "For teachers" in text]


@pytest.mark.parametrize("name", WITH_EXERCISES)
def test_a_lesson_states_its_goal_and_every_exercise_has_a_hint_a_check_and_a_note_for_teachers(name: str) -> None:
    cells = build.cells_of((NOTEBOOKS / "src" / f"{name}.py").read_text(encoding="utf-8"))
    for words in ("**Goal.**", "**What you will decide.**", "**Before this:**", "**Time:**"):
        assert words in cells[0].text
    assert "version(" in cells[1].text, "the first cell of code prints versions"
    exercises = [number for number, cell in enumerate(cells) if "exercise" in cell.tags]
    assert 2 <= len(exercises) <= 5
    for number in exercises:
        assert "### BEGIN SOLUTION" in cells[number].text
        assert "<details><summary>Hint</summary>" in cells[number - 1].text
        assert "check" in cells[number + 1].tags
        assert re.search(r"assert .*, \(?\s*f?[\"']", cells[number + 1].text, re.DOTALL), "a check says what is wrong"
        assert "teacher" in cells[number + 2].tags


@pytest.mark.parametrize("name", LESSONS)
def test_links_between_notebooks_lead_somewhere(name: str) -> None:
    for folder in (NOTEBOOKS, NOTEBOOKS / "solutions"):
        path = folder / f"{name}.ipynb"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        for target in re.findall(r"\]\((\w+\.ipynb)\)", text):
            assert (NOTEBOOKS / target).exists(), target


def source_cells(name: str):
    return build.cells_of((NOTEBOOKS / "src" / f"{name}.py").read_text(encoding="utf-8"))


def claims_of(cells) -> dict[int, str]:
    """Code that fails with the words of a claim that does not hold, by the number of the cell."""
    return {
        number: "\n".join(f"assert bool({holds}), {'the text claims: ' + words!r}" for words, holds in cell.claims)
        for number, cell in enumerate(cells)
        if cell.claims
    }


@pytest.mark.parametrize("name", WITH_EXERCISES)
def test_what_is_claimed_stands_in_the_text_with_the_same_numbers(name: str) -> None:
    cells = source_cells(name)
    prose = " ".join(" ".join(cell.text for cell in cells).replace("\n> ", " ").split())
    claims = [claim for cell in cells for claim in cell.claims]
    assert len(claims) >= 5
    number_words = {"eight": "8", "nine": "9"}
    for words, holds in claims:
        assert words in prose, f"the text does not say {words!r}"
        said = re.findall(r"\d+(?:\.\d+)?", words) + [number_words[w] for w in words.split() if w in number_words]
        assert set(said) <= set(re.findall(r"\d+(?:\.\d+)?", holds)), f"{words!r} is not what {holds} compares"


def test_claims_stand_in_no_notebook_and_a_wrong_one_fails() -> None:
    source = '# %%\nx = 3\n# claims: "x is 4": x == 4\nprint(x)\n'
    (cell,) = build.cells_of(source)
    assert cell.text == "x = 3\nprint(x)"
    assert cell.claims == (("x is 4", "x == 4"),)
    with pytest.raises(AssertionError, match="the text claims: x is 4"):
        exec(cell.text + "\n" + claims_of([cell])[0], {})
    assert not [path for path in build.built() if "claims:" in build.built()[path]]


@pytest.mark.parametrize("name", WITH_EXERCISES)
@pytest.mark.slow
def test_every_solution_runs_passes_its_own_checks_and_yields_what_the_text_claims(name: str, kernel) -> None:
    claims = claims_of(source_cells(name))
    notebook = executed(NOTEBOOKS / "solutions" / f"{name}.ipynb", kernel, allow_errors=False, after=claims)
    checks = [cell for cell in notebook.cells if "check" in cell.metadata.get("tags", [])]
    assert checks
    assert all(cell.outputs for cell in checks), "a check that passes says so"


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (n > 1)) for n, name in enumerate(LESSONS)]
)
def test_a_student_who_runs_everything_meets_only_tasks(name: str, kernel) -> None:
    notebook = executed(NOTEBOOKS / f"{name}.ipynb", kernel, allow_errors=True)
    for cell in notebook.cells:
        tags, found = cell.metadata.get("tags", []), errors(cell)
        if "exercise" in tags:
            assert found == ["NotImplementedError"], cell.source
        elif "check" in tags:  # it calls the student's function, which is where the error comes from
            assert set(found) <= {"NotImplementedError"}, cell.source
            assert all("First comes Exercise" in said for said in sentences(cell))
        else:
            assert not found, cell.source
