"""The commands of ``fastglm``: each module has the words of its help, ``add`` for its options and ``run``."""

from . import compare, completion, cv, demo, doctor, etable, fit, local, path, plan, predict, show, simulate

COMMANDS = {
    "fit": fit, "path": path, "cv": cv, "local": local, "predict": predict, "show": show,
    "etable": etable, "plan": plan, "simulate": simulate, "compare": compare, "doctor": doctor, "demo": demo,
    "completion": completion,
}  # fmt: skip

__all__ = ["COMMANDS"]
