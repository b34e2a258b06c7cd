"""From formulas and data frames to the columns of a model; nothing optional is loaded before it is used."""

from .recipe import Built, Design
from .record import from_dict, model_spec, to_dict
from .tables import Table, as_table, check_aligned

__all__ = ["Built", "Design", "Table", "as_table", "check_aligned", "from_dict", "model_spec", "to_dict"]
