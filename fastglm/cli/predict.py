"""``fastglm predict``."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from ..core.atomic import whole
from ..errors import InvalidParameterError
from .input import STDIN
from .options import DATA, add_data, add_force, add_json, check_outputs, paths
from .output import say, say_json, silence
from .progress import shown
from .tables import KINDS, Kept, copy, suffix_of

STDOUT = "-"
STREAMED = {"csv": ".csv", "ndjson": ".ndjson", "arrow": ".arrows"}  # formats of standard output
HELP = "predictions of a saved model for the rows of files"
EPILOG = f"""examples:
  fastglm predict claims.model.json new.parquet --out pred.parquet
  fastglm predict claims.model.json "new/*.parquet" --out pred.csv --interval --keep id,region
  fastglm predict trials.model.json new.csv --out pred.parquet --kind class
  zcat new.csv.gz | fastglm predict trials.model.json - --keep id > pred.csv
  fastglm predict trials.model.json new.csv --out - --format ndjson | head

The model is what 'fastglm fit --out' or 'fastglm local --save' wrote; columns are found by their names, and rows keep
their order.

{DATA}
exit codes: 0, or 2 where the input cannot be used
"""


def add(parser):
    """Its options."""
    add = parser.add_argument
    add("model", metavar="MODEL", help="a model written by 'fastglm fit' or 'fastglm local'")
    add_data(parser)
    add("--out", metavar="FILE",
        help=f"where the predictions go: {KINDS}; or - for standard output")  # fmt: skip
    add("--format", choices=tuple(STREAMED), help="of standard output (default csv); arrow is Arrow's stream format")
    add("--kind", choices=("mean", "link", "class"), default="mean", help="of prediction (default: the mean)")
    add("--interval", action="store_true", help="also standard errors and confidence intervals of the mean")
    add("--keep", metavar="COLUMN,...", default="", help="columns of the data to copy beside the predictions")
    add_force(parser)
    add_json(parser)


def run(args) -> int:
    """Predict piece by piece into a file, or to standard output."""
    to_stdout, data = _checked(args)
    result = _predicting(args.model)
    options = {
        "kind": args.kind, "interval": "mean" if args.interval else None,
        "keep": tuple(name for name in args.keep.split(",") if name),
    }  # fmt: skip
    asked = options | {"progress": shown()}
    start = time.perf_counter()
    if to_stdout:
        with tempfile.TemporaryDirectory() as folder:
            parquet = Path(folder, "predictions.parquet")
            result.predict(data, out=str(parquet), **asked)
            _print(parquet, STREAMED[args.format or "csv"])
        return 0
    out = Path(args.out)
    suffix = suffix_of("--out", out)
    if suffix == ".parquet":
        result.predict(data, out=args.out, **asked)
        rows = _rows(out)
    else:
        with whole(out) as draft:
            parquet = draft.with_name(f"{draft.name}.parquet")
            try:
                result.predict(data, out=str(parquet), **asked)
                rows = _rows(parquet)
                copy(parquet, draft, suffix)
            finally:
                parquet.unlink(missing_ok=True)
    seconds = time.perf_counter() - start
    if args.json:
        say_json({"out": args.out, "rows": rows, "seconds": seconds, **options})
    else:
        say(f"{rows:,} rows predicted in {seconds:.2f} s: {args.out}")
    return 0


def _checked(args):
    """Whether predictions go to standard output, and the data; an error for an output that cannot be written."""
    to_stdout = args.out == STDOUT or (args.out is None and STDIN in args.data)
    if args.out is None and not to_stdout:
        raise InvalidParameterError(f"--out is required: {KINDS}, or - for standard output")
    if to_stdout and args.json:
        raise InvalidParameterError("--json: standard output has the predictions; name a file with --out")
    if not to_stdout and args.format is not None:
        raise InvalidParameterError("--format is of standard output; the extension of --out tells that of a file")
    if not to_stdout:
        suffix_of("--out", args.out)
    data = paths(args)
    if not to_stdout:
        check_outputs([("--out", args.out)], args.force, data, (args.model,))
    return to_stdout, data


def _predicting(path):
    """The saved model, which predicts for rows of files."""
    from ..loading import load

    result = load(path)
    if hasattr(result, "partial_fit"):  # a stream, which is asked for what it has learned so far
        result = result.result()
    if hasattr(result, "encode"):
        raise InvalidParameterError(f"{path} is a network, whose predict() takes rows in memory, from Python")
    return result


def _rows(parquet) -> int:
    """The rows of a Parquet file."""
    import pyarrow.parquet

    return pyarrow.parquet.read_metadata(parquet).num_rows


def _print(parquet, suffix) -> None:
    """Write a Parquet file to standard output, piece by piece; a reader that has gone is no error."""
    try:
        copy(parquet, Kept(sys.stdout.buffer), suffix)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        silence()
