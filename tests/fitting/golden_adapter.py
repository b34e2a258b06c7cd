"""How the reference harness and the tests reach fastglm: cases in, R's names out."""

from __future__ import annotations

import numpy as np

import fastglm
from fastglm.inference.separation import separation

INTERCEPT = "(Intercept)"


def family_of(name, params):
    """The family of a case, from R's spelling of its parameters."""
    params = params or {}
    if name == "negative_binomial":
        return fastglm.families.NegativeBinomial(params["theta"])
    if name == "tweedie":
        return fastglm.families.Tweedie(params["var_power"])
    if name == "quasi":
        return fastglm.families.Quasi(params["variance"].replace(" ", ""))
    return name


class Adapter:
    """The methods ``harness.py`` and ``hostile.py`` call."""

    name = "fastglm"

    def fit(self, family, link, X, y, weights=None, offset=None, *, family_params=None, start=None, names=None,
            successes=None, trials=None):  # fmt: skip
        intercept = names is not None and INTERCEPT in names
        columns = [j for j in range(X.shape[1]) if not (intercept and names[j] == INTERCEPT)]
        order = ([names.index(INTERCEPT)] if intercept else []) + columns
        kept = X[:, columns]
        r = fastglm.fit(
            kept,
            y,
            family=family_of(family, family_params),
            link=link,
            intercept=intercept,
            weights=weights,
            offset=offset,
            start=None if start is None else np.asarray(start)[order],
            names=None if names is None else [names[j] for j in columns],
        )
        back = np.argsort(order)
        given = dict(weights=weights, offset=offset)
        out = dict(
            coef=r.params[back],
            se=r.bse[back],
            vcov=r.cov_params()[np.ix_(back, back)],
            stat=r.tvalues[back],
            p_value=r.pvalues[back],
            deviance=r.deviance,
            null_deviance=r.null_deviance,
            loglik=r.llf,
            aic=r.aic,
            bic=r.bic,
            dispersion=r.scale,
            pearson_chi2=r.pearson_chi2,
            fitted=r.predict(kept, offset=offset),
            linear_predictor=r.predict(kept, kind="link", offset=offset),
            df_residual=r.df_resid,
            rank=r.rank,
            iterations=r.n_iter,
            converged=r.converged,
        )
        for kind in ("response", "pearson", "deviance", "working"):
            out[f"resid_{kind}"] = r.residuals(kept, y, kind=kind, **given)
        influence = r.influence(kept, y, **given)
        return out | dict(hat=influence.hat, cooks_distance=influence.cooks_distance)

    def multinomial(self, X, codes, K, weights=None):
        """A softmax regression against class 0, one row of numbers for each of the K - 1 others."""
        r = fastglm.fit(X, codes, family="multinomial", intercept=False, weights=weights)
        assert r.classes == tuple(range(K))
        return dict(
            coef=r.params.T,
            se=r.bse.T,
            vcov=r.cov_params(),
            deviance=r.deviance,
            loglik=r.llf,
            aic=r.aic,
            rank=r.rank,
            fitted=r.predict(X),
        )

    def separation(self, family, X, y):
        found = separation(X, y, fastglm.families.get(family))
        return dict(status=found.status, infinite=[{0: "0", 1: "inf", -1: "-inf"}[v] for v in found.infinite])

    def hostile(self, case):
        solver = fastglm.solvers.Auto(max_iter=case["max_iter"]) if "max_iter" in case else "auto"
        r = fastglm.fit(
            case["X"],
            case["y"],
            family=family_of(case["family"], case.get("family_params")),
            link=case["link"],
            intercept=False,
            weights=case.get("weights"),
            offset=case.get("offset"),
            start=case.get("start"),
            solver=solver,
        )
        fitted = r.predict(case["X"], offset=case.get("offset"))
        return dict(coef=r.params, se=r.bse, fitted=fitted, deviance=r.deviance, loglik=r.llf)
