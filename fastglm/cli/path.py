"""``fastglm path``."""

from __future__ import annotations

from .options import DATA, FORMULA
from .output import say, say_json
from .penalised import add_outputs, add_penalised, perform

HELP = "fit a penalised model for a whole path of lambdas"
EPILOG = f"""examples:
  fastglm path claims.parquet "claims ~ age + C(region) + exposure(years)" --family poisson --html path.html
  fastglm path trials.csv "cured ~ ." --family binomial --penalty elastic-net --alpha 0.9 --lambdas 50
  fastglm path trials.csv "cured ~ ." --family binomial --criterion bic

{FORMULA}
{DATA}
exit codes: as of fastglm fit; 1 where a lambda is not certified
"""


def add(parser):
    """Its options."""
    add_penalised(parser, "lasso")
    parser.add_argument("--out", metavar="FILE", help="where the path goes (default: DATA's name with .path.json)")
    parser.add_argument("--criterion", choices=("aic", "aicc", "bic", "ebic"), default="bic",
                        help="by which the fit that is printed is selected (default bic)")  # fmt: skip
    add_outputs(parser)


def run(args) -> int:
    """Fit, write the path, print it."""
    from ..fitting.path import path

    found, place, seconds = perform(args, path, "path")
    found.save(place)
    certified = bool(found.converged.all())
    if args.json:
        say_json({
            "formula": args.formula, "data": args.data, "family": found.first.family.name,
            "link": found.first.link.name, "penalty": args.penalty, "converged": certified,
            "path": found.table().to_pylist(), "selected": found.select(args.criterion).tidy().to_pylist(),
            "passes": found.n_passes, "model": str(place), "report": args.html, "seconds": seconds,
        })  # fmt: skip
    else:
        took = f"{found.first.n_rows:,} rows, {len(found.lambdas)} lambdas in {seconds:.2f} s"
        made = [f"path: {place}", *([f"report: {args.html}"] if args.html else [])]
        say(found.summary(), "", f"{took}, {found.n_passes:.3g} passes over X", *made)
    return 0 if certified else 1
