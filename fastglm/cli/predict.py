"""``fastglm predict``."""

from __future__ import annotations

import time
from pathlib import Path

from ..core.atomic import whole
from ..errors import InvalidParameterError
from .options import DATA, add_data, add_force, add_json, check_outputs, paths
from .output import say, say_json

HELP = "predictions of a saved model for the rows of files"
EPILOG = f"""examples:
  fastglm predict claims.model.json new.parquet --out pred.parquet
  fastglm predict claims.model.json "new/*.parquet" --out pred.csv --interval --keep id,region
  fastglm predict trials.model.json new.csv --out pred.parquet --kind class

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
    add("--out", metavar="FILE", required=True, help="where the predictions go: a .parquet or .csv file")
    add("--kind", choices=("mean", "link", "class"), default="mean", help="of prediction (default: the mean)")
    add("--interval", action="store_true", help="also standard errors and confidence intervals of the mean")
    add("--keep", metavar="COLUMN,...", default="", help="columns of the data to copy beside the predictions")
    add_force(parser)
    add_json(parser)


def run(args) -> int:
    """Predict piece by piece into a file."""
    from ..loading import load

    out = Path(args.out)
    if out.suffix not in (".parquet", ".csv"):
        raise InvalidParameterError(f"--out {args.out}: predictions are written as .parquet or .csv")
    check_outputs([("--out", out)], args.force, paths(args), (args.model,))
    result = load(args.model)
    if hasattr(result, "partial_fit"):  # a stream, which is asked for what it has learned so far
        result = result.result()
    if hasattr(result, "encode"):
        raise InvalidParameterError(f"{args.model} is a network, whose predict() takes rows in memory, from Python")
    options = {
        "kind": args.kind, "interval": "mean" if args.interval else None,
        "keep": tuple(name for name in args.keep.split(",") if name),
    }  # fmt: skip
    start = time.perf_counter()
    if out.suffix == ".parquet":
        result.predict(paths(args), out=args.out, **options)
        rows = _rows(out)
    else:
        with whole(out) as draft:
            parquet = draft.with_name(f"{draft.name}.parquet")
            try:
                result.predict(paths(args), out=str(parquet), **options)
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
