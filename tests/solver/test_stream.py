"""One read of the rows by streaming Newton, what score passes make of it, and when the exact solver takes over.

The oracle is the exact fit; distances are in its standard errors.
"""

import warnings

import numpy as np
import oracle
import pytest
import streaming
from streaming import badly_scaled, columns, distance, made, sandwich

import fastglm
from fastglm.errors import CollinearityWarning, InvalidParameterError
from fastglm.solvers import Stream
from fastglm.types import READ_ONCE

ONCE = Stream(certify=False)
SCORE_PASS = Stream(tol=100.0)  # whatever the distance, one score pass


def both(X, y, solver=ONCE, **options):
    """A fit by ``solver`` and the exact one."""
    return fastglm.fit(X, y, solver=solver, **options), fastglm.fit(X, y, solver="newton", **options)


# One read


@pytest.mark.parametrize("family, link", oracle.pairs())
def test_every_family_and_link(family, link):
    family, link = oracle.family(family), oracle.link(link)
    X, y = oracle.draw(family, link, n=60_000)
    X = badly_scaled(X)
    once, exact = both(X, y, family=family, link=link)
    away = distance(once, exact)
    # means proportional to eta^(-1/2) bend most
    wide = 3.0 if link.name == "inverse_squared" else 1.0
    assert away.rms < 0.1 * wide and away.se < 0.02
    assert once.solver == "stream"
    if once.stop == READ_ONCE:
        assert once.n_passes < 1.5
    else:
        # least squares is exact; where a row's mean leaves the family's range, the exact solver has taken over
        assert once.converged and away.largest < 1e-7
    for name in ("deviance", "pearson_chi2", "scale"):
        assert getattr(once, name) == pytest.approx(getattr(exact, name), rel=1e-3 if name == "deviance" else 0.03)
    better = distance(fastglm.fit(X, y, family=family, link=link, solver=SCORE_PASS), exact)
    assert better.rms < 0.01 * wide and better.se < 0.02


@pytest.mark.parametrize("kind", ["binomial", "poisson", "gamma"])
@pytest.mark.parametrize("n, p, rms, largest", [(200_000, 20, 0.1, 0.4), (20_000, 40, 0.15, 0.5)])
def test_one_read_of_badly_scaled_columns(kind, n, p, rms, largest):
    X, y = made(kind, n, p)
    options = {"family": kind, "link": "log" if kind == "gamma" else None}
    once, exact = both(X, y, **options)
    away = distance(once, exact)
    assert away.rms < rms and away.largest < largest and away.se < (0.02 if n > 100_000 else 0.05)
    corrected = distance(fastglm.fit(X, y, solver=SCORE_PASS, **options), exact)
    assert corrected.rms < (0.01 if n > 100_000 else 0.02)
    # the reads that are counted: all rows, and a sample of them to start with
    assert once.n_passes < (1.2 if n > 100_000 else 2.5)


def test_many_columns_sum_the_curvature_of_a_part_of_the_rows():
    X, y = made("binomial", 100_000, 80)
    once, exact = both(X, y, family="binomial")
    away = distance(once, exact)
    assert away.rms < 0.12 and away.se < 0.03


@pytest.mark.parametrize("K", [3, 5])
def test_softmax(K):
    X, y = streaming.classes(100_000, 8, K)
    once, exact = both(X, y, family="multinomial")
    away = distance(once, exact)
    assert away.rms < 0.1 and away.se < 0.02 and once.stop == READ_ONCE
    corrected = distance(fastglm.fit(X, y, family="multinomial", solver=SCORE_PASS), exact)
    assert corrected.rms < 0.01
    certified = fastglm.fit(X, y, family="multinomial", solver="stream")
    assert certified.converged and distance(certified, exact).largest < 3 * certified.certificate + 1e-9


def test_least_squares_in_one_read_is_exact():
    X, y = made("gaussian", 50_000, 12)
    once, exact = both(X, y)
    assert distance(once, exact).largest < 1e-9 and once.converged
    np.testing.assert_allclose(once.deviance, exact.deviance, rtol=1e-11)
    np.testing.assert_allclose(once.bse, exact.bse, rtol=1e-9)


def test_what_one_read_says_of_itself():
    X, y = made("poisson", 30_000, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        once = fastglm.fit(X, y, family="poisson", solver=ONCE)
    assert not once.converged and np.isnan(once.certificate) and once.stop == READ_ONCE
    assert "not certified" in repr(once)
    certified = fastglm.fit(X, y, family="poisson", solver="stream")
    assert certified.converged and certified.certificate <= 0.05 and certified.stop == "converged"
    assert len(certified.history) >= 2 and certified.n_passes == pytest.approx(once.n_passes + 1, abs=1e-3)


# What the answer may not depend on


@pytest.mark.parametrize("solver", [ONCE, Stream()])
def test_the_scale_of_columns_does_not_matter(solver):
    Z = columns(30_000, 6)
    y = (np.random.default_rng(0).random(len(Z)) < 0.5).astype(float)
    plain = fastglm.fit(Z, y, family="binomial", solver=solver)
    scale = 10.0 ** np.arange(-9, 9, 3)
    scaled = fastglm.fit(Z * scale, y, family="binomial", solver=solver)
    away = (scaled.params[1:] * scale - plain.params[1:]) / plain.bse[1:]
    assert np.abs(away).max() < 1e-3
    np.testing.assert_allclose(scaled.bse[1:] * scale, plain.bse[1:], rtol=1e-5)


def test_seeds_and_blocks_change_little_and_the_same_call_nothing():
    X, y = made("poisson", 60_000, 10)
    exact = fastglm.fit(X, y, family="poisson")
    options = [Stream(certify=False, seed=s) for s in range(4)]
    options += [Stream(certify=False, block_rows=rows) for rows in (100, 5000)]
    options += [Stream(certify=False, shuffle=False)]
    fits = [fastglm.fit(X, y, family="poisson", solver=o) for o in options]
    assert all(distance(r, exact).rms < 0.1 and distance(r, exact).se < 0.02 for r in fits)
    assert len({r.params.tobytes() for r in fits}) == len(fits)
    again = fastglm.fit(X, y, family="poisson", solver=options[0], threads=1)
    assert again.params.tobytes() == fits[0].params.tobytes() and again.bse.tobytes() == fits[0].bse.tobytes()


def test_storage_does_not_matter():
    X, y = made("binomial", 20_000, 6)
    X = np.round(X.astype(np.float32), 3).astype(np.float32)
    plain = fastglm.fit(X.astype(np.float64), y, family="binomial", solver=ONCE)
    X.setflags(write=False)
    wide = np.zeros((len(X), 9), np.float32)
    wide[:, 1:7] = X
    for other in (X, np.asfortranarray(X), wide[:, 1:7], X.astype(np.float64, order="F")):
        r = fastglm.fit(other, y.astype(np.uint8), family="binomial", solver=ONCE)
        np.testing.assert_allclose(r.params, plain.params, rtol=1e-6)
        np.testing.assert_allclose(r.bse, plain.bse, rtol=1e-6)


def vectors(n):
    rng = np.random.default_rng(9)
    return {
        "weights": rng.uniform(0.2, 3.0, n), "freq_weights": rng.integers(0, 4, n), "offset": rng.normal(size=n),
        "exposure": rng.uniform(0.5, 20.0, n),
    }  # fmt: skip


@pytest.mark.parametrize("names", [[name] for name in vectors(1)] + [list(vectors(1))])
def test_offsets_exposures_and_weights(names):
    X, y = made("poisson", 40_000, 6)
    given = {name: vectors(len(y))[name] for name in names}
    once, exact = both(X, y, family="poisson", **given)
    away = distance(once, exact)
    # the model does not hold, so that rows' scores are larger than their information says
    assert away.rms < 0.3 and away.se < 0.02
    assert distance(fastglm.fit(X, y, family="poisson", solver=SCORE_PASS, **given), exact).rms < 0.05
    for name in ("nobs", "df_resid", "null_deviance"):
        np.testing.assert_allclose(getattr(once, name), getattr(exact, name), rtol=1e-12)
    certified = fastglm.fit(X, y, family="poisson", solver="stream", **given)
    assert certified.converged and distance(certified, exact).largest < 0.15


def test_a_start_replaces_the_sample_s():
    X, y = made("poisson", 30_000, 5)
    exact = fastglm.fit(X, y, family="poisson")
    once = fastglm.fit(X, y, family="poisson", solver=ONCE, start=exact.params)
    assert distance(once, exact).rms < 0.1
    far = fastglm.fit(X, y, family="poisson", solver="stream", start=exact.params + 3.0 * exact.bse)
    assert far.converged and distance(far, exact).largest < 0.15


# Hard data


def one_hot(n, seed=0):
    """44 columns: 42 levels whose frequencies fall by a fifth each, the rarest of 32 rows, and two normal columns."""
    rng = np.random.default_rng(seed)
    share = 1.2 ** -np.arange(42.0)
    level = rng.choice(42, size=n, p=share / share.sum())
    level[rng.choice(n, 32, replace=False)] = 42
    X = np.column_stack([level[:, None] == np.arange(1, 43), rng.normal(size=(n, 2))]).astype(float)
    eta = X @ rng.normal(size=X.shape[1]) * 0.5 - 1.0
    return X, streaming.RESPONSES["binomial"](rng, eta)


def heavy_tails(n):
    """Counts of a mean up to exp(20) at the far rows of a t distribution with three degrees of freedom."""
    rng = np.random.default_rng(1)
    X = rng.standard_t(3, (n, 8))
    eta = X @ rng.normal(size=8)
    return X, rng.poisson(np.exp(eta / np.abs(eta).max() * 19.6)).astype(float)


def by(key, X, y):
    order = np.argsort(key, kind="stable")
    return X[order], y[order]


def by_column(X, y):
    return by(X[:, 0], X, y)


def by_response(X, y):
    return by(y, X, y)


N, P = 60_000, 10
# name -> family, and a function that draws X and y: the data that one read has trouble with
STRESS = {
    "badly scaled": ("binomial", lambda: made("binomial", N, P)),
    "sorted by a column": ("binomial", lambda: by_column(*made("binomial", N, P))),
    "sorted by y": ("binomial", lambda: by_response(*made("binomial", N, P))),
    "events of 0.8%": ("binomial", lambda: made("binomial", N, P, -5.0)),
    "events of 0.11%": ("binomial", lambda: made("binomial", N, P, -7.0)),
    "near separable": ("binomial", lambda: made("binomial", N, P, 0.0, 12.0)),
    "one-hot": ("binomial", lambda: one_hot(N)),
    "heavy tails": ("poisson", lambda: heavy_tails(N)),
    "rare counts": ("poisson", lambda: made("poisson", N, P, -7.0)),
    "sorted counts": ("poisson", lambda: by_response(*made("poisson", N, P, 0.0))),
    "overdispersed": ("poisson", lambda: made("overdispersed", N, P, 0.0)),
    "small": ("binomial", lambda: made("binomial", 400, P)),
}


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("name", STRESS)
def test_what_is_certified_holds(name, shuffle):
    family, draw = STRESS[name]
    X, y = draw()
    certified, exact = both(X, y, Stream(shuffle=shuffle), family=family)
    away = distance(certified, exact)
    assert certified.converged and certified.certificate <= 0.05
    # never more than three times below the truth; 1e-8 is what two exact solvers may differ by
    assert away.largest <= 3.0 * certified.certificate + 1e-8
    assert away.se < 0.02 if name != "near separable" else away.se < 0.05
    # one read, a sample, some score passes and a curvature; or, where these fail, the exact fit
    if certified.certificate > 1e-8:
        assert certified.n_passes < 10.0
        # a deviance is so far from its minimum as the square of the distance
        assert abs(certified.deviance - exact.deviance) < 0.1 * exact.scale
    else:
        np.testing.assert_allclose(certified.deviance, exact.deviance, rtol=1e-12)
        assert away.largest < 1e-8


def test_a_stream_that_cannot_be_followed_is_fitted_exactly():
    X, y = by_response(*made("binomial", N, P))
    certified, exact = both(X, y, Stream(shuffle=False), family="binomial")
    assert certified.certificate <= 1e-8 and distance(certified, exact).largest < 1e-8
    np.testing.assert_allclose(certified.bse, exact.bse, rtol=1e-8)
    once = fastglm.fit(X, y, family="binomial", solver=Stream(shuffle=False, certify=False))
    assert once.stop == READ_ONCE and distance(once, exact).rms > 1.0, "what certification is for"


@pytest.mark.parametrize("certify", [True, False])
def test_collinear_columns_are_named(certify):
    X, y = made("binomial", 30_000, 4)
    X = np.column_stack([X, X[:, 0] - 2.0 * X[:, 2], np.zeros(len(X))])
    with pytest.warns(CollinearityWarning):
        r = fastglm.fit(X, y, family="binomial", solver=Stream(certify=certify))
    assert r.converged and r.aliased == {"x5": "x1 - 2 x3", "x6": "0"}
    exact = fastglm.fit(X[:, :4], y, family="binomial", solver="newton")
    np.testing.assert_allclose(r.params[:5], exact.params, atol=1e-7 * exact.bse.max(), rtol=1e-6)


@pytest.mark.parametrize("n", [1, 30, 500, 3000])
def test_small_data_are_fitted_exactly(n):
    rng = np.random.default_rng(n)
    X = rng.normal(size=(n, 2))
    y = rng.poisson(np.exp(0.3 * X[:, 0])) + 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        certified, exact = both(X, y, "stream", family="poisson")
    np.testing.assert_allclose(certified.params, exact.params, atol=1e-9)


def test_no_intercept_and_no_columns():
    X, y = made("poisson", 30_000, 4, scaled=False)
    once, exact = both(X, y, family="poisson", intercept=False)
    assert distance(once, exact).rms < 0.3  # the model does not hold without a constant
    once, exact = both(X[:, :0], y, family="poisson")
    assert distance(once, exact).rms < 0.1


def test_bad_values_are_named_not_learned_from():
    X, y = made("poisson", 30_000, 4)
    X[20_000, 2] = np.nan
    with pytest.raises(InvalidParameterError, match="'x3' .* row 20000"):
        fastglm.fit(X, y, family="poisson", solver="stream")


@pytest.mark.parametrize("change", [{"tol": 0.0}, {"tol": -1.0}, {"max_iter": 0}])
def test_options_that_cannot_be(change):
    X, y = made("poisson", 100, 2)
    with pytest.raises(InvalidParameterError, match=next(iter(change))):
        fastglm.fit(X, y, family="poisson", solver=Stream(**change))


# The sandwich


@pytest.mark.parametrize("kind", ["binomial", "poisson", "overdispersed", "multinomial"])
def test_robust_standard_errors_of_one_read(kind):
    family = "poisson" if kind == "overdispersed" else kind
    X, y = streaming.classes(50_000, 5, 4) if kind == "multinomial" else made(kind, 50_000, 8)
    exact = fastglm.fit(X, y, family=family, cov="robust")
    for solver in (ONCE, Stream()):
        r = fastglm.fit(X, y, family=family, solver=solver, cov="robust")
        assert r.cov_kind == "robust" and distance(r, exact).se < 0.05
        # the scores are read with the curvature, once more
        assert r.n_passes > 2.0


@pytest.mark.parametrize("solver", ["auto", "newton", "irls", "lbfgs", "newton-cg"])
@pytest.mark.parametrize("kind", ["gaussian", "binomial", "poisson", "multinomial"])
def test_the_sandwich_of_exact_fits_is_HC0(kind, solver):
    X, y = streaming.classes(900, 3, 4) if kind == "multinomial" else made(kind, 900, 3)
    rng = np.random.default_rng(1)
    w, f = rng.uniform(0.5, 2.0, len(y)), rng.integers(0, 4, len(y))
    r = fastglm.fit(X, y, family=kind, weights=w, freq_weights=f, cov="robust", solver=solver)
    expected = sandwich(r, X, y, w, f)
    size = np.sqrt(np.diagonal(expected))
    np.testing.assert_allclose(r.cov_params() / size / size[:, None], expected / size / size[:, None], atol=1e-8)
    np.testing.assert_allclose(r.bse.ravel(order="F"), size, rtol=1e-8)


@pytest.mark.parametrize("kind", ["binomial", "poisson", "gamma"])
def test_the_sandwich_is_statsmodels_HC0(kind):
    sm = pytest.importorskip("statsmodels.api")
    X, y = made(kind, 2000, 4, scaled=False)
    family = {"binomial": sm.families.Binomial(), "poisson": sm.families.Poisson(),
              "gamma": sm.families.Gamma(sm.families.links.Log())}[kind]  # fmt: skip
    peer = sm.GLM(y, sm.add_constant(X), family).fit(tol=1e-14, cov_type="HC0")
    r = fastglm.fit(X, y, family=kind, link="log" if kind == "gamma" else None, cov="robust")
    # statsmodels' bread of a link that is not canonical is the observed information
    rtol = 1e-10 if kind != "gamma" else 0.05
    np.testing.assert_allclose(r.bse, peer.bse, rtol=rtol)


@pytest.mark.parametrize("kind", ["poisson", "multinomial"])
def test_frequencies_count_as_repeated_rows_in_the_sandwich(kind):
    X, y = streaming.classes(700, 3, 3) if kind == "multinomial" else made(kind, 700, 3)
    w, f = np.random.default_rng(1).uniform(0.5, 2.0, len(y)), np.random.default_rng(2).integers(0, 4, len(y))
    short = fastglm.fit(X, y, family=kind, weights=w, freq_weights=f, cov="robust")
    long = fastglm.fit(np.repeat(X, f, 0), np.repeat(y, f), family=kind, weights=np.repeat(w, f), cov="robust")
    np.testing.assert_allclose(short.bse, long.bse, rtol=1e-9)


# Intervals


def covered(kind, cov, repeats, n=5000, p=6):
    """The share of 95% intervals of one read that cover the true coefficients, all of them over ``repeats`` samples."""
    family = "poisson" if kind == "overdispersed" else kind
    hits = []
    for seed in range(repeats):
        rng = np.random.default_rng([7, seed])
        Z = columns(n, p, seed=[7, seed, 1])
        beta = rng.normal(size=p) * 0.7 / np.sqrt(p)
        y = streaming.RESPONSES[kind](rng, Z @ beta - 0.5)
        r = fastglm.fit(Z * 1e3, y, family=family, solver=ONCE, cov=cov)
        low, high = r.conf_int().T
        truth = np.append(-0.5, beta / 1e3)
        hits.append((low <= truth) & (truth <= high))
    return np.mean(hits), len(hits) * (p + 1)


@pytest.mark.parametrize("kind, cov", [("binomial", "model"), ("poisson", "model"), ("overdispersed", "robust")])
def test_intervals_cover_what_they_promise(kind, cov):
    share, size = covered(kind, cov, 100)
    slack = 3.0 * np.sqrt(0.95 * 0.05 / size)
    assert 0.95 - slack - (0.01 if cov == "robust" else 0.0) <= share <= 0.95 + slack


def test_intervals_of_the_model_are_too_short_under_overdispersion():
    assert covered("overdispersed", "model", 40)[0] < 0.92
