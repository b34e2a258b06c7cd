"""Offset, exposure and weights that a fit has by name are found in new rows; giving them again is an error."""

import numpy as np
import pytest

import fastglm
from fastglm.errors import InvalidParameterError

pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")
pytest.importorskip("formulaic")

N = 260


@pytest.fixture(scope="module")
def d():
    rng = np.random.default_rng(2)
    d = pd.DataFrame({"x": rng.normal(size=N), "g": rng.choice(list("abc"), N), "e": rng.uniform(0.5, 3, N),
                      "w": rng.uniform(0.5, 2, N), "f": rng.integers(1, 4, N)})  # fmt: skip
    d["o"] = np.log(d.e)
    return d.assign(y=rng.poisson(d.e * np.exp(0.4 * d.x)))


@pytest.fixture(scope="module")
def path(d, tmp_path_factory):
    where = tmp_path_factory.mktemp("rows") / "d.parquet"
    d.to_parquet(where, row_group_size=70)
    return str(where)


FITS = {
    "an offset of the formula": ("y ~ x + g + offset(o)", {}),
    "an exposure of the formula": ("y ~ x + g + exposure(e)", {}),
    "an offset by name": ("y ~ x + g", {"offset": "o"}),
    "an exposure by name": ("y ~ x + g", {"exposure": "e"}),
    "all by name": ("y ~ x + g", {"exposure": "e", "weights": "w", "freq_weights": "f"}),
}


def columns(d):
    return np.column_stack([d.x, d.g == "b", d.g == "c"]).astype(float)


def arrays(d, options):
    """The arguments of the fit as arrays."""
    found = {name: d[column].to_numpy() for name, column in options.items()}
    return found if {"exposure", "offset"} & set(found) else found | {"offset": d.o.to_numpy()}


@pytest.mark.parametrize("where", ["frame", "file"])
@pytest.mark.parametrize("what", FITS)
def test_what_the_fit_has_by_name_is_found(what, where, d, path, tmp_path):
    formula, options = FITS[what]
    rows = d if where == "frame" else path
    for source in (d, path):
        fit = fastglm.glm(formula, source, family="poisson", **options)
        given = arrays(d, options)
        plain = fastglm.fit(columns(d), d.y, family="poisson", **given)
        fit.save(tmp_path / "m.json")
        for r in (fit, fastglm.load(tmp_path / "m.json")):
            X, y = columns(d), d.y.to_numpy()
            shift = {name: v for name, v in given.items() if name in ("offset", "exposure")}
            weighted = shift | {name: v for name, v in given.items() if name == "weights"}
            np.testing.assert_allclose(r.predict(rows), plain.predict(X, **shift), rtol=1e-9)
            assert r.score(rows).deviance == pytest.approx(fit.deviance, rel=1e-11)
            np.testing.assert_allclose(r.residuals(data=rows), plain.residuals(X, y, **weighted), rtol=1e-7, atol=1e-9)
            wanted = plain.influence(X, y, **weighted)
            np.testing.assert_allclose(r.influence(data=rows).hat, wanted.hat, rtol=1e-7)
            assert r.calibration(rows).weight.sum() == pytest.approx(fit.weight_sum, rel=1e-12)
            errors = plain.with_cov("HC0", X, y, **given).bse
            np.testing.assert_allclose(r.with_cov("HC0", data=rows).bse, errors, rtol=1e-8)


@pytest.mark.parametrize("where", ["frame", "file"])
@pytest.mark.parametrize("what", FITS)
def test_giving_it_again_is_an_error(what, where, d, path):
    formula, options = FITS[what]
    rows = d if where == "frame" else path
    fit = fastglm.glm(formula, d, family="poisson", **options)
    again = options or ({"offset": "o"} if "offset(" in formula else {"exposure": "e"})
    for role, column in again.items():
        for value in (column, *([d[column].to_numpy()] if where == "frame" else [])):
            given = {role: value}
            asked = [lambda: fit.score(rows, **given), lambda: fit.with_cov("HC0", data=rows, **given),  # noqa: B023
                     lambda: fit.calibration(rows, **given)]  # noqa: B023  # fmt: skip
            if role != "freq_weights":
                asked += [lambda: fit.residuals(data=rows, **given), lambda: fit.influence(data=rows, **given)]  # noqa: B023
            if role in ("offset", "exposure"):
                asked += [lambda: fit.predict(rows, **given)]  # noqa: B023
            for ask in asked:
                with pytest.raises(InvalidParameterError, match=f"{role}: the f.*leave {role}= out"):
                    ask()


def test_a_fit_of_all_columns_keeps_its_roles(d, path, tmp_path):
    fit = fastglm.fit(path, "y", family="poisson", exposure="e", weights="w")
    fit.save(tmp_path / "m.json")
    for r in (fit, fastglm.load(tmp_path / "m.json")):
        for rows in (d, path):
            np.testing.assert_allclose(r.predict(rows), fit.predict(path), rtol=1e-13)
            assert r.score(rows).deviance == pytest.approx(fit.deviance, rel=1e-12)
            with pytest.raises(InvalidParameterError, match="leave exposure= out"):
                r.predict(rows, exposure="e")


def test_an_array_beside_the_formula_must_be_given(d, path):
    fit = fastglm.glm("y ~ x + exposure(e)", d, family="poisson", offset=0.1 * d.x.to_numpy())
    for rows in (d, path):
        with pytest.raises(InvalidParameterError, match="offset: the fit had an array beside its formula"):
            fit.score(rows)
    with pytest.raises(InvalidParameterError, match="offset: the fit had an array beside its formula"):
        fit.predict(d)
    given = {"offset": 0.1 * d.x.to_numpy()}
    assert fit.score(d, **given).deviance == pytest.approx(fit.deviance, rel=1e-12)
    assert fit.predict(d, **given).sum() == pytest.approx(d.y.sum(), rel=1e-9)


def test_an_array_of_the_fit_is_a_column_of_files_by_its_name(d, path):
    fit = fastglm.glm("y ~ x", d, family="poisson", exposure=d.e.to_numpy(), weights=d.w.to_numpy())
    for rows in (d, path):
        assert fit.score(rows, exposure="e", weights="w").deviance == pytest.approx(fit.deviance, rel=1e-12)
        robust = fit.with_cov("HC0", data=rows, exposure="e", weights="w").bse
        wanted = fit.with_cov("HC0", d[["x"]].to_numpy(), d.y, exposure=d.e, weights=d.w).bse
        np.testing.assert_allclose(robust, wanted, rtol=1e-9)
    np.testing.assert_allclose(fit.predict(d, exposure="e"), fit.predict(d, exposure=d.e), rtol=1e-14)


def test_weights_are_asked_for_where_new_rows_have_no_such_column(d):
    fit = fastglm.glm("y ~ x", d, family="poisson", weights="w")
    bare = d.drop(columns="w")
    with pytest.raises(InvalidParameterError, match="fitted with weights"):
        fit.score(bare)
    assert fit.score(bare, weights=d.w.to_numpy()).deviance == pytest.approx(fit.deviance, rel=1e-12)
    assert fit.predict(bare).shape == (N,)
