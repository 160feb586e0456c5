"""Programmes, accounts, the ledger, purchases, levels, and what members hold."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
level = 1

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "loyalty_programme",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("zone", sa.String(40), nullable=False),
        sa.Column("state", sa.String(6), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_loyalty_programme"),
        sa.UniqueConstraint("key", name="uq_loyalty_programme_key"),
    )
    op.create_table(
        "loyalty_standing",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("tier", sa.String(40), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("pending", sa.BigInteger(), nullable=False),
        sa.Column("expiring_soon", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_loyalty_standing"),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_loyalty_standing_contact_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("contact_id", name="uq_loyalty_standing_contact_id"),
    )
    op.create_index("ix_loyalty_standing_balance", "loyalty_standing", ["balance"])
    op.create_index("ix_loyalty_standing_expiring_soon", "loyalty_standing", ["expiring_soon"])
    op.create_index("ix_loyalty_standing_tier", "loyalty_standing", ["tier"])
    op.create_table(
        "loyalty_account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid()),
        sa.Column("merged_into_id", sa.Uuid()),
        sa.Column("owed", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.String(40), nullable=False),
        sa.Column("free_deliveries", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_loyalty_account"),
        sa.CheckConstraint("owed >= 0", name="ck_loyalty_account_owed"),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_loyalty_account_contact_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["merged_into_id"],
            ["loyalty_account.id"],
            name="fk_loyalty_account_merged_into_id",
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["programme_id"],
            ["loyalty_programme.id"],
            name="fk_loyalty_account_programme_id",
            ondelete="RESTRICT",
        ),
    )
    op.create_index("ix_loyalty_account_contact_id", "loyalty_account", ["contact_id"])
    op.create_index("ix_loyalty_account_merged_into_id", "loyalty_account", ["merged_into_id"])
    op.create_index(
        "uq_loyalty_account_programme_id_contact_id",
        "loyalty_account",
        ["programme_id", "contact_id"],
        unique=True,
        sqlite_where=sa.text("merged_into_id IS NULL"),
        postgresql_where=sa.text("merged_into_id IS NULL"),
    )
    op.create_table(
        "loyalty_membership",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("periods", sa.Integer(), nullable=False),
        sa.Column("paid_until", sa.Date(), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_loyalty_membership"),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_loyalty_membership_contact_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["programme_id"],
            ["loyalty_programme.id"],
            name="fk_loyalty_membership_programme_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_loyalty_membership_contact_id", "loyalty_membership", ["contact_id"])
    op.create_index("ix_loyalty_membership_programme_id", "loyalty_membership", ["programme_id"])
    op.create_table(
        "loyalty_offer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid()),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("percent", sa.String(10), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True)),
        sa.Column("ends_at", sa.DateTime(timezone=True)),
        sa.Column("per_contact", sa.Integer(), nullable=False),
        sa.Column("in_all", sa.Integer()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_loyalty_offer"),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_loyalty_offer_contact_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["programme_id"],
            ["loyalty_programme.id"],
            name="fk_loyalty_offer_programme_id",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("code", name="uq_loyalty_offer_code"),
    )
    op.create_index("ix_loyalty_offer_contact_id", "loyalty_offer", ["contact_id"])
    op.create_index("ix_loyalty_offer_programme_id", "loyalty_offer", ["programme_id"])
    op.create_table(
        "loyalty_referral",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("referrer_id", sa.Uuid(), nullable=False),
        sa.Column("referred_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rewarded_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_loyalty_referral"),
        sa.ForeignKeyConstraint(
            ["programme_id"],
            ["loyalty_programme.id"],
            name="fk_loyalty_referral_programme_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["referred_id"], ["contact.id"], name="fk_loyalty_referral_referred_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["referrer_id"], ["contact.id"], name="fk_loyalty_referral_referrer_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint(
            "programme_id", "referred_id", name="uq_loyalty_referral_programme_id_referred_id"
        ),
    )
    op.create_index("ix_loyalty_referral_referred_id", "loyalty_referral", ["referred_id"])
    op.create_index("ix_loyalty_referral_referrer_id", "loyalty_referral", ["referrer_id"])
    op.create_table(
        "loyalty_rule_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rules", JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_loyalty_rule_version"),
        sa.ForeignKeyConstraint(
            ["programme_id"],
            ["loyalty_programme.id"],
            name="fk_loyalty_rule_version_programme_id",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("programme_id", "number", name="uq_loyalty_rule_version_programme_id_number"),
    )
    op.create_table(
        "loyalty_offer_use",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(120), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_loyalty_offer_use"),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_loyalty_offer_use_contact_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["offer_id"], ["loyalty_offer.id"], name="fk_loyalty_offer_use_offer_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint(
            "offer_id", "contact_id", "number", name="uq_loyalty_offer_use_offer_id_contact_id_number"
        ),
    )
    op.create_index("ix_loyalty_offer_use_contact_id", "loyalty_offer_use", ["contact_id"])
    op.create_table(
        "loyalty_purchase",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("order_ref", sa.String(120), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("worth", sa.String(60), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed", sa.Boolean(), nullable=False),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_loyalty_purchase"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["loyalty_account.id"], name="fk_loyalty_purchase_account_id", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["programme_id"],
            ["loyalty_programme.id"],
            name="fk_loyalty_purchase_programme_id",
            ondelete="RESTRICT",
        ),
        sa.UniqueConstraint("programme_id", "order_ref", name="uq_loyalty_purchase_programme_id_order_ref"),
    )
    op.create_index("ix_loyalty_purchase_account_id", "loyalty_purchase", ["account_id"])
    op.create_table(
        "loyalty_qualifying",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("transaction_key", sa.String(120), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counts_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_loyalty_qualifying"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["loyalty_account.id"],
            name="fk_loyalty_qualifying_account_id",
            ondelete="RESTRICT",
        ),
        sa.UniqueConstraint(
            "account_id", "transaction_key", name="uq_loyalty_qualifying_account_id_transaction_key"
        ),
    )
    op.create_table(
        "loyalty_tier_step",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("level", sa.String(40), nullable=False),
        sa.Column("reason", sa.String(10), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_loyalty_tier_step"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["loyalty_account.id"], name="fk_loyalty_tier_step_account_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("account_id", "day", "level", name="uq_loyalty_tier_step_account_id_day_level"),
    )
    op.create_table(
        "loyalty_transaction",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("key", sa.String(120), nullable=False),
        sa.Column("source_ref", sa.String(120), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reverses_id", sa.Uuid()),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("detail", JSON),
        sa.PrimaryKeyConstraint("id", name="pk_loyalty_transaction"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["loyalty_account.id"],
            name="fk_loyalty_transaction_account_id",
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["programme_id"],
            ["loyalty_programme.id"],
            name="fk_loyalty_transaction_programme_id",
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["reverses_id"],
            ["loyalty_transaction.id"],
            name="fk_loyalty_transaction_reverses_id",
            ondelete="RESTRICT",
        ),
        sa.UniqueConstraint("programme_id", "key", name="uq_loyalty_transaction_programme_id_key"),
    )
    op.create_index(
        "ix_loyalty_transaction_account_id_occurred_at", "loyalty_transaction", ["account_id", "occurred_at"]
    )
    op.create_index("ix_loyalty_transaction_reverses_id", "loyalty_transaction", ["reverses_id"])
    op.create_index("ix_loyalty_transaction_source_ref", "loyalty_transaction", ["source_ref"])
    op.create_table(
        "loyalty_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("transaction_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("bucket", sa.String(18), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_loyalty_entry"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["loyalty_account.id"], name="fk_loyalty_entry_account_id", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id"],
            ["loyalty_transaction.id"],
            name="fk_loyalty_entry_transaction_id",
            ondelete="RESTRICT",
        ),
    )
    op.create_index("ix_loyalty_entry_account_id", "loyalty_entry", ["account_id"])
    op.create_index("ix_loyalty_entry_transaction_id", "loyalty_entry", ["transaction_id"])
    op.create_table(
        "loyalty_lot",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("transaction_id", sa.Uuid(), nullable=False),
        sa.Column("earned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("available_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("original", sa.BigInteger(), nullable=False),
        sa.Column("remaining", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(9), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_loyalty_lot"),
        sa.CheckConstraint("remaining >= 0 AND remaining <= original", name="ck_loyalty_lot_remaining"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["loyalty_account.id"], name="fk_loyalty_lot_account_id", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id"],
            ["loyalty_transaction.id"],
            name="fk_loyalty_lot_transaction_id",
            ondelete="RESTRICT",
        ),
    )
    op.create_index(
        "ix_loyalty_lot_account_id_state",
        "loyalty_lot",
        ["account_id", "state", "remaining", "available_at", "expires_at"],
    )
    op.create_index("ix_loyalty_lot_expires_at", "loyalty_lot", ["expires_at"])
    op.create_index("ix_loyalty_lot_state_available_at", "loyalty_lot", ["state", "available_at"])
    op.create_index("ix_loyalty_lot_transaction_id", "loyalty_lot", ["transaction_id"])
    op.create_table(
        "loyalty_allocation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("transaction_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_loyalty_allocation"),
        sa.ForeignKeyConstraint(
            ["lot_id"], ["loyalty_lot.id"], name="fk_loyalty_allocation_lot_id", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id"],
            ["loyalty_transaction.id"],
            name="fk_loyalty_allocation_transaction_id",
            ondelete="RESTRICT",
        ),
    )
    op.create_index("ix_loyalty_allocation_lot_id", "loyalty_allocation", ["lot_id"])
    op.create_index("ix_loyalty_allocation_transaction_id", "loyalty_allocation", ["transaction_id"])


def downgrade() -> None:
    for table in (
        "loyalty_allocation",
        "loyalty_lot",
        "loyalty_entry",
        "loyalty_transaction",
        "loyalty_tier_step",
        "loyalty_qualifying",
        "loyalty_purchase",
        "loyalty_offer_use",
        "loyalty_rule_version",
        "loyalty_referral",
        "loyalty_offer",
        "loyalty_membership",
        "loyalty_account",
        "loyalty_standing",
        "loyalty_programme",
    ):
        op.drop_table(table)
