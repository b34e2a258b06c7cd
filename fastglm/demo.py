"""``fastglm demo``: simulate, fit, and put the time beside statsmodels'."""

from __future__ import annotations

import time

import numpy as np

from .errors import InvalidParameterError
from .simulate import make_glm

STATSMODELS_COPIES = 12  # its memory in multiples of X, X included


def run(family="binomial", n=1_000_000, p=20, seed=0, threads=None, compare=True) -> int:
    """Fit simulated data and print the summary, the times and the distance to the truth.

    Returns
    -------
    int
        0 where the fit converged, else 1.
    """
    data = _simulate(family, n, p, seed)
    size = f"{data.X.nbytes / 2**20:,.0f} MiB"
    print(f"simulated {n:,} x {p} from a {data.family} model with {data.link} link ({size})\n")
    first, _ = _timed(lambda: _fit(data, threads))
    seconds, result = _timed(lambda: _fit(data, threads))
    print(result.summary())
    far = np.max(np.abs(np.asarray(result.params) - data.params) / result.bse)
    print(f"\nfastglm:     {seconds:8.3f} s, {result.n_passes:.3g} passes over X (first fit here: {first:.3f} s)")
    if compare:
        print(_compare(data, result, seconds))
    print(f"the true coefficients are at most {far:.1f} standard errors away")
    return 0 if result.converged else 1


def _simulate(family, n, p, seed):
    # 1/mu and 1/mu^2 are nobody's first choice of a link
    link = "log" if family in ("gamma", "inverse_gaussian") else None
    need, free = 8 * n * (p + 4), _free_memory()
    if free is not None and need > free:
        sizes = f"{need / 2**30:.1f} GiB, {free / 2**30:.1f} GiB are free"
        raise InvalidParameterError(f"{n:,} x {p} needs {sizes}; use a smaller --n")
    return make_glm(family, n, p, link=link, seed=seed)


def _timed(function):
    start = time.perf_counter()
    value = function()
    return time.perf_counter() - start, value


def _fit(data, threads):
    import fastglm

    return fastglm.fit(data.X, data.y, family=_family(data), link=data.link, threads=threads)


def _family(data):
    """The family's name, or its value where it has a parameter."""
    if not data.parameters:
        return data.family
    from .family.registry import get_family

    return get_family(data.family, **data.parameters)


def _compare(data, result, seconds) -> str:
    """statsmodels on the same rows, or on as many as fit in memory, scaled and said so."""
    try:
        import statsmodels.api as sm
    except ImportError:
        return "statsmodels: not installed, nothing to compare with (pip install statsmodels)"
    family = _statsmodels_family(sm, data)
    if family is None:
        return f"statsmodels: no {data.family} family to compare with"
    n = len(data.y)
    free = _free_memory()
    rows = n if free is None else min(n, int(0.8 * free / (8 * STATSMODELS_COPIES * (data.X.shape[1] + 1))))
    design = sm.add_constant(data.X[:rows])
    theirs, fit = _timed(lambda: sm.GLM(data.y[:rows], design, family=family).fit())
    scaled = theirs * n / rows
    text = f"statsmodels: {scaled:8.3f} s, {scaled / seconds:.0f} times as long"
    if rows < n:
        return f"{text} (all rows need more memory than is free: {theirs:.1f} s for {rows:,} rows, scaled up)"
    difference = np.max(np.abs(np.asarray(result.params) - fit.params) / fit.bse)
    return f"{text}; coefficients differ by at most {difference:.0e} standard errors"


def _statsmodels_family(sm, data):
    name = "".join(part.title() for part in data.family.removeprefix("quasi_").split("_"))
    family = getattr(sm.families, name, None)
    link = {"logit": "Logit", "log": "Log", "identity": "Identity"}.get(data.link)
    if family is None or link is None:
        return None
    options = {}
    if "theta" in data.parameters:
        options = {"alpha": 1 / data.parameters["theta"]}
    if "power" in data.parameters:
        options = {"var_power": data.parameters["power"]}
    return family(link=getattr(sm.families.links, link)(), **options)


def _free_memory():
    """Bytes a process may take, None where the system does not say."""
    try:
        with open("/proc/meminfo") as file:
            return next(1024 * int(line.split()[1]) for line in file if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return None
