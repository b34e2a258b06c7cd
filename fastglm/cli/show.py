"""``fastglm show``."""

from __future__ import annotations

from ..errors import InvalidParameterError
from .options import add_json
from .output import say, say_json

HELP = "the summary of a saved result"
EPILOG = """examples:
  fastglm show claims.model.json
  fastglm show claims.model.json --level 0.99
  fastglm show claims.path.json
  fastglm show claims.model.json --json | jq .glance.AIC

The result is what 'fastglm fit', 'path', 'cv' and 'local' wrote, or .save() of one in Python.

exit codes: 0 the fit had converged, 1 it had not, 2 the file cannot be used
"""


def add(parser):
    """Its options."""
    parser.add_argument("model", metavar="FILE", help="a saved result")
    parser.add_argument("--level", type=float, metavar="SHARE", help="confidence of the intervals (default 0.95)")
    add_json(parser)


def run(args) -> int:
    """Print the summary of what was saved."""
    result = loaded(args.model)
    if args.level is not None and not 0 < args.level < 1:
        raise InvalidParameterError(f"--level must lie between 0 and 1, got {args.level:g}")
    if args.level is not None and not hasattr(result, "conf_int"):
        raise InvalidParameterError(f"--level: {args.model} is no fit, and its summary has no intervals")
    given = () if args.level is None else (args.level,)
    if args.json:
        if not hasattr(result, "glance"):
            raise InvalidParameterError(f"--json: {args.model} is no fit; without it the summary is printed")
        say_json({
            "family": result.family.name, "link": result.link.name, "vcov": result.cov_kind,
            "converged": result.converged, "stop": result.stop, "coefficients": records(result.tidy(*given)),
            "glance": result.glance(), "warnings": result.notes,
        })  # fmt: skip
    else:
        say(result.summary(*given))
    converged = getattr(result, "converged", True)
    return 0 if getattr(converged, "all", lambda: converged)() else 1


def loaded(path):
    """The result in a file that has a summary; a stream is asked for what it has learned so far."""
    from ..loading import load

    result = load(path)
    if hasattr(result, "partial_fit"):
        result = result.result()
    if not hasattr(result, "summary"):
        raise InvalidParameterError(f"{path} is a {type(result).__name__}, which has no summary")
    return result


def records(frame) -> list:
    """The rows of a frame of any library, as JSON has them."""
    if hasattr(frame, "to_pylist"):
        return frame.to_pylist()
    return frame.to_dict("records") if hasattr(frame, "iloc") else frame.to_dicts()
