"""A design as plain values, to be saved and read again, and as formulaic's ``ModelSpec``."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np

from ..errors import FileFormatError
from .expression import CODED, check, column, split_call
from .formula import Formula, parse
from .recipe import Design
from .validity import check_saved, check_state
from .variables import Factor, Numeric

VERSION = 1  # of the plain data of a design


def to_dict(design: Design) -> dict[Any, Any]:
    """A design as numbers, text, lists and mappings, which JSON can hold, for `from_dict`."""
    variables = {
        text: {"levels": list(v.levels)}
        if isinstance(v, Factor)
        else {"fields": None if v.fields is None else list(v.fields), "spans": v.spans, "drop": v.drop}
        for text, v in design.variables.items()
    }
    return {
        "version": VERSION,
        "formula": design.formula.text,
        "terms": [list(term) for term in design.formula.terms],
        "variables": variables,
        "columns": dict(design.kinds),
        "state": _plain(design.state),
        "missing": design.missing,
        "unseen": design.unseen,
        "missing_counts": dict(design.missing_counts),
        "rows": [design.n_rows, design.n_dropped],
        "unused": {name: list(levels) for name, levels in design.unused.items()},
        "library": design.library,
        "roles": _roles(design.formula),
    }


def from_dict(saved: dict[Any, Any]) -> Design:
    """The design that `to_dict` wrote; its formula is read and checked anew, so that a file cannot run code.

    FileFormatError for something else, or what a newer version wrote; InvalidParameterError for a formula that cannot
    be read.
    """
    try:
        check_saved(saved)
        if saved.get("version", 0) > VERSION:
            raise FileFormatError("the design was saved by a newer version of fastglm")
        kinds = dict(saved["columns"])
        terms = tuple(tuple(term) for term in saved["terms"])
        # a dot stands for the columns it stood for: the terms are kept, the rest of the formula is read again
        formula = parse(saved["formula"], tuple(kinds))._replace(terms=terms) if saved["formula"] else None
        variables = {text: _variable(text, v, kinds) for text, v in saved["variables"].items()}
        design = Design(
            formula or _of_columns(terms, saved.get("roles", {}), kinds),
            variables,
            kinds,
            _restored(saved["state"]),
            saved["missing"],
            saved["unseen"],
            saved["missing_counts"],
            *saved["rows"],
            {name: tuple(levels) for name, levels in saved["unused"].items()},
            saved.get("library", "pandas"),
        )
        check_state(design)
        return design
    except (KeyError, TypeError, AttributeError) as error:
        raise FileFormatError(f"this is not a saved design: {error!r}") from None


def model_spec(design: Design) -> Any:
    """The design's terms, levels and transforms as a ``formulaic.ModelSpec``, which makes the same (dense) matrices.

    Columns of booleans, numbers to formulaic's materialiser of pandas frames, are factors here.
    """
    from formulaic import Formula as Terms
    from formulaic import ModelSpec
    from formulaic.parser.types import Factor as Part
    from formulaic.parser.types import Term

    def part(text):
        return Part(text, eval_method="lookup" if text in design.kinds else "python")

    terms = [Term(map(part, term) if term else [Part("1", eval_method="literal")]) for term in design.formula.terms]
    levels = {
        name: (Part.Kind.CATEGORICAL, {"categories": list(levels)})
        for name, levels in design.levels.items()
        if levels != (False, True)
    }
    return ModelSpec(Terms(terms), transform_state=deepcopy(design.state), encoder_state=levels)


def _roles(formula) -> dict[Any, Any]:
    """The columns beside the terms, where no formula's text tells them: a fit of all columns of files."""
    if formula.text:
        return {}
    exposure = [] if formula.exposure is None else [formula.exposure]
    parts = {"response": formula.response, "offset": formula.offset, "exposure": exposure}
    return {role: [e.text for e in part] for role, part in parts.items() if part}


def _of_columns(terms, roles, known) -> Formula:
    parts = {role: tuple(column(name, known) for name in names) for role, names in roles.items()}
    return Formula("", parts.get("response", ()), terms, parts.get("offset", ()), *parts.get("exposure", ()))


def _variable(text, saved, known):
    """A variable from its text and what it had learned."""
    if "levels" not in saved:
        fields = None if saved["fields"] is None else tuple(saved["fields"])
        return Numeric(check(text, known), fields, saved["spans"], saved["drop"])
    call = None if text in known else split_call(text, CODED)
    if call is None:
        return Factor(check(text, known), text, tuple(saved["levels"]))
    return Factor.marked(text, call, known, tuple(saved["levels"]))


def _plain(v):
    """Learned state as plain values; mappings as pairs, since keys may be numbers."""
    if isinstance(v, dict):
        return {"pairs": [[_plain(key), _plain(value)] for key, value in v.items()]}
    if isinstance(v, np.ndarray):
        return {"array": v.tolist()}
    if isinstance(v, (list, tuple)):
        return [_plain(item) for item in v]
    return v.item() if isinstance(v, np.generic) else v


def _restored(v):
    if isinstance(v, dict):
        if "array" in v:
            return np.array(v["array"])
        return {_restored(key): _restored(value) for key, value in v["pairs"]}
    return [_restored(item) for item in v] if isinstance(v, list) else v
