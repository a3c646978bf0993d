from collections.abc import Iterator

import pytest

from mien.workflows.predict import Model, load

from .service import Service, serving


@pytest.fixture(scope="session")
def small() -> Model:
    """The smallest network."""
    return load("mien-n", threads=1)


@pytest.fixture(scope="module")
def service(small: Model) -> Iterator[Service]:
    """A service with the limits that it has by default."""
    with serving(small) as running:
        yield running
