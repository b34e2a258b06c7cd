"""Options that several commands share, and how their text is read."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..core.atomic import is_same_file
from ..core.column_names import mentioned
from ..errors import InvalidParameterError
from .input import add_text, paths

__all__ = [
    "DATA", "FORMULA", "add_bias_reduction", "add_data", "add_force", "add_json", "add_model", "add_text",
    "add_threads", "check_outputs", "count", "model", "paths", "size", "usual_link",
]  # fmt: skip
FORMULA = """The formula speaks of the columns of the data; text and categories are factors:
  y ~ a + b             two columns and an intercept;  y ~ a + b - 1  without one;  y ~ 1  the intercept alone
  y ~ .                 all other columns;  y ~ . - id  all but one
  C(a)                  numbers as a factor;  C(z, Sum)  C(z, Treatment("b"))  other contrasts
  log(a)  sqrt(a)       also log1p log2 log10 exp expm1 abs;  I(a**2 / b)  any arithmetic
  poly(a, 3)            a polynomial;  bs(a, df=5)  ns(a, df=4)  splines;  relevel(z, ref="b")  another first level
  a:b                   an interaction;  a*b  both and their interaction
  offset(log(t))        a known part of the linear predictor;  exposure(t)  the same for a log link
  cbind(yes, no) ~ ...  a binomial response as two counts
  `odd name`            backticks around a name that is not a word
"""
DATA = """DATA is a Parquet, Arrow or CSV file (.csv, .tsv) or lines of JSON (.ndjson, .jsonl), the last two also
compressed (.gz, .zst, .bz2, .lz4); a folder of them (year=2024/... makes a column), a pattern in quotes
("claims/*.parquet"), a URL, or several of these. - is standard input, of any of these formats. Rows that do not fit
in --memory are read again at every pass, so that files may be of any size.
"""
FAMILIES = "gaussian (default), binomial, poisson, gamma, inverse_gaussian, multinomial, ..."
UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
COMPRESS = {"auto": "auto", "yes": True, "no": False}


def count(text) -> int:
    """A positive whole number, also as 1e6."""
    value = float(text)
    if value < 1 or value != int(value):
        raise ValueError(text)
    return int(value)


def size(text) -> int:
    """Bytes, also as 512MB or 2GiB."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?(?:e\d+)?)\s*([KMGT]I?)?B?\s*", text, re.IGNORECASE)
    if found is None:
        raise ValueError(text)
    return int(float(found[1]) * UNITS[(found[2] or "").upper()])


# what argparse calls them in an error
count.__name__, size.__name__ = "whole number", "size, such as 512MB,"


def add_data(parser, help="files, folders, patterns, URLs, or - for standard input; see below"):
    """The paths, which may be several."""
    parser.add_argument("data", metavar="DATA", nargs="+", help=help)
    add_text(parser)


def add_model(parser):
    """What a model is made of, and what its fit may take."""
    add = parser.add_argument
    add_data(parser)
    add("formula", metavar="FORMULA", help="such as 'y ~ x1 + log(x2)'; see below")
    add("--family", default="gaussian", help=FAMILIES)
    add("--link", help="identity, log, logit, probit, cloglog, inverse, ... (default: the family's)")
    add("--weights", metavar="COLUMN", help="column of prior weights")
    add("--freq-weights", metavar="COLUMN", help="column that says how often each row is repeated")
    add("--offset", metavar="COLUMN", help="column that is added to the linear predictor")
    add("--exposure", metavar="COLUMN", help="column whose logarithm is added to it (log link)")
    add("--solver", default="auto", help="auto (default), newton, irls, lbfgs, newton-cg, stream or sgd")
    add("--missing", choices=("error", "drop"), default="error", help="rows with missing values (default: an error)")
    add("--unseen", choices=("error", "missing", "baseline"), default="error",
        help="new levels of a factor, when predicting: an error (default), left out, or the first level")  # fmt: skip
    add("--compress", choices=tuple(COMPRESS), default="auto",
        help="collapse rows of equal covariates, exactly (default: where it pays)")  # fmt: skip
    add("--memory", type=size, metavar="SIZE", help="what rows may take in memory, such as 512MB (default 256MiB)")
    add_threads(parser)


def usual_link(family: str):
    """The log in place of a default link that is used on one side of zero; None for that of the family.

    1/mu and 1/mu^2 are nobody's first choice of a link.
    """
    from ..families import family_class

    return "log" if family_class(family).default_link.half_line else None


def add_bias_reduction(parser):
    """Adjusted scores."""
    told = "adjusted scores, whose estimates are finite (mixed: of a free dispersion too)"
    parser.add_argument("--bias-reduction", choices=("firth", "mean", "median", "mixed"), help=told)


def add_threads(parser):
    """How many threads."""
    told = "default: as FASTGLM_NUM_THREADS says, or all cores; the numbers do not depend on it"
    parser.add_argument("--threads", type=count, help=told)


def add_json(parser):
    """Output for programs."""
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout, errors as JSON on stderr")


def model(args) -> dict:
    """The arguments of ``glm`` and ``plan``; InvalidParameterError for a column that is both in the formula and an
    option.
    """
    for name in ("weights", "freq_weights"):
        if getattr(args, name) in mentioned(args.formula):
            option = f"--{name.replace('_', '-')}"
            raise InvalidParameterError(f"column {getattr(args, name)!r} is in the formula and in {option}")
    names = "family link weights freq_weights offset exposure solver missing unseen memory threads".split()
    return {name: getattr(args, name) for name in names} | {"compress": COMPRESS[args.compress]}


def add_force(parser):
    """Leave to overwrite."""
    parser.add_argument("--force", action="store_true", help="overwrite files that exist (never those that are read)")


def check_outputs(outputs, force: bool, data=(), others=()) -> None:
    """Refuse before the work what could not be written after it, or would cost a file that is there.

    ``outputs`` are pairs of an option and its path, None where it was not given. With ``force`` files that exist may be
    overwritten, but none of ``data``, as ``glm`` takes it, nor of ``others``, which are read too.
    """
    from ..files.find import find

    given = [(option, Path(path)) for option, path in outputs if path]
    for k, (option, path) in enumerate(given):
        if not path.parent.is_dir():
            raise InvalidParameterError(f"{option} {path}: no such folder")
        if path.is_dir():
            raise InvalidParameterError(f"{option} {path}: it is a folder")
        other = next((name for name, known in given[:k] if _is_same(known, path)), None)
        if other is not None:
            raise InvalidParameterError(f"{option} {path}: {other} names the same file; name another")
    there = [(option, path) for option, path in given if os.path.lexists(path)]
    read = [*others, *(file.path for file in find(data) if file.system is None)] if there and data else others
    for option, path in there:
        if any(is_same_file(file, path) for file in read):
            raise InvalidParameterError(f"{option} {path} is one of the files that are read; name another")
        if not force:
            raise InvalidParameterError(f"{option} {path}: the file exists; name another, or overwrite it with --force")


def _is_same(a, b):
    return os.path.realpath(a) == os.path.realpath(b) or is_same_file(a, b)
