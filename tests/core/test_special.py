"""fastglm.special against mpmath and scipy, and against the Numba scalars that repeat its formulas."""

import ctypes
import math
import os
import threading

import mpmath
import numba
import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fastglm import special
from fastglm.kernels import elementary
from fastglm.special import _special

ELEMENTWISE = ["sigmoid", "logit", "log_sigmoid", "log1pexp"]
OVER_AXIS = ["softmax", "log_softmax", "logsumexp"]
INF, NAN = np.inf, np.nan
mp = mpmath.mp.clone()
mp.dps = 40


def real_grid():
    rng = np.random.default_rng(0)
    edges = [0.0, 5e-324, 1e-310, 1e-300, 1e-17, 0.5, 1.0, 36.7, 40.0]
    edges += [700.0, 708.4, 709.8, 744.4, 745.1, 745.2, 1e4, 1e300]
    tiny = 10.0 ** rng.uniform(-323, 2, 300)
    parts = [edges, tiny, rng.uniform(0, 4, 600), rng.uniform(0, 40, 400), rng.uniform(0, 746, 400)]
    positive = np.concatenate(parts)
    return np.concatenate([positive, -positive])


def probability_grid():
    rng = np.random.default_rng(1)
    near = 0.5 + rng.normal(size=300) * 10.0 ** rng.uniform(-17, -1.5, 300)
    tail = 10.0 ** rng.uniform(-323, -0.3, 300)
    edges = [5e-324, 1e-310, 1e-300, 0.3, 0.4, 0.5, 0.6, 0.65, 1 - 2.0**-53, np.nextafter(0.5, 0), np.nextafter(0.5, 1)]
    p = np.concatenate([edges, near, tail, 1 - tail, rng.uniform(0.29, 0.71, 800), rng.random(400)])
    return p[(p > 0) & (p < 1)]


def exact_log1pexp(x):
    return mp.log1p(mp.exp(x)) if x < 50 else x + mp.log1p(mp.exp(-x))


EXACT = {
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "logit": lambda p: mp.log(p) - mp.log1p(-p),
    "log_sigmoid": lambda x: -exact_log1pexp(-x),
    "log1pexp": exact_log1pexp,
}


def ulp_error(got, exact):
    """The largest error of an array in units in the last place of its dtype."""
    worst = 0.0
    for value, truth in zip(np.ravel(got), exact, strict=True):
        rounded = got.dtype.type(float(truth))
        if not np.isfinite(rounded):
            assert value == rounded
            continue
        worst = max(worst, abs(float((mp.mpf(float(value)) - truth) / float(np.spacing(abs(rounded))))))
    return worst


def exact_row(x):
    """logsumexp and log_softmax of a row; the maximum is taken out, as 40 digits do not hold the rest beside it."""
    values, top = [mp.mpf(float(v)) for v in x], int(np.argmax(x))
    log_sum = mp.log1p(mp.fsum(mp.exp(v - values[top]) for i, v in enumerate(values) if i != top))
    return values[top] + log_sum, [v - values[top] - log_sum for v in values]


@pytest.fixture
def restore_threads():
    yield
    special.set_threads()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_below_four_ulp(name, dtype):
    with np.errstate(over="ignore"):
        x = (probability_grid() if name == "logit" else real_grid()).astype(dtype)
    if name == "logit":
        x = x[(x > 0) & (x < 1)]
    with np.errstate(over="ignore"):
        assert ulp_error(getattr(special, name)(x), [EXACT[name](mp.mpf(float(v))) for v in x]) < 4


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 300.0])
@pytest.mark.parametrize("n", [1, 2, 7, 16, 33, 300])
def test_softmax_family_below_four_ulp(n, scale, dtype):
    x = (np.random.default_rng(n).normal(size=n) * scale + 3 * scale).astype(dtype)
    total, logs = exact_row(x)
    assert ulp_error(special.softmax(x), [mp.exp(v) for v in logs]) < 4
    assert ulp_error(special.log_softmax(x), logs) < 4
    assert ulp_error(np.atleast_1d(special.logsumexp(x)), [total]) < 4


def test_long_softmax_below_four_ulp():
    x = np.random.default_rng(5).normal(size=30_000) * 20
    total, logs = exact_row(x)
    assert ulp_error(special.softmax(x), [mp.exp(v) for v in logs]) < 4
    assert ulp_error(special.log_softmax(x), logs) < 4
    assert ulp_error(np.atleast_1d(special.logsumexp(x)), [total]) < 4


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(3, 40), (32, 19), (70, 33)])
def test_rows_side_by_side_below_four_ulp(shape, dtype):
    x = (np.random.default_rng(13).normal(size=shape) * 20 + 60).astype(dtype)
    x[1, 5:9] = [INF, -INF, NAN, -INF]
    x[0, 8] = INF
    soft, log_soft, log_sum = (getattr(special, name)(x, axis=0) for name in OVER_AXIS)
    for j in range(shape[1]):
        if np.isfinite(x[:, j]).all():
            total, logs = exact_row(x[:, j])
            assert ulp_error(soft[:, j], [mp.exp(v) for v in logs]) < 4
            assert ulp_error(log_soft[:, j], logs) < 4
            assert ulp_error(log_sum[j : j + 1], [total]) < 4
        else:
            with np.errstate(all="ignore"):
                column = x[:, j].astype(float)
                want = [getattr(scipy.special, name)(column) for name in OVER_AXIS]
            for got, truth in zip((soft[:, j], log_soft[:, j], log_sum[j]), want, strict=True):
                np.testing.assert_allclose(got, truth, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("gap", [1.0, 40.0, 200.0, 700.0, 744.0])
def test_small_terms_are_not_lost_beside_the_maximum(gap):
    truth = mp.log1p(mp.exp(-gap))
    assert ulp_error(np.atleast_1d(special.logsumexp([0.0, -gap])), [truth]) < 4
    assert ulp_error(special.log_softmax([0.0, -gap])[:1], [-truth]) < 4


def test_limits():
    cases = {
        "sigmoid": ([-INF, INF, 0.0, -800.0, 800.0], [0.0, 1.0, 0.5, 0.0, 1.0]),
        "logit": ([0.0, -0.0, 1.0, -1e-300, 1 + 1e-15, INF, -INF, 0.5], [-INF, -INF, INF, NAN, NAN, NAN, NAN, 0.0]),
        "log_sigmoid": ([-INF, INF, -1e308, 800.0], [-INF, 0.0, -1e308, 0.0]),
        "log1pexp": ([-INF, INF, 1e308, -800.0], [0.0, INF, 1e308, 0.0]),
    }
    for name, (x, want) in cases.items():
        for dtype in (np.float64, np.float32):
            with np.errstate(over="ignore"):
                a, b = np.array(x, dtype), np.array(want, dtype)
            if name == "logit" and dtype == np.float32:
                a, b = np.delete(a, [3, 4]), np.delete(b, [3, 4])
            np.testing.assert_array_equal(getattr(special, name)(a), b)


@pytest.mark.parametrize("name", ELEMENTWISE + OVER_AXIS)
def test_nan_propagates(name):
    for dtype in (np.float64, np.float32):
        got = getattr(special, name)(np.full(21, NAN, dtype))
        assert got.dtype == dtype and np.isnan(got).all()
    assert np.isnan(getattr(special, name)(NAN))
    x = np.zeros((2, 20))
    x[1, 7] = NAN
    got = getattr(special, name)(x)
    assert np.isfinite(got[0]).all() or name == "logit"
    assert np.isnan(got[1]).all() if name in OVER_AXIS else np.isnan(got).sum() == 1


LOWEST = np.finfo(float).min
INFINITE_ROWS = [
    [-INF, -INF], [INF, 0.0], [INF, INF], [INF, -INF], [INF, NAN], [-INF, NAN], [-INF, 0.0],
    [LOWEST, -INF], [-INF, 1e308], [LOWEST, -LOWEST],
]  # fmt: skip


@pytest.mark.parametrize("name", OVER_AXIS)
@pytest.mark.parametrize("row", INFINITE_ROWS, ids=str)
def test_infinite_rows_as_in_scipy(name, row):
    ours, theirs = getattr(special, name), getattr(scipy.special, name)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(ours(row), theirs(np.array(row)))
        # The same in rows of several chunks, with the odd values in the last one, the first one, and in all.
        for where in (slice(19_998, None), slice(0, 2), slice(None)):
            long = np.full(20_000, -1000.0)
            long[where] = np.resize(row, long[where].shape)
            np.testing.assert_allclose(ours(long), theirs(long), rtol=1e-13)


@pytest.mark.parametrize("name", OVER_AXIS)
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3, None])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_axes_and_strides(name, axis, dtype):
    base = (np.random.default_rng(2).normal(size=(24, 18, 21)) * 5).astype(dtype)
    views = [base, np.asfortranarray(base), base[::2, ::-3, 1::4], base.transpose(2, 0, 1)]
    views.append(np.broadcast_to(base[:1], base.shape))
    ours, theirs = getattr(special, name), getattr(scipy.special, name)
    for x in views:
        x.flags.writeable = False
        before, want = x.copy(), theirs(x.astype(float), axis=axis)
        tolerance = {"rtol": 1e-13, "atol": 1e-14} if dtype == np.float64 else {"rtol": 1e-6, "atol": 1e-7}
        got = ours(x, axis=axis)
        np.testing.assert_allclose(got, want, **tolerance)
        assert got.dtype == dtype
        out = np.zeros(np.array(np.shape(got)) * 2, dtype)[(slice(None, None, 2),) * np.ndim(got)]
        out = out if isinstance(out, np.ndarray) else np.zeros((), dtype)
        assert ours(x, axis=axis, out=out) is out
        np.testing.assert_allclose(out, want, **tolerance)
        np.testing.assert_array_equal(x, before)
    if name == "logsumexp":
        np.testing.assert_allclose(ours(base, axis, keepdims=True), theirs(base, axis, keepdims=True), rtol=2e-5)


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_shapes_strides_and_out(name, dtype):
    function = getattr(special, name)
    base = np.random.default_rng(3).random((12, 10, 14)).astype(dtype)
    want = np.array([function(v) for v in base.ravel()]).reshape(base.shape)
    assert want.dtype == dtype
    pick = (slice(None, None, -2), slice(1, None, 3), slice(None))
    none = (0, 0, slice(0, 0))
    views = [(base, want), (np.asfortranarray(base), want), (base.T, want.T)]
    views += [(base[index], want[index]) for index in (pick, none)]
    for x, w in views:
        x.flags.writeable = False
        np.testing.assert_array_equal(function(x), w)
        out = np.zeros(tuple(2 * s for s in x.shape), dtype)[(slice(None, None, 2),) * x.ndim]
        assert function(x, out=out) is out
        np.testing.assert_array_equal(out, w)
        out = np.zeros(x.shape, dtype)
        assert function(x, out=out) is out
        np.testing.assert_array_equal(out, w)


@pytest.mark.parametrize("name", ELEMENTWISE + OVER_AXIS[:2])
def test_out_may_be_the_argument_or_overlap_it(name):
    function = getattr(special, name)
    x = np.random.default_rng(4).random(50_000)
    want = function(x)
    same = x.copy()
    function(same, out=same)
    np.testing.assert_array_equal(same, want)
    shared = np.append(x, 0.0)
    function(shared[:-1], out=shared[1:])
    np.testing.assert_array_equal(shared[1:], want)
    back = x.copy()
    function(back, out=back[::-1])
    np.testing.assert_array_equal(back[::-1], want)


@pytest.mark.parametrize("name", ELEMENTWISE + OVER_AXIS)
def test_dtypes_and_scalars(name):
    function = getattr(special, name)
    for value, dtype in [
        (0.25, np.float64), (1, np.float64), (True, np.float64), (np.int8(1), np.float64), (np.uint64(1), np.float64),
        (np.float32(0.25), np.float32), (np.float16(0.25), np.float32), (np.float64(0.25), np.float64),
        (np.array(0.25), np.float64), (np.array(0.25, np.float32), np.float32), (np.array(0.25, ">f8"), np.float64),
    ]:  # fmt: skip
        got = function(value)
        assert type(got) is dtype
        np.testing.assert_array_equal(got, np.ravel(function(np.array([value], dtype)))[0])
    assert function([[0.25, 0.5], [0.5, 0.75]]).dtype == np.float64
    swapped = np.linspace(0.1, 0.9, 5).astype(">f4")
    np.testing.assert_array_equal(function(swapped), function(swapped.astype("=f4")))
    packed = np.zeros(5, np.dtype([("a", "i1"), ("b", "f8")]))
    packed["b"] = 0.25
    np.testing.assert_array_equal(function(packed["b"]), function(np.full(5, 0.25)))


@pytest.mark.parametrize("name", ELEMENTWISE + OVER_AXIS)
def test_errors(name):
    function = getattr(special, name)
    for bad in (1j, np.zeros(3, complex), np.array([1.0, None]), "a", np.zeros(2, np.longdouble), np.zeros(2, "M8[s]")):
        with pytest.raises(TypeError, match="x must"):
            function(bad)
    shape = () if name == "logsumexp" else (3,)
    x = np.full(3, 0.5)
    with pytest.raises(TypeError, match="out must be a numpy array"):
        function(x, out=[0.0] * 3)
    with pytest.raises(TypeError, match="out must have dtype"):
        function(x, out=np.zeros(shape, np.float32))
    with pytest.raises(ValueError, match="out must have shape"):
        function(x, out=np.zeros((2, 2)))
    frozen = np.zeros(shape)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="out must be writeable"):
        function(x, out=frozen)
    if name in OVER_AXIS:
        with pytest.raises(np.exceptions.AxisError):
            function(x, axis=1)
        with pytest.raises(TypeError):
            function(x, axis=(0,))


@pytest.mark.parametrize("name", OVER_AXIS)
def test_empty(name):
    function = getattr(special, name)
    assert function(np.zeros((0, 3))).shape == ((0,) if name == "logsumexp" else (0, 3))
    got = function(np.zeros((3, 0)))
    if name == "logsumexp":
        np.testing.assert_array_equal(got, [-INF] * 3)
    else:
        assert got.shape == (3, 0)


def test_threads_setting(restore_threads):
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    special.set_threads(3)
    assert special.get_threads() == 3
    special.set_threads(None)
    assert special.get_threads() == min(cores, 256)
    for bad, error in ((0, ValueError), (-1, ValueError), (1.5, TypeError)):
        with pytest.raises(error):
            special.set_threads(bad)


@pytest.mark.parametrize("shape", [(200_003,), (3, 70_001), (500, 401), (40, 10_000), (60_001, 3)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_same_bits_for_any_number_of_threads(shape, dtype, restore_threads):
    x = (np.random.default_rng(6).normal(size=shape) * 10).astype(dtype)
    results = []
    for threads in (1, 2, 5):
        special.set_threads(threads)
        results.append([getattr(special, name)(x) for name in ELEMENTWISE + OVER_AXIS])
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_callers_at_the_same_time(restore_threads):
    special.set_threads(4)
    x = np.random.default_rng(7).normal(size=(4, 150_000))
    want = [(special.sigmoid(row), special.softmax(row)) for row in x]
    failures = []

    def work(row, expected):
        for _ in range(10):
            if not all(map(np.array_equal, (special.sigmoid(row), special.softmax(row)), expected)):
                failures.append(row)

    callers = [threading.Thread(target=work, args=pair) for pair in zip(x, want, strict=True)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not failures


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_after_a_fork(restore_threads):
    special.set_threads(2)
    x = np.random.default_rng(8).normal(size=200_000)
    want = special.sigmoid(x)
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(special.sigmoid(x), want) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def loop_over(function):
    @numba.njit(error_model="numpy")
    def loop(x, out):
        for i in range(x.size):
            out[i] = function(x[i])

    return loop


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_same_bits_as_the_numba_scalars(name):
    rng = np.random.default_rng(9)
    scalar = getattr(elementary, name)
    x = np.concatenate([real_grid(), probability_grid(), rng.normal(size=100_000) * 8, [INF, -INF, NAN, -0.0]])
    x = np.concatenate([x, rng.random(50_000), rng.integers(0, 2**64, 100_000, np.uint64).view(np.float64)])
    want, out = special.__dict__[name](x), np.empty_like(x)
    loop_over(scalar)(x, out)
    np.testing.assert_array_equal(out, want)
    python = np.array([scalar(float(v)) for v in x[:3000]] + [scalar(v) for v in (0.0, 1.0, -1.0, INF, -INF)])
    np.testing.assert_array_equal(python, special.__dict__[name](np.append(x[:3000], [0.0, 1.0, -1.0, INF, -INF])))


def log_grid():
    rng = np.random.default_rng(10)
    near = 1 + rng.normal(size=500) * 10.0 ** rng.uniform(-16, -1, 500)
    return np.concatenate([10.0 ** rng.uniform(-323, 308, 500), near, rng.uniform(0.4, 3, 800), [5e-324, 2.0**-1022]])


def log1p_grid():
    rng = np.random.default_rng(11)
    small = rng.normal(size=500) * 10.0 ** rng.uniform(-300, -1, 500)
    return np.concatenate([log_grid(), -rng.random(800), small, -1 + 10.0 ** rng.uniform(-16, -1, 300)])


@pytest.mark.parametrize(
    ("name", "grid", "exact", "bound"),
    [
        ("exp", real_grid, mp.exp, 1),
        ("exp_negative", lambda: -np.abs(real_grid()), mp.exp, 1),
        ("expm1", real_grid, mp.expm1, 3),
        ("log", log_grid, mp.log, 1),
        ("log1p", log1p_grid, mp.log1p, 2),
    ],
)
def test_elementary_functions(name, grid, exact, bound):
    x = grid()
    x = x[x < 709.7] if name.startswith("exp") else x
    out = np.empty_like(x)
    loop_over(getattr(elementary, name))(x, out)
    assert ulp_error(out, [exact(mp.mpf(float(v))) for v in np.maximum(x, -1e6)]) < bound


def test_elementary_limits():
    cases = {
        "exp": {INF: INF, -INF: 0.0, 0.0: 1.0, 710.0: INF, -746.0: 0.0},
        "expm1": {INF: INF, -INF: -1.0, 710.0: INF, -1e308: -1.0},
        "log": {0.0: -INF, -1.0: NAN, INF: INF, -INF: NAN, 1.0: 0.0},
        "log1p": {-1.0: -INF, -2.0: NAN, -3.0: NAN, INF: INF, -INF: NAN, -0.0: -0.0},
        "norm_cdf": {INF: 1.0, -INF: 0.0, 0.0: 0.5},
        "norm_sf": {INF: 0.0, -INF: 1.0, 0.0: 0.5},
        "norm_pdf": {INF: 0.0, -INF: 0.0},
        "log_ndtr": {INF: 0.0, -INF: -INF},
        "log_factorial": {0.0: 0.0, 1.0: 0.0, INF: INF, -1.0: NAN},
        "stirling_error": {0.0: INF, INF: 0.0, -1.0: NAN},
    }
    for name, values in cases.items():
        function = getattr(elementary, name)
        x = np.array([*values, NAN])
        out = np.empty_like(x)
        loop_over(function)(x, out)
        np.testing.assert_array_equal(out, [*values.values(), NAN])
        np.testing.assert_array_equal([function(float(v)) for v in x], out)
    assert math.copysign(1.0, elementary.expm1(-0.0)) == math.copysign(1.0, elementary.log1p(-0.0)) == -1.0


def relative_error(name, x, exact):
    out = np.empty_like(x)
    loop_over(getattr(elementary, name))(x, out)
    with mp.workdps(60):
        truths = [exact(mp.mpf(float(v))) for v in x]
        return max(float(abs((mp.mpf(float(o)) - t) / t)) if t else abs(o) for o, t in zip(out, truths, strict=True))


def exact_log_ndtr(x):
    if x > 0:
        return mp.log1p(-mp.erfc(x / mp.sqrt(2)) / 2)
    if x > -100:
        return mp.log(mp.erfc(-x / mp.sqrt(2)) / 2)
    series = mp.fsum((-1) ** j * mp.fac2(2 * j - 1) / x ** (2 * j) for j in range(1, 12))
    return -x * x / 2 - mp.log(-x) - mp.log(2 * mp.pi) / 2 + mp.log1p(series)


def test_normal_tails_and_factorials():
    rng = np.random.default_rng(12)
    x = np.concatenate([rng.uniform(-40, 8, 300), -(10.0 ** rng.uniform(-3, 6, 200)), [-15.0, -1e4, -1e100]])
    assert relative_error("log_ndtr", x, exact_log_ndtr) < 1e-14
    y = np.concatenate([np.arange(400.0), rng.uniform(1, 300, 300), 10.0 ** rng.uniform(0, 12, 200)])
    assert relative_error("log_factorial", y, lambda y: mp.loggamma(y + 1)) < 1e-14
    y = np.concatenate([np.arange(1.0, 40), rng.uniform(0, 20, 300), 10.0 ** rng.uniform(-8, 8, 200)])
    half_log = mp.log(2 * mp.pi) / 2
    exact = lambda y: mp.loggamma(y + 1) - ((y + mp.mpf("0.5")) * mp.log(y) - y + half_log)  # noqa: E731
    assert relative_error("stirling_error", y, exact) < 1e-14


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_c_entry_points(name):
    capsule = _special.__pyx_capi__[name]
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    address = pointer(capsule, b"double (double)")
    function = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(address)
    for x in (0.1, 0.45, 0.9):
        assert function(x) == getattr(special, name)(x)


finite = st.floats(-800, 800)
rows = hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(-300, 300))


@given(finite)
def test_symmetry(x):
    assert special.sigmoid(-x) == pytest.approx(1 - special.sigmoid(x), abs=2e-16)
    assert special.log_sigmoid(x) == -special.log1pexp(-x)
    log = math.log(special.sigmoid(x)) if x > -700 else x
    assert special.log_sigmoid(x) == pytest.approx(log, rel=1e-13, abs=1e-15)


@given(st.floats(-30, 30))
def test_logit_inverts_sigmoid(x):
    assert special.logit(special.sigmoid(x)) == pytest.approx(x, rel=1e-12, abs=2e-16 * math.exp(abs(x)) * 4)


@given(rows, st.floats(-300, 300))
@settings(max_examples=60)
def test_softmax_properties(x, shift):
    p = special.softmax(x)
    assert p.sum() == pytest.approx(1, abs=1e-14)
    assert (p >= 0).all() and (p <= 1).all()
    moved = x + shift
    rounding = 2e-13
    np.testing.assert_allclose(special.softmax(moved), p, rtol=rounding)
    np.testing.assert_allclose(np.exp(special.log_softmax(x)), p, rtol=rounding)
    assert special.logsumexp(moved) == pytest.approx(special.logsumexp(x) + shift, abs=1e-12)
    assert special.logsumexp(x) >= x.max()
