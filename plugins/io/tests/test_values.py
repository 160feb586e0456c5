from __future__ import annotations

import datetime as dt
from decimal import Decimal

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retinue_io.faults import BadValue
from retinue_io.values.dates import choose_order, parse_birth_date, parse_date, parse_datetime
from retinue_io.values.emails import parse_email, split_emails
from retinue_io.values.names import Name, guess_order, split_name
from retinue_io.values.phones import parse_phone, split_phones
from retinue_io.values.places import parse_country, parse_language
from retinue_io.values.scalars import (
    parse_boolean,
    parse_choice,
    parse_decimal,
    parse_integer,
    parse_kind,
    parse_sex,
    parse_url,
    split_tags,
)


@pytest.mark.parametrize(
    ("text", "order", "iso"),
    [
        ("1980-12-31", "", "1980-12-31"),
        ("1980-12-31 14:05:00", "", "1980-12-31"),
        ("19801231", "", "1980-12-31"),
        ("31.12.1980", "dmy", "1980-12-31"),
        ("1. 2. 1980", "", "1980-02-01"),
        ("12/31/1980", "mdy", "1980-12-31"),
        ("03/04/1980", "mdy", "1980-03-04"),
        ("03/04/1980", "dmy", "1980-04-03"),
        ("1980/12/31", "dmy", "1980-12-31"),
        ("31/12/80", "dmy", "1980-12-31"),
        ("31.12.05", "dmy", "2005-12-31"),
        ("5. ledna 1980", "", "1980-01-05"),
        ("5. června 1980", "", "1980-06-05"),
        ("5. července 1980", "", "1980-07-05"),
        ("5 мая 1980", "", "1980-05-05"),
        ("5 января 1980 г.", "", "1980-01-05"),
        ("15 Ağustos 1980", "", "1980-08-15"),
        ("3. März 1980", "", "1980-03-03"),
        ("12 Mar 1980", "", "1980-03-12"),
        ("March 12, 1980", "", "1980-03-12"),
        ("Dec 1st, 1980", "", "1980-12-01"),
    ],
)
def test_date_is_read(text: str, order: str, iso: str) -> None:
    assert parse_date(text, order).isoformat() == iso


@pytest.mark.parametrize(
    "text",
    ["31.02.1980", "19801331", "yesterday", "--05-12", "12/31/1980", "1980", "5 foo 1980", "1.2.3", "0.0.0"],
)
def test_date_that_is_none_says_so(text: str) -> None:
    with pytest.raises(BadValue) as caught:
        parse_date(text, "dmy")
    assert caught.value.reason
    assert caught.value.remedy


def test_date_order_is_told_by_the_numbers() -> None:
    assert choose_order(["01/02/2000", "13/02/2000"]) == "dmy"
    assert choose_order(["01/02/2000", "02/13/2000"]) == "mdy"
    assert choose_order(["2000/02/13"]) == "ymd"
    assert choose_order([], locale="en_US") == "mdy"


@settings(max_examples=40, deadline=None)
@given(st.dates(dt.date(1900, 1, 1), dt.date(2099, 12, 31)))
def test_date_written_in_any_order_comes_back(date: dt.date) -> None:
    assert parse_date(date.strftime("%d.%m.%Y"), "dmy") == date
    assert parse_date(date.strftime("%m/%d/%Y"), "mdy") == date
    assert parse_date(date.strftime("%Y%m%d")) == date
    assert parse_date(date.isoformat()) == date


def test_birth_date_lies_in_the_past() -> None:
    today = dt.date(2026, 6, 30)
    assert parse_birth_date("5.1.33", "dmy", today=today) == dt.date(1933, 1, 5)
    for text in ("2031-01-01", "1492-10-12"):
        with pytest.raises(BadValue) as caught:
            parse_birth_date(text, today=today)
        assert caught.value.code == "birth_date"


def test_datetime_without_a_zone_is_utc() -> None:
    assert parse_datetime("2020-01-05 14:30").isoformat() == "2020-01-05T14:30:00+00:00"
    assert parse_datetime("5.1.2020", "dmy").tzinfo is dt.UTC


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("a@example.com", "a@example.com"),
        ("Jiri.Novak@EXAMPLE.CZ", "Jiri.Novak@example.cz"),
        ("Jiří Novák <jiri@example.cz>", "jiri@example.cz"),
        (" <a@example.com>; ", "a@example.com"),
        ("mailto:a@example.com", "a@example.com"),
        ("a@example.com,", "a@example.com"),
        ("почта@домен.рф", "почта@домен.рф"),
        ("a@xn--d1acufc.xn--p1ai", "a@домен.рф"),
    ],
)
def test_email_is_read(text: str, address: str) -> None:
    assert parse_email(text) == address


@pytest.mark.parametrize(
    "text", ["a", "a@", "@b.cz", "a b@c.cz", "a@b", "a@@b.cz", "a@b..cz", "x" * 300 + "@b.cz", "jiří@"]
)
def test_email_that_is_none_says_so(text: str) -> None:
    with pytest.raises(BadValue) as caught:
        parse_email(text)
    assert caught.value.remedy


def test_emails_of_one_cell_are_split() -> None:
    assert split_emails("a@x.cz; b@y.cz ::: c@z.cz d@w.cz") == ["a@x.cz", "b@y.cz", "c@z.cz", "d@w.cz"]


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("+420225006555", "", "+420225006555"),
        ("777 555 321", "CZ", "+420777555321"),
        ("00420 777 555 321", "", "+420777555321"),
        ("420777555321", "CZ", "+420777555321"),
        ("8 (921) 555-01-42", "RU", "+79215550142"),
        ("0532 555 66 77", "TR", "+905325556677"),
        ("030 / 555019", "DE", "+4930555019"),
        ("06 5550 1234", "IT", "+390655501234"),
        ("(202) 555-0143", "US", "+12025550143"),
        ("+49 30 555019 ext. 12", "", "+4930555019"),
        ("+44 (0)20 7946 0958", "", "+442079460958"),
    ],
)
def test_phone_becomes_e164(text: str, region: str, number: str) -> None:
    assert parse_phone(text, region) == number


@pytest.mark.parametrize(
    ("text", "region"),
    [("12345", "CZ"), ("777555321", ""), ("call me", "CZ"), ("+999123456789", ""), ("+42012", "")],
)
def test_phone_that_is_none_says_so(text: str, region: str) -> None:
    with pytest.raises(BadValue) as caught:
        parse_phone(text, region)
    assert "+420" in caught.value.remedy


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from(["CZ", "TR", "RU", "DE", "SK", "IT", "US", "GB", "PL", "KZ", "AT"]),
    st.text("0123456789", min_size=6, max_size=11),
    st.sampled_from(["", "+"]),
)
def test_phone_agrees_with_the_library(region: str, digits: str, plus: str) -> None:
    """The compiled patterns are a short cut and never another answer."""
    if digits.startswith("00"):
        return
    country = phonenumbers.country_code_for_region(region)
    text = f"+{country}{digits}" if plus else digits
    try:
        number = phonenumbers.parse(text, region)
        wanted = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        valid = phonenumbers.is_valid_number(number)
    except phonenumbers.NumberParseException:
        valid = False
    try:
        found = parse_phone(text, region)
    except BadValue:
        assert not valid or len(text) < 7
    else:
        assert valid
        assert found == wanted


def test_phones_of_one_cell_are_split() -> None:
    assert split_phones("+420777555321; +420225006555") == ["+420777555321", "+420225006555"]


@pytest.mark.parametrize(
    ("text", "order", "name"),
    [
        ("Anna Belova", "", Name("Anna", "Belova")),
        ("Novák, Jiří", "", Name("Jiří", "Novák")),
        ("Ing. Jiří Novák, Ph.D.", "", Name("Jiří", "Novák", "", "Ing.", "Ph.D.")),
        ("prof. MUDr. Novák, Jiří Karel, CSc.", "", Name("Jiří", "Novák", "Karel", "prof. MUDr.", "CSc.")),
        ("Белова Анна Петровна", "", Name("Анна", "Белова", "Петровна")),
        ("Анна Петровна Белова", "", Name("Анна", "Белова", "Петровна")),
        ("Белова Анна", "family_first", Name("Анна", "Белова")),
        ("Ludwig van Beethoven", "", Name("Ludwig", "van Beethoven")),
        ("Dr. Maria da Silva", "", Name("Maria", "da Silva", "", "Dr.")),
        ("John Q. Public Jr.", "", Name("John", "Public", "Q.", "", "Jr.")),
        ("Plato", "", Name("Plato")),
        ("", "", Name()),
    ],
)
def test_name_is_taken_apart(text: str, order: str, name: Name) -> None:
    assert split_name(text, order) == name


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["", "given_first", "family_first"]))
def test_name_loses_no_word(text: str, order: str) -> None:
    parts = split_name(text, order)
    assert sorted(" ".join(parts).replace(",", " ").split()) == sorted(text.replace(",", " ").split())


def test_name_order_is_told_by_russian_family_names() -> None:
    assert guess_order(["Белова Анна", "Ёлкин Пётр", "Иванов Иван"]) == "family_first"
    assert guess_order(["Анна Белова", "Пётр Ёлкин"]) == "given_first"
    assert guess_order(["Anna Nováková"]) == "given_first"


@pytest.mark.parametrize(
    ("text", "mark", "value"),
    [
        ("1,5", "", "1.5"),
        ("1.5", "", "1.5"),
        ("1 234,50", "", "1234.50"),
        ("1.234,50", "", "1234.50"),
        ("1,234.50", "", "1234.50"),
        ("1.234.567", "", "1234567"),
        ("1,234,567", "", "1234567"),
        ("1.234", ",", "1234"),
        ("1,234", ".", "1234"),
        ("-5", "", "-5"),
        ("−5", "", "-5"),
        ("1'000", "", "1000"),
    ],
)
def test_decimal_is_read_with_comma_or_point(text: str, mark: str, value: str) -> None:
    assert parse_decimal(text, mark) == Decimal(value)


@pytest.mark.parametrize("text", ["", "abc", "1,2,3", "1e5", "NaN", "--1", "12 Kč"])
def test_decimal_that_is_none_says_so(text: str) -> None:
    with pytest.raises(BadValue):
        parse_decimal(text)


def test_integer_refuses_fractions() -> None:
    assert parse_integer("12.0") == 12
    with pytest.raises(BadValue):
        parse_integer("12.5")


def test_boolean_speaks_five_languages() -> None:
    assert all(parse_boolean(word) for word in ("yes", "Ja", "ANO", "evet", "да", "1", "TRUE", "x"))
    assert not any(parse_boolean(word) for word in ("no", "nein", "ne", "HAYIR", "Нет", "0"))
    with pytest.raises(BadValue):
        parse_boolean("maybe")


def test_choice_is_found_by_key_or_label() -> None:
    choices = {"gold": "Zlatá", "silver": "Stříbrná"}
    assert parse_choice("ZLATA", choices) == "gold"
    with pytest.raises(BadValue) as caught:
        parse_choice("bronze", choices)
    assert "Zlatá" in caught.value.remedy


def test_tags_are_split_once_each() -> None:
    assert split_tags("* myContacts ::: VIP ::: * Friends, VIP; x") == ["VIP", "Friends", "x"]


def test_sex_and_kind_speak_five_languages() -> None:
    assert [parse_sex(w) for w in ("F", "Herr", "žena", "erkek", "Ж")] == [
        "female",
        "male",
        "female",
        "male",
        "female",
    ]
    assert [parse_kind(w) for w in ("Firma", "person", "Организация")] == [
        "organisation",
        "person",
        "organisation",
    ]
    for parse in (parse_sex, parse_kind):
        with pytest.raises(BadValue):
            parse("??")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *(("CZ", "CZ"), ("cz", "CZ"), ("Česko", "CZ"), ("Czech Republic", "CZ"), ("Tschechien", "CZ")),
        *(("Турция", "TR"), ("Türkiye", "TR"), ("Turkey", "TR"), ("Almanya", "DE"), ("Rusko", "RU")),
        *(("РФ", "RU"), ("USA", "US"), ("DEU", "DE")),
    ],
)
def test_country_is_known_in_five_languages(text: str, code: str) -> None:
    assert parse_country(text) == code


def test_country_and_language_unknown_say_so() -> None:
    for parse in (parse_country, parse_language):
        with pytest.raises(BadValue):
            parse("Atlantis")


def test_language_is_known_by_code_and_name() -> None:
    assert [parse_language(t) for t in ("cs", "Czech", "čeština", "Türkçe", "русский", "pt_BR")] == [
        "cs",
        "cs",
        "cs",
        "tr",
        "ru",
        "pt-BR",
    ]


def test_url_gets_its_scheme_and_scripts_are_refused() -> None:
    assert parse_url("example.com/a?b=c") == "https://example.com/a?b=c"
    for text in ("javascript:alert(1)//a.bc", "not a url", "data:text/html.x"):
        with pytest.raises(BadValue):
            parse_url(text)


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1, max_size=60))
def test_any_text_gives_a_value_or_a_complaint_in_words(text: str) -> None:
    parsers = [
        parse_date,
        parse_birth_date,
        parse_email,
        parse_decimal,
        parse_boolean,
        parse_country,
        parse_language,
    ]
    for parse in [
        *parsers,
        parse_sex,
        parse_kind,
        parse_url,
        lambda t: parse_phone(t, "CZ"),
        lambda t: parse_phone(t),
    ]:
        words = ("none", "needed")
        try:
            parse(text.strip() or "x")
        except BadValue as error:
            words = (error.reason, error.remedy)
        assert all(words)
