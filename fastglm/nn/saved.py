"""Trained networks on disk: npz files of plain arrays, exact to the bit, without pickles."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import sealed
from ..kernels.activation import KINDS
from ..result.codecs import CODECS
from .heads import Head, Heads
from .network import Network

FORMAT, VERSION = "fastglm-network", 4  # the version that is written
SHAPE = ("inputs", "hidden", "outputs", "activation", "skip", "tied")  # fields of the network that are plain data
CODED = ("names", "exposure_kind", "stop", "notes", "deviance")  # of the result, as in other results
PREFIX = "history/"


def save(result: Any, path: Any) -> None:
    """Write a result, replacing the file only once all of it is written; TypeError if a label is of a type JSON cannot
    hold.
    """
    header = {"epochs": result.epochs} | {name: getattr(result.network, name) for name in SHAPE}
    header |= {name: CODECS[name][0](getattr(result, name)) for name in CODED}
    header["heads"] = [_packed(head, labels) for head, labels in zip(*_heads(result), strict=True)]
    header["several"] = result.network.several
    header["schema"] = CODECS["schema"][0](result.schema)
    header["loss"] = CODECS["deviance"][0](result.loss)
    arrays = {"theta": result.theta} | {PREFIX + name: v for name, v in result.history.items()}
    sealed.write_document(path, FORMAT, VERSION, header, arrays)


def load(path: Any) -> dict[Any, Any]:
    """The fields of the result that ``save`` wrote; errors as in ``sealed.read_document``, and InvalidParameterError if
    the file names a family or link that is not registered.
    """
    header, arrays = sealed.read_document(path, "a saved network", FORMAT, VERSION)
    with sealed.restoring(path):
        return _restored(header, arrays)


def _heads(result):
    """The heads of a result, and the labels of each."""
    return result.network.heads, result.classes if result.network.several else (result.classes,)


def _packed(head, labels):
    values = {"family": head.family, "link": head.link, "classes": labels}
    return {name: CODECS[name][0](value) for name, value in values.items()} | {"outputs": head.outputs}


def _restored(header, arrays):
    values = {name: CODECS[name][1](header[name]) for name in CODED}
    # versions before the fourth had one head, whose fields were the result's
    several = header.get("several", False)
    parts = [
        {name: CODECS[name][1](part[name]) for name in ("family", "link", "classes")} | {"outputs": part.get("outputs")}
        for part in header.get("heads", [header])
    ]
    family, link = parts[0]["family"], parts[0]["link"]
    if several:
        family = Heads(Head(part["family"], part["link"], int(part["outputs"])) for part in parts)
        link = family.links
    values["classes"] = tuple(part["classes"] for part in parts) if several else parts[0]["classes"]
    # versions before the third had no tied weights
    shape = {name: header[name] for name in SHAPE if name in header} | {"hidden": tuple(header["hidden"])}
    network = Network(**shape, family=family, link=link)
    theta = arrays["theta"]
    if network.activation not in KINDS or theta.shape != (network.n_params,) or theta.dtype != np.float64:
        raise ValueError("theta does not fit the layers")
    if header.get("schema") is not None:  # the first version read arrays alone, and kept none
        values["schema"] = CODECS["schema"][1](header["schema"])
    return values | {
        "network": network,
        "theta": theta,
        "loss": CODECS["deviance"][1](header["loss"]),
        "epochs": header["epochs"],
        "history": {name.removeprefix(PREFIX): v for name, v in arrays.items() if name.startswith(PREFIX)},
    }
