"""``fastglm doctor``."""

from __future__ import annotations

from .examination import examine
from .options import add_json
from .output import say, say_json

HELP = "what is installed, and whether it works"
EPILOG = """examples:
  fastglm doctor
  fastglm doctor --json > machine.json

Versions, threads, the BLAS, instruction sets, the cache of compiled loops, room for temporary files, and a fit whose
answer is known. Each PROBLEM comes with its remedy.

exit codes: 0 all is well, 1 something is wrong
"""


def add(parser):
    """Its options."""
    add_json(parser)


def run(args) -> int:
    """Examine and print."""
    checks = examine()
    wrong = [check for check in checks if check.remedy]
    if args.json:
        say_json({"ok": not wrong, "checks": {check.name: check._asdict() for check in checks}})
    else:
        verdict = f"{len(wrong)} problem{'s' * (len(wrong) > 1)}" if wrong else "all is well"
        say(*(line for check in checks for line in check.lines()), verdict)
    return 1 if wrong else 0
