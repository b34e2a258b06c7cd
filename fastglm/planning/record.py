"""The record of a forecast, and how it is shown."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Plan:
    """The expected passes, memory and time of a fit; ``print`` shows them as a table.

    Attributes
    ----------
    formula : str or None
    family, link, solver : str
    threads : int
    rows : int
        The number of rows, without those that are dropped for missing values.
    columns : int
        Coefficients.
    files, fragments : int
        0 for rows in memory. A fragment is read as a whole: a row group of Parquet, a record batch of Arrow.
    file_bytes : int
        The bytes of the files that a read of the needed columns takes.
    row_bytes : int
        The bytes of all rows as numbers.
    where : {"in memory", "read again at every pass"}
        Where the rows live during the fit.
    cells : int or None
        The expected number of cells of rows with equal covariates, None if rows are not compressed.
    sample : int
        Rows of the sample that the fit begins with, 0 without one.
    passes : float
        Equivalent reads of all rows, as ``n_passes`` of a result counts them.
    reads : float
        The number of reads of the files, without those for levels and responses.
    memory : int
        Bytes of the process at its peak; an upper bound where the compiled loops are in the cache.
    seconds : float
        The time in a process that has fitted such a model before.
    """

    formula: str | None
    family: str
    link: str
    solver: str
    threads: int
    rows: int
    columns: int
    files: int
    fragments: int
    file_bytes: int
    row_bytes: int
    where: str
    cells: int | None
    sample: int
    passes: float
    reads: float
    memory: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """The fields as a dict of plain values."""
        return asdict(self)

    def __str__(self) -> str:
        facts = [
            ("model", f"{self.family}, {self.link} link, solver {self.solver}"),
            ("rows", f"{self.rows:,}"),
            ("coefficients", f"{self.columns:,}"),
            ("rows live", f"{self.where} ({shown(self.row_bytes)} as numbers)"),
            ("passes", f"about {self.passes:.2g}" + f", from a sample of {self.sample:,} rows" * bool(self.sample)),
            ("memory", f"at most {shown(self.memory)}"),
            ("time", f"about {_duration(self.seconds)} on {self.threads} thread{'s' * (self.threads > 1)}"),
        ]
        if self.files:
            files = f"{self.files:,} in {self.fragments:,} fragments, {shown(self.file_bytes)} of the columns needed"
            facts.insert(1, ("files", f"{files}, read about {self.reads:.2g} times"))
        if self.cells is not None:
            facts.insert(-3, ("cells", f"rows may be compressed, exactly, to about {self.cells:,}"))
        return "\n".join(f"{name:<13} {text}" for name, text in facts)


def shown(size: float) -> str:
    """Bytes for people."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:,.3g} TiB"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.2g} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.2g} h"
