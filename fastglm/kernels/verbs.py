"""The scalar methods of families and links as compiled code calls them: ``verbs.slope(link, eta)``.

Each stands for the method of the same name and arguments on the NamedTuple it is given.
"""

from __future__ import annotations

from inspect import signature
from types import FunctionType

from numba.extending import overload

# LLVM must inline the formulas whatever their size, or the row loop stays scalar
INLINE = {"forceinline": True}


def _bare(method):
    """A method without its annotations, which Numba would compare with those of the verb."""
    if not isinstance(method, FunctionType):
        return method
    bare = FunctionType(method.__code__, method.__globals__, method.__name__, method.__defaults__, method.__closure__)
    bare.__qualname__, bare.__module__ = method.__qualname__, method.__module__
    return bare


def variance(self, mu):
    """V(mu) of a family."""


def deviance(self, y, mu):
    """The unit deviance of a family."""


def start(self, y, w):
    """A family's admissible first mean."""


def saturated(self, y, w):
    """A family's log-density at mu = y."""


def link(self, mu):
    """eta of a link."""


def inverse(self, eta):
    """mu of a link."""


def slope(self, eta):
    """dmu/deta of a link."""


def bend(self, eta):
    """d^2 mu / d eta^2 of a link."""


def tails(self, eta):
    """log mu, log(1-mu), slope/mu and slope/(1-mu) of a link onto (0, 1)."""


def _overload_by_method(verb):
    """Compile a verb as the method of its name on the class of the first argument."""

    def method(self, *arguments):
        return _bare(getattr(self.instance_class, verb.__name__))

    method.__signature__ = signature(verb)  # Numba compares it with that of the method
    overload(verb, jit_options=INLINE)(method)


for _verb in (variance, deviance, start, saturated, link, inverse, slope, bend, tails):
    _overload_by_method(_verb)
