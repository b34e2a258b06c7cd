"""Results as plain data, and on disk: one JSON file, readable by people, exact to the bit, free of code (no pickle).

Numbers are written with the digits that read back as the same float64; NaN and the infinities are the strings "nan",
"inf" and "-inf". A family or link is its registered name with its parameters.
"""

from __future__ import annotations

import json
import math
from dataclasses import fields
from functools import partial
from typing import Any

import numpy as np

from ..core.atomic import replacing
from ..core.records import ShapeEstimate
from ..errors import InvalidParameterError
from ..options.penalties import PENALTIES, resolve_penalty
from ..rows.schema import Schema

FORMAT = "fastglm-result"
VERSION = 7  # the version that is written; older ones are read
SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def _pack_float(value):
    value = float(value)
    return value if math.isfinite(value) else repr(value)


def _unpack_float(value):
    if isinstance(value, str):
        return SPECIAL[value]
    if type(value) not in (int, float) or not math.isfinite(value):
        raise TypeError(f"expected a finite number, got {value!r}")
    return float(value)


def _pack_count(value):
    """A count as int, or with fractional frequency weights as float."""
    return int(value) if isinstance(value, (int, np.integer)) else _pack_float(value)


def _unpack_count(value):
    return value if type(value) is int else _unpack_float(value)


def _pack_array(values):
    if np.isfinite(values).all():
        return values.tolist()
    return [_pack_float(value) if np.ndim(value) == 0 else _pack_array(value) for value in values]


def _unpack_array(values):
    if not isinstance(values, list):
        raise TypeError("expected a list")
    rows = [_unpack_array(value) if isinstance(value, list) else _unpack_float(value) for value in values]
    return np.array(rows, dtype=np.float64)


def _exactly(kind):
    """Writer and reader of a plain value of one type."""

    def unpack(value):
        if type(value) is not kind:
            raise TypeError(f"expected {kind.__name__}, got {value!r}")
        return value

    return kind, unpack


def _optional(codec):
    """The codec for a value that may be None."""
    pack, unpack = codec
    return lambda value: None if value is None else pack(value), lambda value: None if value is None else unpack(value)


def _tuple_of(codec):
    pack, unpack = codec

    def unpack_all(values):
        if not isinstance(values, list):
            raise TypeError("expected a list")
        return tuple(unpack(value) for value in values)

    return lambda values: [pack(value) for value in values], unpack_all


def _pack_label(value):
    value = value.item() if isinstance(value, np.generic) else value
    if type(value) not in (str, int, float, bool) or (type(value) is float and not math.isfinite(value)):
        raise InvalidParameterError(f"the label {value!r} cannot be saved; labels must be text, numbers or booleans")
    return value


def _unpack_label(value):
    if type(value) not in (str, int, float, bool):
        raise TypeError(f"not a label: {value!r}")
    return value


def _pack_free(value):
    """Values of a history or of parameters: numbers, text, booleans, None, and lists or dicts of them."""
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _pack_free(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_pack_free(item) for item in value]
    if isinstance(value, float):
        return _pack_float(value)
    if value is None or isinstance(value, (bool, int)) or (isinstance(value, str) and value not in SPECIAL):
        return value
    raise InvalidParameterError(f"{value!r} of type {type(value).__name__} cannot be saved as JSON")


def _unpack_free(value):
    if isinstance(value, dict):
        return {key: _unpack_free(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unpack_free(item) for item in value]
    return SPECIAL.get(value, value) if isinstance(value, str) else value


def named(value: Any) -> Any:
    """A family or a link as plain data: its registered name and its parameters."""
    return {"name": value.name, "params": {key: _pack_free(getattr(value, key)) for key in value._fields}}


def read_named(what: Any, value: Any) -> Any:
    """The family or link of ``named``, looked up by name in the registry."""
    from ..families import get as get_family
    from ..links import get as get_link

    name, params = value["name"], _unpack_free(value["params"])
    try:
        return {"family": get_family, "link": get_link}[what](name, **params)
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidParameterError(
            f"the {what} {name!r} with parameters {params} cannot be rebuilt: {error}. "
            f"If it is your own, import the module that registers it before loading."
        ) from None


def _pack_covariance(value):
    """A matrix as lists; a covariance of very many levels by its parts."""
    if hasattr(value, "_asdict"):
        return {name: _pack_array(part) for name, part in value._asdict().items() if part is not None}
    return _pack_array(value)


def _unpack_covariance(value):
    if isinstance(value, dict):
        from ..linalg.inverse import ArrowheadInverse

        parts = {name: _unpack_array(part) for name, part in value.items()}
        m = parts["leverage"].shape[1]  # lists do not tell the shape of no columns
        return ArrowheadInverse(**parts | {"core": parts["core"].reshape(m, m)})
    return _unpack_array(value)


def _pack_schema(value):
    """The schema without its labels, which are a field of the result."""
    from ..design import to_dict

    design = None if value.design is None else _pack_free(to_dict(value.design))
    return {
        "design": design, "vectors": dict(value.vectors), "missing": value.missing, "library": value.library,
        "names": list(value.names), "intercept": value.intercept,
    }  # fmt: skip


def _unpack_schema(value):
    """Values that ``_pack_schema`` cannot have written are refused."""
    from ..design import from_dict
    from ..design.validity import check_schema

    check_schema(value)
    design = None if value["design"] is None else from_dict(_unpack_free(value["design"]))
    vectors, names = value["vectors"], tuple(value["names"])
    return Schema(names, value["intercept"], design, vectors, value["missing"], value["library"])


def _pack_penalty(value):
    """The name of a penalty's record and its fields."""
    return {"record": type(value).__name__} | {name: _pack_option(v) for name, v in value._asdict().items()}


def _unpack_shape(value):
    """The estimate of a family's parameter, from a dict of its fields."""
    value = DICT[1](value)
    return ShapeEstimate(TEXT[1](value["name"]), _unpack_float(value["value"]), _unpack_float(value["se"]))


def _pack_option(value):
    """A number, None, a boolean or a name; an array or a mapping of numbers or of labels."""
    if hasattr(value, "items"):
        return {str(name): _pack_option(v) for name, v in value.items()}
    if value is None or isinstance(value, (bool, str)):
        return value
    if np.ndim(value) == 0:
        return _pack_float(value)
    array = np.asarray(value)
    return _pack_array(array.astype(np.float64)) if array.dtype.kind in "biuf" else [_pack_label(v) for v in value]


def _unpack_penalty(value):
    """Fields that no penalty has are refused."""
    fields = dict(DICT[1](value))
    kind = {kind.__name__: kind for kind in PENALTIES.values()}[fields.pop("record")]
    return resolve_penalty(kind(**{name: _unpack_option(v) for name, v in fields.items()}))


def _unpack_option(value):
    if isinstance(value, dict):
        return {name: _unpack_option(v) for name, v in value.items()}
    if value is None or isinstance(value, bool) or (isinstance(value, str) and value not in SPECIAL):
        return value
    if isinstance(value, list) and any(isinstance(v, str) and v not in SPECIAL for v in value):
        return [_unpack_label(v) for v in value]
    return _unpack_array(value) if isinstance(value, list) else _unpack_float(value)


def _pack_df(value):
    return _pack_float(value) if isinstance(value, float) else _pack_array(value)


def _unpack_df(value):
    return _unpack_array(value) if isinstance(value, list) else _unpack_float(value)


FLOAT = (_pack_float, _unpack_float)
COUNT = (_pack_count, _unpack_count)
ARRAY = (_pack_array, _unpack_array)
INT, BOOL, TEXT, DICT = _exactly(int), _exactly(bool), _exactly(str), _exactly(dict)

# Field of GLMResult -> (writer, reader).
CODECS = {
    **dict.fromkeys(("deviance", "null_deviance", "pearson_chi2", "scale", "llf", "llnull", "weight_sum"), FLOAT),
    **dict.fromkeys(("certificate", "score_norm", "elapsed", "scale_se"), FLOAT),
    **dict.fromkeys(("nobs", "df_resid", "n_passes"), COUNT),
    **dict.fromkeys(("df_model", "rank", "n_iter"), INT),
    **dict.fromkeys(("converged", "intercept", "has_intercept", "has_weights", "has_freq_weights"), BOOL),
    **dict.fromkeys(("solver", "stop", "cov_kind", "scale_kind"), TEXT),
    **dict.fromkeys(("names", "notes"), _tuple_of(TEXT)),
    **dict.fromkeys(("covariance", "cov_unscaled"), _optional((_pack_covariance, _unpack_covariance))),
    **dict.fromkeys(("coef_raw", "information_root", "covariance_core"), _optional(ARRAY)),
    "params": ARRAY,
    "schema": (_pack_schema, _unpack_schema),
    "n_rows": _optional(INT),
    **dict.fromkeys(("exposure_kind", "bias_reduction"), _optional(TEXT)),
    "classes": _optional(_tuple_of((_pack_label, _unpack_label))),
    "aliased": (dict, lambda value: {TEXT[1](k): TEXT[1](v) for k, v in DICT[1](value).items()}),
    "smearing": _optional(_tuple_of(FLOAT)),
    "penalty": _optional((_pack_penalty, _unpack_penalty)),
    "edf": _optional(FLOAT),
    "shape": _optional((lambda value: _pack_free(value._asdict()), _unpack_shape)),
    "cov_df": _optional((_pack_df, _unpack_df)),
    "history": _tuple_of((_pack_free, lambda value: _unpack_free(DICT[1](value)))),
    "family": (named, partial(read_named, "family")),
    "link": (named, partial(read_named, "link")),
}


def _pack_result(result):
    """A result of any type as plain data: its type and its fields.

    Raises
    ------
    InvalidParameterError
        For a class that is not the library's own.
    """
    kind = vars(type(result)).get("_saved_as")  # a class derived from ours may hold more
    if kind is None:
        raise InvalidParameterError(f"results of type {type(result).__name__} cannot be saved, only the library's own")
    codecs = CODECS_OF.get(kind, CODECS)
    return {"type": kind} | {field.name: codecs[field.name][0](getattr(result, field.name)) for field in fields(result)}


def _unpack_counts(values):
    if not isinstance(values, list):
        raise TypeError("expected a list")
    return np.array([INT[1](value) for value in values], dtype=np.int64)


def _unpack_truths(values):
    if not isinstance(values, list):
        raise TypeError("expected a list")
    return np.array([BOOL[1](value) for value in values], dtype=bool)


def _read_several(value):
    """A family of several predictors, whose lists of columns or levels are tuples."""
    found = read_named("family", value)
    return found._replace(**{k: tuple(v) for k, v in found._asdict().items() if isinstance(v, list)})


RESULT = (_pack_result, None)  # one that another holds, which ``saved`` reads
PATH_CODECS = {
    **dict.fromkeys(("lambdas", "params", "certificate", "deviance", "pearson_chi2", "llf"), ARRAY),
    "df": (_pack_array, _unpack_counts),
    "converged": (_pack_array, _unpack_truths),
    "n_passes": COUNT,
    "first": RESULT,
    "effective_df": _optional(ARRAY),
}
CV_CODECS = {
    "path": RESULT,
    **dict.fromkeys(("measure", "rule", "folds"), TEXT),
    **dict.fromkeys(("n_folds", "repeats"), INT),
    **dict.fromkeys(("mean", "se"), ARRAY),
    **dict.fromkeys(("fold_values", "fold_weights"), _optional(ARRAY)),
}
SEVERAL_CODECS = CODECS | {
    "family": (named, _read_several),
    "columns": _tuple_of(_tuple_of(INT)),
    "second_link": _optional(TEXT),
}
CODECS_OF = {"path": PATH_CODECS, "cv": CV_CODECS, "several": SEVERAL_CODECS}  # all others have ``CODECS``


def save(result: Any, path: Any) -> None:
    """Write a result to `path`, replacing the file only once all of it is written.

    Raises
    ------
    InvalidParameterError
        If a label, parameter or history entry is of a type JSON cannot hold.
    OSError
        If the file cannot be written.
    """
    record = {"format": FORMAT, "version": VERSION} | _pack_result(result)
    # One line for each field keeps the file readable, and json's C encoder fast.
    lines = (f"{json.dumps(name)}: {json.dumps(value, allow_nan=False)}" for name, value in record.items())
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    with replacing(path) as file:
        file.write(text)
