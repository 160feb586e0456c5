"""What a letter is made of: the language of templates, headers, parts, signatures. No database."""

from __future__ import annotations

import base64
import email
import email.policy
from datetime import UTC, date, datetime
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from retinue import new_id
from retinue.errors import Invalid
from retinue_email import making, merging
from retinue_email.dkim import Signer, body_hash
from retinue_email.mime import Letter, Mailbox, build_letter, encode_text
from retinue_email.plaintext import plain_text
from retinue_email.templates import choose_language, render_source
from retinue_email.transport import _dotted

KNOWN = ["given_name", "loyalty.tier", "order.items", "order.number"]


def _pem(key: Any) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


RSA = _pem(generate_private_key(65537, 2048))


def _fill(source: str, locale: str = "en", *, html: bool = False, **values: Any) -> str:
    return merging.fill(merging.Words(locale).prepare(source, html=html), merging.nest(values))


def test_default_stands_in_and_a_missing_word_is_a_fault() -> None:
    """EM-01: ``{{given|default:"customer"}}`` is Jiří or customer, for a missing branch too; EM-x15: none is a fault."""
    assert _fill('Dear {{given|default:"customer"}}', given_name="Jiří") == "Dear Jiří"
    assert _fill('Dear {{given|default:"customer"}}', given_name=None) == "Dear customer"
    assert _fill('{{ loyalty.tier | default("none") }}') == "none"
    assert _fill("{% if loyalty.tier %}x{% else %}y{% endif %}") == "y"
    for source in ("Dear {{ given }}", "{{ loyalty.tier }}", "{% for one in order.items %}{% endfor %}"):
        with pytest.raises(merging.MergeFault):
            _fill(source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}", "{{ 'a'*50000000 }}", "{{ [1] * 9 }}", "{{ given_name() }}", "{{ given_name[0] }}",
        "{% include 'x' %}", "{% import 'x' as y %}", "{% macro x() %}{% endmacro %}", "{% set x = 1 %}", "{{ _x }}",
        "{{ given_name|center(99999999) }}", "{{ given_name|map('x') }}", "{{ given_name ~ given_name }}", "{{", "{% if %}",
        "{{ given_name._private }}", "{% for a in order.items %}{% for b in a.x %}{% for c in b.x %}{% endfor %}"
        "{% endfor %}{% endfor %}", "{{ " + "(" * 4000 + "given_name" + ")" * 4000 + " }}", "{{ unknown }}",
        "{{ given_name if x else y }}", "{% for a in [1,2] %}{% endfor %}",
    ],
)  # fmt: skip
def test_template_says_nothing_but_words_conditions_and_loops(source: str) -> None:
    """EM-x15, EM-01: what reaches into the program, grows without end, or names nothing is refused when it is saved."""
    assert merging.check_source(source, KNOWN, "/source"), source


def test_values_are_data_and_never_attributes() -> None:
    """``items`` of an order are its items; HTML in a name is escaped in the HTML part and literal in the text (EM-x15)."""
    order = {"items": [{"name": "Tea"}, {"name": "Jam"}], "number": "7"}
    source = "{% for i in order.items %}{{ loop.index }}. {{ i.name }};{% endfor %}{{ order.number }}"
    assert merging.check_source(source, KNOWN, "/source") == []
    assert _fill(source, order=order) == "1. Tea;2. Jam;7"
    assert _fill("{{ given }}", html=True, given_name="<b>A</b>") == "&lt;b&gt;A&lt;/b&gt;"
    assert _fill("{{ given }}", given_name="<b>A</b>") == "<b>A</b>"
    with pytest.raises(merging.MergeFault):
        _fill("{{ given_name.upper }}", given_name="a")
    assert merging.words_of("{{ given }}{% for i in order.items %}{{ i.name }}{% endfor %}") == {
        "given_name",
        "order.items",
    }


def test_letters_speak_the_locale_of_their_reader() -> None:
    """EM-12: the day is 31.12.2026 for cs and ru; money and numbers as they are written there."""
    day = date(2026, 12, 31)
    assert _fill("{{ today | date }}", "cs", today=day).replace(" ", "").replace("\xa0", "") == "31.12.2026"
    assert _fill("{{ today | date('short') }}", "ru", today=day) == "31.12.2026"
    assert _fill("{{ total | money('CZK') }}", "cs", total=123456).replace("\xa0", " ") == "1 234,56 Kč"


def test_output_and_lists_are_capped() -> None:
    """A value cannot blow a letter up: output ends at a megabyte, lists at a thousand."""
    with pytest.raises(merging.MergeFault):
        _fill(
            "{% for i in order.items %}{{ note }}{% endfor %}",
            order={},
            note="x" * 2000,
            **{"order.items": ["a"] * 5000},
        )
    assert _fill("{% for i in xs %}.{% endfor %}", xs=["a"] * 5000) == "." * 1000


def _letter(**more: Any) -> Letter:
    values: dict[str, Any] = {
        "sender": Mailbox("news@crm.example", "Привет, Мир"), "recipient": Mailbox("anna@bücher.example", 'A. "B" <C>'),
        "subject": "Привет, Анна!", "text": "Dear Анна\n.dot\n" + "x" * 300, "html": "<p>Dear Анна</p>" * 50,
        "message_id": f"{new_id().hex}@crm.example", "at": datetime(2026, 11, 26, 8, tzinfo=UTC),
        "headers": {"List-Id": "<news.crm.example>", "List-Unsubscribe": "<https://crm.example/" + "u" * 60 + ">",
                    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
    }  # fmt: skip
    return Letter(**{**values, **more})


@pytest.mark.parametrize("pem", [RSA, _pem(Ed25519PrivateKey.generate())], ids=["rsa", "ed25519"])
def test_golden_letter_parses_without_defects_and_verifies(pem: str) -> None:
    """EM-x10: no defect, lines ≤ 998, subject round-trips, text first with the value; dkimpy verifies."""
    signer = Signer.from_pem("crm.example", "s1", pem)
    raw = build_letter(_letter(), [signer])
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert not parsed.defects
    assert not [part for part in parsed.walk() if part.defects]
    wide = [line for line in raw.split(b"\r\n") if len(line) > 78]
    assert [line.partition(b":")[0] for line in wide] == [b"DKIM-Signature", b"List-Unsubscribe"], "no spaces"
    assert max(map(len, wide)) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert parsed["Subject"] == "Привет, Анна!"
    assert str(parsed["To"].addresses[0].addr_spec) == "anna@xn--bcher-kva.example"
    assert parsed["To"].addresses[0].display_name == 'A. "B" <C>'
    first, second = parsed.iter_parts()
    assert (first.get_content_type(), second.get_content_type()) == ("text/plain", "text/html")
    assert first.get_content().startswith("Dear Анна")
    assert [len(parsed.get_all(n)) for n in ("From", "Date", "Message-ID")] == [1, 1, 1]
    assert b"list-unsubscribe-post" in raw.partition(b"bh=")[0]
    record = signer.record().encode()

    def dns(_name: bytes, timeout: int = 5) -> bytes:
        return record

    assert dkim.verify(raw, dnsfunc=dns)
    flipped = raw.replace(b"RGVhciDQ", b"RGVhciDR", 1)
    assert flipped != raw
    assert not dkim.verify(flipped, dnsfunc=dns)
    assert not dkim.verify(raw.replace(b"\r\nFrom:", b"\r\nFrom: evil@x.example\r\nFrom:", 1), dnsfunc=dns)


def test_signature_equals_the_published_vector() -> None:
    """EM-x11: the Ed25519 example of RFC 8463, Appendix A, body hash and signature to the byte."""
    secret = base64.b64decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    signer = Signer("football.example.com", "brisbane", Ed25519PrivateKey.from_private_bytes(secret))
    assert signer.record().endswith("p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    body = b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n"
    assert body_hash(body) == b"2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="
    headers = [
        (b"From", b" Joe SixPack <joe@football.example.com>"), (b"To", b" Suzie Q <suzie@shopping.example.net>"),
        (b"Subject", b" Is dinner ready?"), (b"Date", b" Fri, 11 Jul 2003 21:00:37 -0700 (PDT)"),
        (b"Message-ID", b" <20030712040037.46341.5F8J@football.example.com>"),
    ]  # fmt: skip
    value = (
        b" v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n d=football.example.com; i=@football.example.com;\r\n"
        b" q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n subject : date : message-id : from : subject : date;\r\n"
        b" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b="
    )
    names = [b"from", b"to", b"subject", b"date", b"message-id", b"from", b"subject", b"date"]
    expected = b"/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="
    assert base64.b64encode(signer._sign(signer._hashed(headers, names, value))) == expected


@pytest.mark.parametrize(
    "pem", ["", "x", RSA.replace("PRIVATE", "PUBLIC"), _pem(generate_private_key(65537, 1024))]
)
def test_signing_key_that_is_none_is_refused(pem: str) -> None:
    """No PEM, a public key, 1,024 bits: one sentence that says so, and never the key."""
    with pytest.raises(Invalid) as fault:
        Signer.from_pem("crm.example", "s", pem)
    assert "signing key" in str(fault.value)


def test_key_on_one_line_is_read() -> None:
    """A form of one line made spaces of the line ends: it is the same key."""
    assert (
        Signer.from_pem("a.example", "s", " ".join(RSA.split("\n"))).record()
        == Signer.from_pem("a.example", "s", RSA).record()
    )


@given(st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_header_carries_any_text_or_refuses_it(text: str) -> None:
    """Whatever stands in a subject comes back as it was, or is refused; it never begins a header of its own."""
    try:
        raw = encode_text("Subject", text)
    except Invalid:
        assert any(ord(c) < 32 or c in "\x7f\x85\u2028\u2029" for c in text)
        return
    assert all(line.startswith((b" ", b"\t")) for line in raw.split(b"\r\n")[1:])
    parsed = email.message_from_bytes(b"Subject: " + raw + b"\r\n\r\n", policy=email.policy.default)
    assert list(parsed.keys()) == ["Subject"]
    if "  " not in text and text == text.strip() and text.isprintable() and "=?" not in text:
        assert parsed["Subject"] == text


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_what_goes_after_data_ends_once(body: bytes) -> None:
    """No body can end the letter early and say commands of its own (SMTP smuggling)."""
    sane = body.replace(b"\r", b"").replace(b"\n", b"\r\n")
    wire = _dotted(sane)
    assert wire.endswith(b"\r\n.\r\n") or wire == b".\r\n"
    assert (b"\r\n" + wire).count(b"\r\n.\r\n") == 1


def test_tokens_of_letters_cannot_be_made_up() -> None:
    """EM-x13: one bit flipped is no token; a token of one use opens no other."""
    secret, letter = b"k" * 32, new_id()
    token, bounce = making.link_token(secret, letter), making.bounce_token(secret, letter)
    assert making.read_link_token(secret, token) == making.read_bounce_token(secret, bounce.upper()) == letter
    assert len(f"b+{bounce}") <= 64
    raw = base64.urlsafe_b64decode(token + "==")
    for place in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[place // 8] ^= 1 << place % 8
        assert making.read_link_token(secret, base64.urlsafe_b64encode(changed).rstrip(b"=").decode()) is None
    assert making.read_link_token(secret, bounce) is making.read_bounce_token(secret, token) is None
    assert making.read_link_token(b"o" * 32, token) is None


def test_text_part_is_made_of_html() -> None:
    """Paragraphs apart, lists, links with targets, nothing of the head."""
    html = "<head><style>p{}</style></head><h1>Hi</h1><p>Dear &amp; <a href='https://a.example'>here</a></p><ul><li>x<li>y</ul>"
    assert plain_text(html) == "Hi\n\nDear & here (https://a.example)\n\n- x\n- y\n"


def test_mjml_becomes_html_and_reads_no_files() -> None:
    """MJML keeps the words of the template; an include of a file is refused, and so is what is no MJML."""
    body = "<mj-section><mj-column><mj-text>Dear {{ given }}</mj-text></mj-column></mj-section>"
    html, problems = render_source("mjml", f"<mjml><mj-body>{body}</mj-body></mjml>")
    assert (problems, "Dear {{ given }}" in html) == ([], True)
    for wrong in (
        '<mjml><mj-body><mj-include path="/etc/passwd"/></mj-body></mjml>',
        "no",
        "<mjml><mj-body>",
    ):
        assert render_source("mjml", wrong)[1]


def test_language_falls_back() -> None:
    """Own language, its base, what stands in."""
    there = dict.fromkeys(("en", "cs", "pt"))
    wanted = ("cs", "pt-BR", "ja", None)
    assert [choose_language(there, one, "en") for one in wanted] == ["cs", "pt", "en", "en"]
