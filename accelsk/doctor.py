"""What this machine and this installation are, what does not work, and the remedy.

A check is a function in `CHECKS` that yields findings. Libraries that may crash are imported in a process of their own.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import Requirement

import accelsk
from accelsk import calibration, config, machine
from accelsk.devices import Device, discover
from accelsk.engines import broken, get, get_adapter, importable, module_of, names, requirements, why_missing
from accelsk.engines.spec import Engine
from accelsk.errors import AccelskError
from accelsk.tables import Column, Table

__all__ = ["CHECKS", "Finding", "Findings", "examine"]

Status = Literal["ok", "missing", "broken"]

#: Seconds that an import, or a driver's tool, may take.
IMPORT_LIMIT, TOOL_LIMIT = 180, 20

_STYLES: Mapping[Status, str] = {"ok": "green", "missing": "yellow", "broken": "bold red"}
_DEV, _PROC, _SYS, _ETC = Path("/dev"), Path("/proc"), Path("/sys"), Path("/etc")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    area : str
        The check that it belongs to.
    name : str
        What was looked at.
    status : {"ok", "missing", "broken"}
        Whether it works; "missing" is not there, which is no fault; "broken" is there and does not work.
    found : str
        What there is, or why it does not work.
    remedy : str, default=""
        What to do.
    """

    area: str
    name: str
    status: Status
    found: str
    remedy: str = ""


class Findings(Table[Finding]):
    """All that was found."""

    title = "accelsk doctor"
    columns = (
        Column("status", lambda finding: finding.status, lambda finding: _STYLES[finding.status]),
        Column("area", lambda finding: finding.area),
        Column("what", lambda finding: finding.name, "bold"),
        Column("found", lambda finding: finding.found),
        Column("remedy", lambda finding: finding.remedy),
    )

    @property
    def healthy(self) -> bool:
        """Whether everything that is installed works."""
        return all(finding.status != "broken" for finding in self)


def examine() -> Findings:
    """Examine the machine and the installation.

    Returns
    -------
    Findings
        A sequence of `Finding` that prints as a table. A check that fails itself is a finding too.
    """
    found: list[Finding] = []
    for area, check in CHECKS.items():
        try:
            for name, status, text, *remedy in check():
                found.append(Finding(area, name, status, text, *remedy))
        except Exception as error:  # noqa: BLE001  a doctor must survive what it finds
            found.append(Finding(area, "the check", "broken", f"it failed: {type(error).__name__}: {error}"))
    return Findings(found)


#: Name, status, what was found, and the remedy where there is one.
Found = tuple[str, Status, str] | tuple[str, Status, str, str]


# -- the machine, Python and what accelsk requires -------------------------------------------------------------------


def _machine() -> Iterator[Found]:
    import joblib
    import psutil

    cores = f"{psutil.cpu_count(logical=False) or '?'} physical, {psutil.cpu_count() or '?'} logical"
    memory = f"{machine.total_memory() / 2**30:.1f} GiB, {machine.available_memory() / 2**30:.1f} GiB of it available"
    yield "operating system", "ok", machine.operating_system()
    yield "processor", "ok", f"{machine.processor_name()} ({platform.machine()})"
    yield "cores", "ok", f"{cores}; {joblib.cpu_count()} usable by this process (affinity and container limits)"
    yield "instruction sets", "ok", " ".join(machine.instruction_sets()) or "none that NumPy knows"
    yield "memory", "ok", memory


def _python() -> Iterator[Found]:
    yield platform.python_implementation(), "ok", f"{platform.python_version()} in {sys.prefix}"
    try:
        recorded = importlib.metadata.version("accelsk")
    except importlib.metadata.PackageNotFoundError:
        why = "used from a source tree that is not installed: the versions that it needs are not known"
        yield "accelsk", "missing", f"{accelsk.__version__}, {why}", "pip install --editable ."
        return
    if recorded != accelsk.__version__:
        why = f"the code is version {accelsk.__version__}, its metadata say {recorded}"
        yield "accelsk", "broken", why, "install accelsk again"
    else:
        yield "accelsk", "ok", recorded
    for text in importlib.metadata.requires("accelsk") or ():
        needed = Requirement(text)
        if needed.marker is None or needed.marker.evaluate({"extra": ""}):
            found, fits = _against(text)
            remedy = "" if fits else f'pip install "{needed.name}{needed.specifier}"'
            yield needed.name, "ok" if fits else "broken", found or "not installed", remedy


def _against(requirement: str) -> tuple[str, bool]:
    """The version that is installed, beside those that are needed; and whether it is one. Empty if not installed."""
    needed = Requirement(requirement)
    wants = f" (needs {needed.specifier})" if needed.specifier else ""
    try:
        version = importlib.metadata.version(needed.name)
    except importlib.metadata.PackageNotFoundError:
        return "", False
    return f"{version}{wants}", needed.specifier.contains(version, prereleases=True)


def _configuration() -> Iterator[Found]:
    variables = config.check_environment()
    for variable, (value, problem) in variables.items():
        remedy = f"correct or unset {variable}" if problem else ""
        yield variable, "broken" if problem else "ok", " ".join((problem or value).split()), remedy
    if any(problem for value, problem in variables.values() if value):
        return  # no default can be worked out
    default = config.get_config()
    engines = (default["engine"],) if isinstance(default["engine"], str) else default["engine"]
    missing = {name: error for name in engines if name != "auto" and (error := _unusable(name))}
    if len(missing) == len(engines):
        for name, error in missing.items():
            yield f"engine={name!r}", "broken", *_halves(error)
    device = default["device"]
    if device != "auto":
        reached = [info.device for info in discover()]
        if not any(one.meets(Device.parse(device)) for one in reached):
            text = f"no engine reaches it here; there is: {', '.join(map(str, reached))}"
            yield f"device={device!r}", "broken", text, "choose one of these"


def _unusable(name: str) -> AccelskError | None:
    try:
        return why_missing(name)
    except AccelskError as error:  # there is no such engine
        return error


def _halves(error: AccelskError) -> tuple[str, str]:
    return str(error).removesuffix(f"\nHint: {error.hint}"), error.hint


def _calibration() -> Iterator[Found]:
    kept = calibration.stored()
    if not kept:
        text = "none: estimates are those of another machine"
        yield "calibration", "missing", text, 'accelsk calibrate (two minutes) lets "auto" know this one'
    elif kept["stale"]:
        yield "calibration", "missing", f"{kept['stale']}: it is ignored", "accelsk calibrate"
    else:
        yield "calibration", "ok", f"{len(kept['factors'])} operations, measured {kept['when']}"


# -- drivers ---------------------------------------------------------------------------------------------------------


def _drivers() -> Iterator[Found]:
    yield _nvidia()
    yield from _intel()
    yield from _opencl()


def _opencl() -> Iterator[Found]:
    told = os.environ.get("OCL_ICD_VENDORS", "")  # a folder, or a file, instead of those of the system
    folders = (Path(told),) if told else (_ETC / "OpenCL/vendors", Path(sys.prefix) / "etc/OpenCL/vendors")
    files = [file for folder in folders if folder.is_dir() for file in sorted(folder.glob("*.icd"))]
    lost = {file: driver for file in files if Path(driver := _first_line(file)).is_absolute() and not _is_file(driver)}
    icds = sorted({file.stem for file in files if file not in lost})
    yield "OpenCL", "ok" if icds else "missing", ", ".join(icds) or "no driver is registered"
    for file, driver in lost.items():
        # As Intel's wheels come: the path is that of the machine on which they were made.
        text = f"{file} names {driver}, which is not there"
        yield f"OpenCL {file.stem}", "missing", text, "write the path of the driver into it"


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except OSError:
        return False


def _nvidia() -> Found:
    nodes = sorted(node.name for node in _DEV.glob("nvidia[0-9]*")) if _DEV.is_dir() else []
    version = _first_line(_PROC / "driver/nvidia/version").removeprefix("NVRM version:").strip()
    tool = shutil.which("nvidia-smi")
    query = [tool or "", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    said, failed = _ask(query) if tool else ("", "nvidia-smi is not on PATH")
    if tool and not failed:
        return "NVIDIA GPU", "ok", "; ".join(said.splitlines()) or "a driver, and no GPU"
    if not nodes:
        host = f"; the host has driver {version}, and this container none of its GPUs" if version else ""
        return "NVIDIA GPU", "missing", f"no GPU, or no driver{host}", "start the container with GPUs" if host else ""
    there = f"{', '.join(nodes)}; driver: {version or 'not loaded'}; {failed}"
    if tool or not version:
        return "NVIDIA GPU", "broken", there, "install the driver again; restart the machine after an update of it"
    return "NVIDIA GPU", "ok", there


def _intel() -> Iterator[Found]:
    found = False
    for node in sorted((_DEV / "dri").glob("render*")) if (_DEV / "dri").is_dir() else ():
        if _first_line(_SYS / "class/drm" / node.name / "device/vendor") != "0x8086":
            continue
        found = True
        if os.access(node, os.R_OK | os.W_OK):
            yield "Intel GPU", "ok", str(node)
        else:
            why = f"{node} may not be opened by this user"
            yield "Intel GPU", "broken", why, "join the group of the file, mostly 'render', and log in again"
    if not found:
        yield "Intel GPU", "missing", "no GPU, or no driver"


def _first_line(file: Path) -> str:
    try:
        return next(iter(file.read_text(errors="replace").splitlines()), "").strip()
    except OSError:
        return ""


def _ask(command: Sequence[str]) -> tuple[str, str]:
    """What a tool says, and what went wrong."""
    try:
        done = _started(command, TOOL_LIMIT)
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", f"{Path(command[0]).name} failed: {error}"
    if done.returncode:
        return "", f"{Path(command[0]).name} failed: {' '.join((done.stdout + done.stderr).split())}"
    return done.stdout.strip(), ""


def _started(
    command: Sequence[str], seconds: float, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL, env=environment, check=False
    )


# -- engines ---------------------------------------------------------------------------------------------------------


def _engines() -> Iterator[Found]:
    with ThreadPoolExecutor(max_workers=2) as pool:
        for found in pool.map(_engine, names()):
            yield from found
    for name, reason in broken().items():
        yield name, "broken", reason, "update or uninstall that package"
    yield from _together([name for name in names() if why_missing(name) is None])


def _engine(name: str) -> list[Found]:
    engine, missing = get(name), why_missing(name)
    if missing is not None:
        text, remedy = _halves(missing)
        return [(name, "broken" if importable(module_of(engine)) else "missing", text, remedy)]
    return [*_library(name, engine), *_devices(name)]


def _devices(name: str) -> Iterator[Found]:
    """What the engine itself says of its devices."""
    try:
        for what, status, text, remedy in get_adapter(name).examine():
            yield f"{name}: {what}", status, text, remedy  # type: ignore[misc]
    except Exception as error:  # noqa: BLE001  the others are to be heard all the same
        yield f"{name}: devices", "broken", f"the examination failed: {type(error).__name__}: {error}"


def _library(name: str, engine: Engine) -> list[Found]:
    answer, problem = _probe([name])
    if problem:
        return [(name, "broken", f"{engine.title}: {problem}", _how_to_install(name))]
    told = answer[name]
    works = f"{engine.title}: {_versions(engine)}; reaches {', '.join(told['devices']) or 'no device'}"
    if told["unloadable"]:
        classes = "; ".join(f"{row}: {error}" for row, error in told["unloadable"].items())
        return [(name, "broken", f"{works}; classes that cannot be loaded: {classes}", _how_to_install(name))]
    return [(name, "ok", works)]


def _versions(engine: Engine) -> str:
    """The distributions of an engine: those that it requires, else (another build, say) those that hold its module."""
    needed = {Requirement(text).name: text for text in requirements(engine)}
    versions = [f"{name} {found}" for name, text in needed.items() if (found := _against(text)[0])]
    module = module_of(engine).partition(".")[0]
    if not versions:
        holders = importlib.metadata.packages_distributions().get(module, ())
        versions = [f"{name} {importlib.metadata.version(name)}" for name in dict.fromkeys(holders)]
    return ", ".join(versions) or "unknown version"


def _how_to_install(name: str) -> str:
    engine = get(name)
    wanted = [f"accelsk[{extra}]" for extra in engine.extras[:1]] or engine.requires
    return "pip install --force-reinstall " + " ".join(f'"{one}"' for one in wanted) if wanted else ""


def _together(usable: Sequence[str]) -> Iterator[Found]:
    """Import all of them in one process, as a script would, and look at the thread pools that they bring."""
    answer, problem = _probe(usable)
    if problem:
        yield "all in one process", "broken", problem, "install all from one source: all with pip, or all with conda"
        return
    pools: list[dict[str, str]] = answer[""]["pools"]
    for api, label in (("blas", "BLAS"), ("openmp", "OpenMP")):
        loaded = [pool for pool in pools if pool["api"] == api]
        text = ", ".join(f"{pool['prefix']} {pool['version']}".strip() + f" ({pool['folder']})" for pool in loaded)
        # These two replace each other's functions on Linux: known to hang and to crash.
        if sys.platform == "linux" and {"libomp", "libiomp"} <= {pool["prefix"] for pool in loaded}:
            yield (
                label,
                "broken",
                f"two that fight: {text}",
                "keep one of them: see multiple_openmp.md of threadpoolctl",
            )
        else:
            yield label, "ok", text or "none"


def _probe(engines: Sequence[str]) -> tuple[dict[str, Any], str]:
    """Import engines in a process of their own; return what it found, and what went wrong."""
    code = "import sys; from accelsk.doctor import _report; _report(sys.argv[1:])"
    command = [sys.executable, "-P", "-c", code, *engines]
    path = os.pathsep.join(folder for folder in sys.path if folder)
    try:
        done = _started(command, IMPORT_LIMIT, {**os.environ, "PYTHONPATH": path})
    except subprocess.TimeoutExpired:
        return {}, f"the import took more than {IMPORT_LIMIT} s"
    if done.returncode == 0:
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer, ""
    if done.returncode < 0:
        return {}, f"the import crashed ({signal.Signals(-done.returncode).name})"
    return {}, f"the import failed: {(done.stderr.strip().splitlines() or [f'exit code {done.returncode}'])[-1]}"


def _report(engines: Sequence[str]) -> None:
    """The other end of `_probe`: import, and print what was found as the last line."""
    answer: dict[str, Any] = {}
    for name in engines:
        engine, adapter, unloadable = get(name), get_adapter(name), {}
        importlib.import_module(module_of(engine))
        for row in engine.rows:
            try:
                adapter.load(row)
            except Exception as error:  # noqa: BLE001  it is what we want to know
                unloadable[engine.label(row)] = f"{type(error).__name__}: {error}"
        devices = [str(device) for device in adapter.devices()]
        answer[name] = {"unloadable": unloadable, "devices": devices}
    answer[""] = {"pools": _thread_pools()}
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


def _thread_pools() -> list[dict[str, str]]:
    import warnings

    import scipy.linalg  # noqa: F401  brings a BLAS of its own
    import threadpoolctl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the fight that it warns of is a finding
        return [
            {
                "api": pool["user_api"],
                "prefix": pool["prefix"],
                "version": pool["version"] or "",
                "folder": Path(pool["filepath"]).parent.name,
            }
            for pool in threadpoolctl.threadpool_info()
        ]


# -- evaluators ------------------------------------------------------------------------------------------------------


def _evaluators() -> Iterator[Found]:
    """What predicts faster, and is optional."""
    for name in ("onnx", "onnxruntime"):
        try:
            yield name, "ok", importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            text = "not installed: trees are walked down by NumPy alone, which takes longer for deep ones"
            yield name, "missing", text, 'pip install "accelsk[onnx]"'


#: Area to check.
CHECKS: Mapping[str, Callable[[], Iterable[Found]]] = {
    "machine": _machine,
    "Python": _python,
    "configuration": _configuration,
    "estimates": _calibration,
    "drivers": _drivers,
    "engines": _engines,
    "evaluators": _evaluators,
}
