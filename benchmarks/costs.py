"""Fit the costs of ``engine="auto"`` to a sweep, and write them into the engines' folders.

Run ``python -m benchmarks.costs SWEEP ... [--check]`` with the files of ``python -m benchmarks.sweep``, of all threads
and of one. It prints how far the estimates are from the measurements, and what choosing by them would have lost: the
regret, over the operations that take more than five milliseconds. With ``--check`` nothing is written.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from accelsk.costs import Cost, Work, fitted_cost
from accelsk.engines import get_adapter, reference
from accelsk.engines.classes import class_at
from benchmarks.contenders import PLAIN

#: Hyperparameters that say nothing of the time.
_NO_MATTER = frozenset(("random_state", "verbose", "copy", "copy_X", "copy_x", "warm_start", "class_weight"))

_SHORT = 5e-3

#: A median relative error that says that the time is no sum of these terms. By as much as the error of an estimate an
#: engine is to be faster before it is chosen.
_USELESS = 0.2


def read(files: Sequence[Path]) -> list[dict[str, Any]]:
    """The measurements of single classes; the first line of a file describes the machine.

    Of the few rounds some were disturbed, now and then by a factor of seven. So scikit-learn's seconds are those of the
    fastest; those of another engine are between that and the middle one, for its threads may be what disturbs it.
    """
    records = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [{**each, "seconds": _usual(each)} for each in records if "low" in each and len(each["estimator"]) == 1]


def _usual(record: dict[str, Any]) -> float:
    low: float = record["low"]
    return low if record["engine"] == PLAIN else math.sqrt(low * record["seconds"])


def path_of(record: dict[str, Any]) -> str:
    """The public path of the class."""
    from accelsk.origin import public_name

    return public_name(class_at(record["estimator"][0]))


def when(record: dict[str, Any]) -> dict[str, list[Any]]:
    """The hyperparameters that choose an algorithm, as they were."""
    cls = class_at(record["estimator"][0])
    params = cls(**record["params"]).get_params(deep=False)
    k = record["k_is"]
    return {
        name: [value]
        for name, value in params.items()
        if name not in _NO_MATTER and name != k and (value is None or isinstance(value, str | bool))
    }


def work(record: dict[str, Any]) -> Work:
    """How much there was to do."""
    predicted = record["predicted"]
    return Work(predicted or record["rows"], record["columns"], record["rows"], record["classes"] or 1)


def grouped(records: list[dict[str, Any]]) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    """By engine, class, hyperparameters, operation, two or more classes, threads; scikit-learn with those it has."""
    best: dict[tuple[Any, ...], dict[str, Any]] = {}
    for each in records:
        engine = reference().name if each["engine"] == "scikit-learn" else each["engine"]
        params = json.dumps(each["params"], sort_keys=True)
        several = each["k_is"] == "classes" and each["k"] > 2
        key = (engine, path_of(each), params, each["operation"], several, each.get("share", 0))
        at = (*key, each["rows"], each["columns"], each["k"], each["predicted"])
        if engine != reference().name or each.get("share") or (each["threads"] == 1) == has_one_thread(each):
            best[at] = each
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for at, each in best.items():
        groups[at[:6]].append(each)
    return groups


def has_one_thread(record: dict[str, Any]) -> bool:
    """Whether accelsk leaves scikit-learn one thread of BLAS there."""
    if record["operation"] != "fit":
        return False
    estimator = class_at(record["estimator"][0])(**record["params"])
    return get_adapter(reference().name).threads(estimator, "fit", record["rows"], record["columns"])[0] == 1


def cost(records: list[dict[str, Any]]) -> Cost | None:
    """The cost of a group."""
    first = records[0]
    k, numbers = first["k_is"], sorted({each["k"] for each in records if each["k"]})
    usual = statistics.mode(each["k"] for each in records) if numbers else None
    points = [(work(each)._replace(c=1), each["seconds"]) for each in records if each["k"] == usual]
    if len(points) < 3:
        return None
    scaled = {} if not k or k == "classes" or usual is None else {k: usual}
    return fitted_cost(
        points,
        when=when(first),
        scale=scaled,
        classes=usual if k == "classes" and usual else 0,
        threads=first.get("share", 0),
        case={"params": first["params"], "data": first["data"]},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweeps", type=Path, nargs="+")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    found: dict[str, dict[str, dict[str, list[dict[str, Any]]]]] = {}
    costs: dict[tuple[str, ...], Cost] = {}
    groups = grouped(read(options.sweeps))
    for key, records in groups.items():
        made = cost(records)
        if made is None or made.error > _USELESS:
            # What cannot be estimated is left to the worth of the row.
            print("left out:", *key[:2], key[3], "" if made is None else f"error {made.error:.2f}")
            continue
        costs[key] = made
        engine, estimator, _, operation, *_ = key
        found.setdefault(engine, {}).setdefault(estimator, {}).setdefault(operation, []).append(made.to_dict())
    plain = found.get(reference().name, {})
    for engine, classes in found.items():  # one side of a comparison is of no use
        found[engine] = {name: operations for name, operations in classes.items() if name in plain}
    errors = [each.error for each in costs.values()]
    print(f"{len(costs)} costs; median error {statistics.median(errors):.2f}, worst {max(errors):.2f}")
    regret(groups, costs)
    if options.check:
        return
    for engine, classes in found.items():
        folder = Path(str(importlib.import_module("accelsk.engines").__file__)).parent / engine
        if folder.is_dir():
            text = json.dumps(dict(sorted(classes.items())), indent=1)
            (folder / "costs.json").write_text(text + "\n")


def regret(groups: dict[tuple[str, ...], list[dict[str, Any]]], costs: dict[tuple[str, ...], Cost]) -> None:
    """Print what the choices of the fits would have lost."""
    times: dict[tuple[Any, ...], dict[str, tuple[float, float, float]]] = defaultdict(dict)
    for key, records in groups.items():
        if key not in costs or key[3] != "fit":
            continue
        for each in records:
            params = {**each["params"], **({each["k_is"]: each["k"]} if each["k_is"] else {})}
            estimate = costs[key].seconds(work(each), params)
            margin = 0.0 if key[0] == reference().name else max(0.05, costs[key].error)
            at = (*key[1:], each["rows"], each["columns"], each["k"])
            times[at][key[0]] = (each["seconds"], estimate, margin)
    lost = []
    for at, engines in times.items():
        if len(engines) < 2 or reference().name not in engines:
            continue
        chosen = min(engines, key=lambda name: engines[name][1] / (1 - engines[name][2]))
        best = min(seconds for seconds, *_ in engines.values())
        if best > _SHORT:
            lost.append((engines[chosen][0] / best, at, chosen))
    if lost:
        mean = math.exp(statistics.mean(math.log(each[0]) for each in lost))
        print(f"regret over {len(lost)} fits: geometric mean {mean:.3f}, worst {max(lost)[0]:.2f}")
        for ratio, at, chosen in sorted(lost, reverse=True)[:10]:
            print(f"  {ratio:.2f} {at} chose {chosen}")


if __name__ == "__main__":
    main()
