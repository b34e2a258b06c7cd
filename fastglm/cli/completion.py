"""``fastglm completion``: what the shell completes, made from the options that the commands have."""

from __future__ import annotations

import shlex
from argparse import _SubParsersAction
from typing import Any, NamedTuple

from .output import say

HELP = "what a shell needs to complete commands, options and their values"
EPILOG = """examples:
  echo 'eval "$(fastglm completion bash)"' >> ~/.bashrc
  fastglm completion zsh > "${fpath[1]}/_fastglm"
  fastglm completion fish > ~/.config/fish/completions/fastglm.fish

exit codes: 0
"""
SHELLS = ("bash", "zsh", "fish")
FILES = ("FILE", "DIR", "DATA", "MODEL", "PATH")  # what is named so is completed by the names of files


class Option(NamedTuple):
    """An option of a command: its spellings, help, values where they are known, and whether it takes one, a file."""

    spellings: tuple[str, ...]
    help: str
    values: tuple[str, ...]
    takes_value: bool
    is_file: bool


def add(parser):
    """Its options."""
    parser.add_argument("shell", choices=SHELLS, help="the shell that the text is for")


def run(args) -> int:
    """Print the text of a shell."""
    commands = options_of(args.parser)
    say({"bash": bash, "zsh": zsh, "fish": fish}[args.shell](commands))
    return 0


def options_of(parser) -> dict[str, tuple[str, list[Option]]]:
    """Command -> its help and its options, of the whole parser."""
    known = _known_values()
    actions = next(action for action in parser._actions if isinstance(action, _SubParsersAction))
    helps = {action.dest: action.help or "" for action in actions._choices_actions}
    return {
        name: (helps[name], [_option(action, known) for action in command._actions if action.help != "==SUPPRESS=="])
        for name, command in actions.choices.items()
    }


def _option(action: Any, known) -> Option:
    """An action of argparse as an option; one without spellings is what stands alone."""
    spellings = tuple(action.option_strings)
    values = tuple(map(str, action.choices or known.get(spellings[-1] if spellings else "", ())))
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    text = " ".join((action.help or "").replace("%%", "%").split())
    return Option(spellings, text, values, action.nargs != 0, metavar.split(",")[0] in FILES)


def _known_values() -> dict[str, tuple[str, ...]]:
    """The values of options that the library knows and the parser does not list."""
    from .. import families, links

    solvers = ("auto", "newton", "irls", "lbfgs", "newton-cg", "stream", "sgd")
    kinds = ("model", "robust", "hc0", "hc1", "hc2", "hc3", "hc4", "hc4m", "hc5", "hac")
    return {
        "--family": tuple(families.names()), "--link": tuple(links.names()), "--solver": solvers, "--vcov": kinds,
        "--measure": ("deviance", "mse", "mae", "class", "auc"),
    }  # fmt: skip


def bash(commands) -> str:
    """A function for bash: values after an option that has some, options after a dash, else files."""
    cases = [
        f"    {shlex.quote(f'{name} {spelling}')}) _fastglm_words {shlex.quote(' '.join(option.values))}; return;;"
        for name, (_, options) in commands.items()
        for option in options
        if option.values and option.takes_value
        for spelling in option.spellings
    ]
    alone = [
        f"    {name}) _fastglm_words {shlex.quote(' '.join(option.values))}; return;;"
        for name, (_, options) in commands.items()
        for option in options
        if option.values and not option.spellings
    ]
    listed = [
        f"    {name}) _fastglm_words {shlex.quote(' '.join(s for option in options for s in option.spellings))};;"
        for name, (_, options) in commands.items()
    ]
    first = " ".join([*commands, "--help", "--version"])
    return "\n".join([
        "_fastglm_words() { COMPREPLY=($(compgen -W \"$1\" -- \"${COMP_WORDS[COMP_CWORD]}\")); }",
        "_fastglm() {",
        '  local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" command="${COMP_WORDS[1]}"',
        "  COMPREPLY=()",
        f"  if ((COMP_CWORD == 1)); then _fastglm_words {shlex.quote(first)}; return; fi",
        '  case "$command $before" in', *cases, "  esac",
        '  if [[ $word == -* ]]; then case "$command" in', *listed, "  esac; return; fi",
        '  if ((COMP_CWORD == 2)); then case "$command" in', *alone, "  esac; fi",
        '  COMPREPLY=($(compgen -f -- "$word"))',
        "}",
        "complete -o filenames -F _fastglm fastglm",
    ])  # fmt: skip


def zsh(commands) -> str:
    """A function for zsh, which shows the help beside commands and options."""
    described = [shlex.quote(f"{name}:{text}") for name, (text, _) in commands.items()]
    parts = [
        "#compdef fastglm", "_fastglm() {", "  local -a commands", f"  commands=({' '.join(described)})",
        "  if ((CURRENT == 2)); then _describe command commands; return; fi",
        "  shift words; ((CURRENT--))", '  case "$words[1]" in',
    ]  # fmt: skip
    for name, (_, options) in commands.items():
        specs = [spec for option in options for spec in _zsh_specs(option)]
        parts.append(f"    {name}) _arguments {' '.join(map(shlex.quote, specs))};;")
    return "\n".join([*parts, "  esac", "}", "compdef _fastglm fastglm"])


def _zsh_specs(option: Option) -> list[str]:
    """What ``_arguments`` is told of an option."""
    action = f"({' '.join(option.values)})" if option.values else "_files" if option.is_file else " "
    if not option.spellings:
        return [f"*::{'value' if option.values else 'file'}:{action if option.values else '_files'}"]
    about = "".join(f"\\{letter}" if letter in "[]:\\" else letter for letter in option.help)
    return [f"{s}[{about}]" + (f":value:{action}" if option.takes_value else "") for s in option.spellings]


def fish(commands) -> str:
    """Lines for fish, one for each command and each of its options."""
    lines = [
        f"complete -c fastglm -f -n __fish_use_subcommand -a {name} -d {_fish(text)}"
        for name, (text, _) in commands.items()
    ]
    for name, (_, options) in commands.items():
        for option in options:
            start = f"complete -c fastglm -n '__fish_seen_subcommand_from {name}'"
            values = f" -a {_fish(' '.join(option.values))}" if option.values else ""
            if not option.spellings:
                lines += [f"{start} -f{values}"] if values else []
                continue
            names = " ".join(f"-l {s[2:]}" if s.startswith("--") else f"-s {s[1:]}" for s in option.spellings)
            needs = "" if not option.takes_value else " -r" if option.is_file else " -x"
            lines.append(f"{start} {names}{needs}{values} -d {_fish(option.help)}")
    return "\n".join(lines)


def _fish(text: str) -> str:
    """A text in fish's single quotes, in which a backslash escapes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
