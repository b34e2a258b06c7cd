"""The sets are those of their sources: certified values, published counts, the truth of what is drawn."""

import zlib

import numpy as np
import pytest

import fastglm
from fastglm import datasets
from fastglm.cli import lecture
from fastglm.datasets.nist import SETS
from fastglm.errors import InvalidParameterError

pandas = pytest.importorskip("pandas")
pytest.importorskip("formulaic")
SMALL = ("primes", "clotting", "dobson", "budworm", *SETS)
DIGITS = {"filip": 7, "wampler5": 9}  # else 12; numbers of rows that doubles hold, see tests/fitting/test_nist.py


@pytest.mark.parametrize("name", SETS)
def test_fits_have_the_certified_values(name):
    known = datasets.certified(name)
    result = fastglm.glm(known.formula, getattr(datasets, name)())
    assert result.df_resid == known.df_residual
    tolerance = 10.0 ** -DIGITS.get(name, 12)
    assert np.allclose(result.params, known.params, rtol=tolerance, atol=0.0)
    exact = known.bse == 0.0
    assert np.allclose(result.bse[~exact], known.bse[~exact], rtol=10.0 * tolerance, atol=0.0)


@pytest.mark.parametrize("name", SMALL)
def test_every_set_has_source_and_licence(name):
    page = getattr(datasets, name).__doc__
    assert "Source: " in page and "Licence: " in page
    assert name not in SETS or datasets.certified(name).source


def test_published_numbers():
    moths = datasets.budworm()
    assert moths.groupby("sex").dead.sum().to_dict() == {"F": 46, "M": 65} and set(moths.treated) == {20}
    assert datasets.dobson().counts.tolist() == [18, 17, 15, 20, 10, 20, 25, 13, 12]
    r = fastglm.fit(datasets.primes()[["x"]], datasets.primes().y, family="binomial")
    assert r.params == pytest.approx([-3.54907067283012829834, 0.551775920838949141538], abs=1e-9)
    table = datasets.primes(library="dict")
    assert (tuple(table["x"]), tuple(table["y"])) == (lecture.X, lecture.Y)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_frames_are_of_the_library_asked_for(library):
    module = pytest.importorskip(library)
    kind = module.Table if library == "pyarrow" else module.DataFrame
    plain = datasets.portfolio(50, seed=2, library="dict")
    readers = [lambda library: datasets.portfolio(50, seed=2, library=library), datasets.budworm, datasets.longley]
    frames = [reader(library=library) for reader in readers]
    assert all(isinstance(frame, kind) for frame in frames)
    assert all(np.array_equal(np.asarray(frames[0][name]), values) for name, values in plain.items())


def test_libraries_that_are_not_there(monkeypatch):
    with pytest.raises(InvalidParameterError, match="library must be pandas, polars, pyarrow or dict"):
        datasets.primes(library="vaex")
    monkeypatch.setattr("fastglm.datasets.frames.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="polars needs polars: pip install polars"):
        datasets.primes(library="polars")
    assert datasets.primes(library="dict")["y"].sum() == 3
    monkeypatch.setattr("fastglm.datasets.other_packages.find_spec", lambda name: None)
    monkeypatch.setattr("fastglm.datasets.frames.find_spec", lambda name: True)
    with pytest.raises(ImportError, match="comes with statsmodels: pip install statsmodels"):
        datasets.statsmodels("star98")
    with pytest.raises(ImportError, match="comes with scikit-learn: pip install scikit-learn"):
        datasets.sklearn("wine")


def test_a_portfolio_is_drawn_from_its_models():
    policies, truth = datasets.portfolio(60_000, seed=3), datasets.portfolio_truth()
    terms = "driver_age + vehicle_age + bonus_malus + region + fuel"
    counts = fastglm.glm(f"claims ~ {terms}", policies, family="poisson", exposure="exposure")
    claimed = policies[policies.claims > 0].assign(each=lambda rows: rows.amount / rows.claims)
    costs = fastglm.glm(f"each ~ {terms}", claimed, family="gamma", link="log", weights="claims")
    for result, known in ((counts, truth.frequency), (costs, truth.severity)):
        assert set(result.names) == set(known)
        assert (abs(result.params - [known[name] for name in result.names]) < 4.0 * result.bse).all()
    assert costs.scale == pytest.approx(truth.dispersion, rel=0.06)
    assert ((policies.amount > 0) == (policies.claims > 0)).all() and policies.exposure.between(0, 1).all()


def test_a_portfolio_in_chunks_is_the_same_portfolio():
    whole = datasets.portfolio(1000, seed=5)
    chunks = list(datasets.portfolio(1000, seed=5, chunk_rows=300))
    assert [len(chunk) for chunk in chunks] == [300, 300, 300, 100]
    pandas.testing.assert_frame_equal(pandas.concat(chunks, ignore_index=True), whole)
    assert not whole.equals(datasets.portfolio(1000, seed=6))
    for bad in (0, 2.5, True):
        with pytest.raises(InvalidParameterError, match="n must be a whole number"):
            datasets.portfolio(bad)


def test_sets_of_other_packages():
    held = pytest.importorskip("statsmodels.datasets")
    pandas.testing.assert_frame_equal(datasets.statsmodels("spector"), held.spector.load_pandas().data)
    with pytest.raises(InvalidParameterError, match="no data set 'spektor'; it has anes96, "):
        datasets.statsmodels("spektor")
    pytest.importorskip("sklearn")
    assert datasets.sklearn("iris", library="dict")["target"].tolist() == [0] * 50 + [1] * 50 + [2] * 50
    with pytest.raises(InvalidParameterError, match="name must be one of breast_cancer"):
        datasets.sklearn("boston")


def test_tables_of_r_on_this_machine(tmp_path, monkeypatch):
    held = pytest.importorskip("statsmodels.datasets")
    text = "rownames,speed,dist\n1,4,2\n2,7,4\n"
    (tmp_path / "csv/datasets").mkdir(parents=True)
    (tmp_path / "csv/datasets/cars.csv").write_text(text)
    assert datasets.rdatasets("cars", folder=tmp_path).dist.tolist() == [2, 4]
    with pytest.raises(InvalidParameterError, match="there is no file .*MASS.cars.csv"):
        datasets.rdatasets("cars", "MASS", folder=tmp_path)
    monkeypatch.setattr(held, "get_data_home", lambda: str(tmp_path))
    with pytest.raises(InvalidParameterError, match="statsmodels keeps no copy of 'cars'"):
        datasets.rdatasets("cars")
    kept = "raw.githubusercontent.com,vincentarelbundock,Rdatasets,master,csv,datasets,cars-v2.csv.zip"
    (tmp_path / kept).write_bytes(zlib.compress(text.encode()))
    assert datasets.rdatasets("cars", library="dict")["speed"].tolist() == [4, 7]
