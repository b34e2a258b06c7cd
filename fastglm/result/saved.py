"""Results from disk, checked: the files that ``GLMResult.save`` writes, see ``codecs``."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import FileFormatError, InvalidParameterError
from .codecs import CODECS, CODECS_OF, FORMAT, RESULT, VERSION, save
from .cross_validation import MEASURES, RULES, CVResult
from .multinomial import MultinomialResult
from .path import PathResult
from .record import GLMResult
from .several import SeveralResult

if TYPE_CHECKING:
    from ..core.records import File

__all__ = ["CODECS", "TYPES", "VERSION", "load", "save"]

TYPES: dict[str, Any] = {
    cls._saved_as: cls for cls in (GLMResult, MultinomialResult, SeveralResult, PathResult, CVResult)
}


def load(path: File) -> GLMResult:
    """Read a result written by the ``save`` of a fit, a path or a cross-validated path.

    Returns
    -------
    GLMResult, MultinomialResult, PathResult or CVResult
        By the file; type checkers are told the first of them.

    Raises
    ------
    FileFormatError
        If the file is not a saved result, is damaged, or has a newer format than this version reads.
    InvalidParameterError
        If it names a family or link that is not registered.
    OSError
        If the file cannot be read.
    """
    record, version = _read(path)
    return _result(path, {name: v for name, v in record.items() if name not in ("format", "version")}, version)


def _result(path, record, version) -> Any:
    """The result of a record, as a whole file or as a part of another result."""
    if not isinstance(record, dict):
        raise FileFormatError(f"{path}: a result within it is no object")
    record = _upgraded(record, version)
    kind = record.pop("type", None)
    if not isinstance(kind, str) or kind not in TYPES:
        raise FileFormatError(f"{path}: the type {kind!r} is none of {', '.join(map(repr, TYPES))}")
    codecs = CODECS_OF.get(kind, CODECS)
    missing, unknown = set(codecs) - set(record), set(record) - set(codecs)
    if missing or unknown:
        raise FileFormatError(f"{path}: missing fields {sorted(missing)}, unknown fields {sorted(unknown)}")
    values = {}
    for name, codec in codecs.items():
        try:
            values[name] = _result(path, record[name], version) if codec is RESULT else codec[1](record[name])
        except (TypeError, ValueError, KeyError, OverflowError) as error:
            if isinstance(error, InvalidParameterError):
                raise
            raise FileFormatError(f"{path}: the field {name!r} cannot be read: {error}") from None
    CHECKS[kind](path, values)
    return TYPES[kind](**values)


def _read(path):
    """The JSON object of the file, and its version, which this library reads."""
    with open(path, encoding="utf-8") as file:
        try:
            record = json.load(file, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise FileFormatError(f"{path} is not a saved fastglm result: {error}") from None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise FileFormatError(f"{path} is not a saved fastglm result: it has no format {FORMAT!r}")
    version = record.get("version")
    if type(version) is not int or version < 1:
        raise FileFormatError(f"{path}: the format version {version!r} is not a positive whole number")
    if version > VERSION:
        raise FileFormatError(
            f"{path} was written in format version {version} by a newer fastglm; this one reads up to version "
            f"{VERSION}. Upgrade fastglm to load it."
        )
    return record, version


def _upgraded(record, version):
    """The record of a result with the fields that its version did not know."""
    record = dict(record)
    if version == 1:  # it knew one type, and no first-order solver
        record["type"] = "glm"
        record.setdefault("coef_raw", None)
        record.setdefault("design", None)
    if version <= 2:  # it knew products with the inverse information alone
        record.setdefault("information_root", None)
        record.setdefault("covariance_core", None)
    if version <= 3:  # it kept a design, where there was one, and nothing of other rows
        record["schema"] = _schema_of(record, record.pop("design", None))
    if version <= 4:  # it knew no penalties
        record.setdefault("penalty", None)
    if version <= 5 and record.get("type") in ("glm", "multinomial"):
        record.setdefault("edf", None)  # it knew no effective degrees of freedom
        record.setdefault("smearing", None)  # nor means of what a logarithm was fitted of
    if version <= 6 and record.get("type") in ("glm", "multinomial"):
        record.setdefault("shape", None)  # it knew no parameters of families that were estimated
        record.setdefault("scale_kind", "pearson")  # and Pearson's dispersion alone
        record.setdefault("scale_se", "nan")
        record.setdefault("bias_reduction", None)  # nor adjusted scores
        record.setdefault("cov_df", None)  # no covariance had degrees of freedom of its own
    return record


def _schema_of(record, design):
    """The schema of a result from the design in a file of an older version."""
    design = design if isinstance(design, dict) else None
    vectors = (design or {}).get("vectors", {})
    if design is None:
        given = {name: record.get(f"has_{name}") for name in ("weights", "freq_weights")}
        shift = record.get("exposure_kind")
        vectors = {name: None for name in (*(name for name, had in given.items() if had), *([shift] if shift else ()))}
    missing, library = (
        (design or {}).get(name, value) for name, value in (("missing", "error"), ("library", "pandas"))
    )
    names, intercept = record.get("names"), record.get("intercept")
    return {
        "design": design, "vectors": vectors, "missing": missing, "library": library, "names": names,
        "intercept": intercept,
    }  # fmt: skip


def _refuse_constant(text):
    raise ValueError(f"{text} is not JSON")


def _check_names(path, values):
    """Refuse names that are not those of the design and the schema, and an unknown kind of exposure."""
    names, schema = values["names"], values["schema"]
    design = schema.design
    if schema.names != names or schema.intercept != values["intercept"]:
        raise FileFormatError(f"{path}: its schema has other coefficients ({', '.join(schema.names[:5])}, ...)")
    if values["exposure_kind"] not in (None, "offset", "exposure"):
        raise FileFormatError(f"{path}: exposure_kind is {values['exposure_kind']!r}, neither 'offset' nor 'exposure'")
    if values["intercept"] and not names:
        raise FileFormatError(f"{path}: it has an intercept, and names no coefficient")
    if design is not None and (design.names != names or design.layout.has_intercept != values["intercept"]):
        raise FileFormatError(f"{path}: its design has other coefficients ({', '.join(design.names[:5])}, ...)")


def _check_glm(path, values):
    _check_names(path, values)
    p = len(values["names"])
    _check_shapes(path, values, (p,))
    if values["classes"] is not None and len(values["classes"]) != 2:
        raise FileFormatError(f"{path}: classes has {len(values['classes'])} labels, expected 2")


def _check_multinomial(path, values):
    _check_names(path, values)
    classes = values["classes"] or ()
    if len(set(classes)) != len(classes) or len(classes) < 2:
        raise FileFormatError(f"{path}: classes is {list(classes)}, expected at least 2 different labels")
    reference = getattr(values["family"], "reference", None)
    if reference not in classes:
        raise FileFormatError(f"{path}: the reference {reference!r} is not among the classes {list(classes)}")
    _check_shapes(path, values, (len(values["names"]), len(classes) - 1))


def _check_shapes(path, values, shape):
    """Refuse estimates that are not of `shape`, a covariance of another size, and unknown aliased names."""
    n_params = math.prod(shape)
    expected = {"params": shape, "cov_unscaled": (n_params, n_params), "covariance": (n_params, n_params)}
    for name, size in expected.items():
        if n_params == 0 and values[name] is not None and not values[name].size:
            values[name] = values[name].reshape(size)  # lists do not tell the shape of no coefficients
        if values[name] is not None and values[name].shape != size:
            raise FileFormatError(
                f"{path}: {name} has shape {values[name].shape}, expected {size} for {len(values['names'])} names"
            )
    stray = set(values["aliased"]) - set(values["names"])
    if stray:
        raise FileFormatError(f"{path}: aliased coefficients {sorted(stray)} are not among the names")


def _check_path(path, values):
    """Refuse a path whose arrays are not those of its lambdas and of the fit at the first of them."""
    first, lambdas = values["first"], values["lambdas"]
    if TYPES["glm"] is not type(first) and TYPES["multinomial"] is not type(first):
        raise FileFormatError(f"{path}: the first fit of the path is a {type(first).__name__}")
    if first.penalty is None or lambdas.ndim != 1 or not len(lambdas) or not (np.diff(lambdas) < 0.0).all():
        raise FileFormatError(f"{path}: the lambdas of the path do not decrease, or its first fit has no penalty")
    several = (len(first.classes),) if first.family.response_model == "softmax" else ()
    shapes = {name: lambdas.shape for name in CODECS_OF["path"] if name not in ("first", "n_passes")}
    shapes["params"] = (*lambdas.shape, len(first.names), *several)
    _check_arrays(path, values, shapes)


def _check_cv(path, values):
    """Refuse a curve whose arrays are not those of its path and its folds."""
    found = values["path"]
    if TYPES["path"] is not type(found):
        raise FileFormatError(f"{path}: the path within it is a {type(found).__name__}")
    if values["measure"] not in MEASURES or values["rule"] not in RULES:
        raise FileFormatError(f"{path}: measure {values['measure']!r} with rule {values['rule']!r} is unknown")
    n, folds = found.lambdas.shape, values["n_folds"] * values["repeats"]
    shapes = {"mean": n, "se": n, "fold_values": (folds, *n), "fold_weights": (folds,)}
    _check_arrays(path, values, shapes)


def _check_arrays(path, values, shapes):
    for name, shape in shapes.items():
        if values[name] is not None and values[name].shape != shape:
            raise FileFormatError(f"{path}: {name} has shape {values[name].shape}, expected {shape}")


def _check_several(path, values):
    """Refuse columns that are not those of the schema, and coefficients of another number."""
    _check_shapes(path, values, (len(values["names"]),))
    n = len(values["schema"].names)
    if any(not 0 <= j < n for columns in values["columns"] for j in columns):
        raise FileFormatError(f"{path}: columns has numbers that are not among the {n} of its schema")
    if SeveralResult.places.fget(SimpleNamespace(**values))[-1].stop != len(values["names"]):
        raise FileFormatError(f"{path}: its columns do not make {len(values['names'])} coefficients")


CHECKS = {
    "several": _check_several,
    "glm": _check_glm,
    "multinomial": _check_multinomial,
    "path": _check_path,
    "cv": _check_cv,
}
