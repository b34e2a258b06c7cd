"""The schema of a model: how rows become its columns, its response and its vectors. Every result keeps one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..core.records import SHIFTS
from ..errors import InvalidParameterError

if TYPE_CHECKING:
    from ..design import Design
    from .supplied import SuppliedRows

INTERCEPT = "(Intercept)"


@dataclass(frozen=True, eq=False)
class Schema:
    """The columns, codings and roles by which later rows of a model are read.

    Parameters
    ----------
    names : tuple of str
        The coefficients, "(Intercept)" first where the fit added a constant.
    intercept : bool
        Whether the fit added a constant.
    design : Design or None
        How the columns of a frame become those of the model, where there are factors or a formula.
    vectors : mapping of str to str or None
        The weights, freq_weights, offset and exposure that the fit had: the name of the column, None for an array.
    missing : {"error", "drop"}
        The treatment of rows with missing values.
    library : {"pandas", "polars", "pyarrow"}
        The library of the frame of the fit, whose frames ``tidy`` answers with.
    """

    names: tuple[str, ...]
    intercept: bool
    design: Design | None = None
    vectors: Mapping[str, str | None] = field(default_factory=dict)
    missing: str = "error"
    library: str = "pandas"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of an array X: all but the constant that the fit added."""
        return self.names[1:] if self.intercept else self.names

    def open(self, data: Any, y: Any = None, vectors: Mapping[str, Any] | None = None, **options: Any) -> SuppliedRows:
        """Rows for a verb of a finished fit.

        Parameters
        ----------
        data : arrays, data frame, files, or a collection of Dask
        y : (n,) array_like, name of a column, or None
            None takes the response of the formula.
        vectors : mapping of str to array, scalar or name of a column
            The weights, freq_weights, offset and exposure of these rows; columns of the fit are found by their names.
        **options
            ``keep``, names of columns to return too, and ``respond``, whether a response is needed; see SuppliedRows.

        Returns
        -------
        SuppliedRows
            The caller closes it.

        Raises
        ------
        InvalidParameterError, MissingDataError, FileFormatError
        """
        from .supplied import SuppliedRows

        return SuppliedRows(self, data, y, vectors, **options)

    def found_by_name(self, given: Mapping[str, Any], names: Sequence[str]) -> dict[str, str]:
        """The columns of new rows that had the role of a vector in the fit, by their roles.

        Parameters
        ----------
        given : mapping
            The arguments of the verb, None where the caller passed none.
        names : sequence of str
            The columns of the rows.

        Raises
        ------
        InvalidParameterError
            For an argument beside a column of the same role, and where an array that the fit had is missing.
        """
        if self.design is None:
            return {}
        formula = self.design.formula
        shifts = {"offset": formula.offset, "exposure": (formula.exposure,) if formula.exposure else ()}
        for role, value in given.items():
            in_formula, array = shifts.get(role, ()), role in self.vectors and self.vectors[role] is None
            if value is not None and ((in_formula and not array) or self.vectors.get(role) in names):
                has = f"the formula of the fit has {role}({in_formula[0].text})" if in_formula else (
                    f"the fit had {role}={self.vectors[role]!r}"
                )  # fmt: skip
                raise InvalidParameterError(f"{role}: {has}, which is found in the data by its name; leave {role}= out")
            if value is None and array and any(shifts.values()) and role in SHIFTS:
                raise InvalidParameterError(
                    f"{role}: the fit had an array beside its formula; give {role}= for these rows"
                )
        return {role: column for role, column in self.vectors.items() if column in names and role in given}

    def for_fit_rows(self) -> Schema:
        """The schema for the rows of the fit itself, in which a level that it does not know is an error."""
        return self if self.design is None else replace(self, design=replace(self.design, unseen="error"))
