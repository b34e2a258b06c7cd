"""``python -m pytest`` puts this folder on the path; unless its extension is compiled, what is installed is tested."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent

if not [*ROOT.glob("fastglm/special/_special.*.so"), *ROOT.glob("fastglm/special/_special.*.pyd")]:
    sys.path[:] = [place for place in sys.path if Path(place or ".").resolve() != ROOT]
