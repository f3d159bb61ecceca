"""Where the pickle of each row opens, as a table from a run: ``python matrix.py --write docs/portability-matrix.md``.

Makes virtual environments (Python minor versions; another version of an engine; none; scikit-learn alone), writes a
pickle of every row in those that have the engine, opens each in all, and compares every answer.
"""

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LOOPBACK = str(HERE.parent / "plugins" / "accelsk-loopback")
ACCELSK = ["--editable", str(ROOT), "--editable", LOOPBACK]
ENGINES = {"sklearnex": "cpu", "loopback": "accelerator"}
ENGINE_PACKAGE = "scikit-learn-intelex"


@dataclass
class Place:
    """A virtual environment."""

    name: str
    python: str
    installs: list
    folder: Path
    environment: dict = field(default_factory=dict)

    @property
    def executable(self):
        return self.folder / "bin" / "python"

    def make(self):
        stamp = self.folder / ".made"
        if not stamp.exists():
            subprocess.run([self.python, "-m", "venv", self.folder], check=True)
            self.run("-m", "pip", "install", "--quiet", "--upgrade", "pip")
            self.run("-m", "pip", "install", "--quiet", *self.installs)
            stamp.touch()

    def run(self, *arguments):
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **self.environment}
        done = subprocess.run(
            [str(self.executable), *map(str, arguments)], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"in {self.name!r}: {done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return done.stdout


def verdict(told, expected):
    """What came of one pickle, in a word; and the largest difference of an answer, in its standard deviations."""
    if "error" in told:
        return told["error"], 0.0
    difference = 0.0
    for method, values in expected.items():
        wanted, got = np.asarray(values), np.asarray(told["answers"][method])
        assert wanted.shape == got.shape
        if wanted.dtype.kind not in "fiub":
            assert (wanted == got).all()
        elif wanted.size:
            difference = max(difference, float(np.max(np.abs(wanted - got)) / (np.std(wanted) or 1.0)))
    assert difference < 1e-5, f"other answers, by {difference}: {told['class']}"
    if told["engine"] is None:
        return "plain scikit-learn", difference
    if not told["warnings"]:
        return "as saved", difference
    return "scikit-learn" if told["engine"] == "sklearn" else f"on the {told['device']}", difference


def opened(place, folder, pattern):
    """Open all files of a folder at a place."""
    files = sorted(folder.glob(pattern))
    lines = place.run(HERE / "opening.py", "", "", *files).splitlines()
    found = {}
    for file, line in zip(files, lines, strict=True):
        found[file.stem] = verdict(json.loads(line), json.loads(file.with_suffix(".json").read_text()))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="for environments and pickles")
    parser.add_argument("--pythons", nargs="+", default=[sys.executable], help="the first opens in all other ways")
    parser.add_argument("--other-version", default="2026.1.0", help=f"of {ENGINE_PACKAGE}")
    parser.add_argument("--write", type=Path, required=True)
    asked = parser.parse_args()
    first, others = asked.pythons[0], asked.pythons[1:]

    def place(name, python, installs, **environment):
        made = Place(name, python, installs, asked.folder / name.replace(" ", "-").replace(",", ""), environment)
        made.make()
        return made

    def version(python):
        code = "import sys; print('Python', '.'.join(map(str, sys.version_info[:2])))"
        return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()

    full = {version(python): place(version(python), python, [*ACCELSK, ENGINE_PACKAGE]) for python in asked.pythons}
    home = full[version(first)]
    places = {
        "same environment": home,
        "device missing": Place("device missing", first, [], home.folder, {"LOOPBACK_DEVICES": "0"}),
        "other engine version": place("other version", first, [*ACCELSK, f"{ENGINE_PACKAGE}=={asked.other_version}"]),
        "engine missing": place("no engine", first, ACCELSK[:2]),
        "accelsk missing": place("scikit-learn alone", first, ["scikit-learn"]),
        **{name: full[name] for name in full if full[name] is not home},
    }
    columns, cells, worst = [], {}, {}

    def note(engine, column, found):
        if column not in columns:
            columns.append(column)
        for row, (word, difference) in found.items():
            cells.setdefault((engine, row), {})[column] = word
            worst[engine, row] = max(worst.get((engine, row), 0.0), difference)

    for engine, device in ENGINES.items():
        pickles = asked.folder / "pickles" / "home" / engine
        home.run(HERE / "writing.py", pickles, engine, device)
        for column, there in places.items():
            if column == "device missing" and device == "cpu":
                continue
            if column == "other engine version" and engine != "sklearnex":
                continue
            note(engine, column, opened(there, pickles, "*.pkl"))
        note(engine, "accelsk missing, after to_sklearn", opened(places["accelsk missing"], pickles, "*.exported"))
        for name, there in full.items():
            if there is home:
                continue
            pickles = asked.folder / "pickles" / name.replace(" ", "-") / engine
            there.run(HERE / "writing.py", pickles, engine, device)
            note(engine, f"{name} to {version(first).removeprefix('Python ')}", opened(home, pickles, "*.pkl"))
    asked.write.write_text(table(columns, cells, worst))
    print(f"{len(cells)} rows, {sum(map(len, cells.values()))} cells", "" if others else "on one Python only")


def table(columns, cells, worst):
    """The cells as Markdown, the engine's rows together."""
    lines = []
    for engine in dict.fromkeys(engine for engine, _ in cells):
        rows = {row: found for (each, row), found in cells.items() if each == engine}
        shown = [column for column in columns if any(column in found for found in rows.values())]
        lines += [f"### {engine}", "", "| row | " + " | ".join(shown) + " | largest difference |"]
        lines += ["| --- |" + " --- |" * (len(shown) + 1)]
        for row, found in sorted(rows.items()):
            words = [found.get(column, "not portable") for column in shown]
            lines.append(f"| {row} | " + " | ".join(words) + f" | {worst[engine, row]:.1g} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
