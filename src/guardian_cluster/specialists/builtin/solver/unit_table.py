"""How large each unit is, as exact rationals of the SI unit of its dimension.

Sources: the SI brochure (9th edition), the international yard and pound agreement of 1959 (1 yd = 0.9144 m,
1 lb = 0.45359237 kg), the US gallon of 231 cubic inches, the imperial gallon of 4.54609 L, IEC 80000-13.
"""

from fractions import Fraction
from typing import Final, Literal

import msgspec

Dimension = Literal[
    "length", "mass", "time", "temperature", "volume", "speed", "area", "data", "energy", "pressure", "angle"
]


class Unit(msgspec.Struct, frozen=True):
    """A unit: `factor` times π^`pi` of the dimension's SI unit, plus `offset` for temperatures."""

    symbol: str
    dimension: Dimension
    factor: Fraction
    offset: Fraction = Fraction(0)
    pi: int = 0


_Row = tuple[str, str, str]
"""The factor, the symbols (their case matters) and the words (their case does not), separated by bars."""

_LENGTHS: tuple[_Row, ...] = (
    ("1", "m", "meter|meters|metre|metres"),
    ("1000", "km|Km|KM", "kilometer|kilometers|kilometre|kilometres"),
    ("1/10", "dm", "decimeter|decimeters|decimetre|decimetres"),
    ("1/100", "cm|Cm|CM", "centimeter|centimeters|centimetre|centimetres"),
    ("1/1000", "mm|MM", "millimeter|millimeters|millimetre|millimetres"),
    ("1e-6", "µm|um", "micrometer|micrometers|micrometre|micrometres|micron|microns"),
    ("1e-9", "nm", "nanometer|nanometers|nanometre|nanometres"),
    ("0.0254", "in", "inch|inches"),
    ("0.3048", "ft|Ft", "foot|feet"),
    ("0.9144", "yd", "yard|yards"),
    ("1609.344", "mi", "mile|miles"),
    ("1852", "nmi", "nautical mile|nautical miles"),
    ("149597870700", "au|AU", "astronomical unit|astronomical units"),
    ("9460730472580800", "ly", "light year|light years|lightyear|lightyears"),
)

_MASSES: tuple[_Row, ...] = (
    ("1", "kg|Kg|KG", "kilogram|kilograms|kilo|kilos"),
    ("1/1000", "g", "gram|grams|gramme|grammes"),
    ("1e-6", "mg", "milligram|milligrams"),
    ("1e-9", "µg|mcg", "microgram|micrograms"),
    ("1000", "t", "tonne|tonnes|metric ton|metric tons"),
    ("0.45359237", "lb|lbs|Lbs|LBS", "pound|pounds"),
    ("0.028349523125", "oz|Oz", "ounce|ounces"),
    ("6.35029318", "st", "stone|stones"),
    ("907.18474", "short ton", "short ton|short tons|us ton|us tons"),
    ("1016.0469088", "long ton", "long ton|long tons|imperial ton|imperial tons"),
    ("0.0002", "ct", "carat|carats"),
)

_TIMES: tuple[_Row, ...] = (
    ("1", "s", "second|seconds|sec|secs"),
    ("1/1000", "ms", "millisecond|milliseconds"),
    ("1e-6", "µs|us", "microsecond|microseconds"),
    ("1e-9", "ns", "nanosecond|nanoseconds"),
    ("60", "min|mins", "minute|minutes"),
    ("3600", "h|hr|hrs", "hour|hours"),
    ("86400", "d", "day|days"),
    ("604800", "wk|wks", "week|weeks"),
    ("1209600", "fortnight", "fortnight|fortnights"),
)

_VOLUMES: tuple[_Row, ...] = (
    ("1/1000", "L|l", "liter|liters|litre|litres"),
    ("1e-6", "mL|ml|cc", "milliliter|milliliters|millilitre|millilitres"),
    ("1e-5", "cL|cl", "centiliter|centiliters|centilitre|centilitres"),
    ("1e-4", "dL|dl", "deciliter|deciliters|decilitre|decilitres"),
    ("0.003785411784", "US gal", "us gallon|us gallons"),
    ("0.000946352946", "US qt", "us quart|us quarts"),
    ("0.000473176473", "US pt", "us pint|us pints"),
    ("0.0002365882365", "US cup", "us cup|us cups"),
    ("0.0000295735295625", "US fl oz", "us fluid ounce|us fluid ounces"),
    ("0.00001478676478125", "US tbsp", "us tablespoon|us tablespoons"),
    ("0.00000492892159375", "US tsp", "us teaspoon|us teaspoons"),
    ("0.00454609", "imp gal", "imperial gallon|imperial gallons|uk gallon|uk gallons"),
    ("0.0011365225", "imp qt", "imperial quart|imperial quarts|uk quart|uk quarts"),
    ("0.00056826125", "imp pt", "imperial pint|imperial pints|uk pint|uk pints"),
    (
        "0.0000284130625",
        "imp fl oz",
        "imperial fluid ounce|imperial fluid ounces|uk fluid ounce|uk fluid ounces",
    ),
    ("0.00025", "metric cup", "metric cup|metric cups"),
)

_AREAS: tuple[_Row, ...] = (
    ("10000", "ha", "hectare|hectares"),
    ("4046.8564224", "acre", "acre|acres"),
    ("100", "are", "ares"),
    ("0.09290304", "sqft", "sqft"),
    ("1", "sqm", "sqm"),
)

_SPEEDS: tuple[_Row, ...] = (
    ("5/18", "kph|kmh|kmph", "kph|kmh|kmph"),
    ("0.44704", "mph|MPH", "mph"),
    ("1852/3600", "kn|kt", "knot|knots"),
)

_DATA: tuple[_Row, ...] = (
    ("1", "bit", "bit|bits"),
    ("1000", "kbit", "kilobit|kilobits"),
    ("1e6", "Mbit", "megabit|megabits"),
    ("1e9", "Gbit", "gigabit|gigabits"),
    ("8", "B", "byte|bytes"),
    ("8e3", "kB", "kilobyte|kilobytes"),
    ("8e6", "MB", "megabyte|megabytes"),
    ("8e9", "GB", "gigabyte|gigabytes"),
    ("8e12", "TB", "terabyte|terabytes"),
    ("8e15", "PB", "petabyte|petabytes"),
    ("8192", "KiB", "kibibyte|kibibytes"),
    ("8388608", "MiB", "mebibyte|mebibytes"),
    ("8589934592", "GiB", "gibibyte|gibibytes"),
    ("8796093022208", "TiB", "tebibyte|tebibytes"),
)

_ENERGIES: tuple[_Row, ...] = (
    ("1", "J", "joule|joules"),
    ("1000", "kJ|KJ", "kilojoule|kilojoules"),
    ("1e6", "MJ", "megajoule|megajoules"),
    ("1e9", "GJ", "gigajoule|gigajoules"),
    ("3600", "Wh", "watt hour|watt hours"),
    ("3600000", "kWh|KWh|kwh", "kilowatt hour|kilowatt hours"),
    ("3.6e9", "MWh", "megawatt hour|megawatt hours"),
    ("4.184", "cal", "small calorie|small calories"),
    ("4184", "kcal|Kcal", "kilocalorie|kilocalories"),
    ("1055.05585262", "BTU|Btu|btu", "british thermal unit|british thermal units"),
    ("1.602176634e-19", "eV", "electronvolt|electronvolts|electron volt|electron volts"),
)

_PRESSURES: tuple[_Row, ...] = (
    ("1", "Pa", "pascal|pascals"),
    ("100", "hPa", "hectopascal|hectopascals"),
    ("1000", "kPa|KPa", "kilopascal|kilopascals"),
    ("1e6", "MPa", "megapascal|megapascals"),
    ("100000", "bar", "bar|bars"),
    ("100", "mbar", "millibar|millibars"),
    ("101325", "atm", "atmosphere|atmospheres"),
    ("101325/760", "Torr|torr", "torr"),
    ("133.322387415", "mmHg", "millimeter of mercury|millimeters of mercury|millimetres of mercury"),
    # One pound-force (0.45359237 kg times 9.80665 m/s²) on a square inch (0.0254 m squared).
    ("44482216152605/6451600000", "psi|PSI", "psi"),
)

_ROWS: dict[Dimension, tuple[_Row, ...]] = {
    "length": _LENGTHS,
    "mass": _MASSES,
    "time": _TIMES,
    "volume": _VOLUMES,
    "area": _AREAS,
    "speed": _SPEEDS,
    "data": _DATA,
    "energy": _ENERGIES,
    "pressure": _PRESSURES,
}

_TEMPERATURES = (
    (Unit("K", "temperature", Fraction(1)), "K", "kelvin|kelvins"),
    (
        Unit("°C", "temperature", Fraction(1), Fraction("273.15")),
        "C|c|° C|° c|degrees C|deg C",
        "celsius|degrees celsius|degree celsius|° celsius|centigrade|degrees centigrade",
    ),
    (
        Unit("°F", "temperature", Fraction(5, 9), Fraction("459.67") * Fraction(5, 9)),
        "F|f|° F|° f|degrees F|deg F",
        "fahrenheit|degrees fahrenheit|degree fahrenheit|° fahrenheit",
    ),
)

_ANGLES = (
    (Unit("rad", "angle", Fraction(1)), "rad", "radian|radians"),
    (Unit("°", "angle", Fraction(1, 180), pi=1), "°|deg", "degree|degrees"),
    (Unit("gon", "angle", Fraction(1, 200), pi=1), "gon", "gradian|gradians"),
    (Unit("turns", "angle", Fraction(2), pi=1), "turn", "turn|turns|revolution|revolutions"),
    (Unit("arcmin", "angle", Fraction(1, 10800), pi=1), "arcmin", "arcminute|arcminutes"),
    (Unit("arcsec", "angle", Fraction(1, 648000), pi=1), "arcsec", "arcsecond|arcseconds"),
)

SYMBOLS: Final[dict[str, Unit]] = {}
"""Units by symbol; upper and lower case differ, as in MB and Mb."""

WORDS: Final[dict[str, Unit]] = {}
"""Units by words in lower case."""


def _enter(unit: Unit, symbols: str, words: str) -> None:
    SYMBOLS.update(dict.fromkeys(symbols.split("|"), unit))
    WORDS.update(dict.fromkeys(words.split("|"), unit))


def _fill() -> None:
    for dimension, rows in _ROWS.items():
        for factor, symbols, words in rows:
            _enter(Unit(symbols.partition("|")[0], dimension, Fraction(factor)), symbols, words)
    for row in (*_TEMPERATURES, *_ANGLES):
        _enter(*row)


_fill()
