"""The command line of the races."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from . import (
    classes,
    curves,
    factors,
    files,
    first_order,
    growth,
    hard,
    local,
    machine,
    measure,
    networks,
    peers,
    penalties,
    plots,
    problems,
    report,
    start,
    streaming,
    wide,
    workers,
)  # fmt: skip
from .measure import Effort
from .peers.base import ALL

EXAMPLES = """examples:
  python -m benchmarks --quick                          a minute, to see that all runs
  python -m benchmarks --json race.json --plots docs    the tables and figures of the README
  python -m benchmarks --sizes 1e6x20,1e5x200 --families poisson,gamma --peers fastglm,glum
  python -m benchmarks --large                          also 1e7 x 20 and 1e6 x 100
  python -m benchmarks --hard                           sorted rows, rare events, heavy weights, mixed offsets
  python -m benchmarks --start                          import, first fit, small fits
  python -m benchmarks --classes                        softmax regressions
  python -m benchmarks --stream                         streaming Newton against its targets
  python -m benchmarks --first-order                    passes of stochastic descent against scikit-learn's
  python -m benchmarks --factors                        factors of many levels against glum
  python -m benchmarks --penalties c d                  paths of lassos and their cross-validation, at equal violation
  python -m benchmarks --local                          local regression against NumPy and statsmodels
  python -m benchmarks --networks                       epochs of an autoencoder against torch
  python -m benchmarks --growth --plots docs            time against rows, beside every peer and the memory's limit
  python -m benchmarks --wide                           hundreds and thousands of columns, at equal accuracy
  python -m benchmarks --files                          Parquet files against the same rows in memory
  python -m benchmarks --workers                        a Parquet file by two Dask workers
  python -m benchmarks --curves --plots docs            error against time and reads of the data
"""


# studies of their own: name of the option -> module with run(effort, quick) -> (text, record)
STUDIES = {
    "hard": hard, "start": start, "classes": classes, "stream": streaming, "first_order": first_order, "curves": curves,
    "files": files, "factors": factors, "penalties": penalties, "local": local, "networks": networks, "growth": growth,
    "workers": workers, "wide": wide,
}  # fmt: skip


def main(argv=None) -> None:
    """Run what was asked for."""
    args = _parser().parse_args(argv)
    effort = Effort(args.threads, args.repeats or (2 if args.quick else 5), args.budget, args.limit, not args.no_cold)
    for name, module in STUDIES.items():
        if (wanted := getattr(args, name)) is not None and wanted is not False:
            text, record = module.run(effort, args.quick, *([wanted] if isinstance(wanted, list) else []))
            print(text)
            _write(args.json, {"machine": machine.describe(args.threads), "text": text, **record})
            if args.plots and hasattr(module, "draw"):
                print("figures: " + ", ".join(map(str, module.draw(record, args.plots))))
            return
    _race(args, effort)


def _race(args, effort) -> None:
    description = machine.describe(args.threads)
    print(report.heading(description), flush=True)
    races = []
    for problem in _problems(args):
        print(f"\n{problem.name}", flush=True)
        result = _one(problem, args, effort)
        if result is not None:
            races.append(result)
            print(f"\n{report.table(result)}", flush=True)
        # after each problem, so that a long race leaves what it has
        _write(args.json, {"machine": description, "effort": vars(effort), "races": races})
    print("\n" + report.legend({name: peers.get(name).note for name in args.peers}))
    if args.plots:
        print("figures: " + (", ".join(map(str, plots.draw(races, args.plots))) or "none, fastglm gave no time"))


def _one(problem, args, effort):
    """One race in a folder of its own, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        free = shutil.disk_usage(folder).free
        # the arrays, and R's copy of them
        if free < 2.3 * problem.bytes or machine.available_memory() < 1.5 * problem.bytes:
            print(f"  skipped: {2.3 * problem.bytes / 2**30:.1f} GiB of disk or memory are not there")
            return None
        problems.write(problem, Path(folder))
        return measure.race(problem, Path(folder), args.peers, effort, lambda text: print(text, flush=True))


def _problems(args):
    sizes = args.sizes or [*map(problems.parse_size, problems.QUICK if args.quick else problems.SIZES)]
    if args.plots and not args.sizes and not args.quick:
        sizes = [*map(problems.parse_size, problems.GROWING), *sizes]
    if args.large:
        sizes += map(problems.parse_size, problems.LARGE)
    return [problems.Problem(family, n, p) for family in args.families for n, p in sizes]


def _write(path, record) -> None:
    if path:
        command = shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])
        Path(path).write_text(json.dumps({"command": command, **record}, indent=1) + "\n")


def _listed(choices):
    def read(text):
        names = text.split(",")
        unknown = [name for name in names if name not in choices]
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown {', '.join(unknown)}; choose from {', '.join(sorted(choices))}")
        return names

    return read


def _sizes(text):
    try:
        return [problems.parse_size(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not like 1e6x20,5e5x100") from None


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Race fastglm against its peers, all brought to the same optimum.",
        epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add = parser.add_argument
    add("--sizes", type=_sizes, metavar="NxP,...", help=f"rows x columns (default {','.join(problems.SIZES)})")
    add("--families", type=_listed(ALL), default=["binomial", "poisson"], help="default binomial,poisson")
    add("--peers", type=_listed(peers.NAMES), default=list(peers.NAMES), help=f"of {', '.join(peers.NAMES)}")
    add("--repeats", type=int, help="warm fits a peer and problem (default 5)")
    add("--budget", type=float, default=60.0, metavar="S", help="seconds a peer may spend on a problem (default 60)")
    add("--limit", type=float, default=1800.0, metavar="S", help="give up on a fit after this long (default 1800)")
    add("--threads", type=int, default=os.cpu_count() or 1, help="threads for everyone (default all cores)")
    add("--json", metavar="FILE", help="write all numbers")
    add("--plots", metavar="DIR", help="write figures; adds sizes of growing n")
    add("--no-cold", action="store_true", help="leave out first fits and memory")
    add("--large", action="store_true", help=f"also {' and '.join(problems.LARGE)}")
    add("--quick", action="store_true", help="small sizes, two repeats")
    add("--hard", action="store_true", help="fastglm's automatic choice against damped Newton on hard data")
    add("--start", action="store_true", help="import time, first fits, small fits")
    add("--classes", action="store_true", help="softmax regressions against statsmodels and scikit-learn, one thread")
    add("--stream", action="store_true", help="streaming Newton: accuracy, cost, coverage, hard data, one thread")
    add("--first-order", action="store_true", help="passes of stochastic descent against scikit-learn's, one thread")
    add("--factors", action="store_true", help="designs of factors against glum, from the frame to standard errors")
    add("--growth", action="store_true", help="time against rows for 5, 20 and 100 columns; what a pass costs")
    add("--wide", action="store_true", help="hundreds and thousands of columns against X'X and scikit-learn")
    add("--networks", action="store_true", help="epochs of an autoencoder against torch, one thread")
    add("--files", action="store_true", help="fits of Parquet files against reading and fitting them in memory")
    add("--workers", action="store_true", help="a Parquet file by two Dask workers of one thread against one thread")
    add("--penalties", nargs="*", choices=list(penalties.PROBLEMS), metavar="a..e", help="paths of lassos, their folds")
    add("--local", action="store_true", help="local regression against its formula by NumPy, lowess and KernelReg")
    add("--curves", action="store_true", help="error against time and reads, one thread; draws with --plots")
    return parser


if __name__ == "__main__":
    main()
