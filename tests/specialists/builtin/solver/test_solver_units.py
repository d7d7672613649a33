"""Units: every factor against an independent definition, and the phrases that name a unit."""

from fractions import Fraction

import pytest
from solver_cases import answered, refused

from guardian_cluster.specialists.builtin.solver.unit_table import SYMBOLS, WORDS

CONVERSIONS = {
    "convert 5 miles to km": "8.04672 km",
    "5 km in miles": "78125/25146 miles ≈ 3.106855961 miles",
    "how many feet are in a mile?": "5280 feet",
    "how many inches in 3 yards": "108 inches",
    "1 nautical mile in m": "1852 m",
    "1 light year in km": "9460730472580.8 km",
    "5 ft 10 in in cm": "177.8 cm",
    "6 feet and 2 inches to cm": "187.96 cm",
    "1/2 mile in feet": "2640 feet",
    "Convert 1,000 m to km": "1 km",
    "1 kg in pounds": "≈ 2.204622622 pounds",
    "16 ounces in pounds": "1 pounds",
    "2 metric tons in kg": "2000 kg",
    "how many grams in 1 lb": "453.59237 grams",
    "2 hours and 30 minutes in seconds": "9000 seconds",
    "how many minutes are there in a week?": "10080 minutes",
    "36 hours in days": "1.5 days",
    "0 C in F": "32 °F",
    "100 °C to °F": "212 °F",
    "-40 F to C": "-40 °C",
    "98.6°F to °C": "37 °C",
    "20 degrees celsius in fahrenheit": "68 °F",
    "0 K to C": "-273.15 °C",
    "2 cubic meters in liters": "2000 liters",
    "10 US gallons to liters": "37.85411784 liters",
    "1 imperial pint in mL": "568.26125 mL",
    "60 mph in km/h": "96.56064 km/h",
    "5 m/s to km/h": "18 km/h",
    "90 kilometers per hour in m/s": "25 m/s",
    "10 knots in km/h": "18.52 km/h",
    "3 m2 in cm2": "30000 cm^2",
    "5 sq ft to square meters": "0.4645152 square meters",
    "1 hectare in m²": "10000 m^2",
    "2 acres in square feet": "87120 square feet",
    "1 GB in MB": "1000 MB",
    "1 GiB in MiB": "1024 MiB",
    "100 Mbit in MB": "12.5 MB",
    "how many bytes in 2 KiB": "2048 bytes",
    "1 kWh in J": "3600000 J",
    "500 kcal in kJ": "2092 kJ",
    "1 atm in Pa": "101325 Pa",
    "2 bar in kPa": "200 kPa",
    "30 psi in kPa": "≈ 206.8427188 kPa",
    "180 degrees in radians": "π radians ≈ 3.141592654 radians",
    "1 turn in degrees": "360 degrees",
}

REFUSED = {
    "10 gallons to liters": "several things",
    "3 tons in kg": "several things",
    "2 cups in mL": "several things",
    "1 year in days": "several things",
    "200 calories in joules": "several things",
    "5 mb in gb": "several things",
    "1 KB in bytes": "several things",
    "5 km to kg": "a unit of length",
    "8 oz in mL": "a unit of mass",
    "-500 C to F": "absolute zero",
    "20 C 30 C in F": "added up",
    "100 pounds to dollars": "not part of a question",
    "5 in binary": "not part of a question",
}

DEFINITIONS = {
    ("mile", "foot"): 5280,
    ("yard", "foot"): 3,
    ("pound", "ounce"): 16,
    ("stone", "pound"): 14,
    ("short ton", "pound"): 2000,
    ("long ton", "pound"): 2240,
    ("us gallon", "us cup"): 16,
    ("us cup", "us tablespoon"): 16,
    ("us tablespoon", "us teaspoon"): 3,
    ("us gallon", "us fluid ounce"): 128,
    ("imperial gallon", "imperial fluid ounce"): 160,
    ("week", "second"): 7 * 24 * 3600,
    ("tebibyte", "byte"): 2**40,
    ("turn", "arcsecond"): 360 * 3600,
    ("turn", "gradian"): 400,
}


@pytest.mark.parametrize(("question", "expected"), CONVERSIONS.items())
def test_a_conversion_is_exact(question: str, expected: str) -> None:
    assert answered(question).answer == expected


@pytest.mark.parametrize(("question", "reason"), REFUSED.items())
def test_an_ambiguous_or_senseless_conversion_is_refused(question: str, reason: str) -> None:
    assert reason in refused(question)


@pytest.mark.parametrize(("pair", "factor"), DEFINITIONS.items())
def test_a_unit_is_the_defined_multiple_of_another(pair: tuple[str, str], factor: int) -> None:
    large, small = (WORDS[word] for word in pair)

    assert (large.factor / small.factor, large.dimension) == (factor, small.dimension)


def test_the_pressure_of_a_pound_on_a_square_inch_follows_from_its_definition() -> None:
    force = Fraction("0.45359237") * Fraction("9.80665")

    assert SYMBOLS["psi"].factor == force / Fraction("0.0254") ** 2


def test_the_us_gallon_is_231_cubic_inches() -> None:
    assert WORDS["us gallon"].factor == 231 * Fraction("0.0254") ** 3


def test_an_acre_is_ten_square_chains() -> None:
    assert WORDS["acre"].factor == 10 * (66 * Fraction("0.3048")) ** 2
