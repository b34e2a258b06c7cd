"""A path in rounds of passes, each of which serves all lambdas that are still open.

A few lambdas are solved roughly, on a sample where rows are expensive to read, and have their curvatures summed. The
others start from the nearest of them, and go on by proximal Newton steps with the curvatures on both sides, weighted by
the logarithm of lambda: one read of the rows has the scores at all of their coefficients.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from ..kernels.coordinate_descent import mirror, mixed_block
from ..source.threads import mapped
from .problem import solved
from .proximal import ProximalDescent
from .quadratic_model import QuadraticModel

ANCHORS = 12  # lambdas whose curvatures are summed, the ends included
POINTS = 4  # of them, through which a curvature between them is interpolated
ROUGH = 0.03  # violation that these are solved to
SAMPLE_ROWS = 100  # of a coefficient, that a sample has at the least; chosen: its optima then lead to the same rounds
INNER, FIRST = 0.1, 0.02  # of what a round is expected to leave, that the minimum of a model may; of a first round
NEAR = 0.6  # of what leaves it at zero, that a coefficient's score is when its model may move it
FALL = 0.5  # of a violation, that a round must leave less than
LEAST = 1e-3  # of a violation, that a round is taken to leave
MOST_ROUNDS = 15  # of passes for all open lambdas; chosen: five suffice, later ones go alone
ROWS_WORTH, FEWEST = 20_000, 10  # rows and lambdas of a path that is worth rounds
MOST_PARAMS = 1000  # coefficients, from which a lasso needs few of them
OWN, RENEWALS = 8, 4  # places of a fold at which its curvatures are summed, and how often; chosen
MOST_SHORT = 1e30  # size of an entry of a matrix in single precision
MODEL_BYTES = 512 << 20  # that its models may take


def pays(objective, scaled, n_lambdas: int) -> bool:
    """Whether a path is worth rounds: of many rows and lambdas, without a closed form."""
    if objective.linear or not scaled.screened or not hasattr(objective, "at_many"):
        return False
    if scaled.separable and objective.approachable:  # by steps in compiled code
        return False
    if objective.n_params > MOST_PARAMS or n_lambdas < FEWEST:
        return False
    tall = objective.source.n_rows >= max(ROWS_WORTH, 20 * objective.n_params)
    small = 8.0 * n_lambdas * objective.n_params**2 <= MODEL_BYTES
    return tall and small


class Curvatures:
    """The information at some lambdas, and between them.

    Parameters
    ----------
    places : list of float, increasing
        Numbers of the lambdas along the path.
    matrices : list of (m, m) arrays
    others : Curvatures, optional
        What these are added to.
    """

    def __init__(self, places: list[int], matrices: list[np.ndarray], others: Curvatures | None = None):
        self.places, self.others = places, others
        self.matrices = [short(matrix) for matrix in matrices]

    def at(self, i: int, numbers: np.ndarray) -> np.ndarray:
        """The information of the coefficients ``numbers`` at the i-th lambda."""
        H, (matrices, weights) = np.empty((len(numbers), len(numbers))), zip(*self._weighted(i), strict=True)
        kind = np.float32 if all(matrix.dtype == np.float32 for matrix in matrices) else np.float64
        matrices = [matrix.astype(kind, copy=False) for matrix in matrices]
        m = len(matrices[0])
        first = np.array([matrix.ctypes.data for matrix in matrices])
        rows = first[:, None] + np.dtype(kind).itemsize * m * np.arange(m)
        mixed_block(rows, np.array(weights), m, kind, numbers, H)
        mirror(H)
        return H

    def _weighted(self, i):
        """Matrices and their weights at the i-th lambda, at least one."""
        out = [] if self.others is None else self.others._weighted(i)
        k = int(np.searchsorted(self.places, i, side="right")) - 1
        some = range(max(0, min(k - 1, len(self.places) - POINTS)), len(self.places))[:POINTS]
        for a in some:
            others = [(i - self.places[b]) / (self.places[a] - self.places[b]) for b in some if b != a]
            if weight := float(np.prod(others)):
                out.append((self.matrices[a], weight))
        return out

    def renew(self, objective, places: list[Place]):
        """Sum them anew at some places along the path, and open these again."""
        chosen = [places[i] for i in np.unique(np.linspace(0, len(places) - 1, OWN).round().astype(int))]
        found = (objective.at(place.beta, 2).information.toarray() for place in chosen)
        self.matrices = [short(matrix) for matrix in found]
        self.places, self.others = [place.number for place in chosen], None
        for place in places:
            place.open = True


def short(matrix: np.ndarray) -> np.ndarray:
    """A matrix in the shortest numbers that hold it: models are corrected by exact scores, and reading them takes most
    of their time."""
    size = np.abs(matrix)
    small = size.max(initial=0.0) < MOST_SHORT and np.diagonal(size).min(initial=np.inf) > 1.0 / MOST_SHORT
    return np.ascontiguousarray(matrix, np.float32 if small else np.float64)


class Place:
    """Where a descent has come to: coefficients, the sums and the violation there.

    Parameters
    ----------
    penalty : ElasticPenalty
    beta, score : (m,) arrays
        Coefficients and the score there, from which the first step is made.
    curvatures : Curvatures
    number : int
        That of its lambda along the path.
    """

    def __init__(self, penalty, beta, score, curvatures: Curvatures, number: int):
        self.penalty, self.beta, self.score, self.curvatures, self.number = penalty, beta, score, curvatures, number
        self.violation, self.contraction, self.open, self.deviance, self.pearson = np.inf, FIRST, True, np.nan, np.nan

    def step(self, tol: float):
        """To the minimum of the model with the penalty, over the coefficients that may be more than zero."""
        inner = max(INNER * self.contraction * min(self.violation, 1.0), 0.1 * tol)
        some = self.penalty.whole(np.flatnonzero(self.penalty.active(self.beta, self.score / NEAR)))
        penalty = self.penalty.of(some)
        model = QuadraticModel(self.curvatures.at(self.number, some), penalty.free)
        self.beta = self.beta.copy()
        self.beta[some] = model.minimise(self.beta[some], self.score[some], penalty, inner)

    def arrive(self, deviance, pearson, score, tol, fall):
        """Take the sums at the coefficients; stay open while the violation falls."""
        violation = self.penalty.violation(self.beta, score)
        falls = np.isfinite(deviance) and violation < fall * self.violation
        self.deviance, self.pearson, self.score = float(deviance), float(pearson), score
        if np.isfinite(violation) and 0.0 < self.violation < np.inf:
            self.contraction = float(np.clip(violation / self.violation, LEAST, FIRST))
        self.violation = violation if np.isfinite(violation) else np.inf
        self.open = falls and violation > tol

    def finish(self, descent: ProximalDescent) -> str:
        """Go on alone where the rounds have not come to the tolerance; why it stopped."""
        if self.violation <= descent.control.tol:
            return "converged"
        stop = descent.start_from(self.beta).solve(self.penalty)
        self.beta, self.violation = descent.beta, descent.violation(self.penalty)
        self.deviance, self.pearson, self.score = descent.q.deviance, descent.q.pearson, descent.q.score
        return stop


def anchors(descent: ProximalDescent, sample: ProximalDescent | None, scaled, lambdas: np.ndarray):
    """Some lambdas of a path solved roughly: (coefficients, score) of each lambda's nearest one, and the curvatures.

    Where they can be solved on a ``sample`` of the rows, one read has the scores and curvatures of all rows.
    """
    numbers = np.unique(np.linspace(0, len(lambdas) - 1, ANCHORS).round().astype(int))
    found = None if sample is None else _of_sample(descent.objective, sample, scaled, lambdas[numbers])
    if found is None:
        found = [_roughly(descent, scaled, lam) for lam in lambdas[numbers].tolist()]
    starts, matrices = [(beta, score) for beta, score, _ in found], [H for _, _, H in found]
    nearest = [int(np.argmin(np.abs(numbers - i))) for i in range(len(lambdas))]
    return [starts[k] for k in nearest], Curvatures(numbers.tolist(), matrices)


def _roughly(descent, scaled, lam):
    """Coefficients near the optimum of a lambda, the score and the curvature there."""
    descent.solve(scaled.at(lam), ROUGH)
    descent.freshen()
    return descent.beta, descent.q.score, descent.H


def _of_sample(objective, sample, scaled, lambdas):
    """The same of some lambdas from the optima of a sample, by two reads; None where the sample has not all of them."""
    beta, penalties = [], [scaled.at(lam) for lam in lambdas.tolist()]
    for penalty in penalties:
        if sample.solve(penalty, ROUGH) != "converged" or not np.isfinite(sample.beta).all():
            return None
        beta.append(sample.beta)
    found = _curvatures(objective, beta)
    if found is None:
        return None
    beta = [
        QuadraticModel(H, penalty.free).minimise(b, score, penalty, ROUGH)
        for penalty, (b, score, H) in zip(penalties, found, strict=True)
    ]
    return _curvatures(objective, beta)


def _curvatures(objective, beta):
    """(coefficients, score, curvature) of each of some coefficients by one read; None where one is not finite."""
    found = objective.at_each(np.array(beta), 2)
    if not all(np.isfinite(q.deviance) and np.isfinite(q.score).all() for q in found):
        return None
    scale = np.outer(objective.scale, objective.scale)
    return [(b, q.score, q.information.toarray() / scale) for b, q in zip(beta, found, strict=True)]


def sample_of(objective):
    """A sample of rows whose reading is expensive, that the first lambdas of a path are solved on; else None."""
    source, m = objective.source, objective.n_params
    if not (source.cost and objective.sampleable and objective.share == 1.0):
        return None
    rows = min(source.sample_limit, max(source.n_rows // 16, SAMPLE_ROWS * m))
    return objective.sample(rows) if SAMPLE_ROWS * m <= rows <= source.n_rows // 4 else None


def in_rounds(objective, places, control, folds=None, of=None, fall: float = FALL, renewed=None):
    """Steps of many descents at once, until every violation is below the tolerance or stays.

    Parameters
    ----------
    objective : Deviance
    places : list of Place
        Changed in place.
    control : Control
        Of its fields ``tol`` and the callback.
    folds, of : as for ``Deviance.at_many``
    fall : float
        Of its violation, what a place must leave less than in a round to stay open.
    renewed : function, optional
        Opens some of the places again whose numbers it is given, because their violations stay.
    """
    counted = 0
    for _ in range(MOST_ROUNDS):
        still = [i for i, place in enumerate(places) if place.open]
        if not still:
            break
        mapped(objective.source.threads, partial(_stepped, control.tol), [places[i] for i in still])
        some = None if of is None else of[still]
        sums = objective.at_many(np.array([places[i].beta for i in still]), folds, some)
        for i, *values in zip(still, sums.deviance, sums.pearson, sums.score, strict=True):
            places[i].arrive(*values, control.tol, fall)
        slow = [i for i in still if not (places[i].open or places[i].violation <= control.tol)]
        if slow and renewed is not None:
            renewed(slow)
        closed = sum(not place.open for place in places)
        solved(control, max(closed - counted, 0))
        counted = max(closed, counted)
    solved(control, len(places) - counted)


def _stepped(tol, place):
    """A step of a place, in a thread, which has its own way with floating-point errors."""
    with np.errstate(all="ignore"):
        place.step(tol)


def follow_in_rounds(descent: ProximalDescent, sample: ProximalDescent | None, scaled, lambdas: np.ndarray):
    """The places of all lambdas, why each stopped, and the curvatures along the path."""
    starts, curvatures = anchors(descent, sample, scaled, lambdas)
    penalties = map(scaled.at, lambdas.tolist())
    places = [Place(penalty, *starts[i], curvatures, i) for i, penalty in enumerate(penalties)]
    in_rounds(descent.objective, places, descent.control)
    return places, tuple(place.finish(descent) for place in places), curvatures


def of_folds(objective, path, folds, curvatures: Curvatures) -> list[Curvatures]:
    """The curvatures of the rows that each fold is fitted to, from passes at some solutions of all rows."""
    numbers = np.unique(np.linspace(0, len(path.beta) - 1, OWN).round().astype(int)).tolist()
    found = []
    for i in numbers:
        parts = [q.information.toarray() for q in objective.by_part(path.beta[i], 2, folds.parts)]
        found.append([H - sum(parts) for H in folds.sums(parts, np.subtract, np.add)])
    return [Curvatures(numbers, list(own), curvatures) for own in zip(*found, strict=True)]
