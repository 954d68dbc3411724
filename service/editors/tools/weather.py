"""Today's weather and season at the owner's place, in words. The weather is Open-Meteo's, season and words are ours.

https://open-meteo.com/en/docs: no key; data under CC BY 4.0. The place is told to a tenth of a degree, some ten
kilometres: enough for the weather, too little to find a house.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from pydantic import BaseModel, Field, ValidationError

from service.errors import SourceError
from service.net import Limits, Net
from service.surroundings import Place

API = "https://api.open-meteo.com/v1/forecast"
CREDIT = "Weather data by Open-Meteo.com, CC BY 4.0"
LIMITS = Limits(total_s=10, connect_s=5, body_bytes=50_000)
KEPT, KEPT_FAILURE = timedelta(hours=1), timedelta(minutes=10)
_SKIES = {  # WMO code table 4677, as far as the service uses it
    0: "a clear sky", 1: "a mostly clear sky", 2: "a partly cloudy sky", 3: "an overcast sky", 45: "fog",
    48: "freezing fog", 51: "light drizzle", 53: "drizzle", 55: "thick drizzle", 56: "freezing drizzle",
    57: "thick freezing drizzle", 61: "light rain", 63: "rain", 65: "heavy rain", 66: "freezing rain",
    67: "heavy freezing rain", 71: "light snow", 73: "snow", 75: "heavy snow", 77: "snow grains", 80: "light showers",
    81: "showers", 82: "violent showers", 85: "snow showers", 86: "heavy snow showers", 95: "a thunderstorm",
    96: "a thunderstorm with hail", 99: "a thunderstorm with heavy hail",
}  # fmt: skip
_WINDS = ((6, "hardly any wind"), (20, "a light wind"), (39, "a fresh wind"), (62, "a strong wind"))  # km/h, Beaufort
_FROM = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")
_SEASONS = ("winter", "spring", "summer", "autumn")  # of the north, by the meteorologists' calendar
_TROPIC = 23.5  # degrees


class _Now(BaseModel):
    temperature_2m: Annotated[float, Field(ge=-90, le=60, allow_inf_nan=False)]
    weather_code: int
    wind_speed_10m: Annotated[float, Field(ge=0, le=450, allow_inf_nan=False)]
    wind_direction_10m: Annotated[float, Field(ge=0, le=360, allow_inf_nan=False)]


class _Day(BaseModel):
    sunrise: list[datetime | None] = []
    sunset: list[datetime | None] = []


class _Forecast(BaseModel):
    current: _Now
    daily: _Day = _Day()


@dataclass(frozen=True, slots=True)
class _Kept:
    until: datetime
    said: str
    why_not: str = ""


class Weather:
    """The weather at one place; asks at most once an hour."""

    def __init__(self, net: Net, place: Place, api: str = API) -> None:
        self._net, self._place, self._api = net, place, api
        self._kept: _Kept | None = None

    def today(self, now: datetime) -> str:
        """The season, and what is outside; where the weather cannot be had the season alone. Raises nothing."""
        if self._kept is None or now >= self._kept.until:
            self._kept = self._asked(now)
        return f"{season(now.date(), self._place.latitude)}{self._kept.said}"

    @property
    def why_not(self) -> str:
        """Why there was no weather the last time; "" where there was."""
        return self._kept.why_not if self._kept else ""

    def _asked(self, now: datetime) -> _Kept:
        query = {
            "latitude": round(self._place.latitude, 1), "longitude": round(self._place.longitude, 1),
            "current": "temperature_2m,weather_code,wind_speed_10m,wind_direction_10m", "daily": "sunrise,sunset",
            "timezone": "auto", "forecast_days": 1,
        }  # fmt: skip
        try:
            answer = self._net.get(f"{self._api}?{urlencode(query)}", limits=LIMITS)
            return _Kept(now + KEPT, "; " + told(_Forecast.model_validate_json(answer.body)))
        except SourceError as error:
            return _Kept(now + KEPT_FAILURE, "", f"the weather cannot be had: {error}")
        except ValidationError:
            return _Kept(now + KEPT_FAILURE, "", "the weather cannot be had: its service said nothing sensible")


def told(forecast: _Forecast) -> str:
    """A forecast in words."""
    here = forecast.current
    sky = _SKIES.get(here.weather_code, "an unsettled sky")
    wind = next((words for limit, words in _WINDS if here.wind_speed_10m < limit), "a storm")
    origin = _FROM[round(here.wind_direction_10m / 45) % 8]
    said = f"{sky}, {round(here.temperature_2m)} °C, {wind}" + (f" from the {origin}" if wind != _WINDS[0][1] else "")
    sun = [(name, times[0]) for name, times in forecast.daily if times and times[0]]
    return ", ".join([said, *(f"{name} {time:%H:%M}" for name, time in sun)])


def season(day: date, latitude: float) -> str:
    """The time of the year in words, such as "late November, autumn"; the tropics have no such seasons."""
    part = ("early", "mid", "late")[min((day.day - 1) // 10, 2)]
    if abs(latitude) < _TROPIC:
        return f"{part} {day:%B}"
    north = day.month % 12 // 3
    return f"{part} {day:%B}, {_SEASONS[north if latitude > 0 else (north + 2) % 4]}"
