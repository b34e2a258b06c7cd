"""Partitions of Dask whose columns are in another order, absent or more: columns are found by their names."""

import numpy as np
import pytest

import fastglm
from fastglm.errors import InvalidParameterError

pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")
dask = pytest.importorskip("dask")
dd = pytest.importorskip("dask.dataframe")


def parts():
    found = []
    for i in range(3):
        rng = np.random.default_rng(i)
        d = pd.DataFrame({"x": rng.normal(size=400), "z": rng.normal(size=400)})
        found.append(d.assign(y=0.3 + 0.3 * d.x - 0.2 * d.z + 0.1 * rng.normal(size=400)))
    return found


def collection(found, meta):
    # dask is told not to look at the partitions, as a reader of files may
    return dd.from_delayed([dask.delayed(lambda v: v)(p) for p in found], meta=meta.iloc[:0], verify_meta=False)


def fits(data):
    yield lambda: fastglm.glm("y ~ x + z", data)
    yield lambda: fastglm.glm("y ~ .", data)
    yield lambda: fastglm.fit(data, "y")
    yield lambda: fastglm.fit(data[["x", "z"]], data["y"])


def test_another_order_is_no_other_model():
    found = parts()
    expected = fastglm.glm("y ~ x + z", pd.concat(found, ignore_index=True)).params
    for fit in fits(collection([found[0], found[1][["z", "x", "y"]], found[2][["y", "z", "x"]]], found[0])):
        np.testing.assert_array_equal(fit().params, expected)


def test_a_column_that_is_absent_is_named_with_its_partition():
    found = parts()
    for fit in fits(collection([found[0], found[1], found[2].drop(columns="z")], found[0])):
        with pytest.raises(InvalidParameterError, match="'z'.*partition 2|partition 2.*'z'"):
            fit()


def test_arrays_beside_a_collection_are_no_columns_of_new_rows():
    whole = pd.concat(parts(), ignore_index=True)
    data = dd.from_pandas(whole.assign(o=0.1 * whole.x, w=1.0 + whole.z**2), npartitions=3)
    shifts, weights = {"offset": 0.1 * whole.x}, {"weights": 1.0 + whole.z**2}
    plain = fastglm.glm("y ~ z", whole, **shifts, **weights)
    given = {"offset": data["o"], "weights": data["w"]}
    own = data[["y", "z"]]
    for found in (fastglm.glm("y ~ z", own, **given), fastglm.fit(own, "y", **given)):
        np.testing.assert_array_equal(found.params, plain.params)
        new = whole.assign(offset=np.nan, weights=-1.0)  # columns of these names mean nothing
        np.testing.assert_allclose(found.predict(new, **shifts), plain.predict(whole, **shifts), rtol=1e-13)
        assert found.score(new, "y", **shifts, **weights).deviance == pytest.approx(plain.deviance, rel=1e-12)
        with pytest.raises(InvalidParameterError, match="fitted with an offset"):
            found.predict(new)
    with pytest.raises(InvalidParameterError, match="exposure: the formula has one already"):
        fastglm.glm("y**2 ~ z + exposure(w)", data, family="poisson", exposure=data["w"])


def test_columns_that_the_collection_does_not_have_are_not_read():
    found = parts()
    expected = fastglm.glm("y ~ x + z", pd.concat(found, ignore_index=True)).params
    more = collection([found[0].assign(q="a")[["q", "x", "z", "y"]], *found[1:]], found[0])
    for fit in fits(more):
        np.testing.assert_array_equal(fit().params, expected)
