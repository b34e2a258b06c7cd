"""``fastglm local``."""

from __future__ import annotations

import time
from pathlib import Path

from ..core.atomic import whole
from ..errors import InvalidParameterError
from .options import (
    DATA,
    FAMILIES,
    FORMULA,
    add_data,
    add_force,
    add_json,
    add_threads,
    check_outputs,
    paths,
    usual_link,
)
from .output import say, say_json

HELP = "local regression: a curve with intervals, bandwidth chosen or given"
EPILOG = f"""examples:
  fastglm local trees.csv "volume ~ girth" --bandwidth loo --out curve.csv
  fastglm local trials.parquet "cured ~ dose" --family binomial --bandwidth 0.5 --degree 2 --out curve.parquet
  fastglm local trees.csv "volume ~ girth" --kernel tricube --bandwidth nearest:0.3 --json
  fastglm local trees.csv "volume ~ girth" --save trees.local.npz
  fastglm predict trees.local.npz new.csv --out pred.csv --interval

A bandwidth is a number, one a column (0.5,2), nearest:0.3 (a share of the rows) or nearest:50, gcv or loo.
Of one column the curve is given at 401 even points, of several at the rows.

{FORMULA}
{DATA}
exit codes: 0, 1 where points have no certified fit, or 2 where the input cannot be used
"""


def bandwidth(text):
    """A bandwidth as the command line spells it."""
    if text in ("gcv", "loo"):
        return text
    kind, _, rest = text.rpartition(":")
    if kind:
        return {kind: int(rest) if rest.isdecimal() else float(rest)}
    values = [float(part) for part in text.split(",")]
    return values if len(values) > 1 else values[0]


def add(parser):
    """Its options."""
    add = parser.add_argument
    add_data(parser)
    add("formula", metavar="FORMULA", help="such as 'y ~ x'; see below")
    add("--bandwidth", type=bandwidth, default="gcv", metavar="H", help="see below (default: gcv)")
    add("--kernel", default="gaussian", help="gaussian (default), tricube or epanechnikov")
    add("--degree", type=int, default=1, choices=(0, 1, 2, 3), help="of the local polynomials (default 1)")
    add("--singular", choices=("nan", "degree", "ridge"), default="nan",
        help="points with too few rows near: no fit (default), a lower degree, or a small ridge")  # fmt: skip
    add("--level", type=float, default=0.95, help="confidence of the pointwise intervals (default 0.95)")
    add("--family", default="gaussian", help=FAMILIES)
    add("--link", help="as of fastglm fit (default: the family's, the log for those on one side of zero)")
    add("--weights", metavar="COLUMN", help="column of prior weights")
    add("--offset", metavar="COLUMN", help="column that is added to the linear predictor")
    add("--exposure", metavar="COLUMN", help="column whose logarithm is added to it (log link)")
    add("--missing", choices=("error", "drop"), default="error", help="rows with missing values (default: an error)")
    add("--out", metavar="FILE", help="where the curve goes: a .parquet or .csv file")
    add("--save", metavar="FILE", help="where the local regression goes, its rows included, for 'fastglm predict'")
    add_threads(parser)
    add_force(parser)
    add_json(parser)


def run(args) -> int:
    """Fit, write the curve, print it."""
    from ..smoothing.entry import local

    out = Path(args.out) if args.out else None
    if out is not None and out.suffix not in (".parquet", ".csv"):
        raise InvalidParameterError(f"--out {args.out}: curves are written as .parquet or .csv")
    saved = Path(args.save) if args.save else None
    check_outputs([("--out", out), ("--save", saved)], args.force, paths(args))
    names = "bandwidth kernel degree singular family weights offset exposure missing threads".split()
    start = time.perf_counter()
    link = args.link or usual_link(args.family)
    found = local(args.formula, paths(args), link=link, **{name: getattr(args, name) for name in names})
    table = found.table(args.level)
    seconds = time.perf_counter() - start
    if out is not None:
        _write(table, out)
    if saved is not None:
        found.save(saved)
    if args.json:
        say_json({
            "formula": args.formula, "data": args.data, "family": found.family.name, "link": found.link.name,
            "kernel": found.kernel.name, "degree": found.degree, "bandwidth": found.bandwidth.plain, "edf": found.edf,
            "scale": found.scale, "loo": found.loo, "gcv": found.gcv, "curve": table.to_pylist(), "out": args.out,
            "save": args.save, "seconds": seconds,
        })  # fmt: skip
    else:
        files = [f"{what}: {file}" for what, file in (("curve", args.out), ("saved", args.save)) if file]
        took = f"{found.n_rows:,} rows, {len(found.points):,} points in {seconds:.2f} s"
        say(found.summary(args.level), "", took, *files)
    return 0 if found.certified else 1


def _write(table, out):
    """Write a table whole or not at all."""
    import pyarrow.csv
    import pyarrow.parquet

    with whole(out) as draft:
        if out.suffix == ".parquet":
            pyarrow.parquet.write_table(table, draft)
        else:
            pyarrow.csv.write_csv(table, draft)
