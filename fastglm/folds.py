"""Kinds of folds for ``cv(folds=...)``, by the names that scikit-learn has for them."""

from .options.folds import (
    GroupKFold,
    KFold,
    LeaveOneOut,
    PredefinedSplit,
    Splits,
    StratifiedKFold,
    TimeSeriesSplit,
)

__all__ = ["GroupKFold", "KFold", "LeaveOneOut", "PredefinedSplit", "Splits", "StratifiedKFold", "TimeSeriesSplit"]
