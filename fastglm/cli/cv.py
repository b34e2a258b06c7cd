"""``fastglm cv``."""

from __future__ import annotations

from .options import DATA, FORMULA
from .output import say, say_json
from .penalised import add_outputs, add_penalised, perform

HELP = "choose the penalty by cross-validation"
EPILOG = f"""examples:
  fastglm cv claims.parquet "claims ~ age + C(region) + exposure(years)" --family poisson --html cv.html
  fastglm cv trials.csv "cured ~ ." --family binomial --measure auc --rule 1se
  fastglm cv trials.csv "cured ~ . - held" --family binomial --folds held      (a column that says the fold)

{FORMULA}
{DATA}
exit codes: as of fastglm fit; 1 where a lambda is not certified
"""


def folds(text):
    """How many folds, or the column that has the fold of each row."""
    return int(text) if text.isdecimal() else text


def add(parser):
    """Its options."""
    add = parser.add_argument
    add_penalised(parser, "lasso")
    add("--folds", type=folds, default=10, metavar="K", help="how many, or a column with each row's (default 10)")
    add("--groups", metavar="COLUMN", help="rows of one value stay together in a fold")
    add("--measure", help="deviance (default), mse, mae, class or auc")
    add("--rule", choices=("min", "1se"), default="min", help="the best mean loss, or the strongest penalty near it")
    add("--out", metavar="FILE", help="where the chosen model goes (default: DATA's name with .model.json)")
    add_outputs(parser)


def run(args) -> int:
    """Fit and cross-validate, write the chosen model, print the choice."""
    from ..fitting.cross_validation import cv

    more = {"groups": args.groups} if args.groups else {}
    found, place, seconds = perform(args, cv, "model", folds=args.folds, measure=args.measure, rule=args.rule, **more)
    best = found.best
    best.save(place)
    certified = bool(found.path.converged.all())
    if args.json:
        say_json({
            "formula": args.formula, "data": args.data, "family": best.family.name, "link": best.link.name,
            "penalty": args.penalty, "measure": found.measure, "rule": args.rule, "converged": certified,
            "lambda_min": found.lambda_min, "lambda_1se": found.lambda_1se, "curve": found.table().to_pylist(),
            "coefficients": best.tidy().to_pylist(), "passes": found.path.n_passes, "model": str(place),
            "report": args.html, "seconds": seconds,
        })  # fmt: skip
    else:
        took = f"{best.n_rows:,} rows, {len(found.lambdas)} lambdas, {found.n_folds:,} folds in {seconds:.2f} s"
        made = [f"model: {place} (rule {args.rule})", *([f"report: {args.html}"] if args.html else [])]
        say(found.summary(), "", took, *made)
    return 0 if certified else 1
