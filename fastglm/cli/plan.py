"""``fastglm plan``."""

from __future__ import annotations

from .options import DATA, FORMULA, add_bias_reduction, add_json, add_model, model, paths
from .output import say, say_json

HELP = "forecast passes, memory and time of a fit without fitting"
EPILOG = f"""examples:
  fastglm plan claims.parquet "claims ~ age + region" --family poisson
  fastglm plan "logs/*.parquet" "clicked ~ ." --family binomial --memory 8GB --threads 16 --json

Only the footers of Parquet and Arrow files, a first piece of the rows, and the columns of factors are read.

{FORMULA}
{DATA}
exit codes: 0, or 2 where the input cannot be used
"""


def add(parser):
    """Its options."""
    add_model(parser)
    add_bias_reduction(parser)
    add_json(parser)


def run(args) -> int:
    """Print the forecast."""
    from ..planning import plan

    options = model(args)
    options.pop("unseen")  # of new rows, of which there are none
    found = plan(args.formula, paths(args), bias_reduction=args.bias_reduction, **options)
    say_json(found.to_dict()) if args.json else say(found)
    return 0
