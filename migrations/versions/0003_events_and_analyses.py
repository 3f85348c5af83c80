"""Events, analyses, ensembles and studies; what filters ask for, at hand."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("run", sa.Column("epochs", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE run SET epochs = (SELECT count(*) FROM epoch WHERE epoch.run_id = run.run_id)")
    op.create_index(
        "ix_metric_value", "metric", ["variable", "statistic", "level", "split", "value", "run_id"]
    )
    op.create_table(
        "analysis",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("environment", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analysis")),
    )
    op.create_table(
        "ensemble",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rule", sa.JSON(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ensemble")),
        sa.UniqueConstraint("name", name=op.f("uq_ensemble_name")),
    )
    op.create_table(
        "study",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study")),
        sa.UniqueConstraint("name", name=op.f("uq_study_name")),
    )
    op.create_table(
        "analysis_run",
        sa.Column("analysis_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["analysis_id"], ["analysis.id"], name=op.f("fk_analysis_run_analysis_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name=op.f("fk_analysis_run_run_id")),
        sa.PrimaryKeyConstraint("analysis_id", "run_id", name=op.f("pk_analysis_run")),
    )
    op.create_index(op.f("ix_analysis_run_run_id"), "analysis_run", ["run_id"])

    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('dataset_registered', 'registered', 'claimed', 'ended', 'cancelled', 'retried', 'reclaimed', "
            "'tagged', 'untagged', 'analysis', 'ensemble', 'study', 'trial', 'read_test')",
            name=op.f("ck_event_kind"),
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name=op.f("fk_event_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    op.create_index(op.f("ix_event_kind"), "event", ["kind"])
    op.create_index(op.f("ix_event_run_id"), "event", ["run_id"])

    op.create_table(
        "member",
        sa.Column("ensemble_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("score_kind", sa.Text(), nullable=False),
        sa.Column("kept", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("(score IS NULL) = (score_kind = 'nan')", name=op.f("ck_member_score_pair")),
        sa.CheckConstraint(
            "score_kind IN ('finite', 'nan', 'inf', '-inf', '-0')", name=op.f("ck_member_score_kind")
        ),
        sa.CheckConstraint("kept = (reason IS NULL)", name=op.f("ck_member_reason")),
        sa.ForeignKeyConstraint(["ensemble_id"], ["ensemble.id"], name=op.f("fk_member_ensemble_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name=op.f("fk_member_run_id")),
        sa.PrimaryKeyConstraint("ensemble_id", "run_id", name=op.f("pk_member")),
    )
    op.create_index(op.f("ix_member_run_id"), "member", ["run_id"])

    op.create_table(
        "study_trial",
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("trial", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name=op.f("fk_study_trial_run_id")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_study_trial_study_id")),
        sa.PrimaryKeyConstraint("study_id", "trial", "run_id", name=op.f("pk_study_trial")),
    )
    op.create_index(op.f("ix_study_trial_run_id"), "study_trial", ["run_id"])


def downgrade():
    for table in ("study_trial", "member", "event", "analysis_run", "study", "ensemble", "analysis"):
        op.drop_table(table)
    op.drop_index("ix_metric_value", "metric")
    op.drop_column("run", "epochs")
