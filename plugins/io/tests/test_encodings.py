from __future__ import annotations

import io

import pytest

from retinue_io.encodings import detect_encoding, rank_encodings, sample_bytes

RUSSIAN = "имя;фамилия;город\nАнна;Белова;Санкт-Петербург\nПётр;Ёлкин;Москва\n"
CZECH = "jméno;příjmení;město\nJiří;Novák;Praha\nPetra;Šťastná;Brno\n"
TURKISH = "ad;soyad;şehir\nAyşe;Yıldırım;İzmir\nMehmet;Öztürk;Kapadokya\n"
GERMAN = "vorname;nachname;ort\nLukas;Straßer;Köln\nJürgen;Müller;Berlin\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        (RUSSIAN, "cp866"),
        (CZECH, "cp1250"),
        (CZECH, "iso8859_2"),
        (TURKISH, "iso8859_9"),
        (TURKISH, "cp857"),
        (GERMAN, "cp1252"),
        (CZECH, "utf-8"),
        (RUSSIAN, "utf-8-sig"),
        (TURKISH, "utf-16"),
        (CZECH, "utf-16-le"),
        (RUSSIAN, "utf-16-be"),
    ],
)
def test_encoding_is_ranked_first_and_sample_reads_right(text: str, encoding: str) -> None:
    best = rank_encodings(text.encode(encoding))[0]
    assert best.encoding == encoding
    assert any(line in text for line in best.sample)
    assert all(line.lstrip("\ufeff") in text for line in best.sample)


@pytest.mark.parametrize("word", ["Işık", "Şule Çağlar", "İbrahim Kılıç", "Gül Şahin"])
def test_encoding_turkish_is_right_even_for_one_name(word: str) -> None:
    """Byte statistics take Turkish for Central European; the letters of the decoded text do not."""
    assert detect_encoding(word.encode("iso8859_9")) == "iso8859_9"


@pytest.mark.parametrize("word", ["Dvořáková", "Šťastná", "Žofie Němcová", "Tomáš"])
def test_encoding_czech_is_right_even_for_one_name(word: str) -> None:
    assert detect_encoding(word.encode("cp1250")) == "cp1250"


def test_encoding_of_f1_people_is_right_in_every_file(f1_file) -> None:
    for encoding in ("cp1251", "cp1250", "iso8859_9"):
        data = f1_file(encoding)
        assert data.decode(detect_encoding(data)) == data.decode(encoding)


def test_encoding_hint_settles_what_letters_cannot() -> None:
    """Öztürk Ünlü uses letters that German and Turkish share: the organisation's locale decides."""
    data = "Öztürk;Ünlü".encode("iso8859_9")
    assert detect_encoding(data) == "cp1252"
    assert detect_encoding(data, locale="tr-TR") == "iso8859_9"
    assert detect_encoding(data, locale="cs") == "cp1250"


def test_encoding_candidates_differ_in_their_samples() -> None:
    candidates = rank_encodings(TURKISH.encode("iso8859_9"))
    assert len(candidates) > 1
    assert len({c.sample for c in candidates}) == len(candidates)
    assert [c.score for c in candidates] == sorted((c.score for c in candidates), reverse=True)


def test_encoding_of_plain_ascii_is_utf8() -> None:
    assert rank_encodings(b"a,b\n1,2\n")[0].encoding == "utf-8"


def test_encoding_of_other_scripts_asks_the_statistics() -> None:
    data = ("王小明,北京\n李四,上海\n" * 20).encode("gb18030")
    assert "王小明,北京" in rank_encodings(data)[0].sample


def test_sample_sees_letters_far_into_a_large_file() -> None:
    data = b"abc,def\n" * 500_000 + "Dvořák,Brno\n".encode("cp1250") * 20_000
    stream = io.BytesIO(data)
    sample = sample_bytes(stream)
    assert len(sample) < 2_200_000
    assert detect_encoding(sample) == "cp1250"
    assert stream.tell() == 0
