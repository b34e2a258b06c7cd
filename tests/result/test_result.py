"""The result record against R's numbers on three published data sets, and against scipy.stats.

Dobson (1990) p. 93, McCullagh & Nelder (1989) p. 300 and Collett (1991) p. 75; the expected values are those of
R 4.2.2, glm iterated until it stands still.
"""

import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from scipy import stats

from fastglm import errors, families, links
from fastglm.inference import residuals as residuals_module
from fastglm.inference.summary import format_number, format_p
from fastglm.inference.wald import p_values, quantile
from fastglm.kernels.evaluate import Detail
from fastglm.result.record import GLMResult

NAN = float("nan")
DOBSON_X = np.array([[i % 3 == 1, i % 3 == 2, i // 3 == 1, i // 3 == 2] for i in range(9)], dtype=float)
DOBSON_Y = np.array([18, 17, 15, 20, 10, 20, 25, 13, 12])
CLOTTING_X = np.log([[5.0], [10], [15], [20], [30], [40], [60], [80], [100]])
CLOTTING_Y = np.array([118.0, 58, 42, 35, 27, 25, 21, 19, 18])
BUDWORM_X = np.array([[sex, dose, sex * dose] for sex in (1, 0) for dose in range(6)], dtype=float)
BUDWORM_DEAD = np.array([1, 4, 9, 13, 18, 20, 0, 2, 6, 10, 12, 16])


def dobson(**changes):
    a, b, c, d = 0.04087301587301584, 0.01587301587301587, 0.04, 0.02
    cov = [
        [0.02920634920634919, -b, -b, -d, -d],
        [-b, a, b, 0, 0],
        [-b, b, 0.037149611617696705, 0, 0],
        [-d, 0, 0, c, d],
        [-d, 0, 0, d, c],
    ]
    values = dict(
        params=np.array([3.0445224377234226, -0.4542552722775968, -0.2929871246814742, 0.0, 0.0]),
        cov_unscaled=np.array(cov),
        names=("(Intercept)", "outcome2", "outcome3", "treatment2", "treatment3"),
        family=families.get("poisson"),
        link=links.get("log"),
        deviance=5.129141077001157,
        null_deviance=10.581445863750867,
        pearson_chi2=5.173201621073965,
        scale=1.0,
        llf=-23.38065920097884,
        llnull=-26.106811594353694,
        nobs=9,
        df_resid=4,
        df_model=4,
        rank=5,
        converged=True,
        certificate=3e-11,
        solver="irls",
        n_passes=2,
        n_iter=3,
    )
    return GLMResult(**{**values, **changes})


def clotting(**changes):
    scale = 0.002446036242093294
    cov = np.array([[8.603474046255616e-07, -3.60646587164614e-07], [-3.60646587164614e-07, 1.7219150504177274e-07]])
    values = dict(
        params=np.array([-0.01655438172620029, 0.015343114910324671]),
        cov_unscaled=cov / scale,
        names=("(Intercept)", "log_u"),
        family=families.get("gamma"),
        link=links.get("inverse"),
        deviance=0.01672971517848327,
        null_deviance=3.512826263828517,
        pearson_chi2=0.017122253694653044,
        scale=scale,
        llf=-15.994961974777166,
        nobs=9,
        df_resid=7,
        df_model=1,
        rank=2,
    )
    return dobson(**{**values, **changes})


def budworm(**changes):
    a, b, c, d = 0.3054770258698228, 0.08394091525992788, 0.027922964908703884, 0.07289473984529202
    e, f = 0.6057665831331437, 0.1866180396051614
    values = dict(
        params=np.array([-2.993541755171029, 0.17498678785550725, 0.9060364354674578, 0.35291298873649724]),
        cov_unscaled=np.array([[a, -a, -b, b], [-a, e, b, -f], [-b, b, c, -c], [b, -f, -c, d]]),
        names=("(Intercept)", "sexM", "ldose", "sexM:ldose"),
        family=families.get("binomial"),
        link=links.get("logit"),
        deviance=4.993727307620344,
        llf=-17.552064154518405,
        nobs=12,
        df_resid=8,
        rank=4,
        has_weights=True,
    )
    return dobson(**{**values, **changes})


def aliased():
    """The clotting fit with a redundant third column."""
    cov = np.full((3, 3), np.nan)
    cov[:2, :2] = clotting().cov_unscaled
    combination = "2 log_u"
    return clotting(
        params=np.array([*clotting().params, NAN]),
        cov_unscaled=cov,
        names=("(Intercept)", "log_u", "twice"),
        aliased={"twice": combination},
    )


def close(actual, expected, rtol=1e-7):
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=1e-12)


# Tests and intervals of coefficients


def test_normal_tests_where_the_dispersion_is_known():
    r = budworm()
    close(r.bse, [0.5526997610546098, 0.7783100816083162, 0.1671016604007988, 0.26999025879703886])
    close(r.tvalues, [-5.416216843407049, 0.22482914199686443, 5.422067221201153, 1.3071323028798394])
    close(r.pvalues, [6.087326968276087e-08, 0.8221121943610488, 5.89137179955524e-08, 0.19116778212236424])
    close(r.conf_int()[:, 0], [-4.076813381101958, -1.3504729409012226, 0.5785231993250493, -0.17625819468234727])
    close(r.conf_int()[:, 1], [-1.9102701292401003, 1.700446516612237, 1.2335496716098664, 0.8820841721553417])
    close(r.conf_int(level=0.8), r.params[:, None] + np.outer(r.bse, [-1, 1]) * stats.norm.ppf(0.9))


def test_t_tests_where_the_dispersion_is_estimated():
    r = clotting()
    close(r.pvalues, [4.279229594631599e-07, 2.7511909097893055e-09])
    close(r.conf_int(), [[-0.01874768691401546, -0.014361076538385122], [0.014361891275843579, 0.016324338544805764]])
    close(r.cov_params()[0, 1], -3.60646587164614e-07)


@pytest.mark.parametrize("df", [1, 2.5, 7, 1e3, 1e6])
def test_p_values_keep_their_digits_everywhere(df):
    t = np.array([0.0, 1e-6, 0.3, -0.999, 1.001, 5.0, -30.0])
    close(p_values(t, df), 2 * stats.t.sf(np.abs(t), df), rtol=1e-8)
    z = np.array([0.0, 1e-6, -2.0, 20.0, 37.0])
    np.testing.assert_allclose(p_values(z), 2 * stats.norm.sf(np.abs(z)), rtol=1e-12)
    assert p_values(np.array([37.0]))[0] > 0
    assert p_values(np.array([40.0]))[0] == 0  # 7e-350 is below the smallest double


def test_aliased_coefficients_are_nan_and_predict_as_zero():
    r = aliased()
    for values in (r.bse, r.tvalues, r.pvalues, r.conf_int()[:, 0], r.cov_params()[2]):
        assert np.isnan(values[-1])
    X = np.column_stack([CLOTTING_X, 2 * CLOTTING_X])
    close(r.predict(X), clotting().predict(CLOTTING_X))
    close(r.predict(X, interval="mean").se, clotting().predict(CLOTTING_X, interval="mean").se)
    close(r.influence(X, CLOTTING_Y).hat.sum(), 2)
    X[4, 1] = np.inf
    with pytest.raises(errors.MissingDataError, match="'twice' has inf in row 4"):
        r.predict(X)


@pytest.mark.parametrize("level", [0, 1, -0.1, 95, NAN])
def test_level_must_be_a_probability(level):
    with pytest.raises(errors.InvalidParameterError, match="level"):
        quantile(level)


# Criteria


def test_information_criteria_count_the_dispersion_as_R_does():
    close([dobson().aic, dobson().bic], [56.76131840195768, 57.74744128863878])
    close([clotting().aic, clotting().bic], [37.98992394955433, 38.58159768156299])
    close([budworm().aic, budworm().bic], [43.10412830903681, 45.04375490818881])
    quasi = dobson(family=families.get("quasipoisson"), llf=NAN)
    assert np.isnan([quasi.aic, quasi.bic]).all()


def test_another_covariance_and_back():
    with pytest.raises(errors.InvalidParameterError, match="'model'"):
        dobson().with_cov("HC9")
    r = dobson()
    with pytest.raises(TypeError, match="threads"):
        r.with_cov("model", threads=2)
    other = replace(r, cov_kind="double", covariance=4 * r.cov_params())
    close(other.bse, 2 * r.bse)
    assert other.cov_kind == "double" and "double" in str(other.summary())
    close(other.with_cov("model").bse, r.bse)
    close(other.predict(DOBSON_X, interval="mean").se, 2 * r.predict(DOBSON_X, interval="mean").se)


def test_record_is_frozen_and_can_be_pickled():
    r = dobson()
    with pytest.raises(FrozenInstanceError):
        r.scale = 2.0
    with pytest.raises(ValueError, match="read-only"):
        r.bse[0] = 0.0
    r.cov_params()[0, 0] = 99.0
    assert r.cov_params()[0, 0] < 1
    assert pickle.loads(pickle.dumps(r)).aic == r.aic


# Predictions


def test_predictions_and_intervals_as_R():
    r = clotting()
    X = np.log([[7.0], [200]])
    close(r.predict(X, kind="link"), [0.013301941295922382, 0.064738310460115023])
    close(r.predict(X), [75.176996932511130, 15.446804108613483])
    link = r.predict(X, kind="link", interval="mean")
    close(link.se, [0.00032983366687288468, 0.00136839172895365682])
    mean = r.predict(X, interval="mean", level=0.9)
    close(mean.se, [1.86408164125207532, 0.32650340780852838])
    assert (mean.lower < mean.mean).all() and (mean.mean < mean.upper).all()  # the link decreases
    reach = stats.t.ppf(0.95, 7) * link.se
    close([mean.lower, mean.upper], 1 / np.array([link.mean + reach, link.mean - reach]))


@pytest.mark.parametrize("name, limits", [("inverse", [10 / 3, np.inf]), ("sqrt", [0.0, 0.09])])
def test_an_interval_that_reaches_the_end_of_the_link_stops_there(name, limits):
    sd = 0.2 / stats.t.ppf(0.975, 7)
    r = clotting(params=np.array([0.1, 0.0]), cov_unscaled=np.diag([sd**2, 0.0]), scale=1.0, link=links.get(name))
    mean = r.predict([[1.0]], interval="mean")
    close([mean.lower[0], mean.upper[0]], limits)


def test_X_may_come_in_many_forms():
    r, expected = dobson(), dobson().predict(DOBSON_X)
    pd = pytest.importorskip("pandas")
    from scipy.sparse import csc_matrix

    frame = pd.DataFrame(DOBSON_X, columns=r.names[1:])
    mixed = frame.astype({"outcome2": bool, "treatment3": "float32"})[list(r.names[:0:-1])]
    strided = np.repeat(np.repeat(DOBSON_X, 2, axis=0), 2, axis=1)[::2, ::2]
    forms = [DOBSON_X.tolist(), DOBSON_X.astype(bool), DOBSON_X.astype("f4"), np.asfortranarray(DOBSON_X), strided]
    for X in [*forms, csc_matrix(DOBSON_X), frame, frame.iloc[:, ::-1], mixed, pd.DataFrame(DOBSON_X)]:
        close(r.predict(X), expected)
        close(r.influence(X, DOBSON_Y).hat.sum(), 5)


def test_blocks_of_rows_do_not_show(monkeypatch):
    expected = dobson().predict(DOBSON_X, interval="mean")
    monkeypatch.setattr("fastglm.inference.PREDICTED_BYTES", 64)
    close(dobson().predict(DOBSON_X, interval="mean"), expected, rtol=1e-14)


def test_offset_and_exposure():
    r = dobson(exposure_kind="exposure")
    with pytest.raises(errors.InvalidParameterError, match="fitted with an exposure"):
        r.predict(DOBSON_X)
    with pytest.raises(errors.InvalidParameterError, match="fitted with an exposure"):
        r.residuals(DOBSON_X, DOBSON_Y)
    close(r.predict(DOBSON_X, exposure=np.full(9, 2.0)), 2 * dobson().predict(DOBSON_X))
    close(dobson().predict(DOBSON_X, offset=np.log(2.0)), r.predict(DOBSON_X, exposure=2))
    with pytest.raises(errors.InvalidParameterError, match="row 1"):
        r.predict(DOBSON_X[:2], exposure=[1.0, 0.0])
    with pytest.raises(errors.InvalidParameterError, match="log link"):
        clotting().predict(CLOTTING_X, exposure=1.0)
    with pytest.raises(errors.InvalidParameterError, match="offset"):
        r.predict(DOBSON_X, offset=np.zeros(3))
    with pytest.raises(errors.MissingDataError, match="offset has nan in row 2"):
        r.predict(DOBSON_X[:3], offset=[0, 0, NAN])


def test_classes():
    r = budworm(classes=("alive", "dead"), has_weights=False)
    labels = r.predict(BUDWORM_X, kind="class", threshold=0.4)
    assert labels.tolist() == ["dead" if mu > 0.4 else "alive" for mu in r.predict(BUDWORM_X)]
    y = np.where(BUDWORM_DEAD > 9, "dead", "alive")
    close(r.residuals(BUDWORM_X, y, "response"), (BUDWORM_DEAD > 9) - r.predict(BUDWORM_X))
    with pytest.raises(errors.InvalidParameterError, match="'lost' in row 0"):
        r.residuals(BUDWORM_X[:1], ["lost"])
    with pytest.raises(errors.InvalidParameterError, match="labels"):
        budworm().predict(BUDWORM_X, kind="class")


def test_X_that_does_not_fit_is_refused_by_name():
    r = dobson()
    bad = DOBSON_X.copy()
    bad[3, 1] = NAN
    with pytest.raises(errors.MissingDataError, match="'outcome3' has nan in row 3"):
        r.predict(bad)
    with pytest.raises(errors.InvalidParameterError, match="X has 3 columns, the model has 4"):
        r.predict(DOBSON_X[:, :3])
    with pytest.raises(errors.InvalidParameterError, match="two dimensions"):
        r.predict(DOBSON_X[0])
    with pytest.raises(errors.InvalidParameterError, match="rectangular"):
        r.predict([[1, 2], [3]])
    with pytest.raises(errors.InvalidParameterError, match="numeric"):
        r.predict(DOBSON_X.astype(str))
    with pytest.raises(errors.InvalidParameterError, match="'median'"):
        r.predict(DOBSON_X, kind="median")
    with pytest.raises(errors.InvalidParameterError, match="cov=None"):
        dobson(cov_unscaled=None).predict(DOBSON_X, interval="mean")
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(DOBSON_X, columns=r.names[1:])
    with pytest.raises(errors.InvalidParameterError, match="not know: extra"):
        r.predict(frame.assign(extra=1.0))
    with pytest.raises(errors.InvalidParameterError, match="lacks columns of the model: outcome3"):
        r.predict(frame.drop(columns="outcome3"))
    with pytest.raises(errors.InvalidParameterError, match="'outcome2'"):
        r.predict(frame.assign(outcome2="a"))


# Residuals and influence


def test_residuals_as_R():
    r, X, y = clotting(), CLOTTING_X, CLOTTING_Y
    close(r.residuals(X, y)[:3], [-0.040083489088519414, 0.08641118319546025, 0.04900896048431976])
    close(r.residuals(X, y, "pearson")[:3], [-0.0395497255735186, 0.08891786489166265, 0.0498128350740275])
    close(r.residuals(X, y, "response")[:3], [-4.859041370425913, 4.7361112623765536, 1.9928686363999617])
    close(r.residuals(X, y, "working")[:2], [0.000321911396445576, -0.001669383648078528])
    with pytest.raises(errors.InvalidParameterError, match="deviance, pearson"):
        r.residuals(X, y, "partial")


def test_grouped_binomial_residuals_as_R():
    r = budworm()
    counts = np.column_stack([BUDWORM_DEAD, 20 - BUDWORM_DEAD])
    expected = [-0.12504953329882207, 0.3046310022633236, 0.2220378858961236, -0.7101114062812075]
    close(r.residuals(BUDWORM_X, counts)[:4], expected)
    close(r.residuals(BUDWORM_X, BUDWORM_DEAD / 20, weights=20)[:4], expected)
    with pytest.raises(errors.InvalidParameterError, match="fitted with weights"):
        r.residuals(BUDWORM_X, BUDWORM_DEAD / 20)
    with pytest.raises(errors.InvalidParameterError, match="-1.0 in row 11"):
        r.residuals(BUDWORM_X, BUDWORM_DEAD / 20, weights=[20] * 11 + [-1])


def test_influence_as_R():
    inf = clotting().influence(CLOTTING_X, CLOTTING_Y)
    close(inf.hat[:3], [0.8978522481297424, 0.13042579923121805, 0.111123403222843])
    close(inf.cooks_distance[:3], [27.51321324536045, 0.2787631623309784, 0.07133657050075112], rtol=1e-6)
    close(inf.deviance[:3], [-2.5358272689096073, 1.8736358385033789, 1.0510498419180065], rtol=1e-6)
    close(inf.pearson[:3], [-2.5020594481118921, 1.9279877000107191, 1.0682897966545204], rtol=1e-6)
    inf = budworm().influence(BUDWORM_X, BUDWORM_DEAD / 20, weights=20)
    close(inf.hat[:2], [0.31924781381970185, 0.40161849125754767])
    close(inf.deviance[:2], [-0.15156103168030136, 0.39380843776992774], rtol=1e-6)
    with pytest.raises(errors.InvalidParameterError, match="cov=None"):
        clotting(cov_unscaled=None).influence(CLOTTING_X, CLOTTING_Y)


def test_leverage_one_leaves_no_residual():
    X = np.array([[0.0], [1.0]])
    r = clotting(params=np.array([1.0, 1.0]), cov_unscaled=np.array([[1.0, -1.0], [-1.0, 1.25]]))
    inf = r.influence(X, 1 / np.array([1.0, 2.0]))
    close(inf.hat, [1.0, 0.0625])
    assert np.isnan(inf.cooks_distance[0]) and np.isnan(inf.deviance[0])


MEANS = np.array([0.02, 0.3, 0.8, 0.97])
RESPONSES = np.array([0.1, 0.25, 0.8, 0.4])
ANSCOMBE = [("gaussian", {}), ("poisson", {}), ("gamma", {}), ("inverse_gaussian", {}), ("binomial", {})]
ANSCOMBE += [("negative_binomial", {"theta": 0.7}), ("tweedie", {"power": 1.5})]


@pytest.mark.parametrize("name, params", ANSCOMBE)
def test_anscombe_is_the_integral_of_the_variance(name, params):
    from scipy.integrate import quad

    family = families.get(name, **params)
    for y, mu in zip(RESPONSES, MEANS, strict=True):
        expected = quad(lambda t: family.variance(t) ** (-1 / 3), mu, y, epsabs=0, epsrel=1e-11)[0] if y != mu else 0.0
        one = np.array([y]), np.array([mu])
        close(residuals_module.anscombe_change(family, *one, one[0] - one[1])[0], expected, rtol=1e-9)
        close(residuals_module._integrate(family, *one)[0], expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["poisson", "binomial"])
def test_anscombe_at_the_end_of_the_support(name):
    family, y, mu = families.get(name), np.zeros(4), MEANS
    exact = residuals_module.anscombe_change(family, y, mu, y - mu)
    close(residuals_module._integrate(family, y, mu), exact, rtol=1e-6)
    sm = pytest.importorskip("statsmodels.api")
    peer = {"poisson": sm.families.Poisson, "binomial": sm.families.Binomial}[name]()
    close(exact / family_variance(family, mu) ** (1 / 6), peer.resid_anscombe(y, mu), rtol=1e-7)


def family_variance(family, mu):
    return np.array([family.variance(m) for m in mu])


def test_binomial_residuals_keep_the_tails():
    tail = 1e-20
    one = np.ones(1)
    detail = Detail(one, one * tail, one * tail, one * 2 * tail, one * tail, one * tail)
    rows = residuals_module.Rows(None, one, 1.0, None, detail)
    found = {kind: function(budworm(), rows)[0] for kind, function in residuals_module.KINDS.items()}
    close([found["pearson"] * 1e10, found["deviance"] * 1e10], [1.0, 2**0.5])
    close(found["anscombe"] * 1e10, 1.5)  # 1.5 tail^(2/3) / tail^(1/6)
    # R's make.link keeps mu and its slope one rounding unit away from the ends
    close(found["working"], 1.0)


def test_y_that_does_not_fit_is_refused():
    r = dobson()
    with pytest.raises(errors.InvalidParameterError, match="y has shape"):
        r.residuals(DOBSON_X, DOBSON_Y[:4])
    with pytest.raises(errors.InvalidParameterError, match="one dimension"):
        r.residuals(DOBSON_X, DOBSON_Y[:, None])
    with pytest.raises(errors.MissingDataError, match="y has nan in row 0"):
        r.residuals(DOBSON_X[:1], [NAN])


# Accounts of the fit


def test_summary_text():
    text = str(dobson().summary())
    assert all(len(line) <= 80 for line in text.splitlines())
    for part in ("poisson, log link", "P>|z|", "[0.025", "0.975]", "<2e-16", "-0.45426", "17.81", "within 3e-11 se"):
        assert part in text
    assert "P>|t|" in str(clotting().summary(level=0.9)) and "[0.05" in str(clotting().summary(level=0.9))
    assert repr(dobson().summary()) == text
    assert "negative_binomial(theta=2)" in str(dobson(family=families.get("negative_binomial", theta=2.0)).summary())


def test_summary_says_what_went_wrong():
    r = dobson(converged=False, stop="iteration limit", notes=("data look separated",))
    assert "NOT CONVERGED: iteration limit" in str(r.summary()) and "data look separated" in str(r.summary())
    assert "NOT CONVERGED" in repr(r) and 'role="alert"' in r._repr_html_()
    text = str(aliased().summary())
    assert "Aliased: twice = 2 log_u" in text and "nan" not in text
    text = str(dobson(cov_unscaled=None).summary())
    assert "cov=None" in text and "std err" not in text and "nan" not in text


def test_summary_html_is_well_formed_and_escaped():
    from html.parser import HTMLParser

    names = ("(Intercept)", "<script>alert(1)</script>", "a&b", "x" * 60, "z")
    html = replace(dobson(), names=names).summary().as_html()
    assert "<script>" not in html and "a&amp;b" in html and "x" * 60 in html
    assert all(len(line) <= 80 for line in str(replace(dobson(), names=names).summary()).splitlines())
    stack = []

    class Checker(HTMLParser):
        def handle_starttag(self, tag, attrs):
            stack.append(tag)

        def handle_endtag(self, tag):
            assert stack.pop() == tag

    Checker().feed(html)
    assert not stack


def test_numbers_are_printed_to_be_read():
    assert [format_p(p) for p in (0.0, 1e-300, 3e-5, 0.04, 1.0, NAN)] == ["<2e-16", "<2e-16", "3.00e-05", "0.0400",
                                                                          "1.0000", ""]  # fmt: skip
    numbers = [format_number(v) for v in (0.0, 1.5, -12345.6, 123456.0, 1e-7, 0.00012345, -np.inf)]
    assert numbers == ["0", "1.5000", "-12346", "1.2346e+05", "1.0000e-07", "0.00012345", "-inf"]
    text = str(dobson(nobs=1e6, df_resid=1234567.5, has_freq_weights=True, n_rows=12).summary())
    assert " 1,000,000 in 12 rows " in text and " 1,234,567.5 " in text


def test_tidy_and_glance():
    pd = pytest.importorskip("pandas")
    table = clotting().tidy(level=0.9)
    assert isinstance(table, pd.DataFrame) and table["term"].tolist() == ["(Intercept)", "log_u"]
    close(table[["conf_low", "conf_high"]].to_numpy(), clotting().conf_int(0.9))
    glance = clotting().glance()
    assert glance["df_null"] == 8 and glance["AIC"] == clotting().aic and glance["converged"]


def test_tidy_without_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    close(clotting().tidy()["p_value"], clotting().pvalues)


def test_importing_the_result_stays_light():
    heavy = ["numba", "scipy.stats", "scipy.special", "pandas"]
    code = f"import sys, fastglm.result; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_errors_are_value_errors():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert all(issubclass(kind, (ValueError, UserWarning)) and kind.__doc__ for kind in kinds)
