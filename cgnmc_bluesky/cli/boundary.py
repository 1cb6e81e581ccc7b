"""Where the command line ends: exit status, one line for people, everything else into the log."""

import logging
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console

if TYPE_CHECKING:
    from rich.progress import Progress

UNUSABLE = 2
INTERRUPTED = 130
PIPE_CLOSED = 141

_log = logging.getLogger(__name__)
_WIDTH_OF_FILES = 160
_LOG_BYTES = 5_000_000


@dataclass
class Session:
    """What one call of the command line was asked for, beside its command.

    Parameters
    ----------
    debug
        Whether tracebacks go to the screen too.
    log_file
        Where they go in any case; `None` where no file can be written.
    """

    debug: bool = False
    log_file: Path | None = None

    def log_to(self, path: Path) -> None:
        """Write the log into a file from here on.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=2, encoding="utf-8")
        handler.setFormatter(
            logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s")
        )
        root = logging.getLogger()
        for old in root.handlers[:]:
            root.removeHandler(old)
            old.close()
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        self.log_file = path


def guarded(command: Callable[[Session], int | None]) -> int:
    """Run a command and turn whatever it raises into an exit status and one line on standard error.

    Parameters
    ----------
    command
        What to run.

    Returns
    -------
    int
        The exit status.
    """
    session = Session()
    try:
        _be_quiet(session)
        status = command(session) or 0
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        return _say(session, "interrupted", INTERRUPTED)
    except (BrokenPipeError, SystemExit):
        # Typer and rich make a SystemExit of a closed pipe. What is still in the buffer has nowhere
        # to go; without this Python complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except Exception as error:  # noqa: BLE001  (the last boundary: nothing may reach the screen raw)
        return _say(session, _one_line(error, session), UNUSABLE)
    return status


def output() -> Console:
    """Console for results; wide enough for a whole line where standard output is a file."""
    return Console() if sys.stdout.isatty() else Console(width=_WIDTH_OF_FILES)


def error_output() -> Console:
    """Console for remarks beside the results."""
    return Console(stderr=True, soft_wrap=True)


def progress_output() -> Console:
    """Console for progress, which only terminals are shown."""
    return Console(stderr=True, quiet=not sys.stderr.isatty())


def progress_bar(console: Console, *, as_json: bool) -> "Progress":
    """Give a bar below the table where that is on a terminal, else on standard error if that is."""
    from rich.progress import Progress

    beside = console if console.is_terminal and not as_json else progress_output()
    # Lines for another program come out as they are, never through the bar.
    is_hidden = beside.quiet or not beside.is_terminal or (as_json and console.is_terminal)
    return Progress(console=beside, transient=True, disable=is_hidden, redirect_stdout=False)


def _be_quiet(session: Session) -> None:
    from platformdirs import user_log_path

    warnings.simplefilter("default")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.captureWarnings(True)
    try:
        session.log_to(user_log_path("cgnmc", appauthor=False) / "cgnmc.log")
    except OSError:
        logging.getLogger().addHandler(logging.NullHandler())


def _one_line(error: Exception, session: Session) -> str:
    if hasattr(error, "format_message"):
        # An argument the parser refused; its class is not public in every version of typer.
        context = getattr(error, "ctx", None)
        remedy = f"; see {context.command_path} --help" if context else ""
        return f"{error.format_message().rstrip('.')}{remedy}"
    if isinstance(error, OSError) and error.filename:
        why = error.strerror or error
        return f"{error.filename}: {why}; name a path that can be read or written here"
    if isinstance(error, ValueError):
        return str(error)
    where = f"; its traceback is in {session.log_file}" if session.log_file else ""
    return f"{type(error).__name__}: {error}{where}"


def _say(session: Session, message: str, status: int) -> int:
    _log.error("exit status %d: %s", status, message, exc_info=True)
    if session.debug:
        Console(stderr=True).print_exception()
    sys.stderr.write(f"cgnmc: {' '.join(message.split())}\n")
    return status
