"""``fastglm predict``."""

from __future__ import annotations

import io
import sys
import tempfile
import time
from itertools import chain
from pathlib import Path

from ..core.atomic import whole
from ..errors import InvalidParameterError
from .input import STDIN
from .options import DATA, add_data, add_force, add_json, check_outputs, paths
from .output import say, say_json, silence

STDOUT = "-"
HELP = "predictions of a saved model for the rows of files"
EPILOG = f"""examples:
  fastglm predict claims.model.json new.parquet --out pred.parquet
  fastglm predict claims.model.json "new/*.parquet" --out pred.csv --interval --keep id,region
  fastglm predict trials.model.json new.csv --out pred.parquet --kind class
  zcat new.csv.gz | fastglm predict trials.model.json - --keep id > pred.csv

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
        help="where the predictions go: a .parquet or .csv file, or - for standard output (CSV)")  # fmt: skip
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
    start = time.perf_counter()
    if to_stdout:
        with tempfile.TemporaryDirectory() as folder:
            parquet = Path(folder, "predictions.parquet")
            result.predict(data, out=str(parquet), **options)
            _print(parquet)
        return 0
    out = Path(args.out)
    if out.suffix == ".parquet":
        result.predict(data, out=args.out, **options)
        rows = _rows(out)
    else:
        with whole(out) as draft:
            parquet = draft.with_name(f"{draft.name}.parquet")
            try:
                result.predict(data, out=str(parquet), **options)
                rows = _rows(parquet)
                _convert(parquet, draft)
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
        raise InvalidParameterError("--out is required: a .parquet or .csv file, or - for standard output")
    if to_stdout and args.json:
        raise InvalidParameterError("--json: standard output has the predictions; name a file with --out")
    if not to_stdout and Path(args.out).suffix not in (".parquet", ".csv"):
        raise InvalidParameterError(f"--out {args.out}: predictions are written as .parquet or .csv")
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


def _convert(parquet, draft) -> None:
    """Copy a Parquet file to CSV, piece by piece."""
    import pyarrow.csv
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(parquet) as file:
        with pyarrow.csv.CSVWriter(draft, file.schema_arrow) as writer:
            for batch in file.iter_batches():
                writer.write(batch)


def _print(parquet) -> None:
    """Write a Parquet file to standard output as CSV, piece by piece; a reader that has gone is no error."""
    import pyarrow.csv
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(parquet) as file:
            head = file.schema_arrow.empty_table()
            for number, rows in enumerate(chain((head,), file.iter_batches())):
                text = io.BytesIO()
                pyarrow.csv.write_csv(rows, text, pyarrow.csv.WriteOptions(include_header=number == 0))
                sys.stdout.buffer.write(text.getvalue())
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        silence()
