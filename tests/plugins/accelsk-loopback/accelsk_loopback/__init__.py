"""An engine that runs scikit-learn in disguise. Read this first, then table.py, then adapter.py."""

from accelsk.engines.spec import Engine
from accelsk_loopback.table import ROWS

__all__ = ["ENGINE"]

ENGINE = Engine(
    name="loopback",  # what users write, and the name of the entry point
    title="Loopback",
    imports="accelsk_loopback",  # for a real one: the library. It is looked for, not imported, until a fit needs it.
    requires=("accelsk-loopback>=0.1",),  # the versions of the library that the table is true for
    devices=("cpu", "accelerator"),
    rows=ROWS,
    adapter="accelsk_loopback.adapter:LoopbackAdapter",
    url="https://example.org/loopback",
)
