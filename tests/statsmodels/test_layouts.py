"""statsmodels' spelling with pandas objects and formulas: names, contrasts, predictions, missing values, files."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as real
import statsmodels.formula.api as real_formula
from statsmodels_cases import (
    PAIRS,
    SCALARS,
    TABLE,
    TIGHT,
    VECTORS,
    N,
    both,
    compare,
    draw,
    frames,
    same,
    weights,
)

import fastglm.statsmodels as sm
from fastglm.errors import InvalidParameterError, MissingDataError
from fastglm.statsmodels import formula
from fastglm.statsmodels.refusals import ConventionWarning


def test_layouts_of_pandas_objects():
    X, y = frames()
    w = pd.Series(np.linspace(0.5, 1.5, N), index=X.index, name="w")
    ours, theirs = both(y, X, "Poisson", {}, "Log", offset=w)
    compare(ours, theirs, SCALARS + VECTORS)
    same(ours.conf_int(), theirs.conf_int())
    assert list(ours.conf_int().columns) == [0, 1]
    same(ours.cov_params(), theirs.cov_params())
    for ours_of, theirs_of in ((ours.model, theirs.model),):
        assert ours_of.endog_names == theirs_of.endog_names == "count"
        assert list(ours_of.exog_names) == list(theirs_of.exog_names)
        assert ours_of.offset_name == theirs_of.offset_name == "w" and ours_of.exposure_name is None
    for rows in (X.iloc[:5], X.iloc[:5].to_numpy(), None):
        same(ours.predict(rows), theirs.predict(rows))
    same(ours.predict(X.iloc[:5], offset=np.ones(5)), theirs.predict(X.iloc[:5], offset=np.ones(5)))
    assert "count" in str(ours.summary()) and "<table" in ours.summary().as_html()


def test_names_of_arrays():
    X, y = draw("Gaussian", "Identity")
    for columns in ([0, 1, 2], [1, 2, 0], [1, 2]):
        ours, theirs = sm.GLM(y, X[:, columns]), real.GLM(y, X[:, columns])
        assert ours.exog_names == theirs.exog_names and ours.endog_names == theirs.endog_names == "y"
    same(sm.GLM(y, X[:, 1]).fit().params, real.GLM(y, X[:, 1]).fit().params)


@pytest.mark.parametrize("use_t", [None, True])
def test_contrasts(use_t):
    X, y = frames()
    ours, theirs = both(y, X, "Poisson", {}, "Log", fit={"use_t": use_t})
    for constraint in (
        "a = b",
        ["a = 1", "2*a + b = 0.5"],
        np.eye(3)[1:],
        np.array([0, 1.0, -1.0]),
        (np.eye(3), np.full(3, 0.1)),
    ):
        mine, other = ours.t_test(constraint), theirs.t_test(constraint)
        compare(mine, other, ["effect", "sd", "tvalue", "statistic", "pvalue"])
        assert mine.distribution == other.distribution
        same(mine.conf_int(0.1), other.conf_int(0.1))
        np.testing.assert_allclose(mine.summary_frame(), other.summary_frame(), rtol=1e-6)
        assert list(mine.summary_frame().columns) == list(other.summary_frame().columns)
        for test in ("wald_test", "f_test"):
            mine, other = getattr(ours, test)(constraint), getattr(theirs, test)(constraint)
            compare(
                mine,
                other,
                ["statistic", "pvalue", "df_denom", *(["fvalue", "df_num"] if hasattr(other, "df_num") else [])],
            )
            assert mine.distribution == getattr(other, "distribution", "F") and str(mine)
            with pytest.raises(NotImplementedError, match="joint"):
                mine.conf_int()
    same(ours.wald_test(np.eye(3), scalar=False).statistic, theirs.wald_test(np.eye(3), scalar=False).statistic)
    with pytest.raises(InvalidParameterError, match="3 coefficients"):
        ours.t_test(np.eye(2))


@pytest.mark.parametrize("pair", [PAIRS[3], PAIRS[8], PAIRS[11], PAIRS[0]], ids=str)
def test_predictions(pair):
    X, y = frames(pair[0], pair[2])
    ours, theirs = both(y, X, *pair, fit={"use_t": pair[0] == "Gamma"})
    for exog in (None, X.iloc[:4], X.iloc[:4].to_numpy()):
        for which in (None, "mean", "linear"):
            mine, other = ours.get_prediction(exog, which=which), theirs.get_prediction(exog, which=which)
            same(mine.summary_frame(0.1), other.summary_frame(0.1).iloc[:, :4], label=f"{which}")
            if which is None:
                compare(mine, other, ["predicted_mean", "se_mean", "var_pred_mean"])
                same(mine.conf_int(method="delta"), other.conf_int(method="delta"))
            if which == "mean":
                same(mine.t_test(1.0), other.t_test(1.0))
    with pytest.raises(sm.NotSupportedError, match="average"):
        ours.get_prediction(which="mean", average=True)
    with pytest.raises(sm.NotSupportedError, match="var_unscaled"):
        ours.get_prediction(which="var_unscaled")


def test_predictions_of_the_fits_rows_leave_the_offset_out_and_say_so():
    X, y = draw("Poisson", "Log")
    ours, theirs = both(y, X, "Poisson", {}, "Log", **weights("offset"))
    with pytest.warns(ConventionWarning, match="offset"):
        same(ours.get_prediction().summary_frame(), theirs.get_prediction().summary_frame())
    shift = {"offset": weights("offset")["offset"]}
    same(ours.get_prediction(**shift).predicted, ours.predict())
    same(ours.get_prediction(X, **shift).summary_frame(), theirs.get_prediction(X, **shift).summary_frame())


def test_exposure():
    X, y = draw("Poisson", "Log")
    exposure = np.linspace(0.5, 3.0, N)
    ours, theirs = both(y, X, "Poisson", {}, "Log", exposure=exposure, **weights("offset"))
    compare(ours, theirs, SCALARS + VECTORS)
    same(ours.predict(X[:3], exposure=[1.0, 2, 3]), theirs.predict(X[:3], exposure=[1.0, 2, 3]))
    same(ours.model.exposure, np.asarray(theirs.model.exposure))
    with pytest.raises(ValueError, match="log link"):
        sm.GLM(y, X, exposure=exposure)
    with pytest.raises(ValueError, match="exposure must be positive: row 3"):
        sm.GLM(y, X, family=sm.families.Poisson(), exposure=np.where(np.arange(N) == 3, 0.0, 1.0))


def test_formulas():
    shift = 0.5  # noqa: F841, a name in the formula that is not a column
    text = "y ~ np.log(x + shift) + C(group)"
    theirs = real_formula.glm(text, TABLE, family=real.families.Poisson(), offset=TABLE.e).fit(**TIGHT)
    for ours in (
        formula.glm(text, TABLE, family=sm.families.Poisson(), offset=TABLE.e).fit(),
        sm.GLM.from_formula(text, TABLE, family=sm.families.Poisson(), offset=TABLE.e).fit(),
    ):
        compare(ours, theirs, SCALARS + VECTORS)
        assert list(ours.params.index) == ["Intercept", "C(group)[T.v]", "C(group)[T.w]", "np.log(x + shift)"]
        same(ours.predict(TABLE[:4]), theirs.predict(TABLE[:4]))
        new = {"x": np.array([0.2]), "group": ["v"]}
        same(ours.predict(new), theirs.predict(new))
        same(ours.get_prediction(TABLE[:4]).summary_frame(), theirs.get_prediction(TABLE[:4]).summary_frame())
        same(ours.t_test("C(group)[T.v] = 0").pvalue, theirs.t_test("C(group)[T.v] = 0").pvalue)


def test_formulas_drop_what_is_missing():
    table = TABLE.copy()
    table.loc["r5", "x"], table.loc["r9", "y"] = np.nan, np.nan
    e = table.e.copy()
    e.iloc[11] = np.nan
    theirs = real_formula.glm("y ~ x", table, family=real.families.Poisson(), exposure=e).fit(**TIGHT)
    ours = formula.glm("y ~ x", table, family=sm.families.Poisson(), exposure=e).fit()
    compare(ours, theirs, SCALARS + VECTORS)
    assert ours.nobs == N - 3
    same(ours.predict(table[:8]), theirs.predict(table[:8]))
    with pytest.raises(MissingDataError, match="missing"):
        formula.glm("y ~ x", table, family=sm.families.Poisson(), missing="raise")
    half = formula.ols("y ~ x", TABLE, subset=TABLE.e < 1.0).fit()
    same(half.params, real_formula.ols("y ~ x", TABLE, subset=TABLE.e < 1.0).fit().params)


@pytest.mark.parametrize("name", ["logit", "probit", "poisson", "mnlogit", "ols"])
def test_formulas_of_every_model(name):
    table = TABLE.assign(b=(TABLE.y > 1).astype(int))
    text = ("b" if name in ("logit", "probit", "mnlogit") else "y") + " ~ x + group"
    ours = getattr(formula, name)(text, table).fit(**({} if name == "ols" else {"disp": 0}))
    options = {} if name == "ols" else {"disp": 0, "method": "newton", "tol": 1e-12, "maxiter": 100}
    same(ours.params, getattr(real_formula, name)(text, table).fit(**options).params, rtol=1e-8, atol=1e-9)


def test_rows_with_missing_values():
    X, y = frames()
    X.iloc[3, 1], y.iloc[7] = np.nan, np.nan
    w = np.ones(N)
    w[9] = np.nan
    ours, theirs = both(y, X, "Poisson", {}, "Log", missing="drop", freq_weights=w)
    compare(ours, theirs, SCALARS + VECTORS)
    with pytest.raises(MissingDataError, match="endog.*row 7"):
        sm.GLM(y, X, missing="raise")
    with pytest.raises(MissingDataError, match="row 7"):
        sm.GLM(y, X, family=sm.families.Poisson()).fit()
    with pytest.raises(ValueError, match="missing='ignore'"):
        sm.GLM(y, X, missing="ignore")


def test_add_constant():
    X, _ = frames()
    for data in (X[["a", "b"]], X["a"], X[["a"]].to_numpy(), X["a"].to_numpy(), X, X.to_numpy()):
        for prepend in (True, False):
            for has in ("skip", "add"):
                if hasattr(data, "columns") and "const" in data.columns and has == "add":
                    continue  # the column would be there twice
                same(sm.add_constant(data, prepend, has), real.add_constant(data, prepend, has))
    with pytest.raises(ValueError, match="constant already"):
        sm.add_constant(X, has_constant="raise")
    with pytest.raises(ValueError, match="has_constant='no'"):
        sm.add_constant(X, has_constant="no")
