"""``fastglm fit``."""

from __future__ import annotations

import glob
import re
import sys
import time
from itertools import count
from pathlib import Path

from ..errors import InvalidParameterError
from .input import STDIN
from .options import DATA, FORMULA, add_bias_reduction, add_force, add_json, add_model, check_outputs, model, paths
from .output import say, say_json, version, write_text

HELP = "fit a model to columns of files of any size"
EPILOG = f"""examples:
  fastglm fit claims.parquet "claims ~ age + log(power) + exposure(years)" --family poisson
  fastglm fit trials.csv "cbind(cured, ill) ~ dose + I(dose**2)" --family binomial --html report.html
  fastglm fit "claims/*.parquet" "cost ~ . - id" --family gamma --link log --weights n --vcov robust
  fastglm fit logs/ "clicked ~ ad * hour" --family binomial --memory 2GB --checkpoint state --json > fit.json
  fastglm fit trials.csv "ill ~ dose" --family binomial --bias-reduction firth
  zcat claims.csv.gz | fastglm fit - "claims ~ age" --family poisson --delimiter ";" --out claims.model.json

{FORMULA}
{DATA}
exit codes: 0 the fit converged, 1 it did not, 2 the input cannot be used, 3 the checkpoint is that of another fit or
the fit was ended (SIGTERM), 130 it was interrupted (Ctrl-C); with --checkpoint the same command then goes on from there
"""


def add(parser):
    """Its options."""
    add = parser.add_argument
    add_model(parser)
    add_bias_reduction(parser)
    add("--vcov", default="model", metavar="KIND",
        help="covariance: model (default), robust (or hc0), hc1 to hc5, cluster:COLUMN, cr2:COLUMN, hac")  # fmt: skip
    add("--checkpoint", metavar="DIR", help="keep the state of the fit there, and go on from it")
    add("--level", type=float, default=0.95, help="confidence of the intervals (default 0.95)")
    add("--out", metavar="FILE", help="where the model goes (default: DATA's name with .model.json, in this folder)")
    add("--html", metavar="FILE", help="also write a report, whose pictures read the rows two or three times")
    add_force(parser)
    add_json(parser)


def run(args) -> int:
    """Fit, write the model, print the summary."""
    from ..fitting.entry import glm

    if not 0 < args.level < 1:
        raise InvalidParameterError(f"--level must lie between 0 and 1, got {args.level:g}")
    options = model(args)
    out = Path(args.out or stem(args.data) + ".model.json")
    check_outputs([("--out", out), ("--html", args.html)], args.force, paths(args))
    start = time.perf_counter()
    result = glm(
        args.formula, paths(args), cov=args.vcov, checkpoint=args.checkpoint, progress=sys.stderr.isatty(),
        bias_reduction=args.bias_reduction, **options,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    # a fit that failed replaces no model, and none replaces one that was written meanwhile
    place = out if not out.exists() or (args.force and result.converged) else unused(out)
    result.save(place)
    summary = result.summary(args.level)
    if args.html:
        write_text(args.html, written_report(args, result, summary))
    if args.json:
        say_json({
            "formula": args.formula, "data": args.data, "family": result.family.name, "link": result.link.name,
            "vcov": result.cov_kind, "level": args.level, "converged": result.converged, "stop": result.stop,
            "coefficients": result.tidy(args.level).to_pylist(), "glance": result.glance(), "warnings": result.notes,
            "model": str(place), "report": args.html, "seconds": seconds,
        })  # fmt: skip
    else:
        took = f"{result.n_rows:,} rows read and fitted in {seconds:.2f} s, {result.n_passes:.3g} passes over X"
        remarks = ["of a fit that did not converge"] * (not result.converged) + [f"{out} exists"] * (place != out)
        made = f"model: {place}" + (f" ({'; '.join(remarks)})" if remarks else "")
        say(summary, "", took, made, *([f"report: {args.html}"] if args.html else []))
    return 0 if result.converged else 1


def stem(data) -> str:
    """A name for what is made of some paths: that of the first file without its extensions, or of its folder."""
    path = Path("stdin" if data[0] == STDIN else data[0])
    parts = [part for part in (path.name, *reversed(path.parent.parts)) if not glob.has_magic(part)]
    name = parts[0].strip("/:") if parts else ""
    return re.sub(r"\.(gz|zst|bz2|lz4)$", "", name).rsplit(".", 1)[0].lstrip(".") or "fit"


def unused(path: Path) -> Path:
    """A name like that of a file that is there, which no file has."""
    names = (path.with_name(f"{path.stem}-{k}{path.suffix}") for k in count(2))
    return next(name for name in names if not name.exists())


def written_report(args, result, summary) -> str:
    """The report of the fit, with the command that made it and the files it was made from."""
    from ..files.find import find
    from ..result.report import Origin, report

    copy = getattr(args, "copied", None)
    files = [file._replace(place="standard input") if file.path == copy else file for file in find(paths(args))]
    return report(result, summary, Origin(args.formula, args.data, files, args.words, version()), paths(args))
