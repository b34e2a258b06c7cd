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
FORMULA = """The formula speaks of the numeric columns of the file:
  y ~ a + b             two columns and an intercept;  y ~ a + b - 1  without one;  y ~ 1  the intercept alone
  y ~ .                 all other columns;  y ~ . - id  all but one
  log(a)  sqrt(a)       also log1p log2 log10 exp expm1 abs;  I(a**2 / b)  any arithmetic
  a:b                   a product;  a*b  both and their product
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
        ("fit", _add_fit, "fit a model to the numeric columns of a CSV or Parquet file", FORMULA),
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
    from .formula import design, parse
    from .tables import column_names, read_table

    if not 0 < args.level < 1:
        raise InvalidParameterError(f"--level must lie between 0 and 1, got {args.level:g}")
    out = Path(args.out or _stem(args.data) + ".model.json")
    _writable(out, args.html)
    formula = parse(args.formula)
    start = time.perf_counter()
    available = column_names(args.data)
    needed = formula.columns([name for name in available if name != args.weights])
    table = read_table(args.data, [*needed, *([args.weights] if args.weights else [])])
    weights = _weights(args.weights, table, needed)
    X, y, names, offset, exposure = design(formula, {name: table[name] for name in needed})
    read = time.perf_counter() - start

    result, seconds = _timed_fit(args, formula, X, y, names, weights, offset, exposure)
    summary = result.summary(args.level)
    print(summary)
    print(f"\nread {len(y):,} rows in {read:.2f} s, fitted in {seconds:.2f} s, {result.n_passes:.3g} passes over X")
    result.save(out)
    print(f"model: {out}")
    if args.html:
        Path(args.html).write_text(_page(args, summary), encoding="utf-8")
        print(f"report: {args.html}")
    return 0 if result.converged else 1


def _timed_fit(args, formula, X, y, names, weights, offset, exposure):
    import fastglm

    start = time.perf_counter()
    result = fastglm.fit(
        X, y, family=args.family, link=args.link, intercept=formula.intercept, weights=weights, offset=offset,
        exposure=exposure, names=names, solver=args.solver, threads=args.threads,
    )  # fmt: skip
    return result, time.perf_counter() - start


def _weights(name, table, needed):
    """The column of weights, checked as any other."""
    from .expression import Expression
    from .formula import Values

    if name is None:
        return None
    if name in needed:
        raise InvalidParameterError(f"column {name!r} is in the formula and in --weights")
    return Values(table).of(Expression("column", name))


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
