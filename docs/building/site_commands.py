"""The page of the command line: what each command says of itself."""

from __future__ import annotations

import os
from argparse import _SubParsersAction

from fastglm.cli.main import _parser

INTRODUCTION = "# Commands\n\nWhat `fastglm` and each of its commands say for `--help`."


def markdown() -> str:
    """The page, a section for each command."""
    os.environ["COLUMNS"] = "96"
    parser = _parser()
    commands = next(action for action in parser._actions if isinstance(action, _SubParsersAction)).choices
    parts = [INTRODUCTION, f"```text\n{parser.format_help().rstrip()}\n```"]
    for name, command in commands.items():
        parts.append(f"## fastglm {name}\n\n```text\n{command.format_help().rstrip()}\n```")
    return "\n\n".join(parts) + "\n"
