"""The logistic and softmax families on arrays: accurate to a few units in the last place, vectorised and threaded."""

from ._special import get_threads, log1pexp, log_sigmoid, log_softmax, logit, logsumexp, set_threads, sigmoid, softmax

__all__ = [
    "get_threads",
    "log1pexp",
    "log_sigmoid",
    "log_softmax",
    "logit",
    "logsumexp",
    "set_threads",
    "sigmoid",
    "softmax",
]
