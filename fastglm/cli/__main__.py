"""``python -m fastglm.cli``, as ``python -m fastglm``."""

from . import main

if __name__ == "__main__":
    raise SystemExit(main())
