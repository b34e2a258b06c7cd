"""What all tests run under."""

import gc
import os

# a worker for each core leaves none to more threads of BLAS, which would wait for each other; read when it is loaded
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def pytest_collection_finish():
    """Keep what was collected, thousands of tests, out of every later collection of garbage."""
    gc.collect()
    gc.freeze()
