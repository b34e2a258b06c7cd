"""Fits of sources that tests have made by hand, as a fit makes them of a caller's rows."""

from fastglm.fitting import perform
from fastglm.rows import FitRequest, Schema, open_rows


def fit_source(source, family, link, solver="auto", cov="model", classes=None, **options):
    """The result of a fit of a source."""
    request = FitRequest(data=None, family=family, link=link, solver=solver, cov=cov, **options)
    names = (("(Intercept)",) if source.data.has_intercept else ()) + source.data.names
    source.labels, schema = classes, Schema(names, source.data.has_intercept)
    return perform.fit_source(request, schema, source)


def rows_in_memory(X, y, family, **vectors):
    """The block of rows that a fit of arrays makes, and the labels of the response."""
    _, source = open_rows(FitRequest(data=X, y=y, family=family, **vectors))
    return source.data, source.labels
