"""Every implementation as the protocol that it answers to, for type checkers: ``test_types.py`` runs mypy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastglm import families, folds, links
from fastglm.inference.row_scores import ClassScores, MeanScores
from fastglm.linalg.arrowhead import ArrowheadFactor
from fastglm.linalg.factor import Cholesky, DiagonalFactor, PermutedFactor
from fastglm.linalg.inverse import ArrowheadInverse, DenseCovariance
from fastglm.linalg.symmetric import ArrowheadMatrix, Dense, Diagonal, PermutedArrowhead
from fastglm.objective.base import Deviance
from fastglm.objective.compression import Compressed
from fastglm.objective.group_penalty import GroupPenalty
from fastglm.objective.penalty import ElasticPenalty, QuadraticPenalty
from fastglm.objective.proximal_penalty import ProximalPenalty
from fastglm.objective.softmax import CrossEntropy
from fastglm.options import covariance, solvers
from fastglm.source.chunked import Chunked
from fastglm.source.in_memory import InMemory
from fastglm.source.task import Task
from fastglm.source.threads import Threads

if TYPE_CHECKING:
    from fastglm.core import protocols as p

    def objectives(mean: Deviance, cells: Compressed, classes: CrossEntropy) -> list[p.Objective]:
        return [mean, cells, classes]

    def over_rows(mean: Deviance, cells: Compressed, classes: CrossEntropy) -> list[p.RowObjective]:
        return [mean, cells, classes]

    def symmetric(
        dense: Dense, diagonal: Diagonal, arrowhead: ArrowheadMatrix, permuted: PermutedArrowhead
    ) -> tuple[list[p.SymmetricOperator], list[p.Information]]:
        return [dense, diagonal, arrowhead, permuted], [dense, arrowhead, permuted]

    def factors(
        dense: Cholesky, diagonal: DiagonalFactor, arrowhead: ArrowheadFactor, permuted: PermutedFactor
    ) -> list[p.Factor]:
        return [dense, diagonal, arrowhead, permuted]

    def covariances(dense: DenseCovariance, parts: ArrowheadInverse) -> list[p.CovarianceMatrix]:
        return [dense, parts]

    def penalties(
        quadratic: QuadraticPenalty, net: ElasticPenalty, groups: GroupPenalty, steps: ProximalPenalty
    ) -> list[p.Penalty]:
        return [quadratic, net, groups, steps]

    def kinds_of_folds(
        number: folds.KFold, strata: folds.StratifiedKFold, groups: folds.GroupKFold, time: folds.TimeSeriesSplit
    ) -> list[p.FoldKind]:
        return [number, strata, groups, time]

    def declarations(solver: solvers.Declaration, kind: covariance.CovarianceKind) -> tuple[p.Solver, p.CovarianceKind]:
        return solver, kind

    def where_rows_are(memory: InMemory, files: Chunked, task: Task, engine: Threads) -> p.Engine:
        sources: list[p.Source] = [memory, files]
        tasks: list[p.Task] = [task]
        print(sources, tasks)
        return engine

    def of_a_family(poisson: families.Poisson, log: links.Log) -> tuple[p.Family, p.Link]:
        return poisson, log


SCORES = (MeanScores, ClassScores)
