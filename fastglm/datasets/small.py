"""Small sets of the literature."""

from __future__ import annotations

from typing import Any

from .frames import Library, handed, read_table


def primes(*, library: Library = "pandas") -> Any:
    """The primes up to 13, and whether they are 5, 11 or 13: the six rows of ``fastglm demo --lecture``.

    The logistic regression of y on x is R's ``glm(y ~ x, family = binomial)``: -3.549071 and 0.551776.

    Parameters
    ----------
    library : {"pandas", "polars", "pyarrow", "dict"}
        The kind of frame; "dict" gives arrays by name.

    Returns
    -------
    frame of 6 rows
        x, a prime, and y, 0 or 1.

    Raises
    ------
    InvalidParameterError
        For another library.
    ImportError
        If the library is not installed.

    Notes
    -----
    Source: the first six prime numbers, with the labels of the lesson. Licence: none is needed.

    Examples
    --------
    >>> from fastglm import datasets
    >>> datasets.primes().shape
    (6, 2)
    """
    return handed(read_table("primes"), library)


def clotting(*, library: Library = "pandas") -> Any:
    """Times of clotting of blood at nine concentrations of plasma: the gamma regression of R's ``?glm``.

    Parameters
    ----------
    library : {"pandas", "polars", "pyarrow", "dict"}
        The kind of frame; "dict" gives arrays by name.

    Returns
    -------
    frame of 9 rows
        u, the percentage of plasma; lot1 and lot2, seconds with two lots of thromboplastin.

    Raises
    ------
    InvalidParameterError
        For another library.
    ImportError
        If the library is not installed.

    Notes
    -----
    Source: Hurn, Barker and Magath (1945), after McCullagh and Nelder (1989), Generalized Linear Models, p. 300.
    Licence: published facts, free to use.

    Examples
    --------
    >>> import fastglm
    >>> result = fastglm.glm("lot1 ~ log(u)", fastglm.datasets.clotting(), family="gamma", link="inverse")
    >>> result.params.round(6)
    array([-0.016554,  0.015343])
    """
    return handed(read_table("clotting"), library)


def dobson(*, library: Library = "pandas") -> Any:
    """Counts of a randomised trial by outcome and treatment: the Poisson regression of R's ``?glm``.

    Parameters
    ----------
    library : {"pandas", "polars", "pyarrow", "dict"}
        The kind of frame; "dict" gives arrays by name.

    Returns
    -------
    frame of 9 rows
        counts; outcome and treatment, codes 1 to 3 of two factors.

    Raises
    ------
    InvalidParameterError
        For another library.
    ImportError
        If the library is not installed.

    Notes
    -----
    Source: Dobson (1990), An Introduction to Generalized Linear Models, p. 93. Licence: published facts, free to use.

    Examples
    --------
    >>> import fastglm
    >>> result = fastglm.glm("counts ~ C(outcome) + C(treatment)", fastglm.datasets.dobson(), family="poisson")
    >>> round(result.deviance, 4)
    5.1291
    """
    return handed(read_table("dobson"), library)


def budworm(*, library: Library = "pandas") -> Any:
    """Moths of the tobacco budworm killed by six doses of a pyrethroid: grouped binomial responses.

    Parameters
    ----------
    library : {"pandas", "polars", "pyarrow", "dict"}
        The kind of frame; "dict" gives arrays by name.

    Returns
    -------
    frame of 12 rows
        sex, M or F; dose in micrograms; dead, how many died of the number treated.

    Raises
    ------
    InvalidParameterError
        For another library.
    ImportError
        If the library is not installed.

    Notes
    -----
    Source: Collett (1991), Modelling Binary Data, p. 75. Licence: published facts, free to use.

    Examples
    --------
    >>> import fastglm
    >>> moths = fastglm.datasets.budworm()
    >>> result = fastglm.glm("dead / treated ~ sex * log2(dose)", moths, family="binomial", weights="treated")
    >>> int(result.df_resid)
    8
    """
    return handed(read_table("budworm"), library)
