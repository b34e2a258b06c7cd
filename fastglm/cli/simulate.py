"""``fastglm simulate``."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from ..core.atomic import whole
from ..errors import InvalidParameterError
from .options import add_force, add_json, check_outputs, count, usual_link
from .output import plain, say, say_json, write_text
from .progress import counted
from .tables import KINDS, stem_of, suffix_of, writer

HELP = "draw files of rows from a known model"
EPILOG = """examples:
  fastglm simulate --family poisson --n 1e7 --p 20 --out data.parquet
  fastglm simulate --family binomial --n 1e6 --p 5 --factor 4 --factor 1000 --out data.parquet --truth truth.json
  fastglm simulate --n 1e8 --p 10 --files 16 --out data.parquet      data-00.parquet to data-15.parquet
  fastglm fit "data-*.parquet" "y ~ ." --family poisson              and see whether the truth is found

Columns: y, x1, x2, ..., and f1, f2, ... for factors, whose levels are named in the order of their frequency. The same
options give the same rows; memory does not grow with --n.

exit codes: 0, or 2 where an option cannot be used
"""
CHUNK = 131_072  # rows that are drawn at a time, and a row group of the files


def add(parser):
    """Its options."""
    add = parser.add_argument
    add("--out", metavar="FILE", required=True, help=f"a file of rows: {KINDS}")
    add("--family", default="gaussian", help="gaussian (default), binomial, poisson, gamma, tweedie, ...")
    add("--link", help="default: the family's, the log for gamma and inverse_gaussian")
    add("--n", type=count, default=1_000_000, help="rows (default 1e6)")
    add("--p", type=count, default=10, help="columns of numbers (default 10)")
    add("--factor", type=count, metavar="LEVELS", action="append", default=[], help="a factor; may be repeated")
    add("--rho", type=float, default=0.0, help="correlation of neighbouring columns (default 0)")
    add("--files", type=count, metavar="K", default=1, help="spread the rows over so many files")
    add("--truth", metavar="FILE", help="write the true coefficients as JSON, in place of printing them")
    add("--seed", type=int, default=0)
    add_force(parser)
    add_json(parser)


def run(args) -> int:
    """Draw chunk after chunk into the files."""
    from ..simulate import make_glm

    out = Path(args.out)
    suffix = suffix_of("--out", out)
    if args.files > args.n:
        raise InvalidParameterError(f"--files {args.files}: there are {args.n} rows only")
    files = names(out, args.files, suffix)
    check_outputs([*(("--out", file) for file in files), ("--truth", args.truth)], args.force)
    link = args.link or usual_link(args.family)
    start = time.perf_counter()
    chunks = make_glm(
        args.family, args.n, args.p, link=link, rho=args.rho, levels=args.factor, seed=args.seed, chunk_rows=CHUNK
    )
    last = None
    edges = np.linspace(0, args.n, args.files + 1).astype(np.int64)
    levels = [_levels(k) for k in args.factor]
    with ExitStack() as stack:  # the files take their names when all of them are written
        drafts = [stack.enter_context(whole(file)) for file in files]
        with _Writer(drafts, edges, suffix) as made, counted("rows", args.n) as seen:
            for last in chunks:
                made.write(_table(last, levels))
                seen(len(last.y))
    seconds = time.perf_counter() - start
    truth = {
        "family": last.family, "link": last.link, "parameters": last.parameters, "rows": args.n, "seed": args.seed,
        "files": [str(file) for file in files], "coefficients": _coefficients(last, levels),
    }  # fmt: skip
    if args.truth:
        write_text(args.truth, json.dumps(plain(truth), indent=1) + "\n")
    if args.json:
        say_json(truth | {"seconds": seconds})
    else:
        where = str(files[0]) if len(files) == 1 else f"{files[0]} to {files[-1].name}"
        lines = [f"{name:<16} {value: .6g}" for name, value in truth["coefficients"].items()]
        shown = [f"truth: {args.truth}"] if args.truth else ["true coefficients:", *lines]
        say(f"{args.n:,} rows from a {last.family} model with {last.link} link in {seconds:.2f} s: {where}", *shown)
    return 0


def names(out: Path, k: int, suffix: str) -> list:
    """The names of k files."""
    if k == 1:
        return [out]
    width = len(str(k - 1))
    return [out.with_name(f"{stem_of(out, suffix)}-{i:0{width}d}{suffix}") for i in range(k)]


def _levels(k):
    """Names of k levels whose alphabetical order is that of their numbers."""
    width = len(str(k - 1))
    return [f"v{i:0{width}d}" for i in range(k)]


def _table(chunk, levels):
    import pyarrow as pa

    columns = {"y": chunk.y, **{f"x{j + 1}": np.ascontiguousarray(x) for j, x in enumerate(chunk.X.T)}}
    for j, known in enumerate(levels):
        codes = pa.array(np.ascontiguousarray(chunk.codes[:, j]))
        columns[f"f{j + 1}"] = pa.DictionaryArray.from_arrays(codes, pa.array(known))
    return pa.table(columns)


def _coefficients(data, levels) -> dict:
    """The truth by the names that a fit of ``y ~ .`` has."""
    names = [] if data.intercept is None else ["(Intercept)"]
    found = dict(zip([*names, *(f"x{j + 1}" for j in range(len(data.beta)))], data.params.tolist(), strict=True))
    for j, known in enumerate(levels):
        effects = data.effects[j].tolist()
        found |= {f"f{j + 1}[T.{level}]": effect for level, effect in zip(known[1:], effects[1:], strict=True)}
    return found


class _Writer:
    """Writes tables one after the other to files that end at the rows ``edges``."""

    def __init__(self, files, edges, suffix):
        self.files, self.edges, self.suffix = files, edges, suffix
        self.row, self.file, self.open, self.stack = 0, 0, None, ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stack.close()

    def write(self, table):
        """Write the rows of a table."""
        while table.num_rows:
            room = int(self.edges[self.file + 1]) - self.row
            part, table = table.slice(0, room), table.slice(room)
            if self.open is None:
                self.open = self.stack.enter_context(writer(self.files[self.file], part.schema, self.suffix))
            self.open(part)
            self.row += part.num_rows
            if self.row == self.edges[self.file + 1]:
                self.stack.close()
                self.open, self.file = None, self.file + 1
