"""The progress bar of a fit."""

from __future__ import annotations

from contextlib import contextmanager
from math import ceil, isfinite, log, log2

USUAL_PASSES = 6.0  # of a fit of which nothing is known yet; Newton's method from R's start takes four to seven
NEAR = 0.5  # standard errors, from which a distance is squared by every step


@contextmanager
def bar(model, fits: int | None = None):
    """A tqdm bar over the passes of ``model``, or over several fits; yields the callback that moves it.

    If the rows are read again at every pass the bar of one fit moves with every unit, too; its total is what quadratic
    convergence leaves. That of several, of the lambdas of a path and of its folds, counts the ones that are done, of as
    many as there are.
    """
    from tqdm.auto import tqdm

    if fits is not None:
        with tqdm(desc=f"{model.family.name} path, {model.whole.n_rows:,} rows", total=fits, unit="fit") as progress:
            yield lambda record: progress.update(record.get("solved", 0))
        return
    form = "{desc}: {percentage:3.0f}% {n:.2f} of about {total:.0f} passes [{elapsed}, {remaining} left{postfix}]"
    epochs = getattr(model.options, "epochs", None)
    first = float(epochs) if isinstance(epochs, int) else USUAL_PASSES
    tol = getattr(model.options, "tol", None) or 1e-8
    with tqdm(desc=f"{model.family.name} fit, {model.whole.n_rows:,} rows", bar_format=form, total=first) as progress:

        def callback(record):
            _move(progress, record["passes"] - progress.n)
            if "loss" in record:
                progress.set_postfix(epoch=record["epoch"], loss=f"{record['loss']:.8g}", refresh=False)
            else:
                progress.total = record["passes"] + passes_left(record["distance"], tol)
                progress.set_postfix(deviance=f"{record['deviance']:.8g}", distance=f"{record['distance']:.1e} se")

        def seen(units):
            _move(progress, 1.0 / units)

        if not model.source.in_process:
            model.source.on_unit = seen
        yield callback
        progress.total = progress.n


def _move(progress, more):
    """Move a bar, and its end where it has come there before the fit has."""
    progress.total = max(progress.total, progress.n + more)
    progress.update(more)


def passes_left(distance: float, tol: float) -> int:
    """The passes that Newton's method still takes from a distance to a tolerance, in standard errors.

    Near the optimum a step squares the distance; before that it is taken to halve it three times.
    """
    if not isfinite(distance):
        return int(USUAL_PASSES)
    if distance <= tol:
        return 0
    far = ceil(log2(distance / NEAR) / 3.0) if distance > NEAR else 0
    near = min(distance, NEAR)
    return far + max(ceil(log2(log(min(tol, 0.1)) / log(near)) - 1e-9), 1)
