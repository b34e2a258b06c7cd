"""``fastglm demo``: simulate, fit, draw the fit, and put the time beside statsmodels'."""

from __future__ import annotations

import numpy as np

from ..errors import InvalidParameterError
from . import lecture
from .options import add_json, add_threads, count, usual_link
from .output import say, say_json
from .peers import PEERS, family_of, free_memory, run_peer, timed
from .picture import fitted_curve

HELP = "simulate a large data set, fit it, draw it, compare"
EPILOG = """examples:
  fastglm demo
  fastglm demo --family poisson --n 5e6 --p 50 --no-compare
  fastglm demo --lecture                            one neuron on six primes, by every library that is installed
"""


def add(parser):
    """Its options."""
    add = parser.add_argument
    add_problem(parser, 1_000_000, 20)
    add("--lecture", action="store_true", help="print the table of the primes of the lecture notes instead")
    add("--no-compare", action="store_true", help="leave out statsmodels on the same data")
    add_json(parser)


def add_problem(parser, n, p):
    """What to simulate."""
    add = parser.add_argument
    add("--n", type=count, default=n, help=f"rows (default {n:,})")
    add("--p", type=count, default=p, help=f"columns (default {p})")
    add("--family", default="binomial", help="gaussian, binomial (default), poisson, gamma, inverse_gaussian, ...")
    add("--seed", type=int, default=0)
    add_threads(parser)


def run(args) -> int:
    """Fit simulated data; print a picture, the summary, the times and the distance to the truth."""
    if args.lecture:
        rows = lecture.table()
        say_json([row._asdict() for row in rows]) if args.json else say(*lecture.lines(rows))
        return 0
    data = simulated(args.family, args.n, args.p, args.seed)
    first, _ = timed(lambda: fitted(data, args.threads))
    seconds, result = timed(lambda: fitted(data, args.threads))
    far = float(np.max(np.abs(np.asarray(result.params) - data.params) / result.bse))
    outcomes = [] if args.no_compare else [run_peer(PEERS[0], data, result.params, result.bse)]
    if args.json:
        say_json({
            "rows": args.n, "columns": args.p, "family": data.family, "link": data.link, "seconds": seconds,
            "first_seconds": first, "glance": result.glance(), "peers": [o._asdict() for o in outcomes],
            "standard_errors_from_truth": far,
        })  # fmt: skip
    else:
        size = f"{data.X.nbytes / 2**20:,.0f} MiB"
        head = f"simulated {args.n:,} x {args.p} from a {data.family} model with {data.link} link ({size})\n"
        ours = (
            f"\n{'fastglm:':<13}{seconds:8.3f} s, {result.n_passes:.3g} passes over X (first fit here: {first:.3f} s)"
        )
        theirs = [outcome.line(seconds, args.n) for outcome in outcomes]
        truth = f"the true coefficients are at most {far:.1f} standard errors away"
        say(head, *fitted_curve(result, data.X, data.y), "", result.summary(), ours, *theirs, truth)
    return 0 if result.converged else 1


def simulated(family, n, p, seed):
    """Rows of a model, if they fit in memory."""
    from ..simulate import make_glm

    need, free = 8 * n * (p + 4), free_memory()
    if free is not None and need > free:
        sizes = f"{need / 2**30:.1f} GiB, {free / 2**30:.1f} GiB are free"
        raise InvalidParameterError(f"{n:,} x {p} needs {sizes}; use a smaller --n")
    return make_glm(family, n, p, link=usual_link(family), seed=seed)


def fitted(problem, threads):
    """Our fit of a problem."""
    from ..fitting.entry import fit

    return fit(problem.X, problem.y, family=family_of(problem), link=problem.link, threads=threads)
