"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "dataset",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("n_pixels", sa.Integer(), nullable=False),
        sa.Column("n_patches", sa.Integer(), nullable=False),
        sa.Column("n_months", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('real', 'synthetic')", name=op.f("ck_dataset_kind")),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_dataset"),
        sa.UniqueConstraint("name", name="uq_dataset_name"),
    )
    op.create_table(
        "grid",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_grid"),
        sa.UniqueConstraint("name", name="uq_grid_name"),
    )
    op.create_table(
        "loss_weights",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("weights", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_loss_weights"),
    )
    op.create_table(
        "setup",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("predictors", sa.JSON(), nullable=False),
        sa.Column("process", sa.JSON(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_setup"),
    )
    op.create_table(
        "run",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("setup_id", sa.Text(), nullable=False),
        sa.Column("loss_weights_id", sa.Text(), nullable=False),
        sa.Column("seed_init", sa.Integer(), nullable=False),
        sa.Column("seed_split", sa.Integer(), nullable=False),
        sa.Column("seed_shuffle", sa.Integer(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'running', 'completed', 'failed', 'cancelled')",
            name=op.f("ck_run_state"),
        ),
        sa.ForeignKeyConstraint(["dataset"], ["dataset.fingerprint"], name="fk_run_dataset"),
        sa.ForeignKeyConstraint(["loss_weights_id"], ["loss_weights.id"], name="fk_run_loss_weights_id"),
        sa.ForeignKeyConstraint(["setup_id"], ["setup.id"], name="fk_run_setup_id"),
        sa.PrimaryKeyConstraint("run_id", name="pk_run"),
    )
    op.create_index("ix_run_dataset", "run", ["dataset"])
    op.create_index("ix_run_position", "run", ["position"])
    op.create_index("ix_run_setup_id", "run", ["setup_id"])
    op.create_index("ix_run_state_position", "run", ["state", "position"])

    op.create_table(
        "attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=True),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("traceback", sa.Text(), nullable=True),
        sa.Column("git_commit", sa.Text(), nullable=True),
        sa.Column("dirty_hash", sa.Text(), nullable=True),
        sa.Column("versions", sa.JSON(), nullable=False),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("mode", sa.Text(), nullable=True),
        sa.Column("directory", sa.Text(), nullable=False),
        sa.Column("epochs_planned", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('ok', 'nan', 'oom', 'lost', 'error', 'cancelled')",
            name=op.f("ck_attempt_outcome"),
        ),
        sa.CheckConstraint("(outcome IS NULL) = (ended IS NULL)", name=op.f("ck_attempt_ended")),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name="fk_attempt_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_attempt"),
        sa.UniqueConstraint("run_id", "number", name="uq_attempt_run_id_number"),
        sa.UniqueConstraint("token", name="uq_attempt_token"),
    )
    op.create_index(
        "uq_attempt_going",
        "attempt",
        ["run_id"],
        unique=True,
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    )

    op.create_table(
        "grid_run",
        sa.Column("grid_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["grid_id"], ["grid.id"], name="fk_grid_run_grid_id"),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name="fk_grid_run_run_id"),
        sa.PrimaryKeyConstraint("grid_id", "run_id", name="pk_grid_run"),
    )
    op.create_index("ix_grid_run_run_id", "grid_run", ["run_id"])

    op.create_table(
        "metric",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("split", sa.Text(), nullable=False),
        sa.Column("variable", sa.Text(), nullable=False),
        sa.Column("statistic", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.CheckConstraint("(value IS NULL) = (kind = 'nan')", name=op.f("ck_metric_value_pair")),
        sa.CheckConstraint("kind IN ('finite', 'nan', 'inf', '-inf', '-0')", name=op.f("ck_metric_kind")),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name="fk_metric_run_id"),
        sa.PrimaryKeyConstraint("run_id", "split", "variable", "statistic", "level", name="pk_metric"),
    )
    op.create_table(
        "artifact",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name="fk_artifact_attempt_id"),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name="fk_artifact_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_artifact"),
        sa.UniqueConstraint("run_id", "kind", name="uq_artifact_run_id_kind"),
    )
    op.create_table(
        "epoch",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("total", sa.Double(), nullable=True),
        sa.Column("total_kind", sa.Text(), nullable=False),
        sa.Column("dev", sa.Double(), nullable=True),
        sa.Column("dev_kind", sa.Text(), nullable=False),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.CheckConstraint("(dev IS NULL) = (dev_kind = 'nan')", name=op.f("ck_epoch_dev_pair")),
        sa.CheckConstraint("(total IS NULL) = (total_kind = 'nan')", name=op.f("ck_epoch_total_pair")),
        sa.CheckConstraint(
            "dev_kind IN ('finite', 'nan', 'inf', '-inf', '-0')", name=op.f("ck_epoch_dev_kind")
        ),
        sa.CheckConstraint(
            "total_kind IN ('finite', 'nan', 'inf', '-inf', '-0')", name=op.f("ck_epoch_total_kind")
        ),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name="fk_epoch_attempt_id"),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name="fk_epoch_run_id"),
        sa.PrimaryKeyConstraint("run_id", "epoch", name="pk_epoch"),
    )


def downgrade():
    for table in (
        "epoch",
        "artifact",
        "metric",
        "grid_run",
        "attempt",
        "run",
        "setup",
        "loss_weights",
        "grid",
        "dataset",
    ):
        op.drop_table(table)
