"""Imports and exports on the wire."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from retinue_io.models import COUNTS, DUPLICATES, FORMATS, KEYS, MODES, STATUSES


def _choice(known: tuple[str, ...], help_: str = "", **options: object) -> fields.String:
    return fields.String(validate=validate.OneOf(known), metadata={"description": help_}, **options)  # type: ignore[arg-type]  # marshmallow's own options


class ReadingSchema(Schema):
    """How a file is read; what is left out is found out."""

    kind = fields.String(dump_only=True, metadata={"description": "csv, xlsx, ods or vcard."})
    encoding = fields.String(validate=validate.Length(max=40))
    delimiter = fields.String(validate=validate.Length(max=1))
    quote = fields.String(validate=validate.Length(max=1))
    heading = fields.Boolean(metadata={"description": "The first row holds the headings."})
    sheet = fields.String(validate=validate.Length(max=100))
    locale = fields.String(validate=validate.Length(max=20))
    unguard = fields.Boolean(metadata={"description": "Take off the apostrophe of formula-safe cells."})


class CountsSchema(Schema):
    """Rows by what became of them."""

    rows, created, updated, unchanged, rejected, suspected, organisations = (fields.Integer() for _ in COUNTS)


class FaultSchema(Schema):
    """What is wrong with a row."""

    row = fields.Integer()
    column = fields.String()
    code = fields.String()
    reason = fields.String()


class ColumnFaultsSchema(Schema):
    """How many values of a column are at fault."""

    column = fields.String()
    rejected = fields.Integer()
    left_out = fields.Integer()


class SuspectSchema(Schema):
    """Two rows, or a row and a contact, that are probably one person."""

    row = fields.Integer()
    other_row = fields.Integer(allow_none=True)
    contact_id = fields.String(allow_none=True)
    score = fields.Float()
    reasons = fields.List(fields.String())


class CheckedSchema(Schema):
    """What a run would do."""

    of = fields.String(metadata={"description": "The mode that was checked."})
    counts = fields.Nested(CountsSchema)
    columns = fields.List(fields.Nested(ColumnFaultsSchema))
    examples = fields.List(fields.Nested(FaultSchema))
    suspects = fields.List(fields.Nested(SuspectSchema))
    failure = fields.String(metadata={"description": "Why the file cannot be read to its end."})


class FaultyValueSchema(Schema):
    """A value of the file that does not fit, and what is taken instead."""

    column = fields.String()
    value = fields.String()
    rows = fields.Integer(metadata={"description": "How many rows hold it; 0 where it was corrected before."})
    code = fields.String()
    reason = fields.String()
    instead = fields.String(
        allow_none=True, metadata={"description": "Empty: the value is left out; null: it stays as it is."}
    )


class ReviewSchema(Schema):
    """All values that do not fit."""

    values = fields.List(fields.Nested(FaultyValueSchema))
    more = fields.Integer(metadata={"description": "Rows with further values, beyond those listed."})


class CorrectionSchema(Schema):
    """What is taken instead of one value."""

    column = fields.String(required=True)
    value = fields.String(required=True)
    instead = fields.String(required=True, allow_none=True)


class CorrectionsDraftSchema(Schema):
    """What is taken instead of values; it takes the place of what was said before."""

    values = fields.List(fields.Nested(CorrectionSchema), required=True)


class ImportSchema(Schema):
    """One file on its way in."""

    id = fields.UUID()
    file_name = fields.String()
    size = fields.Integer()
    what = fields.String(
        metadata={"description": "contacts, interactions, or an import target such as orders.order."}
    )
    reading = fields.Nested(ReadingSchema)
    mapping = fields.Dict(allow_none=True, metadata={"description": "What each column fills."})
    mode = _choice(MODES)
    key = _choice(KEYS, "By what contacts are found.", allow_none=True)
    duplicates = _choice(DUPLICATES)
    system = fields.String()
    status = _choice(STATUSES)
    phase = fields.String()
    rows_read = fields.Integer()
    total = fields.Integer(allow_none=True)
    counts = fields.Nested(CountsSchema)
    check = fields.Nested(CheckedSchema, allow_none=True)
    failure = fields.String()
    change_set_id = fields.UUID(allow_none=True)
    job_id = fields.UUID(allow_none=True)
    account_id = fields.UUID(allow_none=True)
    account_name = fields.String()
    created_at = fields.DateTime()
    started_at = fields.DateTime(allow_none=True)
    finished_at = fields.DateTime(allow_none=True)


class EncodingSchema(Schema):
    """An encoding in which the file may be written, with lines of it."""

    encoding = fields.String()
    language = fields.String()
    sample = fields.List(fields.String())


class RowSchema(Schema):
    """A row as it was read."""

    row = fields.Integer()
    cells = fields.Dict(keys=fields.String(), values=fields.String())


class MissingFieldSchema(Schema):
    """A custom field that the mapping fills and nobody has declared."""

    key = fields.String()
    label = fields.String()
    kind = fields.String()


class PreviewSchema(Schema):
    """What a file looks like and what its columns seem to be."""

    reading = fields.Nested(ReadingSchema)
    encodings = fields.List(fields.Nested(EncodingSchema))
    headings = fields.List(fields.String())
    notices = fields.List(fields.String())
    rows = fields.List(fields.Nested(RowSchema))
    mapping = fields.Dict()
    missing_fields = fields.List(fields.Nested(MissingFieldSchema))


class MappingDraftSchema(Schema):
    """What the columns are and what is to be done; without a mapping the proposed one is taken."""

    mapping = fields.Dict(metadata={"description": "As the preview proposes it, corrected."})
    saved = fields.String(metadata={"description": "The name of a saved mapping."})
    save_as = fields.String(validate=validate.Length(min=1, max=100))
    mode = _choice(MODES, "create, update what is there, or both.")
    key = _choice(KEYS, "By what update and upsert find contacts.", allow_none=True)
    duplicates = _choice(DUPLICATES, "Suspected duplicates are listed, left out, or not looked for.")
    system = fields.String(
        validate=validate.Length(max=40), metadata={"description": "Which system gave the external ids."}
    )
    create_fields = fields.Boolean(
        metadata={"description": "Declare custom fields for unknown columns and for those that are missing."}
    )
    on_fault = _choice(("reject", "leave_out"), "A faulty value rejects its row, or is left out of it.")
    fixed = fields.Dict(
        keys=fields.String(),
        values=fields.String(validate=validate.Length(max=200)),
        metadata={
            "description": "For an import target: what stands in every row; {row} is the row's number."
        },
    )
    contact_by = _choice(KEYS, "For an import target: what its column of contacts holds.")
    decimal = _choice((".", ","), "For an import target: the decimal sign.")
    reading = fields.Nested(ReadingSchema)


class RejectionSchema(FaultSchema):
    """A row that stayed out."""

    cells = fields.Dict(keys=fields.String(), values=fields.String())


class PairSchema(Schema):
    """Two contacts that are probably one."""

    id = fields.UUID()
    first_id = fields.UUID()
    first_name = fields.String()
    first_row = fields.Integer()
    second_id = fields.UUID()
    second_name = fields.String()
    second_row = fields.Integer(allow_none=True)
    score = fields.Float()
    reasons = fields.List(fields.String())
    decision = fields.String()


class DecisionSchema(Schema):
    """What is to be done with a pair."""

    decision = _choice(("merge", "keep"), "merge: the newer one goes into the other.", required=True)


class SavedMappingSchema(Schema):
    """A mapping under a name."""

    id = fields.UUID()
    name = fields.String()
    what = fields.String(
        metadata={"description": "contacts, interactions, or an import target such as orders.order."}
    )
    mapping = fields.Dict()
    created_at = fields.DateTime()


class ExportDraftSchema(Schema):
    """What is to be exported: a view, a filter, or both; without columns everything you may read."""

    format = _choice(FORMATS, load_default="csv")
    view = fields.UUID()
    filter = fields.Dict(metadata={"description": "A filter tree, as of lists."})
    sort = fields.String(validate=validate.Length(max=200))
    columns = fields.List(fields.String(), validate=validate.Length(max=200))
    delimiter = _choice((",", ";", "\t", "|"))


class ExportSchema(Schema):
    """One export."""

    id = fields.UUID()
    status = _choice(STATUSES)
    format = _choice(FORMATS)
    count = fields.Integer(allow_none=True)
    size = fields.Integer(allow_none=True)
    failure = fields.String()
    account_name = fields.String()
    created_at = fields.DateTime()
    finished_at = fields.DateTime(allow_none=True)
