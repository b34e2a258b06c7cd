"""The scalar methods of families and links as compiled code calls them: ``verbs.slope(link, eta)``.

Each stands for the method of the same name and arguments on the NamedTuple it is given.
"""

from __future__ import annotations

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


def tails(self, eta):
    """log mu, log(1-mu), slope/mu and slope/(1-mu) of a link onto (0, 1)."""


@overload(variance, jit_options=INLINE)
def _variance(self, mu):
    return _bare(self.instance_class.variance)


@overload(deviance, jit_options=INLINE)
def _deviance(self, y, mu):
    return _bare(self.instance_class.deviance)


@overload(start, jit_options=INLINE)
def _start(self, y, w):
    return _bare(self.instance_class.start)


@overload(saturated, jit_options=INLINE)
def _saturated(self, y, w):
    return _bare(self.instance_class.saturated)


@overload(link, jit_options=INLINE)
def _link(self, mu):
    return _bare(self.instance_class.link)


@overload(inverse, jit_options=INLINE)
def _inverse(self, eta):
    return _bare(self.instance_class.inverse)


@overload(slope, jit_options=INLINE)
def _slope(self, eta):
    return _bare(self.instance_class.slope)


@overload(tails, jit_options=INLINE)
def _tails(self, eta):
    return _bare(self.instance_class.tails)
