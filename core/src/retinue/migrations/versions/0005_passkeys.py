"""Passkeys, and questions put to a browser."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
level = 5


def upgrade() -> None:
    """Passkeys, and questions put to a browser."""
    op.create_table(
        "account_passkey",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("credential_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(length=1023), nullable=False),
        sa.Column("public_key", sa.LargeBinary(length=2048), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column(
            "transports",
            sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql"),
            nullable=False,
        ),
        sa.Column("is_synced", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_account_passkey_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_passkey")),
        sa.UniqueConstraint("credential_hash", name=op.f("uq_account_passkey_credential_hash")),
    )
    op.create_index(op.f("ix_account_passkey_account_id"), "account_passkey", ["account_id"], unique=False)
    op.create_table(
        "account_challenge",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("value_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column(
            "detail",
            sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_account_challenge_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_challenge")),
        sa.UniqueConstraint("value_hash", name=op.f("uq_account_challenge_value_hash")),
    )
    op.create_index(
        op.f("ix_account_challenge_account_id"), "account_challenge", ["account_id"], unique=False
    )


def downgrade() -> None:
    """Undo it."""
    op.drop_table("account_challenge")
    op.drop_table("account_passkey")
