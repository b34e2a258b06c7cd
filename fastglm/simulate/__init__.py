"""Draw data from generalized linear models of any size, for examples, tests and races between solvers.

Rows are drawn in units, each with a seed of its own, straight into the arrays that are returned: memory beyond the
result stays at some tens of megabytes, and the numbers depend on the arguments and the seed alone. With `chunk_rows`
the same rows come in chunks, for data larger than memory.
"""

from .design import make_X
from .glm_data import make_glm, make_linear, make_logistic
from .recipe import Simulated
from .softmax import make_softmax

__all__ = ["Simulated", "make_X", "make_glm", "make_linear", "make_logistic", "make_softmax"]
