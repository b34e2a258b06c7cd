"""Two kinds of rows from outside, which the tables of storages have beside the library's own."""

import pytest
from registries import restored
from storages import of_user, read_of_user

from fastglm.rows import register_storage


@pytest.fixture(scope="module", autouse=True)
def storages_of_the_user():
    """Two kinds of rows are from outside, each of them a registration."""
    with restored():
        register_storage(of_user, read_of_user)
        yield
