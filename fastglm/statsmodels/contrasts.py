"""Tests of linear combinations of the coefficients."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InvalidParameterError
from ..inference import wald
from . import designs
from .refusals import Refusing


def linear_constraints(r_matrix: Any, names: Any, p: Any) -> Any:
    """R (k, p) and q (k,) of the constraints R b = q: from an array, a pair (R, q), or texts in the ``names`` of the p
    coefficients.
    """
    q = None
    if isinstance(r_matrix, str) or (isinstance(r_matrix, list) and r_matrix and isinstance(r_matrix[0], str)):
        r_matrix, q = designs.constraints(r_matrix, names)
    elif isinstance(r_matrix, tuple) and len(r_matrix) == 2:
        r_matrix, q = r_matrix
    R = np.atleast_2d(np.asarray(r_matrix, dtype=float))
    q = np.zeros(len(R)) if q is None else np.broadcast_to(np.asarray(q, dtype=float).ravel(), (len(R),))
    if R.ndim != 2 or R.shape[1] != p:
        raise InvalidParameterError(f"r_matrix has shape {R.shape}; there are {p} coefficients")
    return R, q


class Contrast(Refusing):
    """A test: ``statistic``, ``pvalue``, ``distribution``, ``df_denom`` and ``df_num``.

    Tests one by one also have ``effect``, ``sd`` and ``tvalue``, joint tests by F also ``fvalue``.
    """

    effect = sd = df_num = None

    @classmethod
    def of_t(cls, effect: Any, value: Any, sd: Any, df: Any, use_t: Any) -> Any:
        """Tests one by one, (k,) each."""
        out = cls()
        with np.errstate(all="ignore"):
            out.statistic = (effect - value) / sd
        out.effect, out.sd, out.tvalue, out.df_denom = effect, sd, out.statistic, df
        out.distribution = "t" if use_t else "norm"
        out.pvalue = np.squeeze(wald.p_values(out.statistic, df if use_t else None))
        return out

    @classmethod
    def of_wald(cls, statistic: Any, rank: Any, df: Any, use_f: Any) -> Any:
        """A joint test of `rank` constraints."""
        from scipy.special import chdtrc, fdtrc

        out = cls()
        if use_f:
            out.distribution, out.df_num, out.df_denom = "F", rank, df
            out.statistic = out.fvalue = statistic / rank
            out.pvalue = np.squeeze(fdtrc(rank, df, out.statistic))
        else:
            out.distribution, out.df_denom, out.statistic = "chi2", rank, statistic
            out.pvalue = np.squeeze(chdtrc(rank, statistic))
        return out

    def conf_int(self, alpha: Any = 0.05) -> Any:
        """Confidence intervals of the combinations, (k, 2)."""
        self._one_by_one("conf_int")
        limits = wald.conf_int(self.effect, np.ravel(self.sd), 1.0 - alpha, self._df)
        return limits

    def summary_frame(self, xname: Any = None, alpha: Any = 0.05) -> Any:
        """One row for each combination, a DataFrame."""
        self._one_by_one("summary_frame")
        from pandas import DataFrame

        letter = "t" if self.distribution == "t" else "z"
        limits = self.conf_int(alpha)
        columns = {
            "coef": self.effect,
            "std err": np.ravel(self.sd),
            letter: np.ravel(self.statistic),
            f"P>|{letter}|": np.ravel(self.pvalue),
            "Conf. Int. Low": limits[:, 0],
            "Conf. Int. Upp.": limits[:, 1],
        }
        return DataFrame(columns, index=xname or [f"c{i}" for i in range(len(self.effect))])

    def summary(self, xname: Any = None, alpha: Any = 0.05, title: Any = None) -> Any:
        """The test in words, or as a table of the tests one by one."""
        if self.effect is not None:
            return self.summary_frame(xname, alpha)
        return str(self)

    @property
    def _df(self):
        return self.df_denom if self.distribution == "t" else None

    def _one_by_one(self, what):
        if self.effect is None:
            raise NotImplementedError(f"{what} is of tests one by one; this is a joint test")

    def __str__(self) -> str:
        if self.effect is not None:
            return str(self.summary_frame())
        df = f"df_num={self.df_num:.3g}, " if self.df_num is not None else ""
        found = f"statistic={self.statistic}, p-value={self.pvalue}"
        return f"<{self.distribution} test: {found}, {df}df_denom={self.df_denom:.3g}>"

    __repr__ = __str__
