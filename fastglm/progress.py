"""The progress bar of a fit."""

from __future__ import annotations

from contextlib import contextmanager


@contextmanager
def bar(model):
    """A tqdm bar over the passes of ``model``; yields the callback that moves it."""
    from tqdm.auto import tqdm

    with tqdm(desc=f"{model.family.name} fit, {model.source.n_rows} rows", unit="pass") as t:

        def callback(record):
            t.update(record["passes"] - t.n)
            if "loss" in record:
                t.set_postfix(epoch=record["epoch"], loss=f"{record['loss']:.8g}", refresh=False)
            else:
                t.set_postfix(deviance=f"{record['deviance']:.8g}", distance=f"{record['distance']:.1e} se")

        yield callback
