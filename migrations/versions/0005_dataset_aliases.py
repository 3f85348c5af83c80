"""Further names of datasets."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "dataset_alias",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["fingerprint"], ["dataset.fingerprint"], name=op.f("fk_dataset_alias_fingerprint")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_dataset_alias")),
    )
    op.create_index(op.f("ix_dataset_alias_fingerprint"), "dataset_alias", ["fingerprint"])


def downgrade():
    op.drop_table("dataset_alias")
