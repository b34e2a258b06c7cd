"""Counts truncated at zero: the count part of a hurdle, the likelihood of the predicted probabilities, refusals."""

import numpy as np
import pytest
import several_rows

import fastglm
from fastglm import families
from fastglm.errors import InvalidParameterError

PAIRS = [
    (families.ZeroTruncatedPoisson, families.HurdlePoisson),
    (families.ZeroTruncatedNegativeBinomial, families.HurdleNegativeBinomial),
]


@pytest.fixture(scope="module")
def rows():
    return several_rows.simulated(900)


@pytest.mark.parametrize(("truncated", "hurdle"), PAIRS)
def test_they_are_the_count_part_of_a_hurdle(truncated, hurdle, rows, tmp_path):
    whole = fastglm.glm("count ~ x + d + offset(o) | z", rows, family=hurdle(), weights="w")
    positive = rows[rows["count"] > 0]
    fit = fastglm.glm("count ~ x + d + offset(o)", positive, family=truncated(), weights="w")
    part = [name.removeprefix("count_") for name in whole.names if not name.startswith("zero_")]
    at = [j for j, name in enumerate(whole.names) if not name.startswith("zero_")]
    assert list(fit.names) == part
    np.testing.assert_allclose(fit.params, whole.params[at], rtol=1e-10)
    np.testing.assert_allclose(fit.bse, whole.bse[at], rtol=1e-9)
    logit = fastglm.glm("I((count > 0) * 1.0) ~ z", rows, family="binomial", weights="w")
    assert fit.llf + logit.llf == pytest.approx(whole.llf, rel=1e-12)
    np.testing.assert_allclose(fit.predict(rows, "count"), whole.predict(rows, "count"), rtol=1e-10)
    np.testing.assert_allclose(fit.predict(rows) * whole.predict(rows, "zero"), whole.predict(rows), rtol=1e-10)
    positive.to_parquet(tmp_path / "rows.parquet")
    file = fastglm.glm("count ~ x + d + offset(o)", tmp_path / "rows.parquet", family=fit.family.name, weights="w")
    np.testing.assert_allclose(file.params, fit.params, rtol=1e-8)
    file.save(tmp_path / "fit.json")
    again = fastglm.load(tmp_path / "fit.json")
    assert again.family == truncated()
    np.testing.assert_array_equal(again.params, file.params)


@pytest.mark.parametrize(("truncated", "hurdle"), PAIRS)
def test_probabilities_and_moments(truncated, hurdle, rows):
    fit = fastglm.glm("positive ~ x + g", rows, family=truncated())
    k = np.arange(400)
    shares = fit.predict(rows, "proba", counts=k)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-10)
    assert not shares[:, 0].any()
    y = rows.positive.to_numpy()
    assert fit.llf == pytest.approx(np.log(shares[np.arange(len(y)), y.astype(int)]).sum(), rel=1e-12)
    mean = shares @ k
    np.testing.assert_allclose(fit.predict(rows), mean, rtol=1e-8)
    spread = np.sqrt(shares @ k**2 - mean**2)
    np.testing.assert_allclose(fit.residuals(data=rows), (y - mean) / spread, rtol=1e-6, atol=1e-8)
    assert fit.part_names[:1] == ["count"]
    if fit.family.shape_name:
        assert fit.theta == pytest.approx(np.exp(fit.params[-1]))
        assert fit.part_names[-1] == "theta"
    constant = fastglm.glm("positive ~ 1", rows, family=truncated())
    assert fit.llnull == pytest.approx(constant.llf, abs=1e-6)


def test_refusals(rows):
    with pytest.raises(InvalidParameterError, match=r"y = 0.0 at row \d+ .*counts truncated at zero are one or more"):
        fastglm.glm("count ~ x", rows, family="zero_truncated_poisson")
    with pytest.raises(InvalidParameterError, match="y = 1.5 at row 0 is not a whole number"):
        fastglm.fit(rows[["x"]], np.where(rows.index == 0, 1.5, 2.0), family="zero_truncated_poisson")
    with pytest.raises(InvalidParameterError, match="y is one in every row"):
        fastglm.fit(rows[["x"]], np.ones(len(rows)), family="zero_truncated_poisson")
    with pytest.raises(InvalidParameterError, match="has one part"):
        fastglm.glm("positive ~ x | z", rows, family="zero_truncated_poisson")
    with pytest.raises(InvalidParameterError, match="penalty: family='zero_truncated_poisson'"):
        fastglm.glm("positive ~ x", rows, family="zero_truncated_poisson", penalty={"ridge": 1.0})
    fit = fastglm.glm("positive ~ x", rows, family="zero_truncated_poisson")
    with pytest.raises(InvalidParameterError, match="unknown kind of prediction 'zero'"):
        fit.predict(rows, "zero")
