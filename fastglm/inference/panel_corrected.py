"""Panel-corrected covariances: errors of clusters that are correlated at the same time.

Beck and Katz (1995, American Political Science Review 89), as R's ``sandwich::vcovPC``: the residuals of N clusters at
T times have a covariance S (N, N), and the meat is the sum over times of X_t' S X_t.
"""

from __future__ import annotations

import numpy as np

from ..errors import InvalidParameterError
from ..options.covariance import implement
from .grouped_scores import GatheredRows, labelled


@implement("PCSE")
def panel_corrected(cov, fitted, space) -> np.ndarray:
    """The panel-corrected covariance, in the units of ``space``."""
    if fitted.rows.data.freq_weights is not None:
        raise InvalidParameterError(f"cov={cov.name!r}: rows with freq_weights have no order in time; write them out")
    found = labelled(cov, fitted)
    rows = found.source.reduce(GatheredRows(fitted.scores, found.ways, (0, 1), space))
    clusters, times = found.ways.sizes
    if clusters < 2:
        raise InvalidParameterError(f"cov={cov.name!r}: all rows are of one cluster; there must be two at least")
    cluster, time = rows.codes.T
    cells = cluster * times + time
    seen, first = np.unique(cells, return_index=True)
    if len(seen) < len(cells):
        again = int(np.setdiff1d(np.arange(len(cells)), first)[0])
        raise InvalidParameterError(
            f"cov={cov.name!r}: time {found.names[1][time[again]]!s} occurs twice in cluster "
            f"{found.names[0][cluster[again]]!s}; each row of a panel has a time of its own"
        )
    E, there = np.zeros((times, clusters)), np.zeros((times, clusters))
    E[time, cluster], there[time, cluster] = rows.columns[:, 0], 1.0
    S = _covariance(cov, E, there)
    meat = np.zeros((space.width, space.width))
    for own in np.split(np.argsort(time, kind="stable"), np.cumsum(np.bincount(time, minlength=times))[:-1]):
        X, who = rows.X[own], cluster[own]
        meat += X.T @ (S[np.ix_(who, who)] @ X)
    return space.of_sums(space.of_sums(meat).T)


def _covariance(cov, E, there):
    """The covariance of the clusters' residuals, from times that all clusters have or from those of each pair."""
    if cov.option("pairwise"):
        counts = there.T @ there
        if (counts == 0.0).any():
            raise InvalidParameterError(f"cov={cov.name!r}: some clusters have no time in common")
        return E.T @ E / counts
    whole = there.all(axis=1)
    if not whole.any():
        raise InvalidParameterError(f"cov={cov.name!r}: no time has rows of all clusters; pass 'pairwise': True")
    return E[whole].T @ E[whole] / whole.sum()
