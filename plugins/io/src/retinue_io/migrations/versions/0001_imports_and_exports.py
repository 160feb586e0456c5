"""Imports with pieces of files, rejected rows and suspected duplicates; mappings, external ids, exports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
level = 1

_INSTANT = sa.DateTime(timezone=True)
_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    _import()
    _piece()
    _rejection()
    _pair()
    _mapping()
    _external_id()
    _export()


def _import() -> None:
    op.create_table(
        "io_import",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_name", sa.String(255), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.String(12), nullable=False),
        sa.Column("reading", _JSON, nullable=False),
        sa.Column("mapping", _JSON),
        sa.Column("mode", sa.String(10), nullable=False),
        sa.Column("key_field", sa.String(20)),
        sa.Column("duplicates", sa.String(10), nullable=False),
        sa.Column("system", sa.String(40), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("phase", sa.String(10), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer()),
        sa.Column("counts", _JSON, nullable=False),
        sa.Column("checked", _JSON),
        sa.Column("failure", sa.String(500), nullable=False),
        sa.Column("stop_asked", sa.Boolean(), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("change_set_id", sa.Uuid()),
        sa.Column("job_id", sa.Uuid()),
        sa.Column("account_id", sa.Uuid()),
        sa.Column("account_name", sa.String(200), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("started_at", _INSTANT),
        sa.Column("finished_at", _INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_io_import"),
    )
    op.create_index("ix_io_import_account_id", "io_import", ["account_id"])
    op.create_index("ix_io_import_created_at", "io_import", ["created_at"])


def _piece() -> None:
    op.create_table(
        "io_piece",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("use", sa.String(10), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sealed_data", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_io_piece"),
    )
    op.create_index("ix_io_piece_place", "io_piece", ["file_id", "use", "number"], unique=True)


def _rejection() -> None:
    op.create_table(
        "io_rejection",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("column", sa.String(300), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("sealed_data", sa.LargeBinary()),
        sa.ForeignKeyConstraint(
            ["import_id"], ["io_import.id"], name="fk_io_rejection_import_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_io_rejection"),
    )
    op.create_index("ix_io_rejection_row", "io_rejection", ["import_id", "row"])


def _pair() -> None:
    op.create_table(
        "io_pair",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("first_id", sa.Uuid(), nullable=False),
        sa.Column("second_id", sa.Uuid(), nullable=False),
        sa.Column("first_row", sa.Integer(), nullable=False),
        sa.Column("second_row", sa.Integer()),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("reasons", _JSON, nullable=False),
        sa.Column("decision", sa.String(10), nullable=False),
        sa.Column("decided_at", _INSTANT),
        sa.ForeignKeyConstraint(["first_id"], ["contact.id"], name="fk_io_pair_first_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["import_id"], ["io_import.id"], name="fk_io_pair_import_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["second_id"], ["contact.id"], name="fk_io_pair_second_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_io_pair"),
    )
    op.create_index("ix_io_pair_first_id", "io_pair", ["first_id"])
    op.create_index("ix_io_pair_import", "io_pair", ["import_id", "score", "id"])
    op.create_index("ix_io_pair_second_id", "io_pair", ["second_id"])


def _mapping() -> None:
    op.create_table(
        "io_mapping",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("what", sa.String(12), nullable=False),
        sa.Column("mapping", _JSON, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_io_mapping"),
        sa.UniqueConstraint("name", name="uq_io_mapping_name"),
    )


def _external_id() -> None:
    op.create_table(
        "io_external_id",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("system", sa.String(40), nullable=False),
        sa.Column("external_id", sa.String(200), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_io_external_id_contact_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_io_external_id"),
    )
    op.create_index("ix_io_external_id_contact_id", "io_external_id", ["contact_id"])
    op.create_index("ix_io_external_id_name", "io_external_id", ["system", "external_id"], unique=True)


def _export() -> None:
    op.create_table(
        "io_export",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("format", sa.String(10), nullable=False),
        sa.Column("count", sa.Integer()),
        sa.Column("size", sa.BigInteger()),
        sa.Column("failure", sa.String(500), nullable=False),
        sa.Column("account_id", sa.Uuid()),
        sa.Column("account_name", sa.String(200), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("finished_at", _INSTANT),
        sa.Column("sealed_data", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_io_export"),
    )
    op.create_index("ix_io_export_account_id", "io_export", ["account_id"])
    op.create_index("ix_io_export_created_at", "io_export", ["created_at"])


def downgrade() -> None:
    for table in (
        "io_export",
        "io_external_id",
        "io_mapping",
        "io_pair",
        "io_rejection",
        "io_piece",
        "io_import",
    ):
        op.drop_table(table)
