"""``glm`` and ``fit`` of data frames: the same numbers as of arrays, and predictions that read new frames."""

import numpy as np
import pytest

import fastglm
from fastglm.errors import InvalidParameterError, MissingDataError

pd = pytest.importorskip("pandas")
pytest.importorskip("formulaic")
pytest.importorskip("narwhals")

N = 400


def table(n=N, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "x": rng.normal(size=n), "dose": rng.uniform(1, 5, n), "years": rng.uniform(0.2, 2, n),
        "place": pd.Categorical(rng.choice(["b", "a", "c"], n), categories=["b", "a", "c"]),
        "sex": rng.choice(["f", "m"], n), "w": rng.integers(0, 3, n), "flag": rng.random(n) < 0.5,
    })  # fmt: skip
    mean = frame.years * np.exp(0.3 * frame.x + 0.5 * (frame.place == "a") - 0.2 * (frame.sex == "m"))
    return frame.assign(claims=rng.poisson(mean))


def dense(frame):
    """x, log(dose), place a and c against b, sex m against f."""
    return np.column_stack([
        frame.x, np.log(frame.dose), frame.place == "a", frame.place == "c", frame.sex == "m"
    ]).astype(float)  # fmt: skip


FORMULA = "claims ~ x + log(dose) + place + sex"


def test_a_formula_gives_the_fit_of_its_columns():
    frame = table()
    result = fastglm.glm(FORMULA, frame, family="poisson", exposure="years", weights="w")
    plain = fastglm.fit(dense(frame), frame.claims, family="poisson", exposure=frame.years, weights=frame.w)
    np.testing.assert_allclose(result.params, plain.params, rtol=1e-10)
    np.testing.assert_allclose(result.cov_params(), plain.cov_params(), rtol=1e-8, atol=1e-12)
    for name in ("deviance", "null_deviance", "llf", "aic", "df_resid", "nobs"):
        assert getattr(result, name) == pytest.approx(getattr(plain, name), rel=1e-12)
    assert result.names == ("(Intercept)", "x", "log(dose)", "place[T.a]", "place[T.c]", "sex[T.m]")


@pytest.mark.parametrize("n", [N, 20_000])
def test_codes_and_dense_columns_agree_at_any_size(n):
    frame = table(n)
    result = fastglm.glm(FORMULA + " + place:x", frame, family="poisson", exposure="years")
    X = np.column_stack([dense(frame), frame.x * (frame.place == "a"), frame.x * (frame.place == "c")])
    plain = fastglm.fit(X, frame.claims, family="poisson", exposure=frame.years)
    np.testing.assert_allclose(np.sort(result.params), np.sort(plain.params), rtol=1e-8)
    np.testing.assert_allclose(np.sort(result.bse), np.sort(plain.bse), rtol=1e-8)


def test_a_fit_of_a_frame_takes_text_and_categories_as_factors():
    frame = table()
    columns = frame[["x", "place", "sex"]]
    result = fastglm.fit(columns, frame.claims, family="poisson")
    by_formula = fastglm.glm("claims ~ x + place + sex", frame, family="poisson")
    np.testing.assert_array_equal(result.params, by_formula.params)
    np.testing.assert_allclose(result.predict(columns[:9]), by_formula.predict(frame[:9]), rtol=1e-13)
    with pytest.raises(InvalidParameterError, match="indexed differently"):
        fastglm.fit(columns, frame.claims[::-1], family="poisson")


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_other_frames_give_the_same_bits(library):
    pytest.importorskip(library)
    frame = table().assign(place=lambda f: f.place.astype(str))
    if library == "polars":
        import polars

        other = polars.DataFrame({name: frame[name].to_numpy() for name in frame})
    else:
        import pyarrow

        other = pyarrow.Table.from_pandas(frame)
    results = [fastglm.glm(FORMULA, data, family="poisson", exposure="years") for data in (frame, other)]
    np.testing.assert_array_equal(results[0].params, results[1].params)
    np.testing.assert_array_equal(results[0].predict(frame), results[1].predict(other))


def test_predictions_read_new_frames_with_their_exposure():
    frame, new = table(), table(50, seed=1)
    result = fastglm.glm(FORMULA, frame, family="poisson", exposure="years")
    plain = fastglm.fit(dense(frame), frame.claims, family="poisson", exposure=frame.years)
    np.testing.assert_allclose(result.predict(new), plain.predict(dense(new), exposure=new.years), rtol=1e-10)
    interval = result.predict(new, interval="mean")
    wanted = plain.predict(dense(new), exposure=new.years, interval="mean")
    for got, want in zip(interval, wanted, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-8)
    doubled = result.predict(new.assign(years=2.0 * new.years))
    np.testing.assert_allclose(doubled, 2 * result.predict(new), rtol=1e-13)


def test_missing_values_are_refused_or_dropped_and_said():
    frame = table()
    frame.loc[[3, 10], "x"] = np.nan
    frame.loc[[7], "sex"] = None
    with pytest.raises(MissingDataError, match="'x'.*2 missing.*row 3"):
        fastglm.glm(FORMULA, frame, family="poisson")
    result = fastglm.glm(FORMULA, frame, family="poisson", missing="drop", weights="w")
    kept = frame.drop([3, 7, 10])
    plain = fastglm.glm(FORMULA, kept, family="poisson", weights="w")
    np.testing.assert_array_equal(result.params, plain.params)
    assert "3 of 400 rows" in str(result.summary())
    mean = result.predict(frame)
    assert np.isnan(mean[[3, 7, 10]]).all() and np.isfinite(np.delete(mean, [3, 7, 10])).all()


def test_levels_that_the_fit_has_not_seen():
    frame = table().assign(place=lambda f: f.place.astype(str))
    new = frame[:5].assign(place=["a", "zz", "b", "c", "a"])
    result = fastglm.glm(FORMULA, frame, family="poisson")
    with pytest.raises(InvalidParameterError, match="'place' has no level 'zz'.*row 1"):
        result.predict(new)
    left_out = fastglm.glm(FORMULA, frame, family="poisson", unseen="missing").predict(new)
    assert np.isnan(left_out[1]) and np.isfinite(left_out[[0, 2, 3, 4]]).all()
    baseline = fastglm.glm(FORMULA, frame, family="poisson", unseen="baseline").predict(new)
    assert baseline[1] == result.predict(new.assign(place=["a", "a", "b", "c", "a"]))[1]


def test_counts_labels_and_classes_as_responses():
    frame = table().assign(yes=lambda f: f.w, no=lambda f: 3 - f.w)
    counts = fastglm.glm("cbind(yes, no) ~ x + place", frame, family="binomial")
    plain = fastglm.fit(dense(frame)[:, [0, 2, 3]], frame[["yes", "no"]].to_numpy(), family="binomial")
    np.testing.assert_allclose(counts.params, plain.params, rtol=1e-10)
    labels = fastglm.glm("sex ~ x + dose", frame, family="binomial")
    assert labels.classes == ("f", "m") and set(labels.predict(frame, kind="class")) <= {"f", "m"}
    classes = fastglm.glm("place ~ x + sex", frame, family="multinomial")
    assert classes.params.shape == (3, 2) and set(classes.classes) == {"a", "b", "c"}


def test_a_result_is_saved_with_its_design(tmp_path):
    frame = table()
    result = fastglm.glm(FORMULA + " + bs(dose, df=4)", frame, family="poisson", exposure="years")
    result.save(tmp_path / "m.json")
    again = fastglm.load(tmp_path / "m.json")
    np.testing.assert_array_equal(again.predict(frame[:20]), result.predict(frame[:20]))


BAD = {
    "no response": (("~ x", {}), "response"),
    "an unknown column": (("claims ~ xx", {}), "'xx'"),
    "an unknown weight": ((FORMULA, {"weights": "ww"}), "'ww'"),
    "two exposures": ((FORMULA + " + exposure(years)", {"exposure": "years"}), "exposure"),
    "code": (("claims ~ __import__('os')", {}), "__import__|formula"),
    "weights of another length": ((FORMULA, {"weights": np.ones(3)}), "weights has length 3"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_formulas_are_refused(name):
    (formula, options), message = BAD[name]
    with pytest.raises(InvalidParameterError, match=message):
        fastglm.glm(formula, table(), family="poisson", **options)
