"""The API describes itself: C-25."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from retinue.web import PUBLIC, SIGNED_IN

pytestmark = pytest.mark.parametrize("config", ["sqlite"], indirect=True)
"""The document does not depend on the database."""


@pytest.fixture
def document(crm: Any) -> dict[str, Any]:
    answer = crm.nobody.get("/openapi.json")
    assert answer.status_code == 200
    return dict(answer.json())


def test_openapi_document_of_the_whole_installation_validates(document: dict[str, Any]) -> None:
    """C-25"""
    assert document["openapi"].startswith("3.1")
    faults = [
        f"{'/'.join(map(str, e.absolute_path))}: {e.message}"
        for e in OpenAPIV31SpecValidator(document).iter_errors()
    ]
    assert not faults, faults[:10]
    assert len(document["paths"]) > 60


def test_every_operation_says_what_it_does_and_needs(document: dict[str, Any], crm: Any) -> None:
    """C-25: whoever writes a client reads it here and nowhere else; names of operations are unique."""
    known, open_to_all, names = {p.name for p in crm.house.permissions}, [], []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method not in ("get", "post", "put", "patch", "delete"):
                continue
            place = f"{method.upper()} {path}"
            names.append(operation["operationId"])
            assert operation.get("summary") or operation.get("description"), place
            permission = operation.get("x-permission")
            if permission is None:
                open_to_all.append(place)
            else:
                assert permission in known | {SIGNED_IN, PUBLIC}, f"{place}: {permission}"
            assert any(code.startswith("2") for code in operation["responses"]), place
    assert len(names) == len(set(names))
    assert len(open_to_all) < 40, open_to_all
