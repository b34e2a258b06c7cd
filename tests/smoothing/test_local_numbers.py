"""Local fits against the formula in 50 digits, the library's weighted fits, brute force, and each other's routes."""

import mpmath
import numpy as np
import pytest

import fastglm
from fastglm.smoothing import kernels
from fastglm.smoothing.bandwidths import Bandwidth

RNG = np.random.default_rng(20)
N = 80
x = RNG.uniform(0.0, 6.0, N)
y = np.sin(x) + 0.3 * RNG.normal(size=N)
w = RNG.uniform(0.5, 2.0, N)
POINTS = np.array([0.1, 1.7, 3.0, 5.9])
FORMULAS = {
    "gaussian": lambda u: mpmath.exp(-u * u / 2),
    "epanechnikov": lambda u: max(1 - u * u, mpmath.mpf(0)),
    "tricube": lambda u: max(1 - abs(u) ** 3, mpmath.mpf(0)) ** 3,
}
OUTLOOKS = {
    "binomial": (RNG.uniform(size=N) < 1 / (1 + np.exp(-2 * np.sin(x)))).astype(float),
    "poisson": RNG.poisson(np.exp(1 + np.sin(x))).astype(float),
    "gamma": RNG.gamma(3.0, np.exp(np.sin(x))),
    "inverse_gaussian": RNG.wald(np.exp(np.sin(x)), 8.0),
    "negative_binomial": RNG.poisson(RNG.gamma(2.0, np.exp(1 + np.sin(x)))).astype(float),
    "gaussian": y,
}


def formula(point, kernel, degree, tau):
    """The coefficients in x_i - x, l(x), and the curve, in 50 digits."""
    with mpmath.workdps(50):
        gaps = [mpmath.mpf(v) - mpmath.mpf(point) for v in x.tolist()]
        K = [FORMULAS[kernel](g / mpmath.mpf(tau)) * mpmath.mpf(v) for g, v in zip(gaps, w.tolist(), strict=True)]
        Z = mpmath.matrix([[g**k for k in range(degree + 1)] for g in gaps])
        ZK = mpmath.matrix([[Z[i, k] * K[i] for i in range(N)] for k in range(degree + 1)])
        inverse = (ZK * Z) ** -1
        b = inverse * (ZK * mpmath.matrix(y.tolist()))
        row = inverse[0, :] * ZK
        return np.array([float(v) for v in b]), np.array([float(row[0, i]) for i in range(N)])


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("kernel", FORMULAS)
def test_the_formula_in_fifty_digits(kernel, degree):
    tau = 0.9
    result = fastglm.local(x, y, at=POINTS, bandwidth=tau, kernel=kernel, degree=degree, weights=w)
    variance = result._of_points.variance[:, 0]
    for j, point in enumerate(POINTS.tolist()):
        b, row = formula(point, kernel, degree, tau)
        assert result.fitted[j] == pytest.approx(b[0], rel=1e-9, abs=1e-11)
        assert variance[j] == pytest.approx((row**2 / w).sum(), rel=1e-9)
        if degree:
            assert result.slope[j, 0] == pytest.approx(b[1], rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("family", OUTLOOKS)
def test_every_family_is_its_weighted_fit(family):
    value = fastglm.families.NegativeBinomial(2.0) if family == "negative_binomial" else family
    link = None if family in ("gaussian", "binomial") else "log"
    shift = {"offset": 0.1 * np.cos(x)}
    options = dict(family=value, link=link, **shift)
    result = fastglm.local(x, OUTLOOKS[family], at=POINTS, bandwidth=0.8, degree=2, weights=w, **options)
    assert result.certificate.max() <= 1e-9
    for j, point in enumerate(POINTS.tolist()):
        u = x - point
        own = fastglm.fit(
            np.column_stack([u, u * u]), OUTLOOKS[family], weights=w * np.exp(-0.5 * (u / 0.8) ** 2), **options
        )
        assert result.eta[j] == pytest.approx(own.params[0], rel=1e-9, abs=1e-10)
        assert result.slope[j, 0] == pytest.approx(own.params[1], rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("degree", [1, 2])
@pytest.mark.parametrize("family", ["gamma", "inverse_gaussian"])
def test_responses_spread_more_than_their_family_says(family, degree):
    """Full steps by the expected information of a log link then swing to and fro."""
    rng = np.random.default_rng(3)
    at, u = np.linspace(0.5, 3.5, 7), np.sort(rng.uniform(0.0, 4.0, 500))
    mu = np.exp(1.5 * np.sin(2.0 * u))
    spread = rng.gamma(0.3, mu / 0.3) + 1e-6 if family == "gamma" else rng.wald(mu, 0.5) + 1e-3
    result = fastglm.local(u, spread, at=at, bandwidth=1.0, degree=degree, family=family, link="log")
    assert not result.notes
    for i, point in enumerate(at):
        away = u - point
        own = fastglm.fit(
            np.column_stack([away, away * away])[:, :degree], spread, weights=np.exp(-0.5 * away**2), family=family,
            link="log",
        )  # fmt: skip
        np.testing.assert_allclose(result.fitted[i], np.exp(own.params[0]), rtol=1e-8)


@pytest.mark.parametrize("kernel", FORMULAS)
def test_several_columns(kernel):
    X = np.column_stack([x, RNG.normal(size=N)])
    h = np.array([2.5, 1.8])
    at = X[:5] + 0.01
    result = fastglm.local(X, y, at=at, bandwidth=h, kernel=kernel, degree=2)
    for j, point in enumerate(at):
        g = X - point
        K = kernels.at_distances(kernels.resolve(kernel), ((g / h) ** 2).sum(axis=1))
        Z = np.column_stack([np.ones(N), g, g[:, 0] ** 2, g[:, 0] * g[:, 1], g[:, 1] ** 2])
        b = np.linalg.lstsq(Z * np.sqrt(K)[:, None], y * np.sqrt(K), rcond=None)[0]
        assert result.fitted[j] == pytest.approx(b[0], rel=1e-9)
        assert result.slope[j] == pytest.approx(b[1:3], rel=1e-8)


def leave_out(i, kernel, degree, tau, family="gaussian", response=y):
    keep = np.arange(N) != i
    options = dict(bandwidth=tau, kernel=kernel, degree=degree, family=family)
    return fastglm.local(x[keep], response[keep], at=x[i : i + 1], weights=w[keep], **options).fitted[0]


@pytest.mark.parametrize(("kernel", "degree"), [("gaussian", 1), ("epanechnikov", 2), ("tricube", 1)])
def test_leave_one_out_is_brute_force(kernel, degree):
    tau = 1.6
    result = fastglm.local(x, y, bandwidth=tau, kernel=kernel, degree=degree, weights=w)
    left = np.array([leave_out(i, kernel, degree, tau) for i in range(N)])
    assert result.loo == pytest.approx((w * (y - left) ** 2).sum() / w.sum(), rel=1e-10)


def test_leave_one_out_of_a_likelihood_is_near_brute_force():
    response = OUTLOOKS["poisson"]
    result = fastglm.local(x, response, bandwidth=0.9, family="poisson", weights=w)
    left = np.array([leave_out(i, "gaussian", 1, 0.9, "poisson", response) for i in range(N)])
    ratio = np.where(response > 0, response / left, 1.0)
    brute = (w * 2 * (np.where(response > 0, response * np.log(ratio), 0.0) - (response - left))).sum() / w.sum()
    assert result.loo == pytest.approx(brute, rel=0.02)
    assert result.loo > result.deviance / w.sum()


def test_degrees_of_freedom_are_those_of_the_smoother():
    result = fastglm.local(x, y, bandwidth=0.9, kernel="tricube", weights=w)
    L = np.array([formula_row(point) for point in x])
    assert result.leverage == pytest.approx(np.diag(L), rel=1e-9)
    assert result.edf == pytest.approx(np.trace(L), rel=1e-10)
    residual_df = N - 2 * np.trace(L) + (w[:, None] * L**2 / w).sum()
    assert result.residual_df == pytest.approx(residual_df, rel=1e-10)
    rss = (w * (y - L @ y) ** 2).sum()
    assert result.deviance == pytest.approx(rss, rel=1e-10)
    assert result.residuals() == pytest.approx(y - L @ y, rel=1e-8, abs=1e-10)
    assert result.scale == pytest.approx(rss / residual_df, rel=1e-10)
    assert result.gcv == pytest.approx(N * rss / (N - np.trace(L)) ** 2, rel=1e-10)


def formula_row(point):
    u = (x - point) / 0.9
    K = np.clip(1.0 - np.abs(u) ** 3, 0.0, None) ** 3 * w
    Z = np.column_stack([np.ones(N), u])
    return np.linalg.solve((Z * K[:, None]).T @ Z, (Z * K[:, None]).T)[0]


def loess(points, span, degree):
    """R's loess(surface = "direct", family = "gaussian") of one predictor, by its documented formula."""
    out = []
    for point in points.tolist():
        distance = np.abs(x - point)
        h = np.sort(distance)[int(np.floor(N * span + 1e-5)) - 1]
        K = w * np.where(distance < h, (1.0 - np.minimum(distance / h, 1.0) ** 3) ** 3, 0.0)
        Z = (x - point)[:, None] ** np.arange(degree + 1)
        out.append(np.linalg.lstsq(Z * np.sqrt(K)[:, None], y * np.sqrt(K), rcond=None)[0][0])
    return np.array(out)


@pytest.mark.parametrize("degree", [1, 2])
def test_a_nearest_neighbour_tricube_is_loess(degree):
    options = dict(bandwidth={"nearest": 0.4}, kernel="tricube", degree=degree, weights=w)
    result = fastglm.local(x, y, at=POINTS, **options)
    assert result.fitted == pytest.approx(loess(POINTS, 0.4, degree), rel=1e-9, abs=1e-11)
    assert result.bandwidth == Bandwidth(None, 32)


@pytest.mark.parametrize("span", [{"nearest": 0.1}, 0.004, 0.05, 0.7, 9.0])
@pytest.mark.parametrize("kernel", ["epanechnikov", "tricube"])
def test_moments_of_blocks_are_the_rows(kernel, span):
    """Windows of whole blocks, shared between points, give the numbers of the loop over rows."""
    rng = np.random.default_rng(3)
    n = 40_000
    many = np.sort(np.r_[rng.uniform(0.0, 1.0, n), np.repeat(0.5, 300)]) + 1e4
    response = np.sin(9 * many) + 0.1 * rng.normal(size=len(many))
    at = np.r_[rng.uniform(0.0, 1.0, 60), 0.5 + 1e-6 * np.arange(70)] + 1e4
    result = fastglm.local(many, response, at=at, bandwidth=span, kernel=kernel)
    h = result.fits.bandwidth[:, 0]
    variance = result._of_points.variance[:, 0]
    for j in range(0, len(at), 7):
        u = (many - at[j]) / h[j]
        K = kernels.at_distances(kernels.resolve(kernel), u * u)
        Z = np.column_stack([np.ones_like(u), u])
        L = np.linalg.solve((Z * K[:, None]).T @ Z, (Z * K[:, None]).T)[0]
        assert result.fitted[j] == pytest.approx(L @ response, rel=1e-8, abs=1e-9)
        assert variance[j] == pytest.approx(L @ L, rel=1e-7)


@pytest.mark.parametrize("degree", [0, 1, 3])
@pytest.mark.parametrize("tau", [0.02, 0.2, 5.0])
def test_the_series_of_the_gaussian_kernel_is_its_rows(tau, degree):
    """Blocks expanded about the point give the numbers of the formula, far outside the rows and at a gap too."""
    rng = np.random.default_rng(4)
    parts = rng.uniform(0.0, 0.5, 30_000), rng.uniform(0.62, 1.0, 10_000), np.repeat(0.3, 500)
    many = np.sort(np.concatenate(parts)) + 100.0
    response = np.cos(5 * many) + 0.2 * rng.normal(size=len(many))
    at = np.r_[rng.uniform(0.0, 0.5, 50), 0.3, 0.56, 1.01] + 100.0
    result = fastglm.local(many, response, at=at, bandwidth=tau, degree=degree)
    variance = result._of_points.variance[:, 0]
    assert result.fitter._route(np.zeros(1), np.full(1, len(many))) == "gaussian"
    for j, point in enumerate(at):
        u = (many - point) / tau
        K = np.exp(-0.5 * (u * u - (u * u).min()))
        basis = np.linalg.qr(np.sqrt(K)[:, None] * u[:, None] ** np.arange(degree + 1))
        row = np.linalg.solve(basis.R.T, np.eye(degree + 1)[0]) @ basis.Q.T * np.sqrt(K)
        slack = 2e-11 if degree < 3 else 2e-6  # of a cubic at the ends, whose Gram has a condition of 1e9
        assert result.fitted[j] == pytest.approx(row @ response, rel=slack, abs=slack)
        assert variance[j] == pytest.approx(row @ row, rel=slack)


def test_a_block_centred_on_a_point_between_rows_counts_whole():
    """There the block's centre is nearer to the point than every row."""
    rows = np.linspace(0.0, 1.0, 20_000)
    middle = rows[64 * 46 + 32]
    rows = rows[np.abs(rows - middle) > 0.0006]
    at = middle + np.linspace(-0.00057, 0.00057, 21)
    response = np.sin(20.0 * rows)
    result = fastglm.local(rows, response, at=at, bandwidth=0.06, degree=0)
    assert result.fitter._route(np.zeros(1), np.full(1, len(rows))) == "gaussian"
    K = np.exp(-0.5 * ((rows - at[:, None]) / 0.06) ** 2)
    assert result.fitted == pytest.approx((K @ response) / K.sum(axis=1), rel=1e-12)


@pytest.mark.parametrize("family", ["gaussian", "poisson"])
@pytest.mark.parametrize("kernel", ["gaussian", "tricube"])
def test_threads_change_no_bit(kernel, family):
    response = OUTLOOKS[family]
    at = np.linspace(0.0, 6.0, 333)
    one, three = (
        fastglm.local(x, response, at=at, bandwidth=0.9, kernel=kernel, family=family, threads=threads)
        for threads in (1, 3)
    )
    assert one.fits.coef.tobytes() == three.fits.coef.tobytes()


def test_points_far_from_all_rows_have_their_formula():
    """Weights that all underflow are relative to the largest of them; the line is that of the last rows."""
    result = fastglm.local(x, y, at=[6.5, 60.0], bandwidth=0.5, degree=0)
    K = np.exp(-0.5 * ((x - 60.0) / 0.5) ** 2 + 0.5 * ((x.max() - 60.0) / 0.5) ** 2)
    assert result.fitted[1] == pytest.approx((K * y).sum() / K.sum(), rel=1e-12)
    assert "2 of 2 points lie outside" in result.notes[0]


def test_a_selected_bandwidth_has_the_least_criterion():
    grid = [0.2, 0.5, 1.0, 2.0, {"nearest": 0.5}]
    for criterion in ("loo", "gcv"):
        result = fastglm.local(x, y, bandwidth=criterion, bandwidths=grid)
        each = [getattr(fastglm.local(x, y, bandwidth=h), criterion) for h in grid]
        assert result.curve.values == pytest.approx(each, rel=1e-12)
        assert result.curve.best == int(np.argmin(each))


@pytest.mark.slow
def test_intervals_cover():
    """Where a curve has little bias, its 95% intervals hold it in 94 to 96% of samples and places."""
    rng = np.random.default_rng(7)
    n, times, at = 400, 1500, np.linspace(0.15, 0.85, 15)
    place = np.sort(rng.uniform(0.0, 1.0, n))
    inside = 0
    for _ in range(times):
        sample = np.sin(3.0 * place) + 0.5 * rng.normal(size=n)
        found = fastglm.local(place, sample, at=at, bandwidth=0.07, degree=2, threads=1).interval()
        truth = np.sin(3.0 * at)
        inside += ((found.lower <= truth) & (truth <= found.upper)).sum()
    assert 0.94 <= inside / (times * len(at)) <= 0.96
