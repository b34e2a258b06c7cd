"""The one file of row loops: every family and link, from their scalar formulas.

For each row, with unit deviance d, variance V and slope s = dmu/deta:

    r = w (y - mu) s / V      the score with respect to eta
    h = w s^2 / V             the expected information
    w d                       the deviance

A row of weight zero contributes nothing, whatever its y and eta; a mean outside the family's range has deviance NaN.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numba import carray, types
from numba.extending import overload

from . import verbs
from .compile import DOUBLE_P, address_of, fingerprint, revive
from .fused import SUMMED, find_fused
from .verbs import INLINE

N_PAR = 4  # two parameters of the family, then two of the link
ROWS = types.int64(types.int64, *([DOUBLE_P] * 7))
OF_FAMILIES, OF_LINKS = {"saturated", "variances"}, {"means", "bends"}  # loops that need no link, and no family


def in_range(self, mu):
    """Whether a family admits the mean, in compiled code."""


def in_domain(self, eta):
    """Whether a link admits the linear predictor, in compiled code."""


def row(family, link, eta, y):
    """(r, h, d) of one row for unit weight, in compiled code."""


@overload(in_range, jit_options=INLINE)
def _in_range(self, mu):
    low, high = float(self.instance_class.mean.low), float(self.instance_class.mean.high)
    return lambda self, mu: low < mu < high


@overload(in_domain, jit_options=INLINE)
def _in_domain(self, eta):
    domain = self.instance_class.domain
    low, high, closed = float(domain.low), float(domain.high), domain.left_closed
    if low == -np.inf and high == np.inf:
        return lambda self, eta: True
    return lambda self, eta: (low <= eta if closed else low < eta) and eta < high


@overload(row, jit_options=INLINE)
def _row(family, link, eta, y):
    closed_form = find_fused(family.instance_class, link.instance_class)
    if closed_form is not None:
        return closed_form

    def generic(family, link, eta, y):
        mu = verbs.inverse(link, eta)
        s, v = verbs.slope(link, eta), verbs.variance(family, mu)
        d = verbs.deviance(family, y, mu) if in_range(family, mu) and in_domain(link, eta) else np.nan
        return (y - mu) * s / v, s * s / v, d

    return generic


class FamilyLink(NamedTuple):
    """A family value and a link value, with the addresses of their compiled loops found on demand."""

    family: object
    link: object

    @property
    def par(self) -> np.ndarray:
        """The parameters of both as the loops read them."""
        par = np.zeros(N_PAR)
        par[: len(self.family)] = self.family
        par[2 : 2 + len(self.link)] = self.link
        return par

    @property
    def linear(self) -> bool:
        """Whether the score is w (y - eta): least squares."""
        return isinstance(self.link, self.family.linear_link)

    @property
    def canonical(self) -> bool:
        """Whether the expected information is the observed one."""
        return self.family.canonical == self.link.name

    @property
    def logistic(self) -> bool:
        """Whether this is a logistic regression."""
        return self.family.two_outcomes and self.canonical

    @property
    def rows(self) -> int:
        """Address of (n, par, eta, y, w, r, h, d)."""
        return self._address("rows")

    def sums(self, unit_weights: bool) -> int:
        """Address of a loop of the same signature for a pass: of d the sum alone counts, and rows have weight one where
        ``unit_weights`` says so."""
        special = unit_weights and (type(self.family), type(self.link)) in SUMMED
        return self._address("sums" if special else "rows")

    @property
    def scores(self) -> int:
        """Address of a loop of the same signature that writes r alone, NaN at a mean outside the family's range."""
        return self._address("scores")

    @property
    def first_eta(self) -> int:
        """Address of a loop of the same signature that writes link(start(y, w)) to eta."""
        return self._address("first_eta")

    @property
    def saturated_exists(self) -> bool:
        """Whether the family has a density."""
        return self.family.saturated is not None

    @property
    def saturated(self) -> int:
        """Address of a loop of the same signature that writes the log-density at mu = y to d; 0 without one."""
        return self._address("saturated") if self.saturated_exists else 0

    @property
    def means(self) -> int:
        """Address of a loop of the same signature that writes mu to eta and dmu/deta to r, whatever the family."""
        return self._address("means")

    @property
    def variances(self) -> int:
        """Address of a loop of the same signature that writes V(mu) for the mu in eta to r, whatever the link."""
        return self._address("variances")

    @property
    def bends(self) -> int:
        """Address of a loop as ``means`` that writes d^2 mu / d eta^2 to h too."""
        return self._address("bends")

    def _address(self, kind):
        family, link = type(self.family), type(self.link)
        # a loop is compiled once for all pairs that share what it depends on
        return _compiled(kind, None if kind in OF_LINKS else family, None if kind in OF_FAMILIES else link).address


@cache
def _compiled(kind, family_class, link_class):
    used = [c for c in (family_class, link_class) if c is not None]
    if kind == "sums":
        closed_form = SUMMED[family_class, link_class]
    else:
        closed_form = find_fused(*used) if len(used) == 2 else None
    if closed_form is not None:
        used.append(closed_form)
    importable = all(c.__module__ != "__main__" for c in used)
    options = {"fastmath": {"contract"}} if kind == "sums" else {}
    loop = _FACTORIES[kind](family_class, link_class, fingerprint(*used))
    return address_of(ROWS, loop, cache=importable, **options)


def _rows_factory(family_class, link_class, digest):
    def rows(n, par, eta, y, w, r, h, d):
        digest  # noqa: B018, an edited formula is another kernel
        family = revive(family_class, carray(par, N_PAR))
        link = revive(link_class, carray(par, N_PAR)[2:])
        etas, ys, ws = carray(eta, n), carray(y, n), carray(w, n)
        rs, hs, ds = carray(r, n), carray(h, n), carray(d, n)
        for i in range(n):
            a, b, c = row(family, link, etas[i], ys[i])
            counts = ws[i] > 0.0
            rs[i] = ws[i] * a if counts else 0.0
            hs[i] = ws[i] * b if counts else 0.0
            ds[i] = ws[i] * c if counts else 0.0
        return 0

    return rows


def _sums_factory(family_class, link_class, digest):
    loop = SUMMED[family_class, link_class]

    def sums(n, par, eta, y, w, r, h, d):
        digest  # noqa: B018
        loop(n, carray(eta, n), carray(y, n), carray(r, n), carray(h, n), carray(d, n))
        return 0

    return sums


def _scores_factory(family_class, link_class, digest):
    always = find_fused(family_class, link_class) is not None  # whose means never end the range

    def scores(n, par, eta, y, w, r, h, d):
        digest  # noqa: B018
        family = revive(family_class, carray(par, N_PAR))
        link = revive(link_class, carray(par, N_PAR)[2:])
        etas, ys, ws, rs = carray(eta, n), carray(y, n), carray(w, n), carray(r, n)
        for i in range(n):
            a, _, c = row(family, link, etas[i], ys[i])
            a = a if always or c == c else np.nan
            rs[i] = ws[i] * a if ws[i] > 0.0 else 0.0
        return 0

    return scores


def _first_eta_factory(family_class, link_class, digest):
    def first_eta(n, par, eta, y, w, r, h, d):
        digest  # noqa: B018
        family = revive(family_class, carray(par, N_PAR))
        link = revive(link_class, carray(par, N_PAR)[2:])
        etas, ys, ws = carray(eta, n), carray(y, n), carray(w, n)
        for i in range(n):
            etas[i] = verbs.link(link, verbs.start(family, ys[i], ws[i])) if ws[i] > 0.0 else 0.0
        return 0

    return first_eta


def _saturated_factory(family_class, link_class, digest):
    def loop(n, par, eta, y, w, r, h, d):
        digest  # noqa: B018
        family = revive(family_class, carray(par, N_PAR))
        ys, ws, ds = carray(y, n), carray(w, n), carray(d, n)
        for i in range(n):
            ds[i] = verbs.saturated(family, ys[i], ws[i]) if ws[i] > 0.0 else 0.0
        return 0

    return loop


def _means_factory(family_class, link_class, digest):
    def means(n, par, eta, y, w, r, h, d):
        digest  # noqa: B018
        link = revive(link_class, carray(par, N_PAR)[2:])
        etas, rs = carray(eta, n), carray(r, n)
        for i in range(n):
            e = etas[i]
            etas[i], rs[i] = verbs.inverse(link, e), verbs.slope(link, e)
        return 0

    return means


def _variances_factory(family_class, link_class, digest):
    def variances(n, par, eta, y, w, r, h, d):
        digest  # noqa: B018
        family = revive(family_class, carray(par, N_PAR))
        mus, rs = carray(eta, n), carray(r, n)
        for i in range(n):
            rs[i] = verbs.variance(family, mus[i])
        return 0

    return variances


def _bends_factory(family_class, link_class, digest):
    def bends(n, par, eta, y, w, r, h, d):
        digest  # noqa: B018
        link = revive(link_class, carray(par, N_PAR)[2:])
        etas, rs, hs = carray(eta, n), carray(r, n), carray(h, n)
        for i in range(n):
            e = etas[i]
            etas[i], rs[i], hs[i] = verbs.inverse(link, e), verbs.slope(link, e), verbs.bend(link, e)
        return 0

    return bends


_FACTORIES = {
    "rows": _rows_factory,
    "sums": _sums_factory,
    "scores": _scores_factory,
    "first_eta": _first_eta_factory,
    "saturated": _saturated_factory,
    "means": _means_factory,
    "variances": _variances_factory,
    "bends": _bends_factory,
}
