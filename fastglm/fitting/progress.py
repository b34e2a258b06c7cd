"""The progress bar of a fit."""

from __future__ import annotations

from contextlib import contextmanager


@contextmanager
def bar(model, fits: int | None = None):
    """A tqdm bar over the passes of ``model``, or over several fits; yields the callback that moves it.

    If the rows are read again at every pass the bar of one fit moves with every unit, too. That of several, of the
    lambdas of a path and of its folds, counts the ones that are done, of as many as there are.
    """
    from tqdm.auto import tqdm

    if fits is not None:
        with tqdm(desc=f"{model.family.name} path, {model.whole.n_rows:,} rows", total=fits, unit="fit") as progress:
            yield lambda record: progress.update(record.get("solved", 0))
        return
    form = "{desc}: {n:.2f} passes [{elapsed}{postfix}]"
    with tqdm(desc=f"{model.family.name} fit, {model.whole.n_rows:,} rows", bar_format=form) as progress:

        def callback(record):
            progress.update(record["passes"] - progress.n)
            if "loss" in record:
                progress.set_postfix(epoch=record["epoch"], loss=f"{record['loss']:.8g}", refresh=False)
            else:
                progress.set_postfix(deviance=f"{record['deviance']:.8g}", distance=f"{record['distance']:.1e} se")

        def seen(units):
            progress.update(1.0 / units)

        if not model.source.in_process:
            model.source.on_unit = seen
        yield callback
