"""Fits of sources that tests have made by hand, as a fit makes them of a caller's rows."""

from fastglm.fitting import perform
from fastglm.rows import FitRequest, Schema


def fit_source(source, family, link, solver="auto", cov="model", classes=None, **options):
    """The result of a fit of a source."""
    request = FitRequest(data=None, family=family, link=link, solver=solver, cov=cov, **options)
    names = (("(Intercept)",) if source.data.has_intercept else ()) + source.data.names
    schema = Schema(names, source.data.has_intercept, labels=classes)
    return perform.fit_source(request, schema, source)
