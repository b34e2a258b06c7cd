"""However X and y are stored, the answer is that of a C-ordered float64 array; nothing of the caller's is touched."""

import numpy as np
import oracle
import pytest

import fastglm

RNG = np.random.default_rng(0)
WHOLE = RNG.integers(0, 100, size=(700, 3)).astype(float)  # fits every number type
BITS = RNG.integers(0, 2, size=(700, 3)).astype(float)
Y = RNG.poisson(np.exp(0.5 + 0.004 * WHOLE.sum(1))).astype(float)
W = RNG.integers(1, 5, size=700).astype(float)
OFFSET = np.round(RNG.normal(size=700), 3)
TYPES = ["float32", "float64", "longdouble", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
         ">f8", ">f4", ">i4", "float16"]  # fmt: skip


def fit(X, y=Y, **options):
    return fastglm.fit(X, y, family="poisson", **options)


REFERENCE = fit(WHOLE)


def layouts(X):
    """Name -> the same numbers stored otherwise."""
    n, p = X.shape
    wide = np.full((2 * n, 3 * p + 1), 1e300)
    wide[::2, 1::3] = X
    locked = X.copy()
    locked.setflags(write=False)
    return {
        "fortran": np.asfortranarray(X),
        "strided rows and columns": wide[::2, 1::3],
        "rows backwards": X[::-1].copy()[::-1],
        "columns backwards": X[:, ::-1].copy()[:, ::-1],
        "both backwards, fortran": np.asfortranarray(X[::-1, ::-1])[::-1, ::-1],
        "read-only": locked,
        "a slice of columns": np.column_stack([X, np.full(n, np.nan)])[:, :p],
        "a slice of rows": np.vstack([np.full((5, p), np.nan), X])[5:],
        "unaligned": np.frombuffer(b"x" + X.tobytes(), offset=1, dtype=float).reshape(n, p),
        "subclass": X.view(type("Sub", (np.ndarray,), {})),
    }


def same(result, exact=True):
    """Equal estimates: to the bit, or to rounding where BLAS adds in another order."""
    assert result.converged
    for name in ("params", "bse", "deviance", "llf", "null_deviance", "pearson_chi2"):
        got, want = getattr(result, name), getattr(REFERENCE, name)
        if exact:
            np.testing.assert_array_equal(got, want)
        np.testing.assert_allclose(got, want, rtol=1e-13)


@pytest.mark.parametrize("name", layouts(WHOLE))
def test_layouts(name):
    X = layouts(WHOLE)[name]
    before = X.tobytes()
    same(fit(X), exact=name not in ("fortran", "a slice of columns"))
    assert X.tobytes() == before


@pytest.mark.parametrize("dtype", TYPES)
def test_number_types_of_x(dtype):
    X = WHOLE.astype(dtype)
    before = X.tobytes()
    same(fit(X))
    assert X.tobytes() == before


@pytest.mark.parametrize("dtype", TYPES)
def test_number_types_of_the_vectors(dtype):
    y, w = Y.astype(dtype), W.astype(dtype)
    before = y.tobytes() + w.tobytes()
    result = fit(WHOLE, y, weights=w, freq_weights=w, exposure=w)
    exact = fit(WHOLE, Y, weights=W, freq_weights=W, exposure=W)
    np.testing.assert_array_equal(result.params, exact.params)
    np.testing.assert_array_equal(result.bse, exact.bse)
    assert result.llf == exact.llf and y.tobytes() + w.tobytes() == before


def test_booleans():
    np.testing.assert_array_equal(fit(BITS.astype(bool)).params, fit(BITS).params)
    np.testing.assert_array_equal(fit(BITS.astype(bool)).bse, fit(BITS).bse)
    y = Y > 2
    np.testing.assert_array_equal(
        fastglm.fit(WHOLE, y, family="binomial").params, fastglm.fit(WHOLE, y.astype(float), family="binomial").params
    )


@pytest.mark.parametrize("step", [-3, -1, 2])
def test_strided_vectors(step):
    spread = {k: np.repeat(v, abs(step))[:: abs(step)] for k, v in dict(y=Y, weights=W, offset=OFFSET).items()}
    given = {k: v[::-1].copy()[::-1] if step < 0 else v for k, v in spread.items()}
    assert all(v.strides[0] != 8 for v in given.values())
    result = fit(WHOLE, given.pop("y"), **given)
    exact = fit(WHOLE, weights=W, offset=OFFSET)
    np.testing.assert_array_equal(result.params, exact.params)
    np.testing.assert_array_equal(result.bse, exact.bse)


def test_broadcast_scalars_and_columns():
    exact = fit(WHOLE, weights=np.full(700, 2.0))
    for weights in (2.0, np.broadcast_to(2.0, 700), np.full((700, 1), 2)):
        np.testing.assert_array_equal(fit(WHOLE, weights=weights).params, exact.params)
    np.testing.assert_array_equal(fit(WHOLE, Y[:, None]).params, REFERENCE.params)


def test_memory_maps(tmp_path):
    for name, a in dict(X=WHOLE, y=Y).items():
        np.save(tmp_path / f"{name}.npy", a)
    X, y = (np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in "Xy")
    same(fit(X, y))


def test_lists_and_frames():
    pandas = pytest.importorskip("pandas")
    same(fit(WHOLE.tolist(), Y.tolist()))
    frame = pandas.DataFrame(WHOLE, columns=["age", "dose", "size"])
    result = fit(frame, pandas.Series(Y, index=range(700, 0, -1)))
    same(result, exact=False)
    assert result.names == ("(Intercept)", "age", "dose", "size")
    mixed = frame.assign(age=frame.age.astype("int8"), dose=frame.dose.astype("float32"))
    same(fit(mixed, Y), exact=False)
    same(fit(frame.astype("Float64"), Y), exact=False)
    assert (frame.to_numpy() == WHOLE).all()


def test_objects_that_are_numbers():
    same(fit(WHOLE.astype(object), Y.astype(object)))


@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("intercept", [True, False])
def test_one_buffer_for_everything_is_left_as_it_was(order, intercept):
    buffer = np.array(np.column_stack([WHOLE, Y, W, OFFSET]), order=order)
    before = buffer.tobytes()
    result = fit(buffer[:, :3], buffer[:, 3], weights=buffer[:, 4], offset=buffer[:, 5], intercept=intercept)
    exact = fit(WHOLE, weights=W, offset=OFFSET, intercept=intercept)
    np.testing.assert_allclose(result.params, exact.params, rtol=1e-10)
    assert buffer.tobytes() == before


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 511, 512, 513, 4095, 4097, 8193])
def test_rows_at_the_edges_of_blocks(n):
    family, link = oracle.family("gaussian"), oracle.link("identity")
    X, y = oracle.draw(family, link, n=n, p=1, seed=n)
    if n > 2:
        result = fastglm.fit(X, y)
        expected = np.linalg.lstsq(np.column_stack([np.ones(n), X]), y, rcond=None)[0]
        np.testing.assert_allclose(result.params, expected, rtol=1e-10)
    else:
        np.testing.assert_allclose(fastglm.fit(X[:, :0], y).params, [y.mean()], rtol=1e-14)


@pytest.mark.parametrize("p", [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 130])
@pytest.mark.parametrize("order", "CF")
def test_any_number_of_columns(p, order):
    rng = np.random.default_rng(p)
    X, y = np.array(rng.normal(size=(600, p)), order=order), rng.normal(size=600)
    A = np.column_stack([np.ones(600), X])
    result = fastglm.fit(X, y)
    np.testing.assert_allclose(result.params, np.linalg.lstsq(A, y, rcond=None)[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(result.cov_params() / result.scale, np.linalg.inv(A.T @ A), rtol=1e-8, atol=1e-14)
