"""The command line: what it takes, how it fails, and its exit codes; what it does is in ``commands``."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import signal
import sys
import warnings
from contextlib import contextmanager

from ..errors import CheckpointError, DivergenceError, FastGLMError, FastGLMWarning, SetupWarning, visible
from .commands import COMMANDS
from .input import release
from .output import version

ABOUT = "Generalized linear models on large data: exact fits with standard errors, certified."
EXAMPLES = """examples:
  fastglm demo                                      a million rows, fitted and compared
  fastglm fit claims.parquet "claims ~ age + log(power) + exposure(years)" --family poisson
  fastglm cv claims.parquet "claims ~ . + exposure(years)" --family poisson --penalty lasso --html cv.html
  fastglm plan "logs/*.parquet" "clicked ~ ." --family binomial
  fastglm predict claims.model.json new.parquet --out pred.parquet
  fastglm show claims.model.json                    the summary of a saved result
  fastglm etable one.model.json two.model.json      fits side by side
  fastglm simulate --family poisson --n 1e7 --p 20 --out data.parquet
  fastglm completion bash                           what the shell completes
  fastglm doctor                                    what is installed, and whether it works
  fastglm fit --help                                the formula language and all options

exit codes: 0 all is well, 1 a fit did not converge or doctor found a problem, 2 the input cannot be used, 3 the
checkpoint is of another fit or the process was ended, 130 interrupted (Ctrl-C)
"""
POSITIONAL = ("parser", "shell", "data", "formula", "model", "models", "command", "run", "words", "copy", "copied")
QUOTES = "'\""
ELSEWHERE = {"fit": ("unseen",)}  # options of one command that messages of others advise
CANNOT = (FastGLMError, OSError, MemoryError, ImportError)


class _Wrong(Exception):
    """Arguments that cannot be understood."""


class _Ended(KeyboardInterrupt):
    """The process was asked to end (SIGTERM): as Ctrl-C, so that nothing half made is left."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        raise _Wrong(f"{self.prog}: error: {message} (see {self.prog} --help)")


def main(argv=None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : list of str, optional
        Arguments after the program's name; those of the process by default.

    Returns
    -------
    int
        The exit code: 0 where all is well, 1 where a fit did not converge, 2 for bad input, 3 for a checkpoint of
        another fit.
    """
    argv = sys.argv[1:] if argv is None else argv
    if not argv:
        _parser().print_help()
        return 0
    as_json, args = "--json" in argv, None
    try:
        with _endable(), warnings.catch_warnings():
            # a result has them as notes, which are printed with it
            warnings.simplefilter("ignore", FastGLMWarning)
            warnings.simplefilter("always", SetupWarning)
            warnings.showwarning = _remark
            parser = _parser()
            args = parser.parse_args(argv)
            args.parser = parser
            args.words = " ".join(map(quoted, ["fastglm", *argv]))
            return args.run(args)
    except SystemExit as stop:  # argparse ends the process after --help; a caller wants the code
        return int(stop.code or 0)
    except _Wrong as error:
        return _fail(str(error), 2, as_json)
    except CANNOT as error:
        code = 3 if isinstance(error, CheckpointError) else 1 if isinstance(error, DivergenceError) else 2
        line = in_shell_words(" ".join(str(error).split()) or type(error).__name__, args)
        return _fail(line if as_json else f"fastglm {args.command}: error: {line}", code, as_json)
    except KeyboardInterrupt as stop:
        checkpoint = getattr(args, "checkpoint", None)
        hint = f"; the same command goes on from {checkpoint}" if checkpoint else ""
        ended = isinstance(stop, _Ended)
        return _fail(("ended" if ended else "interrupted") + hint, 3 if ended else 130, as_json)
    finally:
        release(args)


def in_shell_words(line: str, args) -> str:
    """A message with the options of the command line in place of the arguments that they stand for."""
    copy = getattr(args, "copied", None)
    line = line if copy is None else line.replace(copy, "standard input")

    def option(found):
        name, value = ("vcov" if found[1] == "cov" else found[1]), found[2]
        of = next((f" of fastglm {command}" for command, names in ELSEWHERE.items() if name in names), "")
        if name in POSITIONAL or (name not in vars(args) and not of):
            return found[0]
        option = f"--{name.replace('_', '-')}" + (f" {value.strip(QUOTES) or value}" if value else "")
        return option if name in vars(args) else option + of

    return re.sub(r"(?<![\w.?&/'\"-])([a-z_]+)=('[^']*'|\"[^\"]*\"|[\w.+*-]*\w)?", option, line)


def quoted(word: str) -> str:
    """A word as one types it in a shell: in double quotes where it has single ones."""
    plain = "'" in word and not set(word) & set('"$`\\!\n')
    return f'"{word}"' if plain else shlex.quote(word)


def _remark(message, *where, **more) -> None:
    print(f"fastglm: {message}", file=sys.stderr)


def _fail(line, code, as_json) -> int:
    print(json.dumps({"error": line}) if as_json else visible(line), file=sys.stderr)
    return code


@contextmanager
def _endable():
    """While in it, SIGTERM raises what Ctrl-C does; only the main thread of a process can have that."""

    def end(number, frame):
        raise _Ended

    try:
        before = signal.signal(signal.SIGTERM, end)
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _parser():
    raw = argparse.RawDescriptionHelpFormatter
    parser = _Parser(prog="fastglm", description=ABOUT, epilog=EXAMPLES, formatter_class=raw)
    parser.add_argument("--version", action="version", version=f"fastglm {version()}")
    names = f"{{{','.join(COMMANDS)}}}"
    commands = parser.add_subparsers(dest="command", required=True, metavar=names, parser_class=_Parser)
    for name, module in COMMANDS.items():
        about = module.HELP[0].upper() + module.HELP[1:] + "."
        one = commands.add_parser(
            name, help=module.HELP, description=about, epilog=module.EPILOG, formatter_class=raw
        )  # fmt: skip
        module.add(one)
        one.set_defaults(run=module.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
