"""Local regressions on disk: npz files of plain arrays, exact to the bit, without pickles."""

from __future__ import annotations

from typing import Any

from ..core import sealed
from ..kernels.row_loops import FamilyLink
from ..result.codecs import CODECS
from ..source.threads import get_threads
from . import kernels
from .bandwidths import Bandwidth
from .fits import Fits, Fitter, Model, SortedRows
from .selection import BandwidthCurve

FORMAT, VERSION = "fastglm-local", 1  # the version that is written
CODED = ("family", "link", "schema", "exposure_kind", "notes")  # as in other results
ROWS = ("x", "y", "w", "shift", "order")  # of the sorted rows
FITS = ("points", "bandwidth", "coef", "facts")  # the variances are made again


def save(result: Any, path: Any) -> None:
    """Write a result, replacing the file only once all of it is written; OSError if it cannot be written."""
    header = {name: CODECS[name][0](getattr(result, name)) for name in CODED}
    header |= {"kernel": result.kernel.name, "degree": result.degree, "singular": result.fitter.model.singular}
    header["bandwidth"] = result.bandwidth.plain
    arrays = {f"rows/{name}": getattr(result.fitter.rows, name) for name in ROWS}
    arrays |= {f"fits/{name}": getattr(result.fits, name) for name in FITS}
    if result.curve is not None:
        header["curve"] = [result.curve.criterion, [b.plain for b in result.curve.bandwidths], result.curve.best]
        arrays |= {"curve/values": result.curve.values, "curve/edf": result.curve.edf}
    sealed.write_document(path, FORMAT, VERSION, header, arrays)


def load(path: Any) -> dict[Any, Any]:
    """The fields of the result that ``save`` wrote; errors as in ``sealed.read_document``, and InvalidParameterError
    for a kernel, family or link that is not registered.
    """
    header, arrays = sealed.read_document(path, "a saved local regression", FORMAT, VERSION)
    with sealed.restoring(path):
        values = {name: CODECS[name][1](header[name]) for name in CODED}
        rows = object.__new__(SortedRows)
        rows.__dict__.update({name: arrays[f"rows/{name}"] for name in ROWS}, n=len(arrays["rows/y"]))
        pair = FamilyLink(values.pop("family"), values.pop("link"))
        model = Model(
            kernels.resolve(header["kernel"]), int(header["degree"]), pair, int(header["singular"]), get_threads()
        )
        curve = None
        if "curve" in header:
            criterion, sizes, best = header["curve"]
            known = tuple(Bandwidth.of_plain(size) for size in sizes)
            curve = BandwidthCurve(criterion, known, arrays["curve/values"], arrays["curve/edf"], int(best))
        found = {name: arrays[f"fits/{name}"] for name in FITS}
        return values | {
            "fits": Fits(variance=None, **found), "bandwidth": Bandwidth.of_plain(header["bandwidth"]), "curve": curve,
            "fitter": Fitter(rows, model),
        }  # fmt: skip
