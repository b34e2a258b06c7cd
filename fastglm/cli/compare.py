"""``fastglm compare``."""

from __future__ import annotations

import contextlib
import json
import statistics
import sys
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ..errors import InvalidParameterError
from .demo import add_problem, fitted, simulated
from .options import add_json, count
from .output import say, say_json
from .peers import PEERS, Problem, run_peer, timed

HELP = "fastglm beside statsmodels, scikit-learn and glum on the same rows"
EPILOG = """examples:
  fastglm compare --quick                             a minute
  fastglm compare --n 1e6 --p 50 --family poisson
  fastglm compare claims.parquet "claims ~ age + power" --family poisson
  fastglm compare --quick -- --peers fastglm,glum     what follows -- is for the races (python -m benchmarks --help)

Without DATA, from a checkout of the sources, this is 'python -m benchmarks': interleaved races with memory, first fits
and the accuracy reached. Elsewhere, or with DATA, the libraries that are installed fit the same rows, one file in
memory, one after the other.

exit codes: 0, 1 where our fit did not converge, 2 where the input cannot be used
"""
QUICK = 20_000  # rows


def add(parser):
    """Its options."""
    add = parser.add_argument
    add("data", metavar="DATA", nargs="?", help="a CSV or Parquet file (default: simulated rows)")
    add("formula", metavar="FORMULA", nargs="?", help="as for fit; with DATA")
    add_problem(parser, 1_000_000, 20)
    add("--link", help="with DATA (default: the family's)")
    add("--repeats", type=count, default=3, help="fits of which the median counts (default 3)")
    add("--quick", action="store_true", help="few rows, one fit")
    add_json(parser)
    add("races", nargs="*", metavar="-- OPTIONS", help="for the races")


def run(args) -> int:
    """Race, or fit with everything that is installed."""
    if args.data is not None and args.data.startswith("-"):  # what followed -- came where DATA could have been
        args.races, args.data, args.formula = [v for v in (args.data, args.formula, *args.races) if v], None, None
    races = None if args.data else _races()
    if races is not None:
        return _race(races, args)
    if args.races:
        raise InvalidParameterError(f"{' '.join(args.races)}: options of the races, which need a checkout and no DATA")
    if args.data is not None and args.formula is None:
        raise InvalidParameterError("FORMULA is missing: fastglm compare DATA FORMULA")
    n = QUICK if args.quick else args.n
    problem = _read(args) if args.data else simulated(args.family, n, args.p, args.seed)
    repeats = 1 if args.quick else args.repeats
    fitted(problem, args.threads)  # compiled, and every library loaded
    took, results = zip(*(timed(lambda: fitted(problem, args.threads)) for _ in range(repeats)), strict=True)
    seconds, result, rows = statistics.median(took), results[0], len(problem.y)
    outcomes = [_median([run_peer(peer, problem, result.params, result.bse) for _ in range(repeats)]) for peer in PEERS]
    if args.json:
        ours = {"seconds": seconds, "passes": result.n_passes, "converged": result.converged}
        size = {"rows": rows, "columns": problem.X.shape[1], "family": problem.family, "link": problem.link}
        say_json(size | {"fastglm": ours, "peers": [outcome._asdict() for outcome in outcomes]})
    else:
        head = f"{rows:,} x {problem.X.shape[1]}, {problem.family}, {problem.link} link"
        ours = f"{'fastglm:':<13}{seconds:8.3f} s with standard errors, {result.n_passes:.3g} passes over X"
        say(head, ours, *(outcome.line(seconds, rows) for outcome in outcomes))
    return 0 if result.converged else 1


def _median(outcomes):
    if outcomes[0].seconds is None:
        return outcomes[0]
    return outcomes[0]._replace(seconds=statistics.median(outcome.seconds for outcome in outcomes))


def _races():
    """The benchmarks of the checkout that this package is of, None where it is installed without."""
    root = Path(__file__).parents[2]
    if not (root / "benchmarks" / "__main__.py").is_file():
        return None
    if find_spec("benchmarks") is None:
        sys.path.append(str(root))
    try:
        found = import_module("benchmarks.__main__")
    except ImportError:  # psutil, or what else the races need, is not there
        return None
    return found if Path(found.__file__).parents[1] == root else None


def _race(races, args) -> int:
    options = ["--quick"] if args.quick else ["--sizes", f"{args.n}x{args.p}", "--repeats", str(args.repeats)]
    options += ["--families", args.family, *(["--threads", str(args.threads)] if args.threads else [])]
    if not args.json:
        races.main([*options, *args.races])
        return 0
    with tempfile.TemporaryDirectory(prefix="fastglm-") as folder:
        record = Path(folder, "races.json")
        with contextlib.redirect_stdout(sys.stderr):
            races.main([*options, *args.races, "--json", str(record)])
        say_json(json.loads(record.read_text()))
    return 0


def _read(args) -> Problem:
    """The rows of a file as one array of numbers, factors as columns of zeros and ones."""
    from ..core.column_names import read_table
    from ..rows import FitRequest, open_rows
    from ..rows.arrays import dense

    table = read_table(args.data, args.formula)
    request = FitRequest(data=table, formula=args.formula, family=args.family, link=args.link)
    _, source = open_rows(request)
    data, family, link = dense(source.data), request.family, request.link
    if data.offset is not None or data.exposure is not None or not data.has_intercept:
        raise InvalidParameterError(
            f"formula={args.formula!r}: to compare, a model needs an intercept and no offset or exposure"
        )
    if data.weights is not None:
        raise InvalidParameterError("cbind(): scikit-learn and glum have no counts of trials to compare with")
    X, y = data.X, data.y
    parameters = {name: getattr(family, name) for name in family._fields}
    return Problem(np.ascontiguousarray(X), np.asarray(y, np.float64), family.name, link.name, parameters)
