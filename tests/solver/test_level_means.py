"""Where a fit of factors begins: at the means of the levels' rows, whatever the family, the link and the contrasts."""

import warnings

import numpy as np
import oracle
import pandas as pd
import pytest

import fastglm
from fastglm.errors import CollinearityWarning, ConvergenceWarning, SeparationWarning
from fastglm.objective import levels as of_levels

N = 4000


def levels(seed, sizes, rows=N):
    rng, data = np.random.default_rng(seed), pd.DataFrame(index=range(rows))
    for name, k in sizes.items():
        data[name] = pd.Categorical.from_codes(rng.integers(0, k, rows), [f"{name}{j:02d}" for j in range(k)])
    return rng, data


def quietly(*args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SeparationWarning)
        warnings.simplefilter("ignore", CollinearityWarning)
        return fastglm.glm(*args, **options)


@pytest.mark.parametrize("family, link", oracle.pairs())
def test_one_factor_alone_begins_at_its_optimum(family, link):
    family, link = oracle.family(family), oracle.link(link)
    rng, data = levels(1, {"f": 7}, 10_000)  # fewer rows have steps in compiled code
    low, high = oracle.means(family)
    data["y"] = oracle.respond(rng, family, np.linspace(low, high, 7)[data.f.cat.codes])
    result = fastglm.glm("y ~ f", data, family=family, link=link)
    means = data.groupby("f", observed=True).y.mean().to_numpy()
    eta = [float(oracle.to_eta(link, np.float64(m))) for m in means]
    np.testing.assert_allclose(result.params[0] + np.r_[0.0, result.params[1:]], eta, rtol=1e-9)
    assert result.converged
    assert result.history[0]["distance"] < 1e-8


@pytest.mark.parametrize("name", fastglm.links.names())
def test_links_of_thousands_of_means_are_those_of_each(name):
    link = oracle.link(name)
    means = np.linspace(0.01, 0.99, of_levels.FEW + 1)
    np.testing.assert_allclose(of_levels.predictors(link, means), oracle.to_eta(link, means), rtol=1e-13, atol=1e-14)


def portfolio(seed=2):
    """Counts of three factors that go together, one with levels of a few rows, and a number."""
    rng, data = levels(seed, {"a": 4, "b": 12})
    data["c"] = np.minimum(rng.geometric(0.06, N) - 1, 60) // (1 + (data.a.cat.codes == 0))
    data["c"] = pd.Categorical(data.c.astype(str))
    data["x"] = rng.uniform(size=N)
    eta = -1.0 + 0.6 * data.x + rng.normal(0, 0.7, 12)[data.b.cat.codes] + rng.normal(0, 0.7, 61)[data.c.cat.codes]
    data["count"] = rng.poisson(np.exp(eta))
    data["event"] = (data["count"] > 0) * 1.0
    data["size"] = rng.gamma(3.0, np.exp(eta) / 3.0)
    return data


@pytest.mark.parametrize(
    "response, family, link",
    [
        ("count", "poisson", "log"),
        ("event", "binomial", "logit"),
        ("event", "binomial", "cloglog"),
        ("size", "gamma", "log"),
    ],
)
def test_rare_levels_take_few_steps(response, family, link):
    data = portfolio()
    result = quietly(f"{response} ~ a + b + c + x", data, family=family, link=link)
    # from a start elsewhere, to the same place
    far = np.zeros(len(result.params))
    far[0] = 0.1
    other = quietly(f"{response} ~ a + b + c + x", data, family=family, link=link, start=far)
    assert result.deviance == pytest.approx(other.deviance, rel=1e-9)
    finite = result.bse < 10.0
    np.testing.assert_allclose(result.params[finite], other.params[finite], rtol=1e-6, atol=1e-6)
    assert result.n_iter <= other.n_iter - 2


def separated(seed, share=0.03):
    """Rare events beside two factors that go together, of whose combinations many have none and some are not there."""
    rng, data = levels(seed, {"b": 8})
    codes = np.where(rng.random(N) < 0.8, data.b.cat.codes * 5 + rng.integers(0, 5, N), rng.integers(0, 40, N))
    data["a"] = pd.Categorical.from_codes(codes, [f"a{j:02d}" for j in range(40)])
    data["x"] = rng.normal(size=N)
    eta = np.log(share) + 0.5 * data.x + rng.normal(0, 1.0, 40)[codes] + rng.normal(0, 1.0, 8)[data.b.cat.codes]
    data["y"] = (rng.random(N) < 1.0 / (1.0 + np.exp(-eta))) * 1.0
    data["both"] = pd.Categorical(data.a.astype(str) + data.b.astype(str))
    return data


@pytest.mark.parametrize("link, seed", [("logit", 0), ("cloglog", 4)])
def test_combinations_without_events_end_at_the_limit_of_the_deviance(link, seed):
    data = separated(seed)
    alone = quietly("y ~ both + x", data, family="binomial", link=link)
    for formula in ("y ~ a * b + x", "y ~ a + a:b + x", "y ~ b + b:a + x"):
        result = quietly(formula, data, family="binomial", link=link)
        assert result.deviance == pytest.approx(alone.deviance, abs=1e-4)
        assert result.stop == "separation"
        if link == "logit":  # whose steps there are one and the same, and are taken at once
            assert result.n_iter < 20


@pytest.mark.parametrize("contrast", ["Sum", "Helmert", "Poly"])
@pytest.mark.parametrize("link", ["logit", "cloglog"])
@pytest.mark.parametrize("rows", [1, 15])
def test_contrasts_of_levels_without_events_have_the_deviance_of_the_levels(contrast, link, rows):
    # fifteen times the rows are more than a search for a separating direction takes
    data = pd.concat([separated(3)] * rows, ignore_index=True)
    alone = quietly("y ~ a + x", data, family="binomial", link=link)
    with pytest.warns(SeparationWarning, match="infinite"):
        result = fastglm.glm(f"y ~ C(a, {contrast}) + x", data, family="binomial", link=link)
    assert alone.stop == result.stop == "separation"
    assert result.deviance == pytest.approx(alone.deviance, rel=1e-6)
    assert not result.converged


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog"])
@pytest.mark.parametrize("seed", [0, 1])
def test_rows_that_no_column_alone_separates_are_named(seed, link):
    rng = np.random.default_rng(seed)
    n, p = 60_000, 6
    X, rare = rng.standard_normal((n, p)), np.zeros(n)
    rare[rng.choice(n, 100, replace=False)] = 1.0
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-X @ rng.normal(0, 0.3, p)))) * 1.0
    y[rare > 0.0] = 0.0
    rest = rare == 0.0
    plain = fastglm.fit(X[rest], y[rest], family="binomial", link=link)
    mixed = np.column_stack([X, rare]) @ rng.standard_normal((p + 1, p + 1))
    # tails that fall as those of the normal distribution do may leave nothing at all of a direction
    named = {"logit": (SeparationWarning,)}.get(link, (SeparationWarning, ConvergenceWarning))
    with pytest.warns(named, match="infinite|no information"):
        result = fastglm.fit(mixed, y, family="binomial", link=link)
    assert result.stop in ("separation", "no information") and not result.converged
    assert result.deviance == pytest.approx(plain.deviance, abs=1e-4)


@pytest.mark.parametrize("size", [1e12, 1e16, 1e18])
def test_one_row_of_very_much_weight_hides_no_other(size):
    rng = np.random.default_rng(0)
    n, true = 60_000, np.array([0.3, -0.2, 0.1])
    X = rng.standard_normal((n, 3))
    y = rng.poisson(np.exp(X @ true)).astype(float)
    X[7] = np.array([40.0, 30.0, -20.0]) * np.log(size) / 4.0
    y[7] = np.round(np.exp(X[7] @ true))
    result = fastglm.fit(X, y, family="poisson")
    assert result.converged
    # that row holds one linear combination, the others tell what is orthogonal to it
    rows = np.arange(n) != 7
    along = X[rows] @ np.array([[3.0, -4.0, 0.0], [1.0, 0.0, 2.0]]).T
    mu = np.exp(result.params[0] + X[rows] @ result.params[1:])
    spread = np.sqrt((along**2 * mu[:, None]).sum(0))
    assert (np.abs(along.T @ (y[rows] - mu)) <= 1e-3 * spread).all()


@pytest.mark.parametrize("family, link", oracle.pairs())
def test_a_response_at_one_end_of_the_range_is_no_start_for_levels(family, link):
    family, link = oracle.family(family), oracle.link(link)
    _, data = levels(3, {"f": 7}, 10_000)
    for end in (family.mean.low, family.mean.high):
        data["y"] = end
        if not np.isfinite(end) or not (family.domain.low <= end <= family.domain.high):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                result = fastglm.glm("y ~ f", data, family=family, link=link)
            except fastglm.errors.InvalidParameterError:
                continue
        assert result.deviance < 1e-6 * len(data)
