"""Run as a script: one of the two nodes of a ray cluster goes in the middle of a search."""

import json
import threading
import time
import warnings

import joblib
import ray
from ray.cluster_utils import Cluster

from accelsk import parallel_config


def where(i):
    """A task that takes a while, and says on which node it ran."""
    time.sleep(1.5)
    return i, ray.get_runtime_context().get_node_id()


def main():
    """Do it, and print what came of it."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    node = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    started = time.monotonic()
    said = {}
    try:
        with parallel_config("ray", address=cluster.address) as run:
            said["before"] = len({place for _, place in joblib.Parallel()(joblib.delayed(where)(i) for i in range(4))})
            threading.Timer(2, cluster.remove_node, (node,), {"allow_graceful": False}).start()
            found = joblib.Parallel()(joblib.delayed(where)(i) for i in range(6))
            said["numbers"] = [number for number, _ in found]
            said["after"] = len({place for _, place in joblib.Parallel()(joblib.delayed(where)(i) for i in range(2))})
            said["backend"] = run.backend
        said["connected"] = ray.is_initialized()
    finally:
        cluster.shutdown()
    said["seconds"] = round(time.monotonic() - started, 1)
    print(json.dumps(said))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
