"""Three plug-ins that are each wrong in their own way, and one (crashing.py) that cannot even be imported."""

from accelsk.engines.spec import Engine

NOT_AN_ENGINE = {"name": "notanengine"}
MISNAMED = Engine(name="another", title="Misnamed", imports="accelsk_broken")
TAKEN = Engine(name="sklearn", title="Not scikit-learn", imports="accelsk_broken")
