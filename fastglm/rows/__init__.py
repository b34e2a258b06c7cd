"""The only door for rows: the request of a caller, and the schema and the source that are made of it."""

from importlib import import_module

_FOUND_IN = {
    "FitRequest": "request", "Schema": "schema", "SuppliedRows": "supplied", "open_rows": "open",
    "register_storage": "storages",
}  # fmt: skip

__all__ = sorted(_FOUND_IN)


def __getattr__(name):
    # results are read without the compiler, which opening rows loads
    if name in _FOUND_IN:
        return getattr(import_module(f".{_FOUND_IN[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
