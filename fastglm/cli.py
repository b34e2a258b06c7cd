"""The command line: ``fastglm demo`` and ``fastglm fit``."""

from __future__ import annotations

import argparse
import sys
import time
from importlib import metadata
from pathlib import Path

from .errors import InvalidParameterError

ABOUT = "Generalized linear models on large data: exact fits with standard errors, certified."
EXAMPLES = """examples:
  fastglm demo                                      a million rows, fitted and compared
  fastglm fit claims.parquet "claims ~ age + log(power) + exposure(years)" --family poisson
  fastglm fit trials.csv "cbind(cured, ill) ~ dose + I(dose**2)" --family binomial --html report.html
  fastglm fit cost.csv "cost ~ . - id" --family gamma --link log --weights n
  fastglm fit --help                                the formula language and all options
"""
FORMULA = """The formula speaks of the columns of the file; text and categories are factors:
  y ~ a + b             two columns and an intercept;  y ~ a + b - 1  without one;  y ~ 1  the intercept alone
  y ~ .                 all other columns;  y ~ . - id  all but one
  C(a)                  numbers as a factor;  C(z, Sum)  C(z, Treatment("b"))  other contrasts
  log(a)  sqrt(a)       also log1p log2 log10 exp expm1 abs;  I(a**2 / b)  any arithmetic;  poly(a, 3)  bs(a, df=5)
  a:b                   an interaction;  a*b  both and their interaction
  offset(log(t))        a known part of the linear predictor;  exposure(t)  the same for a log link
  cbind(yes, no) ~ ...  a binomial response as two counts
  `odd name`            backticks around a name that is not a word

exit codes: 0 the fit converged, 1 it did not, 2 the input cannot be used
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def main(argv=None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : list of str, optional
        Arguments after the program's name; those of the process by default.

    Returns
    -------
    int
        0 where the fit converged, 1 where it did not, 2 for bad input.
    """
    try:
        args = _parser().parse_args(argv)
    except SystemExit as stop:  # argparse ends the process; a caller wants the code
        return int(stop.code or 0)
    try:
        return args.run(args)
    except (InvalidParameterError, OSError, MemoryError) as error:
        print(f"fastglm {args.command}: error: {_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _line(error) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _parser():
    raw = argparse.RawDescriptionHelpFormatter
    parser = _Parser(prog="fastglm", description=ABOUT, epilog=EXAMPLES, formatter_class=raw)
    parser.add_argument("--version", action="version", version=f"fastglm {_version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="{demo,fit}", parser_class=_Parser)
    for name, fill, text, epilog in (
        ("demo", _add_demo, "simulate a large data set, fit it, compare", None),
        ("fit", _add_fit, "fit a model to columns of a CSV or Parquet file", FORMULA),
    ):
        about = text[0].upper() + text[1:] + "."
        fill(commands.add_parser(name, help=text, description=about, epilog=epilog, formatter_class=raw))
    return parser


def _add_demo(parser):
    add = parser.add_argument
    add("--n", type=_count, default=1_000_000, help="rows (default 1e6)")
    add("--p", type=_count, default=20, help="columns (default 20)")
    add("--family", default="binomial", help="gaussian, binomial (default), poisson, gamma, inverse_gaussian, ...")
    add("--seed", type=int, default=0)
    add("--threads", type=_count, help="default: all cores")
    add("--no-compare", action="store_true", help="leave out statsmodels on the same data")
    parser.set_defaults(run=_demo)


def _add_fit(parser):
    add = parser.add_argument
    add("data", metavar="DATA", help="a .csv, .tsv or .parquet file; only the columns needed are read")
    add("formula", metavar="FORMULA", help="such as 'y ~ x1 + log(x2)'; see below")
    add("--family", default="gaussian", help="gaussian (default), binomial, poisson, gamma, inverse_gaussian, ...")
    add("--link", help="identity, log, logit, probit, cloglog, inverse, ... (default: the family's)")
    add("--weights", metavar="COLUMN", help="column of prior weights")
    add("--missing", choices=("error", "drop"), default="error", help="rows with missing values (default: an error)")
    add("--out", metavar="FILE", help="where the model goes (default: DATA's name with .model.json, in this folder)")
    add("--html", metavar="FILE", help="also write a report")
    add("--solver", default="auto", help="auto (default), newton, lbfgs, ...")
    add("--threads", type=_count, help="default: all cores")
    add("--level", type=float, default=0.95, help="confidence of the intervals (default 0.95)")
    parser.set_defaults(run=_fit)


def _count(text) -> int:
    """A positive whole number, also as 1e6."""
    value = float(text)
    if value < 1 or value != int(value):
        raise ValueError(text)
    return int(value)


_count.__name__ = "whole number"  # what argparse calls it in an error


def _version() -> str:
    try:
        return metadata.version("fastglm")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _demo(args) -> int:
    from . import demo

    return demo.run(args.family, args.n, args.p, args.seed, args.threads, compare=not args.no_compare)


def _fit(args) -> int:
    from .frames import glm
    from .tables import mentioned, read_table

    if args.weights in mentioned(args.formula):
        raise InvalidParameterError(f"column {args.weights!r} is in the formula and in --weights")
    if not 0 < args.level < 1:
        raise InvalidParameterError(f"--level must lie between 0 and 1, got {args.level:g}")
    out = Path(args.out or _stem(args.data) + ".model.json")
    _writable(out, args.html)
    start = time.perf_counter()
    table = read_table(args.data, args.formula, args.weights)
    read = time.perf_counter()
    result = glm(
        args.formula, table, family=args.family, link=args.link, weights=args.weights, solver=args.solver,
        threads=args.threads, missing=args.missing,
    )  # fmt: skip
    seconds = time.perf_counter() - read
    summary = result.summary(args.level)
    print(summary)
    passes = f"{result.n_passes:.3g} passes over X"
    print(f"\nread {table.num_rows:,} rows in {read - start:.2f} s, fitted in {seconds:.2f} s, {passes}")
    result.save(out)
    print(f"model: {out}")
    if args.html:
        Path(args.html).write_text(_page(args, summary), encoding="utf-8")
        print(f"report: {args.html}")
    return 0 if result.converged else 1


def _stem(data) -> str:
    """The file's name without its extensions."""
    return Path(data).name.removesuffix(".gz").rsplit(".", 1)[0]


def _writable(*files) -> None:
    """Complain about a missing folder before the work, not after."""
    for file in files:
        if file and not Path(file).parent.is_dir():
            raise InvalidParameterError(f"{file}: no such folder")


def _page(args, summary) -> str:
    from html import escape

    title = escape(f"{args.formula} on {Path(args.data).name}")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>\n'
        f"<body><h1>{title}</h1>\n{summary.as_html()}\n</body></html>\n"
    )


if __name__ == "__main__":
    sys.exit(main())
