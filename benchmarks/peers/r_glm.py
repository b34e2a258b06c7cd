"""R's glm.fit and summary, timed by R itself; the data reach it as a raw file before its clock starts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from .base import ALL, Fit, Peer

SCRIPT = Path(__file__).with_name("r_glm.R")
FAMILIES = {
    "gaussian": "gaussian()", "binomial": "binomial()", "poisson": "poisson()", "gamma": "Gamma('log')",
    "inverse_gaussian": "inverse.gaussian('log')", "negative_binomial": "MASS::negative.binomial({theta})",
}  # fmt: skip


def load():
    if shutil.which("Rscript") is None:
        raise FileNotFoundError("Rscript")


def prepare(data):
    """Write y, the column of ones and X by columns, once per problem."""
    path = data.folder / "r.bin"
    if not path.exists():
        with open(path.with_suffix(".part"), "wb") as file:
            data.y.tofile(file)
            (data.y * 0 + 1).tofile(file)
            for column in data.X.T:
                column.copy().tofile(file)
        os.replace(path.with_suffix(".part"), path)


def fit(data):
    """Run the script in a fresh R."""
    family = FAMILIES[data.family].format(**data.parameters)
    n, p = data.X.shape
    command = ["Rscript", "--vanilla", str(SCRIPT), str(data.folder / "r.bin"), str(n), str(p + 1), family]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"Rscript ended with {done.returncode}"]
        raise RuntimeError(lines[-1])
    reply = json.loads(done.stdout.strip().splitlines()[-1])
    return Fit(reply["coef"], reply["se"], reply["iterations"], seconds=reply["seconds"], memory=reply["memory"])


PEER = Peer(
    "r_glm", ALL & FAMILIES.keys(), True, 9, load, fit, prepare,
    note="glm.fit and summary, single-threaded outside its BLAS; a fresh R each run, reading the data is not timed",
)  # fmt: skip
