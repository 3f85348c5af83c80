"""Events in words."""

from collections.abc import Mapping
from typing import Any

from parts import text

KINDS = ("dataset_registered", "registered", "ensemble", "analysis", "study")
"""The events that a morning's reader wants to know of."""


def told(kind: str, detail: Mapping[str, Any]) -> str:
    """An event in words."""
    if kind == "dataset_registered":
        return f"dataset {detail['name']}"
    if kind == "registered":
        grid = next((f"{k} {detail[k]}" for k in ("grid", "study") if detail.get(k)), "single runs")
        return f"{grid}: {detail['added']} runs added, {detail['existing']} were there"
    if kind == "ensemble":
        return f"ensemble {detail['name']}: {detail['kept']} of {detail['candidates']} kept"
    if kind == "analysis":
        return f"analysis {detail['name']} of {text.count(detail['runs'], 'run')}"
    if detail.get("promoted"):
        return f"study {detail['name']}: weights of trial {detail['trial']} promoted to {detail['promoted']}"
    return f"{kind} {detail.get('name', '')}"
