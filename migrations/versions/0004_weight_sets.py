"""Named loss weights, which tuning studies found."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "weight_set",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("loss_weights_id", sa.Text(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("trial", sa.Integer(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["loss_weights_id"], ["loss_weights.id"], name=op.f("fk_weight_set_loss_weights_id")
        ),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_weight_set_study_id")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_weight_set")),
    )


def downgrade():
    op.drop_table("weight_set")
