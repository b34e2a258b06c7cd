"""Tables of a fit as broom has them, labelled coefficients, and models fitted anew by another formula."""

import numpy as np
import pytest

import fastglm
from fastglm.errors import InvalidParameterError

pd = pytest.importorskip("pandas")


def rows(n=120):
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": rng.normal(size=n), "town": rng.choice(["Bonn", "Kiel"], n), "t": rng.uniform(1, 2, n)})
    data["y"] = rng.poisson(data.t * np.exp(0.3 * data.x))
    data["long name"] = rng.normal(size=n)
    return data


def test_exponentials_are_of_estimates_and_limits():
    data = rows()
    result = fastglm.glm("y ~ x + town", data, family="poisson")
    plain, ratio = result.tidy(conf_level=0.9), result.tidy(0.9, exponentiate=True)
    for name in ("estimate", "conf_low", "conf_high"):
        np.testing.assert_allclose(ratio[name], np.exp(plain[name]))
    for name in ("std_error", "statistic", "p_value"):
        np.testing.assert_array_equal(ratio[name], plain[name])
    np.testing.assert_allclose(plain.conf_low, result.conf_int(0.9)[:, 0])


def test_a_fit_in_one_row_as_a_frame():
    data = rows()
    result = fastglm.glm("y ~ x", data, family="poisson")
    table = result.glance(as_frame=True)
    assert isinstance(table, pd.DataFrame) and table.iloc[0].to_dict() == pytest.approx(result.glance())


def test_coefficients_have_their_names_in_frames_of_the_users_kind():
    data = rows()
    result = fastglm.glm("y ~ x + town", data, family="poisson")
    assert isinstance(result.coef, pd.Series) and result.coef["town[T.Kiel]"] == result.params[2]
    towns = data.assign(town=data.town.where(data.index % 5 > 0, "Ulm"))
    classes = fastglm.glm("town ~ x", towns, family="multinomial")
    assert classes.coef.shape == (2, 2) and classes.coef.loc["x"].tolist() == classes.params[1].tolist()
    polars = pytest.importorskip("polars")
    found = fastglm.glm("y ~ x + town", polars.from_pandas(data), family="poisson").coef
    assert isinstance(found, polars.DataFrame) and found["estimate"].to_list() == result.params.tolist()


def test_rows_beside_what_the_fit_says_of_them(tmp_path):
    pytest.importorskip("pyarrow")
    data = rows()
    result = fastglm.glm("y ~ x + town + offset(log(t))", data, family="poisson")
    found, influence = result.augment(data), result.influence(data)
    assert list(found.columns) == [*data.columns, ".fitted", ".resid", ".hat", ".sigma", ".cooksd", ".std_resid"]
    np.testing.assert_allclose(found[".fitted"], result.predict(data))
    np.testing.assert_allclose(found[".resid"], result.residuals(data))
    np.testing.assert_allclose(found[[".hat", ".cooksd", ".std_resid"]].T, [influence.hat, *influence[1::2]])
    np.testing.assert_allclose(result.augment(data, kind="link")[".fitted"], result.predict(data, kind="link"))
    without = fastglm.glm("y ~ x + town + offset(log(t))", data.drop(index=0), family="poisson")
    assert abs(found[".sigma"][0] - np.sqrt(without.deviance / without.df_resid)) < 1e-3
    data.to_parquet(tmp_path / "rows.parquet", row_group_size=50)
    with pytest.raises(InvalidParameterError, match="give out="):
        result.augment(tmp_path / "rows.parquet")
    written = result.augment(tmp_path / "rows.parquet", out=tmp_path / "out.parquet")
    back = pd.read_parquet(tmp_path / "out.parquet")
    assert written.rows == 120 and list(back.columns) == list(found.columns)
    np.testing.assert_allclose(back[".cooksd"], found[".cooksd"], rtol=1e-10)
    X = data[["x", "t"]].to_numpy()
    table = fastglm.fit(X, data.y, family="poisson", names=["x", "t"]).augment(X, data.y)
    assert list(table.columns[:4]) == ["x", "t", "y", ".fitted"]
    polars = pytest.importorskip("polars")
    assert isinstance(result.augment(polars.from_pandas(data)), polars.DataFrame)
    assert ".hat" not in fastglm.glm("y ~ x", data, family="poisson", cov=None).augment(data)
    with pytest.raises(InvalidParameterError, match="'.*' already"):
        result.augment(found)


@pytest.mark.parametrize(
    "change, same_as",
    [
        ("~ . + town", "y ~ x + `long name` + town + offset(log(t))"),
        (". ~ . - x", "y ~ `long name` + offset(log(t))"),
        ("log1p(.) ~ x", "log1p(y) ~ x"),
        ("~ . - 1", "y ~ 0 + x + `long name` + offset(log(t))"),
        ("~ .:town", "y ~ x:town + `long name`:town"),
        ("~ . + I(x**2.0)", "y ~ x + `long name` + I(x**2.0) + offset(log(t))"),
        (None, "y ~ x + `long name` + offset(log(t))"),
    ],
)  # fmt: skip
def test_a_formula_is_updated_as_in_r(change, same_as):
    data = rows()
    first = fastglm.glm("y ~ x + `long name` + offset(log(t))", data, family="poisson")
    if change == "~ .:town":
        first = fastglm.glm("y ~ x + `long name`", data, family="poisson")
    found, expected = first.update(change, data), fastglm.glm(same_as, data, family="poisson")
    assert found.names == expected.names
    np.testing.assert_allclose(found.params, expected.params, rtol=1e-8)


def test_options_of_the_fit_are_those_of_the_new_one():
    data = rows()
    first = fastglm.glm("y ~ 0 + x", data, family="negative_binomial", weights="t", cov="HC3")
    found = first.update("~ . + town", data)
    expected = fastglm.glm("y ~ 0 + x + town", data, family="negative_binomial", weights="t", cov="HC3")
    assert found.names == expected.names and found.cov_kind == "HC3" and found.shape is not None
    np.testing.assert_allclose(found.params, expected.params, rtol=1e-7)
    np.testing.assert_allclose(found.bse, expected.bse, rtol=1e-6)
    other = first.update("~ . + 1", data, family="poisson", link="sqrt", cov="model")
    assert other.family.name == "poisson" and other.link.name == "sqrt" and other.cov_kind == "model"
    assert other.names == ("(Intercept)", "x")
    with pytest.raises(InvalidParameterError, match="pass data="):
        first.update("~ . + town")
    with pytest.raises(InvalidParameterError, match="of no formula"):
        fastglm.update(fastglm.fit(data[["x"]], data.y), "~ .", data)


def test_models_stand_side_by_side_with_any_covariance():
    data = rows()
    first = fastglm.glm("y ~ x", data, family="poisson")
    text = fastglm.etable([first, first.with_cov("HC3", data=data), first.update("~ . + town", data)])
    assert "HC3" in text and "town" in text
