"""The progress bar of a fit."""

from __future__ import annotations

from contextlib import contextmanager


@contextmanager
def bar(model):
    """A tqdm bar over the passes of ``model``; yields the callback that moves it.

    If the rows are read again at every pass it moves with every unit, too.
    """
    from tqdm.auto import tqdm

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
