"""Tags of runs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "tag",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name=op.f("fk_tag_run_id")),
        sa.PrimaryKeyConstraint("run_id", "name", name=op.f("pk_tag")),
    )
    op.create_index(op.f("ix_tag_name"), "tag", ["name"])


def downgrade():
    op.drop_index(op.f("ix_tag_name"), table_name="tag")
    op.drop_table("tag")
