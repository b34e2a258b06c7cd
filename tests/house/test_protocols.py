"""Every registered implementation has the names and takes the arguments of the protocol that it answers to."""

import inspect
from pathlib import Path

import numpy as np
import pytest

import fastglm
from fastglm import families, links
from fastglm.core import protocols
from fastglm.engines.pools import Pool
from fastglm.engines.ray import Ray
from fastglm.family.registry import FAMILIES, LINKS
from fastglm.fitting.run import RESPONSE_MODELS
from fastglm.kernels.row_loops import FamilyLink
from fastglm.linalg.arrowhead import ArrowheadFactor
from fastglm.linalg.factor import Cholesky, DiagonalFactor, PermutedFactor
from fastglm.linalg.inverse import ArrowheadInverse, DenseCovariance
from fastglm.linalg.symmetric import ArrowheadMatrix, Dense, Diagonal, PermutedArrowhead
from fastglm.objective.base import Deviance
from fastglm.objective.compression import Compressed
from fastglm.objective.group_penalty import GroupPenalty
from fastglm.objective.penalised import Penalised
from fastglm.objective.penalty import ElasticPenalty, QuadraticPenalty
from fastglm.objective.proximal_penalty import ProximalPenalty
from fastglm.objective.softmax import CrossEntropy
from fastglm.options import covariance, solvers
from fastglm.options.penalties import PENALTIES
from fastglm.solver.empty import NoFactor
from fastglm.source.base import Block
from fastglm.source.chunked import Chunked
from fastglm.source.in_memory import InMemory
from fastglm.source.task import ColumnMax, Task
from fastglm.source.threads import Threads


def objects():
    """Objectives over a few rows, and their source."""
    x = np.arange(6.0).reshape(6, 1)
    source = InMemory(Block(x, True, np.arange(6.0) % 2, None, None, None, None, ("x",)), 1)
    mean = Deviance(source, FamilyLink(families.Poisson(), links.Log()))
    ridge = QuadraticPenalty(Diagonal(np.ones(2)), np.zeros(2))
    return {"source": source, "mean": mean, "classes": CrossEntropy(source, 2), "held": Penalised(mean, ridge)}


MADE = objects()
IMPLEMENTATIONS = [
    *((protocols.Family, FAMILIES[name]) for name in FAMILIES if name != "multinomial"),
    *((protocols.Link, LINKS[name]) for name in LINKS if name != "softmax"),
    *((protocols.Solver, declaration) for declaration in solvers.declarations()),
    *((protocols.CovarianceKind, covariance.parse(name).declaration) for name in ("HC0", "HC1", "HC2", "HC3")),
    (protocols.CovarianceKind, covariance.parse("cluster:g").declaration),
    *((protocols.Objective, MADE[name]) for name in ("mean", "classes", "held")),
    *((protocols.RowObjective, MADE[name]) for name in ("mean", "classes", "held")),
    (protocols.Source, MADE["source"]),
    *((protocols.SymmetricOperator, kind) for kind in (Dense, Diagonal, ArrowheadMatrix, PermutedArrowhead)),
    *((protocols.Information, kind) for kind in (Dense, ArrowheadMatrix, PermutedArrowhead)),
    *((protocols.Factor, kind) for kind in (Cholesky, DiagonalFactor, ArrowheadFactor, PermutedFactor, NoFactor)),
    *((protocols.CovarianceMatrix, kind) for kind in (DenseCovariance, ArrowheadInverse)),
    *((protocols.Penalty, kind) for kind in (QuadraticPenalty, ElasticPenalty, GroupPenalty, ProximalPenalty)),
    *((protocols.PenaltyRecord, kind) for kind in PENALTIES.values()),
    *((protocols.FoldKind, getattr(fastglm.folds, name)) for name in fastglm.folds.__all__),
    *((protocols.Task, kind) for kind in (Task, ColumnMax)),
    *((protocols.Engine, kind) for kind in (Threads, Pool, Ray)),
]  # fmt: skip


def asked(protocol):
    """The names of a protocol, those of its bases too."""
    found = {}
    for base in reversed(protocol.__mro__[:-2]):
        found |= {name: v for name, v in vars(base).items() if not name.startswith("_")}
        found |= dict.fromkeys(vars(base).get("__annotations__", {}))
    return found


def parameters(function):
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    found = inspect.signature(function).parameters.values()
    return [p for p in found if p.name != "self" and p.kind not in kinds]


@pytest.mark.parametrize("protocol, kind", IMPLEMENTATIONS, ids=lambda v: getattr(v, "__name__", type(v).__name__))
def test_an_implementation_has_what_its_protocol_asks_for(protocol, kind):
    for name, member in asked(protocol).items():
        assert hasattr(kind, name), f"{kind} has no {name}"
        own = getattr(kind, name)
        if not inspect.isfunction(member) or not (inspect.isfunction(own) or inspect.ismethod(own)):
            continue
        wanted, got = parameters(member), parameters(own)
        positional = protocol in (protocols.Family, protocols.Link)  # compiled, called without names
        if not positional:
            assert [p.name for p in got[: len(wanted)]] == [p.name for p in wanted], (kind, name)
        assert len(got) >= len(wanted) and all(p.default is not p.empty for p in got[len(wanted) :]), (kind, name)


def test_models_of_the_response():
    for kind in RESPONSE_MODELS.values():
        assert set(asked(protocols.ResponseModel)) - {"objective"} <= set(dir(kind))


def test_objectives_are_told_at_run_time():
    assert all(isinstance(MADE[name], protocols.Objective) for name in ("mean", "classes", "held"))
    assert not isinstance(MADE["source"], protocols.Objective)
    assert {Compressed, Deviance} == {kind for kind in (Compressed, Deviance) if issubclass(kind, Deviance)}


def test_every_protocol_has_a_docstring_and_is_on_the_page():
    page = [v for v in vars(protocols).values() if inspect.isclass(v) and v.__module__ == protocols.__name__]
    assert len(page) >= 15 and all(kind.__doc__ for kind in page)
    others = [
        path for path in Path(fastglm.__file__).parent.rglob("*.py")
        if "(Protocol)" in path.read_text() and path.name not in ("protocols.py", "types.py")
    ]  # fmt: skip
    assert [path.name for path in others] == ["chunked.py"]  # a reader, which files and streams are behind


def test_chunked_is_a_source():
    for name in asked(protocols.Source):
        assert hasattr(Chunked, name) or name in ("n_rows", "n_columns", "rows_read", "threads", "data")
