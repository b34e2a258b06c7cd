"""Draw data from generalized linear models of any size, for examples, tests and races between solvers.

Rows are drawn in chunks, each with a seed of its own, straight into the arrays that are returned: memory beyond the
result stays at some tens of megabytes, and the numbers depend on the arguments and the seed alone.
"""

from .design import make_X
from .model import Simulated, make_glm

__all__ = ["Simulated", "make_X", "make_glm"]
