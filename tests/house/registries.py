"""The registries of the library, and how a test leaves them as they were."""

from contextlib import contextmanager

from fastglm.family.registry import ALIASES, FAMILIES, LINKS
from fastglm.kernels.fused import FUSED
from fastglm.options import covariance, solvers
from fastglm.options.penalties import PENALTIES
from fastglm.rows.storages import STORAGES

OPTIONS = (PENALTIES, solvers.SOLVERS, solvers._DECLARED, covariance._KINDS, covariance._NAMES)
TABLES = (FAMILIES, LINKS, ALIASES, FUSED, *OPTIONS)


@contextmanager
def restored():
    """What is registered inside leaves the registries at the end."""
    before, storages = [set(table) for table in TABLES], list(STORAGES)
    try:
        yield
    finally:
        for table, known in zip(TABLES, before, strict=True):
            for name in set(table) - known:
                del table[name]
        STORAGES[:] = storages
