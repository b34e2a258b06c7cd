"""A path in rounds of passes, each of which serves all lambdas that are still open.

A few lambdas are solved roughly, on a sample where rows are expensive to read, and have their curvatures summed. The
others start from the nearest of them, and go on by proximal Newton steps with the curvatures on both sides, weighted by
the logarithm of lambda: one read of the rows has the scores at all of their coefficients.
"""

from __future__ import annotations

import numpy as np

from .problem import solved
from .proximal import ProximalDescent
from .quadratic_model import QuadraticModel

ANCHORS = 12  # lambdas whose curvatures are summed, the ends included
POINTS = 4  # of them, through which a curvature between them is interpolated
ROUGH = 0.03  # violation that these are solved to
SAMPLE_ROWS = 100  # of a coefficient, that a sample has at the least; chosen: its optima then lead to the same rounds
INNER = 0.001  # of a violation, that the minimum of a model may leave; a pass costs more than to find it
OWN = 6  # curvatures of a fold whose places do not come to the end by those of all rows
FALL = 0.5  # of a violation, that a round must leave less than
MOST_ROUNDS = 15  # of passes for all open lambdas; chosen: five suffice, later ones go alone
ROWS_WORTH, FEWEST = 20_000, 10  # rows and lambdas of a path that is worth rounds
MOST_PARAMS = 1000  # coefficients, from which a lasso needs few of them
MODEL_BYTES = 512 << 20  # that its models may take


def pays(objective, scaled, n_lambdas: int) -> bool:
    """Whether a path is worth rounds: of many rows and lambdas, without a closed form."""
    if objective.linear or not scaled.screened or not hasattr(objective, "at_many"):
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
    """

    def __init__(self, places: list[int], matrices: list[np.ndarray]):
        self.places, self.matrices = places, matrices

    def at(self, i: int, free: np.ndarray) -> QuadraticModel:
        """A model with the curvature at the i-th lambda."""
        k = int(np.searchsorted(self.places, i, side="right")) - 1
        some = range(max(0, min(k - 1, len(self.places) - POINTS)), len(self.places))[:POINTS]
        H = 0.0
        for a in some:
            others = [(i - self.places[b]) / (self.places[a] - self.places[b]) for b in some if b != a]
            H = H + float(np.prod(others)) * self.matrices[a]
        return QuadraticModel(H, free)


class Place:
    """Where a descent has come to: coefficients, the sums and the violation there.

    Parameters
    ----------
    penalty : ElasticPenalty
    beta, score : (m,) arrays
        Coefficients and the score there, from which the first step is made.
    share : float
        The part of the weight that counts, of the rows that the model is of.
    """

    def __init__(self, penalty, beta, score, share: float = 1.0):
        self.penalty, self.beta, self.score, self.share = penalty, beta, score, share
        self.violation, self.open, self.deviance, self.pearson = np.inf, True, np.nan, np.nan

    def step(self, model: QuadraticModel, tol: float):
        """To the minimum of the model with the penalty."""
        inner = max(INNER * min(self.violation, 1.0), 0.1 * tol)
        penalty = self.penalty.times(1.0 / self.share)
        self.beta = model.minimise(self.beta, self.score / self.share, penalty, inner)

    def arrive(self, deviance, pearson, score, tol, fall):
        """Take the sums at the coefficients; stay open while the violation falls."""
        violation = self.penalty.violation(self.beta, score)
        falls = np.isfinite(deviance) and violation < fall * self.violation
        self.deviance, self.pearson, self.score = float(deviance), float(pearson), score
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


def in_rounds(objective, places, models, control, folds=None, of=None, fall: float = FALL):
    """Steps of many descents at once, each by its model, until every violation is below the tolerance or stays.

    Parameters
    ----------
    objective : Deviance
    places : list of Place
        Changed in place.
    models : list of QuadraticModel
        One for each; the same one may serve several.
    control : Control
        Of its fields ``tol`` and the callback.
    folds, of : as for ``Deviance.at_many``
    fall : float
        Of its violation, what a place must leave less than in a round to stay open.
    """
    for _ in range(MOST_ROUNDS):
        still = [i for i, place in enumerate(places) if place.open]
        if not still:
            return
        for i in still:
            places[i].step(models[i], control.tol)
        some = None if of is None else of[still]
        sums = objective.at_many(np.array([places[i].beta for i in still]), folds, some)
        for i, *values in zip(still, sums.deviance, sums.pearson, sums.score, strict=True):
            places[i].arrive(*values, control.tol, fall)
        solved(control, sum(not places[i].open for i in still))
    solved(control, sum(place.open for place in places))


def in_own_rounds(objective, places: list[Place], control):
    """The same of the places along a path that are above the tolerance, with curvatures made at some of them."""
    some = [place for place in places if not place.violation <= control.tol and np.isfinite(place.beta).all()]
    if not some:
        return
    numbers = np.unique(np.linspace(0, len(some) - 1, min(len(some), OWN)).round().astype(int)).tolist()
    matrices = [objective.at(some[i].beta, 2).information.toarray() for i in numbers]
    curvatures = Curvatures(numbers, matrices)
    models = []
    for i, place in enumerate(some):
        models.append(curvatures.at(i, place.penalty.free))
        place.share, place.open = 1.0, True
    # whoever watches has counted them
    in_rounds(objective, some, models, control._replace(callback=None), fall=0.3)


def follow_in_rounds(descent: ProximalDescent, sample: ProximalDescent | None, scaled, lambdas: np.ndarray):
    """The places of all lambdas, why each stopped, and the models along the path."""
    starts, curvatures = anchors(descent, sample, scaled, lambdas)
    penalties = [scaled.at(lam) for lam in lambdas.tolist()]
    models = [curvatures.at(i, penalty.free) for i, penalty in enumerate(penalties)]
    places = [Place(penalty, *start) for penalty, start in zip(penalties, starts, strict=True)]
    in_rounds(descent.objective, places, models, descent.control)
    return places, tuple(place.finish(descent) for place in places), models
