"""The record of a softmax regression against statsmodels' MNLogit, the binomial result, finite differences, and
one-step deletions by dense algebra."""

from dataclasses import replace

import mpmath
import numpy as np
import pytest
from scipy import stats
from scipy.special import softmax
from softmax_records import LABELS, NAMES, NAN, close, fitted, indicators, made, sample

import fastglm
from fastglm import errors
from fastglm.families import Multinomial
from fastglm.inference import multinomial as rows_of
from fastglm.inference.wald import wald

# Estimates and tests


@pytest.mark.parametrize("K", [3, 5])
def test_inference_is_MNLogit_s(K):
    sm = pytest.importorskip("statsmodels.api")
    X, y = sample(K)
    r = fitted(K)
    peer = sm.MNLogit(np.searchsorted(LABELS, y), sm.add_constant(X)).fit(method="newton", tol=1e-12, disp=0)
    assert r.params.shape == (4, K - 1) and r.names == ("(Intercept)", *NAMES)
    assert r.classes == tuple(LABELS[:K]) and r.contrast_classes == tuple(LABELS[1:K]) and r.reference == "ash"
    for ours, theirs in [
        (r.params, peer.params),
        (r.bse, peer.bse),
        (r.tvalues, peer.tvalues),
        (r.pvalues, peer.pvalues),
        (r.cov_params(), peer.cov_params()),
        (r.conf_int(0.9).transpose(1, 0, 2), peer.conf_int(0.1)),
        (r.predict(X), peer.predict()),
        ([r.llf, r.llnull, r.aic, r.bic], [peer.llf, peer.llnull, peer.aic, peer.bic]),
    ]:
        close(ours, theirs, rtol=1e-6)
    assert r.df_resid == 300 * (K - 1) - r.rank and r.df_null == 299 * (K - 1) and r.df_model == 3 * (K - 1)
    assert r.test_df is None and r.n_parameters == r.rank == 4 * (K - 1)


def test_two_classes_are_the_binomial_in_everything():
    X, y = sample(2)
    weights = np.random.default_rng(5).uniform(0.5, 2.0, len(y))
    r = fastglm.fit(X, y, family="multinomial", weights=weights)
    b = fastglm.fit(X, y, family="binomial", weights=weights)
    for name in ("params", "bse", "tvalues", "pvalues"):
        close(getattr(r, name)[:, 0], getattr(b, name), rtol=1e-8)
    scalars = "deviance null_deviance llf llnull aic bic pearson_chi2 nobs df_resid df_model df_null rank scale classes"
    for name in scalars.split():
        if name == "classes":
            assert r.classes == b.classes
        else:
            close(getattr(r, name), getattr(b, name))
    close(r.cov_params(), b.cov_params(), rtol=1e-8)
    close(r.conf_int(0.8)[:, 0], b.conf_int(0.8), rtol=1e-8)
    close(r.predict(X)[:, 1], b.predict(X))
    assert (r.predict(X, kind="class") == b.predict(X, kind="class")).all()
    for kind, second in [("mean", 1), ("link", 0)]:
        ours, theirs = r.predict(X, kind, interval="mean"), b.predict(X, kind, interval="mean")
        close([part[:, second] for part in ours], theirs, rtol=1e-8)
    for kind in ("response", "pearson"):
        close(r.residuals(X, y, kind, weights=weights)[:, 1], b.residuals(X, y, kind, weights=weights), rtol=1e-8)
    close(r.residuals(X, y, weights=weights), np.abs(b.residuals(X, y, weights=weights)), rtol=1e-8)
    ours, theirs = r.influence(X, y, weights=weights), b.influence(X, y, weights=weights)
    close(ours.hat, theirs.hat, rtol=1e-8)
    close(ours.cooks_distance, theirs.cooks_distance, rtol=1e-8)


def test_information_criteria_and_glance():
    r = made()
    close([r.aic, r.bic], [150.5 + 8, 150.5 + 4 * np.log(100)])
    glance = r.glance()
    assert glance["df_null"] == 198 and glance["nobs"] == 100 and glance["df_residual"] == 196


# Other coefficients of the same model


def test_symmetric_coefficients_do_not_depend_on_the_reference():
    r = fitted(4)
    close(r.coef_full.sum(axis=1), 0.0)
    close(np.delete(r.coef_full - r.coef_full[:, :1], 0, axis=1), r.params)
    eta = np.column_stack([np.ones(300), sample(4)[0]]) @ r.coef_full
    close(fastglm.special.softmax(eta), r.predict(sample(4)[0]))
    maps = np.kron(r._symmetric, np.eye(4))
    close(r.bse_full, np.sqrt(np.diagonal(maps @ r.cov_params() @ maps.T)).reshape(4, 4).T)
    other = r.relevel("oak")
    close(other.coef_full, r.coef_full)
    close(other.bse_full, r.bse_full)
    with pytest.raises(ValueError, match="read-only"):
        r.coef_full[0, 0] = 1.0


def test_symmetric_coefficients_are_what_scikit_learn_finds_without_a_penalty():
    sklearn = pytest.importorskip("sklearn.linear_model")
    X, y = sample(4)
    peer = sklearn.LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(X, y)
    slopes = peer.coef_.T - peer.coef_.mean(axis=0)[:, None]
    close(fitted(4).coef_full[1:], slopes, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("reference", LABELS[1:4])
@pytest.mark.parametrize("cov", ["model", "robust"])
def test_relevel_is_a_fit_against_the_other_class(reference, cov):
    X, y = sample(4)
    r = fitted(4, cov=cov)
    ours = r.relevel(reference)
    refit = fastglm.fit(X, y, family=Multinomial(reference=reference), names=NAMES, cov=cov)
    assert ours.contrast_classes == refit.contrast_classes and ours.family == refit.family
    for name in ("params", "bse", "tvalues", "cov_unscaled"):
        close(getattr(ours, name), getattr(refit, name), rtol=1e-6, atol=1e-9)
    close(ours.cov_params(), refit.cov_params(), rtol=1e-6, atol=1e-9)
    close(ours.predict(X), r.predict(X))
    close(ours.predict(X, interval="mean").se, r.predict(X, interval="mean").se)
    close(ours.influence(X, y).cooks_distance, r.influence(X, y).cooks_distance)
    close(ours.wald_test()["statistic"], r.wald_test()["statistic"])
    close(ours.relevel("ash").params, r.params)
    close(ours.relevel("ash").cov_params(), r.cov_params())
    assert np.isnan(ours.score_norm) and ours.deviance == r.deviance and r.relevel("ash") is r


def test_relevel_without_a_covariance_and_with_labels_that_are_not_text():
    r = made(4, cov_unscaled=None).relevel(2)
    assert r.cov_params() is None and np.isnan(r.bse).all() and r.bse.shape == (2, 3)
    assert np.isnan(r.bse_full).all() and r.contrast_classes == (0, 1, 3)
    with pytest.raises(errors.InvalidParameterError, match=r"reference=7 is not one of the classes \[0, 1, 2\]"):
        made().relevel(7)


# Joint tests


def test_wald_tests_are_quadratic_forms():
    r = fitted(4)
    table = r.wald_test()
    C = r.cov_params().reshape(3, 4, 3, 4)
    for j, name in enumerate(r.names):
        expected = r.params[j] @ np.linalg.solve(C[:, j, :, j], r.params[j])
        close(table["statistic"][j], expected)
        close(table["p_value"][j], stats.chi2.sf(expected, 3))
        assert table["term"][j] == name and table["df"][j] == 3
    joint = r.wald_test([NAMES])
    slopes = np.ravel([4 * k + np.arange(1, 4) for k in range(3)])
    b = r.params.ravel(order="F")[slopes]
    close(joint["statistic"][0], b @ np.linalg.solve(r.cov_params()[np.ix_(slopes, slopes)], b))
    assert joint["df"][0] == 9 and joint["term"][0] == "height, age, slope"
    assert r.wald_test("age")["statistic"][0] == table["statistic"][2]
    assert list(r.wald_test([])["term"]) == []


def test_wald_statistics_and_likelihood_ratios_are_those_of_the_curvature():
    """A likelihood ratio is the curvature integrated on the way to the smaller model, Wald's statistic its least value
    where it stays what it is at the estimates."""
    X, y = sample(3, n=20_000)
    full, small = (fastglm.fit(Z, y, family="multinomial") for Z in (X, X[:, :2]))
    A, at = np.column_stack([np.ones(len(y)), X]), full.params.ravel(order="F")
    step = np.vstack([small.params, np.zeros(small.params.shape[1])]).ravel(order="F") - at

    def curvature(theta):
        mu = softmax(A @ np.column_stack([np.zeros(4), theta.reshape(-1, 4).T]), axis=1)[:, 1:]
        blocks = [[(A * (mu[:, [k]] * ((k == m) - mu[:, [m]]))).T @ A for m in range(mu.shape[1])]
                  for k in range(mu.shape[1])]  # fmt: skip
        return np.block(blocks)

    nodes, weights = np.polynomial.legendre.leggauss(12)
    s = (nodes + 1.0) / 2.0
    ratio = sum(w * (1.0 - t) * (step @ curvature(at + t * step) @ step) for t, w in zip(s, weights, strict=True))
    assert 2 * (full.llf - small.llf) == pytest.approx(ratio, rel=1e-8)
    C, third = np.linalg.inv(curvature(at)), np.arange(3, len(at), 4)
    wald = at[third] @ np.linalg.solve(C[np.ix_(third, third)], at[third])
    assert full.wald_test(["x3"])["statistic"][0] == pytest.approx(wald, rel=1e-7)
    assert wald <= step @ curvature(at) @ step * (1 + 1e-12)


def test_wald_of_a_singular_covariance_uses_its_rank():
    b = np.array([1.0, 2.0, 3.0])
    C = np.outer([1.0, 2, 3], [1.0, 2, 3]) * 0.25
    assert wald(b, C)[:2] == pytest.approx((4.0, 1))
    assert wald(np.array([NAN, 2.0]), np.array([[NAN, NAN], [NAN, 4.0]]))[:2] == (1.0, 1)
    assert np.isnan(wald(np.array([NAN]), np.array([[NAN]])).statistic)


def test_wald_tests_refuse_what_they_cannot_test():
    with pytest.raises(errors.InvalidParameterError, match=r"\['width'\] not among the names"):
        fitted().wald_test(["age", ("height", "width")])
    with pytest.raises(errors.InvalidParameterError, match="not among the names"):
        fitted().wald_test([()])
    with pytest.raises(errors.InvalidParameterError, match="cov=None, so it has no tests"):
        made(cov_unscaled=None).wald_test()


# Predictions


def test_kinds_of_prediction():
    X, _ = sample(4)
    r = fitted(4)
    close(r.predict(X, kind="link"), np.column_stack([np.ones(300), X]) @ r.params)
    mean = r.predict(X)
    close(mean.sum(axis=1), 1.0)
    close(np.log(mean[:, 1:] / mean[:, :1]), r.predict(X, kind="link"))
    assert (r.predict(X, kind="proba") == mean).all() and (r.predict_proba(X) == mean).all()
    assert (r.predict(X, kind="class") == LABELS[mean.argmax(axis=1)]).all()
    assert (r.relevel("oak").predict(X, kind="class") == r.predict(X, kind="class")).all()


@pytest.mark.parametrize("cov", ["model", "robust"])
@pytest.mark.parametrize("reference", ["ash", "oak"])
def test_intervals_are_the_delta_method_s(cov, reference):
    r = fitted(4, cov=cov).relevel(reference)
    X = sample(4)[0][:12]
    theta, h = r.params.ravel(order="F"), 1e-5
    odds = []
    for i in range(len(theta)):
        change = np.zeros(len(theta))
        change[i] = h
        sides = [replace(r, params=(theta + s * change).reshape(r.params.shape, order="F")).predict(X) for s in (1, -1)]
        odds.append(np.diff([np.log(mu / (1 - mu)) for mu in sides[::-1]], axis=0)[0] / (2 * h))
    gradient = np.array(odds)
    se = np.sqrt(np.einsum("ink,ij,jnk->nk", gradient, r.cov_params(), gradient))
    mu = r.predict(X)
    found = r.predict(X, interval="mean", level=0.9)
    close(found.mean, mu, rtol=1e-15)
    close(found.se, se * mu * (1 - mu), rtol=1e-7)
    reach = stats.norm.ppf(0.95) * se
    logit = np.log(mu / (1 - mu))
    close(found.lower, 1 / (1 + np.exp(reach - logit)), rtol=1e-7)
    close(found.upper, 1 / (1 + np.exp(-reach - logit)), rtol=1e-7)


def test_intervals_of_linear_predictors():
    r = fitted(3)
    X = sample(3)[0][:7]
    A = np.column_stack([np.ones(7), X])
    found = r.predict(X, kind="link", interval="mean", level=0.8)
    C = r.cov_params()
    se = np.stack([np.sqrt(np.einsum("ij,jk,ik->i", A, C[b, b], A)) for b in (slice(0, 4), slice(4, 8))], axis=1)
    close(found.se, se)
    close(found.upper - found.mean, stats.norm.ppf(0.9) * se)
    close(found.mean, r.predict(X, kind="link"))


def test_intervals_stay_inside_far_out():
    r = made(3, p=2, params=np.array([[0.0, 0.5], [1.0, -1.0]]))
    found = r.predict(np.array([[0.0], [40.0], [900.0], [-900.0], [1e6]]), interval="mean")
    assert np.isfinite(found).all()
    assert (0 <= found.lower).all() and (found.lower <= found.mean).all()
    assert (found.mean <= found.upper).all() and (found.upper <= 1).all()


def test_blocks_of_rows_do_not_show(monkeypatch):
    X, y = sample(4)
    r = fitted(4)

    def answers():
        return [*r.predict(X, interval="mean"), r.predict(X), *r.influence(X, y), r.residuals(X, y, "pearson")]

    expected = answers()
    monkeypatch.setattr("fastglm.inference.PREDICTED_BYTES", 4096)
    for ours, theirs in zip(answers(), expected, strict=True):
        close(ours, theirs, rtol=1e-13)


def test_X_may_come_in_many_forms():
    pd = pytest.importorskip("pandas")
    from scipy.sparse import csc_matrix

    X, y = sample(3)
    r, frame = fitted(3), pd.DataFrame(X, columns=NAMES)
    expected = r.predict(X, interval="mean")
    strided = np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)[::2, ::2]
    for Z in (X.tolist(), np.asfortranarray(X), strided, csc_matrix(X), frame[list(NAMES[::-1])]):
        close(r.predict(Z, interval="mean"), expected, rtol=1e-13)
        close(r.influence(Z, y).hat.sum(), r.rank)
    assert (X == sample(3)[0]).all()


# Residuals and influence


@pytest.mark.parametrize("as_indicators", [False, True])
def test_residuals_are_their_definitions(as_indicators):
    X, labels = sample(4)
    r, Y = fitted(4), indicators(labels, 4)
    y = Y if as_indicators else labels
    mu = r.predict(X)
    w = np.random.default_rng(1).uniform(0.5, 2, len(X))
    close(r.residuals(X, y, "response"), Y - mu)
    close(r.residuals(X, y, "pearson", weights=w), (Y - mu) / np.sqrt(mu * (1 - mu)) * np.sqrt(w)[:, None])
    close(r.residuals(X, y, weights=w), np.sqrt(-2 * w * np.log((mu * Y).sum(axis=1))))
    close((r.residuals(X, y) ** 2).sum(), r.deviance)
    close(np.column_stack([np.ones(300), X]).T @ r.residuals(X, y, "response"), 0.0, atol=1e-7)


def test_residuals_keep_the_tails():
    r = made(3, p=1, params=np.array([[60.0, -60.0]]), names=("x1",), intercept=False)
    for x, label in [(1.0, 1), (1.0, 0), (1.0, 2), (-0.9, 0), (4.0, 1), (4.0, 2)]:
        found = {kind: r.residuals([[x]], [label], kind)[0] for kind in rows_of.RESIDUALS}
        with mpmath.workdps(500):
            odds = [mpmath.exp(v) for v in (0, 60 * x, -60 * x)]
            mu = [v / sum(odds) for v in odds]
            response = [(k == label) - m for k, m in enumerate(mu)]
            pearson = [float(v / mpmath.sqrt(m * (1 - m))) for v, m in zip(response, mu, strict=True)]
            deviance = float(mpmath.sqrt(-2 * mpmath.log(mu[label])))
            response = [float(v) for v in response]
        close(found["response"], response, rtol=1e-12, atol=0)
        close(found["pearson"], pearson, rtol=1e-12, atol=0)
        close(found["deviance"], deviance, rtol=1e-12, atol=0)


def test_influence_is_one_newton_step_without_the_row():
    X, y = sample(4, n=60)
    w = np.random.default_rng(2).uniform(0.5, 2, 60)
    r = fastglm.fit(X, y, family="multinomial", weights=w)
    A, mu, Y = np.column_stack([np.ones(60), X]), r.predict(X), indicators(y, 4)
    J = np.linalg.inv(r.cov_unscaled)
    cooks, hat = [], []
    for a, m, seen, weight in zip(A, mu[:, 1:], Y[:, 1:], w, strict=True):
        design = np.kron(np.eye(3), a)
        W = weight * (np.diag(m) - np.outer(m, m))
        own = design.T @ W @ design
        step = -np.linalg.solve(J - own, design.T @ (weight * (seen - m)))
        cooks.append(step @ J @ step / r.rank)
        hat.append(np.trace(own @ r.cov_unscaled))
    found = r.influence(X, y, weights=w)
    close(found.hat, hat, rtol=1e-7)
    close(found.cooks_distance, cooks, rtol=1e-7)
    close(found.hat.sum(), 12, rtol=1e-8)
    # Newton's method without the row: its first step is the distance, and it ends at the refit
    keep = np.arange(60) != int(np.argmax(cooks))
    beta = [r.params.ravel(order="F")]
    for _ in range(12):
        mu = softmax(A[keep] @ np.column_stack([np.zeros(4), beta[-1].reshape(3, 4).T]), axis=1)[:, 1:]
        W = [w[keep] * mu[:, k] * ((k == m) - mu[:, m]) for k in range(3) for m in range(3)]
        own = np.block([[(A[keep] * W[3 * k + m][:, None]).T @ A[keep] for m in range(3)] for k in range(3)])
        score = (A[keep].T @ (w[keep, None] * (Y[keep, 1:] - mu))).ravel(order="F")
        beta.append(beta[-1] + np.linalg.solve(own, score))
    refit = fastglm.fit(X[keep], y[keep], family="multinomial", weights=w[keep])
    close(refit.params.ravel(order="F"), beta[-1], rtol=1e-8)
    change = beta[1] - beta[0]
    assert found.cooks_distance.max() == pytest.approx(change @ J @ change / r.rank, rel=1e-6)


def test_a_row_that_stands_alone_has_no_cook_s_distance():
    X = np.array([[0.0], [1.0]])
    mu = np.exp([0.3, 1.2]) / (1 + np.exp([0.3, 1.2]).sum())
    W = np.diag(mu) - np.outer(mu, mu)
    # the second column is in the second row only, whose linear predictors have the covariance W^-1
    cov = np.kron(np.linalg.inv(W), [[0.0, 0.0], [0.0, 1.0]])
    r = made(params=np.array([[0.0, 0.0], [0.3, 1.2]]), cov_unscaled=cov)
    found = r.influence(X, [0, 1])
    close(found.hat, [0.0, 2.0])
    assert found.cooks_distance[0] == 0 and np.isnan(found.cooks_distance[1])


# What is wrong with the input is said


def test_rows_that_do_not_fit_are_refused():
    X, y = sample(3)
    r = fitted(3)
    for label, message in [("elm", "'elm' at row 3"), (None, "missing value")]:
        bad = y.astype(object)
        bad[3] = label
        with pytest.raises(errors.InvalidParameterError, match=message):
            r.residuals(X, bad)
    with pytest.raises(errors.InvalidParameterError, match="y has shape .4,., the data have 300 rows"):
        r.residuals(X, y[:4])
    wrong = indicators(y, 3)
    wrong[5] = [1, 1, 0]
    with pytest.raises(errors.InvalidParameterError, match="row 5 is"):
        r.influence(X, wrong)
    with pytest.raises(errors.InvalidParameterError, match="2 columns"):
        r.residuals(X, np.eye(2)[np.zeros(300, int)])
    with pytest.raises(errors.InvalidParameterError, match="deviance, pearson, response"):
        r.residuals(X, y, "working")
    with pytest.raises(errors.InvalidParameterError, match="X has 2 columns, the model has 3"):
        r.predict(X[:, :2])
    bad = X.copy()
    bad[7, 1] = np.inf
    with pytest.raises(errors.MissingDataError, match="'age' has inf in row 7"):
        r.predict(bad, interval="mean")
    with pytest.raises(errors.InvalidParameterError, match="weights must not be negative, got -1.0 in row 0"):
        r.influence(X, y, weights=-1.0)
    weighted = replace(r, has_weights=True)
    with pytest.raises(errors.InvalidParameterError, match="fitted with weights"):
        weighted.residuals(X, y)
    close(weighted.residuals(X, y, "response"), r.residuals(X, y, "response"))


def test_predictions_that_cannot_be_are_refused():
    X, y = sample(3)
    r = fitted(3)
    with pytest.raises(errors.InvalidParameterError, match="'mean', 'proba', 'link', 'class'"):
        r.predict(X, kind="median")
    with pytest.raises(errors.InvalidParameterError, match="unknown interval 'prediction'"):
        r.predict(X, interval="prediction")
    with pytest.raises(errors.InvalidParameterError, match="'class' has no interval"):
        r.predict(X, kind="class", interval="mean")
    with pytest.raises(errors.InvalidParameterError, match="level"):
        r.predict(X, interval="mean", level=95)
    bare = fitted(3, cov=None)
    with pytest.raises(errors.InvalidParameterError, match="no intervals"):
        bare.predict(X, interval="mean")
    with pytest.raises(errors.InvalidParameterError, match="no leverages"):
        bare.influence(X, y)


def test_residuals_of_rows_in_which_a_class_is_not_seen():
    X, y = sample(4)
    r = fitted(4)
    expected = r.residuals(X, y, "pearson")[:3]
    close(r.residuals(X[:3], y[:3], "pearson"), expected)
    close(r.residuals(X[:3], indicators(y[:3], 4), "pearson"), expected)


def test_columns_of_a_frame_of_indicators_are_the_classes():
    pd = pytest.importorskip("pandas")
    X, y = sample(4)
    r, frame = fitted(4), pd.DataFrame(indicators(y, 4), columns=LABELS[:4])
    close(r.residuals(X, frame), r.residuals(X, y))
    with pytest.raises(errors.InvalidParameterError, match="columns"):
        r.residuals(X, frame.iloc[:, ::-1])


# Aliased columns, and the robust covariance


def test_aliased_columns_are_nan_in_every_class():
    X, y = sample(3)
    with pytest.warns(errors.CollinearityWarning):
        r = fastglm.fit(np.column_stack([X, 2 * X[:, 0]]), y, family="multinomial", names=(*NAMES, "twice"))
    plain, Z = fitted(3), np.column_stack([X, 2 * X[:, 0]])
    assert list(r.aliased) == ["twice"] and r.rank == plain.rank and r.df_resid == plain.df_resid
    for values in (r.params, r.bse, r.pvalues, r.coef_full, r.bse_full, r.relevel("oak").params, r.relevel("oak").bse):
        assert np.isnan(values[4]).all() and np.isfinite(values[:4]).all()
    close(r.relevel("oak").bse[:4], plain.relevel("oak").bse, rtol=1e-7)
    close(r.predict(Z, interval="mean"), plain.predict(X, interval="mean"), rtol=1e-7)
    close(r.influence(Z, y).cooks_distance, plain.influence(X, y).cooks_distance, rtol=1e-6)
    tests = r.wald_test()
    assert tests["df"][4] == 0 and np.isnan(tests["p_value"][4])
    close(tests["statistic"][:4], plain.wald_test()["statistic"], rtol=1e-6)
    text = str(r.summary())
    assert sum(line.split() == ["twice", "aliased"] for line in text.splitlines()) == 2
    assert text.count("Aliased: twice = ") == 1 and "nan" not in text


def test_the_robust_covariance_is_used_everywhere(tmp_path):
    X, y = sample(3)
    r, plain = fitted(3, cov="robust"), fitted(3)
    A = np.column_stack([np.ones(300), X])
    scores = np.hstack([A * column[:, None] for column in r.residuals(X, y, "response")[:, 1:].T])
    sandwich = plain.cov_unscaled @ scores.T @ scores @ plain.cov_unscaled
    close(r.cov_params(), sandwich, rtol=1e-6)
    close(r.bse.ravel(order="F"), np.sqrt(np.diagonal(sandwich)), rtol=1e-6)
    assert r.cov_kind == "robust" and "robust" in str(r.summary()) and "robust" in r.summary().as_html()
    close(r.wald_test()["statistic"][1], r.params[1] @ np.linalg.solve(sandwich[1::4, 1::4], r.params[1]), rtol=1e-6)
    r.save(tmp_path / "fit.json")
    close(fastglm.load(tmp_path / "fit.json").bse, r.bse, rtol=0)
    back = r.with_cov("model")
    assert back.covariance is None and back.cov_kind == "model"
    close(back.bse, plain.bse)
    close(r.influence(X, y).hat, plain.influence(X, y).hat)
