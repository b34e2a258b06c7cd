"""A portfolio of motor insurance of any size, drawn from models that are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import InvalidParameterError
from ..simulate import make_glm
from ..simulate.response import Draw, model_of
from .frames import Library, check_library, handed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..simulate import Simulated

# column -> its middle and half its range, in its unit
NUMBERS = {"driver_age": (54.0, 36.0), "vehicle_age": (10.0, 10.0), "bonus_malus": (100.0, 50.0)}
LEVELS = {"region": ("A", "B", "C", "D", "E", "F"), "fuel": ("diesel", "petrol")}
DISPERSION = 0.8  # of amounts


class PortfolioTruth(NamedTuple):
    """The models that ``portfolio`` draws from.

    Attributes
    ----------
    frequency : dict of str to float
        Coefficients by name of ``claims ~ driver_age + vehicle_age + bonus_malus + region + fuel``, Poisson with log
        link and the exposure.
    severity : dict of str to float
        Coefficients of the same terms for the mean amount of a claim, gamma with log link, weighted by claims.
    dispersion : float
        That of one claim's amount.
    """

    frequency: dict[str, float]
    severity: dict[str, float]
    dispersion: float


def portfolio_truth() -> PortfolioTruth:
    """The coefficients that ``portfolio`` draws with, by the names that a formula gives them.

    Returns
    -------
    PortfolioTruth

    Examples
    --------
    >>> from fastglm import datasets
    >>> datasets.portfolio_truth().frequency["bonus_malus"]
    0.012
    """
    frequency = {"(Intercept)": -2.9, "driver_age": -0.008, "vehicle_age": 0.015, "bonus_malus": 0.012}
    severity = {"(Intercept)": 7.2, "driver_age": -0.004, "vehicle_age": -0.03, "bonus_malus": 0.002}
    regions = ((-0.15, 0.1), (0.1, -0.05), (0.2, 0.15), (-0.3, 0.0), (0.35, 0.25))
    for level, effects in zip(LEVELS["region"][1:], regions, strict=True):
        frequency[f"region[T.{level}]"], severity[f"region[T.{level}]"] = effects
    frequency["fuel[T.petrol]"], severity["fuel[T.petrol]"] = -0.12, -0.08
    return PortfolioTruth(frequency, severity, DISPERSION)


def portfolio(
    n: int = 10_000, seed: int = 0, *, library: Library = "pandas", chunk_rows: int | None = None
) -> Any | Iterator[Any]:
    """Draw a portfolio of motor insurance: policies, their claims and what these cost.

    Claims are Poisson, the amount of a claim gamma, both with log link and the coefficients of ``portfolio_truth``.
    Rows are drawn by ``fastglm.simulate``: the same arguments give the same bits.

    Parameters
    ----------
    n : int
        Policies.
    seed : int
        Of the random numbers.
    library : {"pandas", "polars", "pyarrow", "dict"}
        The kind of frame; "dict" gives arrays by name.
    chunk_rows : int, optional
        Return an iterator of frames of so many rows, the same rows in the same order, for portfolios larger than
        memory; the exposures alone, 8 bytes a policy, are held.

    Returns
    -------
    frame of n rows, or an iterator of frames
        exposure, years insured, over 0 up to 1; driver_age and vehicle_age in years; bonus_malus in percent; region, A
        to F; fuel; claims, their number; amount, what all claims of the policy cost, 0 without one.

    Raises
    ------
    InvalidParameterError
        For n below 1, another library, or chunks that are not whole.
    ImportError
        If the library is not installed.

    Notes
    -----
    Source: simulated; no person or policy stands behind a row. Licence: that of the library.

    Examples
    --------
    >>> import fastglm
    >>> policies = fastglm.datasets.portfolio(20_000, seed=1)
    >>> result = fastglm.glm("claims ~ driver_age + region", policies, family="poisson", exposure="exposure")
    >>> int(result.nobs)
    20000
    """
    check_library(library)
    if isinstance(n, bool) or int(n) != n or n < 1:
        raise InvalidParameterError(f"n must be a whole number of at least 1, got {n!r}")
    of_exposure, of_amounts = (np.random.default_rng(each) for each in np.random.SeedSequence((seed, 1)).spawn(2))
    exposure = np.minimum(of_exposure.uniform(0.02, 2.0, int(n)), 1.0)
    truth = portfolio_truth()
    intercept, slopes, effects = _of_units(truth.frequency)
    drawn = make_glm(
        "poisson", int(n), len(NUMBERS), kind="uniform", seed=seed, beta=slopes, intercept=intercept, zipf=0.7,
        levels=[len(levels) for levels in LEVELS.values()], effects=effects, offset=np.log(exposure),
        chunk_rows=int(n) if chunk_rows is None else chunk_rows,
    )  # fmt: skip
    amounts = Draw(*model_of("gamma", "log"), dispersion=truth.dispersion)
    frames = (handed(_columns(chunk, amounts, of_amounts, truth), library) for chunk in drawn)
    return next(frames) if chunk_rows is None else frames


def _of_units(coefficients: dict[str, float]) -> tuple[float, list[float], list[list[float]]]:
    """Intercept, slopes of columns on (-1, 1), and effects of all levels, from coefficients by name."""
    intercept = coefficients["(Intercept)"] + sum(coefficients[name] * middle for name, (middle, _) in NUMBERS.items())
    slopes = [coefficients[name] * half for name, (_, half) in NUMBERS.items()]
    effects = [[coefficients.get(f"{name}[T.{level}]", 0.0) for level in levels] for name, levels in LEVELS.items()]
    return intercept, slopes, effects


def _columns(chunk: Simulated, amounts: Draw, rng: np.random.Generator, truth: PortfolioTruth) -> dict[str, Any]:
    """The columns of a portfolio by name: what was drawn, in its units, and amounts of the claims."""
    intercept, slopes, effects = _of_units(truth.severity)
    eta = intercept + chunk.X @ np.array(slopes)
    for codes, effect in zip(chunk.codes.T, effects, strict=True):
        eta += np.array(effect)[codes]
    claimed = np.flatnonzero(chunk.y)
    amount = np.zeros(len(eta))
    amount[claimed] = chunk.y[claimed] * amounts(rng, eta[claimed], chunk.y[claimed], 0)
    numbers = {name: middle + half * u for (name, (middle, half)), u in zip(NUMBERS.items(), chunk.X.T, strict=True)}
    texts = {
        name: np.array(levels, object)[codes]
        for (name, levels), codes in zip(LEVELS.items(), chunk.codes.T, strict=True)
    }
    beside = {"claims": chunk.y.astype(np.int64), "amount": amount}
    return {"exposure": np.exp(chunk.offset), **numbers, **texts, **beside}
