"""What ``fastglm path`` and ``fastglm cv`` share: the options of the penalty, and the run."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from ..errors import InvalidParameterError
from ..options.penalties import PENALTIES
from .fit import stem, unused
from .options import add_force, add_json, add_model, check_outputs, model, paths

KINDS = {name.replace(" ", "-"): kind for name, kind in PENALTIES.items()}


def numbers(text) -> int | list[float]:
    """How many lambdas, or their values separated by commas."""
    values = [float(part) for part in text.split(",")]
    if len(values) == 1 and values[0] >= 1 and values[0] == int(values[0]) and "." not in text:
        return int(values[0])
    return values


numbers.__name__ = "number of lambdas, or their values,"  # what argparse calls it in an error


def add_penalised(parser, default: str):
    """The options of a model with a penalty."""
    add = parser.add_argument
    add_model(parser)
    add("--penalty", choices=sorted(KINDS), default=default, help=f"the kind of penalty (default {default})")
    add("--alpha", type=float, metavar="SHARE", help="of an elastic net, the lasso's part from 0 to 1 (default 0.5)")
    add("--lambdas", type=numbers, default=100, metavar="L",
        help="how many values of lambda, or the values, such as 0.1,0.01 (default 100)")  # fmt: skip
    add("--ratio", type=float, help="the last lambda over the first (default 1e-4, with fewer rows than columns 1e-2)")
    add("--no-scale", action="store_true", help="penalise coefficients of columns as they are, not standardised ones")
    add("--checkpoint", metavar="DIR", help="keep what is fitted there, and go on from it")
    add("--html", metavar="FILE", help="also write a report")


def add_outputs(parser):
    """Leave to overwrite, and output for programs."""
    add_force(parser)
    add_json(parser)


def penalty(args):
    """The record of the penalty that the options stand for, without a lambda."""
    kind = KINDS[args.penalty]
    given = {"scale": False} if args.no_scale else {}
    if args.alpha is not None:
        if "alpha" not in kind._fields:
            raise InvalidParameterError(f"--alpha is none of --penalty {args.penalty}; take elastic-net")
        given["alpha"] = args.alpha
    return kind(**given)


def perform(args, function, suffix: str, **more):
    """The result of ``path`` or ``cv``, the place it is to be saved at, and the seconds it took."""
    options = model(args)
    out = Path(args.out or f"{stem(args.data)}.{suffix}.json")
    check_outputs([("--out", out), ("--html", args.html)], args.force, paths(args))
    began = time.perf_counter()
    found = function(
        args.formula, paths(args), penalty=penalty(args), lambdas=args.lambdas, ratio=args.ratio,
        checkpoint=args.checkpoint, progress=sys.stderr.isatty(), **options, **more,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    if args.html:
        found.to_html(args.html, title=f"{args.formula} on {', '.join(args.data)}")
    return found, out if args.force or not out.exists() else unused(out), seconds
