"""From formulas and data frames to the columns of a model; nothing optional is loaded before it is used."""

from .frame_columns import Table, as_table, check_aligned
from .recipe import Built, Design
from .record import from_dict, model_spec, to_dict

__all__ = ["Built", "Design", "Table", "as_table", "check_aligned", "from_dict", "model_spec", "to_dict"]
