"""Products, orders, refunds, subscriptions, shops, and the facet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
level = 1


def upgrade() -> None:
    op.create_table(
        "orders_order",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("contact_id", sa.Uuid()),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("shipping_minor", sa.BigInteger(), nullable=False),
        sa.Column("discount_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("means", sa.String(40), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("payment", sa.String(14), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True)),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_orders_order"),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_orders_order_contact_id", ondelete="SET NULL"
        ),
        sa.UniqueConstraint("source", "number", name="uq_orders_order_source_number"),
    )
    op.create_index("ix_orders_order_contact_id_placed_at", "orders_order", ["contact_id", "placed_at"])
    op.create_table(
        "orders_product",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sku", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("category", sa.String(100), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_orders_product"),
        sa.UniqueConstraint("sku", name="uq_orders_product_sku"),
    )
    op.create_table(
        "orders_source",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed_data", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_orders_source"),
        sa.UniqueConstraint("name", name="uq_orders_source_name"),
    )
    op.create_table(
        "orders_subscription",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid()),
        sa.Column("plan", sa.String(100), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("unit", sa.String(5), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("renews_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date()),
        sa.Column("cancelled_at", sa.DateTime(timezone=True)),
        sa.Column("status", sa.String(8), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_orders_subscription"),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_orders_subscription_contact_id", ondelete="SET NULL"
        ),
    )
    op.create_index("ix_orders_subscription_contact_id", "orders_subscription", ["contact_id"])
    op.create_index("ix_orders_subscription_renews_on", "orders_subscription", ["renews_on"])
    op.create_table(
        "orders_summary",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("total", sa.Numeric(18, 3), nullable=False),
        sa.Column("average", sa.Numeric(18, 3), nullable=False),
        sa.Column("gap_days", sa.Float()),
        sa.PrimaryKeyConstraint("id", name="pk_orders_summary"),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_orders_summary_contact_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("contact_id", name="uq_orders_summary_contact_id"),
    )
    op.create_index("ix_orders_summary_last_at", "orders_summary", ["last_at"])
    op.create_index("ix_orders_summary_orders", "orders_summary", ["orders"])
    op.create_index("ix_orders_summary_total", "orders_summary", ["total"])
    op.create_table(
        "orders_line",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Uuid()),
        sa.Column("sku", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("category", sa.String(100), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_orders_line"),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders_order.id"], name="fk_orders_line_order_id", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["orders_product.id"], name="fk_orders_line_product_id", ondelete="SET NULL"
        ),
    )
    op.create_index("ix_orders_line_order_id", "orders_line", ["order_id"])
    op.create_index("ix_orders_line_product_id", "orders_line", ["product_id"])
    op.create_table(
        "orders_price",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_orders_price"),
        sa.ForeignKeyConstraint(
            ["product_id"], ["orders_product.id"], name="fk_orders_price_product_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint(
            "product_id", "currency", "valid_from", name="uq_orders_price_product_id_currency_valid_from"
        ),
    )
    op.create_table(
        "orders_refund",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_orders_refund"),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders_order.id"], name="fk_orders_refund_order_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("order_id", "key", name="uq_orders_refund_order_id_key"),
    )


def downgrade() -> None:
    for table in (
        "orders_refund",
        "orders_price",
        "orders_line",
        "orders_summary",
        "orders_subscription",
        "orders_source",
        "orders_product",
        "orders_order",
    ):
        op.drop_table(table)
