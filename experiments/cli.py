"""The command line: `crmlab`.

Results go to stdout, progress and remarks to stderr. Exit codes: 0 fine, 1 the run failed, 2 something the user can put
right, 130 interrupted. Mistakes are told in a sentence; `CRMLAB_DEBUG=1` shows where an error came from.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from crmlab.experiments.commands import (
    about,
    anchoring,
    calibrating,
    explaining,
    exporting,
    files,
    repeating,
    running,
    runs,
    stressing,
    sweeping,
    tuning,
    twins,
)
from crmlab.experiments.errors import UserError
from crmlab.experiments.execution.failures import NothingRan

UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # what the command line parser raises

app = typer.Typer(
    name="crmlab",
    help="Try marketing and CRM policies on simulated customers before rolling them out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(files.init)
app.command()(files.validate)
app.command()(running.run)
app.command()(running.compare)
app.command()(tuning.tune)
app.command()(sweeping.sweep)
app.command()(stressing.stress)
app.command()(explaining.explain)
app.command()(twins.twins)
app.command()(calibrating.calibrate)
app.command()(runs.report)
app.command()(exporting.export)
app.command()(repeating.verify)
app.command()(repeating.rerun)
runs.app.command()(tuning.export)
app.add_typer(runs.app, name="runs")
app.command()(about.strategies)
app.command()(anchoring.anchors)
app.command()(files.schema)
app.command()(about.doctor)


def main() -> None:
    """Entry point of the `crmlab` program."""
    _leave_the_working_folder_alone()
    sys.exit(exit_code(sys.argv[1:]))


def exit_code(arguments: Sequence[str]) -> int:
    """Run one command line. No mistake of a user ends in a traceback."""
    try:
        code = app(args=list(arguments), prog_name="crmlab", standalone_mode=False) or 0
        return _told("Interrupted.", 130) if code == 130 else code  # the parser swallows the interrupt, not the code
    except UsageError as error:
        return _usage(error)
    except UserError as error:
        return _told(str(error), error.exit_code)
    except NothingRan as error:
        return _told(f"{str(error)[0].upper()}{str(error)[1:]}.", 1)
    except (KeyboardInterrupt, typer.Abort):
        return _told("Interrupted.", 130)
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError:
        return _told("There is not enough memory for this; try fewer customers or --quick.", 1)
    except Exception as error:
        if os.environ.get("CRMLAB_DEBUG"):
            raise
        return _told(f"Failed: {type(error).__name__}: {error} (CRMLAB_DEBUG=1 shows where).", 1)


def _leave_the_working_folder_alone() -> None:
    """No file may be loaded just because it lies where somebody stands, unless PYTHONPATH names the place."""
    named = {os.path.realpath(place) for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place}
    here = os.path.realpath(os.curdir)
    if here not in named and here != os.path.realpath(Path(__file__).parents[1]):
        sys.path[:] = [place for place in sys.path if os.path.realpath(place or os.curdir) != here]


def _usage(error: Exception) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()  # type: ignore[attr-defined]
        return 2
    message = " ".join(error.format_message().split())  # type: ignore[attr-defined]
    context = getattr(error, "ctx", None)
    ended = message if message.endswith("?") else f"{message.rstrip('.?')}."
    return _told(f"{ended} See: {context.command_path if context else 'crmlab'} --help", 2)


def _told(message: str, code: int) -> int:
    print(message, file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
