"""``fastglm etable``."""

from __future__ import annotations

from pathlib import Path

from ..errors import InvalidParameterError
from .options import add_force, check_outputs
from .output import say, write_text
from .show import loaded

HELP = "saved fits side by side, as text or for papers and pages"
EPILOG = """examples:
  fastglm etable small.model.json large.model.json
  fastglm etable *.model.json --names small,large --stars
  fastglm etable small.model.json large.model.json --format latex --out table.tex

exit codes: 0, or 2 where a file cannot be used
"""


def add(parser):
    """Its options."""
    add = parser.add_argument
    add("models", metavar="FILE", nargs="+", help="saved fits")
    add("--names", metavar="NAME,...", help="the heads of the columns (default: (1), (2), ...)")
    add("--format", choices=("text", "html", "latex", "markdown"), default="text", help="of the table (default text)")
    add("--stars", action="store_true", help="mark p-values below 0.05, 0.01 and 0.001")
    add("--digits", type=int, default=5, help="significant digits (default 5)")
    add("--out", metavar="FILE", help="where the table goes (default: it is printed)")
    add_force(parser)


def run(args) -> int:
    """Print the table, or write it."""
    from ..inference.etable import etable

    check_outputs([("--out", args.out)], args.force, others=args.models)
    results = [loaded(path) for path in args.models]
    for path, result in zip(args.models, results, strict=True):
        if not hasattr(result, "conf_int"):
            raise InvalidParameterError(f"{path} is a {type(result).__name__}; a table has fits alone")
    names = None if args.names is None else args.names.split(",")
    if names is not None and len(names) != len(results):
        raise InvalidParameterError(f"--names has {len(names)} names for {len(results)} files")
    table = etable(results, names, format=args.format, stars=args.stars, digits=args.digits)
    if args.out:
        write_text(args.out, f"{table}\n")
        say(f"table: {Path(args.out)}")
    else:
        say(table)
    return 0
