"""Data: the datasets with their provenance and splits, and the files that runs left."""

import pandas as pd
import streamlit as st

from landlab_mgr.catalog import DatasetRecord
from landlab_mgr.errors import LandlabError
from landlab_mgr.workspace.display import size
from parts import address, download, files, holdings, page, reading, text


def show() -> None:
    contents = page.header("Data and files")
    if not contents.datasets:
        page.no_runs(contents)
        return
    record = choose(contents.datasets)
    described(record)
    artifacts()


def choose(datasets: tuple[DatasetRecord, ...]) -> DatasetRecord:
    """The dataset that is asked for; the table of all where there are several."""
    st.subheader("Datasets", anchor=False)
    table = holdings.listed(datasets)
    if len(datasets) > 1:
        st.dataframe(
            table,
            hide_index=True,
            height="content" if len(table) <= 12 else 420,
            column_config={"created": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")},
            key="datasets",
            alt="Datasets of this workspace",
        )
        download.table(table, "datasets")
    names = {d.name: d for d in datasets}
    if len(datasets) == 1:
        return datasets[0]
    address.restore("dataset", names, next(iter(names)))
    name = st.selectbox("Dataset", list(names), key="dataset", width=320)
    address.keep("dataset", next(iter(names)))
    return names[name]


def described(record: DatasetRecord) -> None:
    """One dataset: where it comes from, what it holds, how grids split it."""
    workspace = reading.workspace()
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{text.escaped(record.name)}**", width="content")
            if record.kind == "synthetic":
                st.badge("synthetic data", color="orange", icon=":material/science:")
        facts = {
            "Size": f"{record.n_pixels:,} pixels in {text.count(record.n_patches, 'patch')}"
            f", {text.count(record.n_months, 'step')}".replace("patchs", "patches"),
            "Source": record.source,
            "Also called": ", ".join(record.aliases),
            "Licence": record.licence,
            "Fingerprint": record.fingerprint,
            "Registered": "" if record.created is None else record.created.strftime("%Y-%m-%d %H:%M UTC"),
            "Lies at": record.url,
        }
        try:
            ds = reading.dataset(workspace, record)
        except LandlabError as error:
            facts_line(facts)
            text.problem(error)
            return
        facts |= {
            "On disk": size(holdings.bytes_of(workspace, record)),
            "Citation": ds.attrs.get("citation", ""),
        }
        facts["Months"] = f"{str(ds['time'].values[0])[:7]} to {str(ds['time'].values[-1])[:7]}"
        facts_line(facts)
        splits(record)
        variables = holdings.variables(ds)
        with st.expander(f"Variables ({len(variables)})"):
            words = st.column_config.TextColumn
            st.dataframe(
                variables,
                hide_index=True,
                height=420,
                column_config={
                    "variable": words("Variable", pinned=True),
                    "meaning": words("Meaning", width="medium"),
                },
                key="variables",
                alt="Variables of the dataset",
            )
            st.caption(
                text.escaped(f"`landlab data show {record.name}` also reads coverage and ranges.").replace(
                    "\\`", "`"
                )
            )
            download.table(variables, f"variables {record.name}")


def facts_line(facts: dict[str, str]) -> None:
    with st.container(horizontal=True, gap="medium"):
        for name, fact in facts.items():
            if fact:
                st.markdown(f":gray[{name}]  \n{text.escaped(fact)}", width="content")


def splits(record: DatasetRecord) -> None:
    """Division of its pixels by the grids on this dataset."""
    table = holdings.splits(reading.workspace(), record)
    if table.empty:
        st.caption("No grid divides it yet.")
        return
    st.dataframe(
        table,
        hide_index=True,
        height="content",
        placeholder="–",
        column_config={
            "grids": st.column_config.TextColumn("Grids"),
            "split": st.column_config.TextColumn("Split", width="medium"),
        }
        | {
            n: st.column_config.NumberColumn(f"{n}, pixels", format="localized")
            for n in ("train", "dev", "test", "unused")
        },
        key="splits",
        alt="How grids split the dataset, for seed 0",
    )
    st.caption(
        "Pixels of each part for seed 0; whole patches. Other seeds draw other dev patches, the test set stays."
    )


def artifacts() -> None:
    """Files of runs by kind, and those of one kind to check and download."""
    st.subheader("Files of runs", anchor=False)
    workspace = reading.workspace()
    every = holdings.files(str(workspace.root), workspace.database)
    if every.empty:
        st.caption("No run has left a file yet.")
        return
    kinds = every.groupby("kind", as_index=False).agg(files=("bytes", "size"), bytes=("bytes", "sum"))
    number = st.column_config.NumberColumn
    left, right = st.columns([2, 5], gap="medium")
    with left:
        st.dataframe(
            kinds,
            hide_index=True,
            height="content",
            column_config={"files": number(format="localized"), "bytes": number("size", format="bytes")},
            key="kinds",
            alt="Files by kind",
        )
        st.caption(f"{text.count(len(every), 'file')}, {size(int(every['bytes'].sum()))} in all.")
        download.table(every, "files")
    with right:
        names = list(kinds["kind"])
        address.restore("kind", names, names[0])
        kind = st.selectbox("Kind", names, key="kind", width=240)
        address.keep("kind", names[0])
        chosen = every[every["kind"] == kind].reset_index(drop=True)
        rows = files.table(chosen, "files", f"Files of kind {kind}")
        files.offer(chosen, rows, "one")
        checked(kind, chosen)


def checked(kind: str, chosen: pd.DataFrame) -> None:
    """A check of the files of a kind against their hashes, when somebody asks for it."""
    workspace = reading.workspace()
    share = min(int(chosen["bytes"].sum()), files.CHECKED)
    if st.button(
        f"Check all of kind {kind}", icon=":material/verified:", help=f"Reads {size(share)} at most"
    ):
        with st.spinner("Hashing…"):
            wrong, count = files.check(workspace, chosen)
        if wrong.empty:
            st.success(f"{count} of {text.count(len(chosen), 'file')} checked: all as catalogued.")
        else:
            st.error(
                f"{len(wrong)} of {count} checked are not as catalogued; `landlab doctor` says what to do."
            )
            st.dataframe(wrong[["run_id", "path", "problem"]], hide_index=True, key="wrong")
    else:
        st.caption("`landlab doctor` checks everything.")


show()
