"""Members beside observations: seasonal cycles by region, and composites of dry months, against brute force."""

import numpy as np
import pytest

from landlab_mgr.analysis import drought, seasons
from landlab_mgr.errors import LandlabError

from . import forecasts, sample

FILTER = "setup.groups = 'PFT+CLIM'"


def means(forecast, catalog, towers):
    """The members' mean LAI and what was observed, [pixel, time], and the pixels that count."""
    x = np.stack([forecasts.predicted(towers, spec)["lai"] for spec in forecasts.specs(catalog, FILTER)])
    seen = forecasts.observed(towers, "lai")
    return np.where(np.isfinite(seen), x.astype(float).mean(axis=0), np.nan), seen, ~towers["test"].values


def test_seasonal_cycles_by_region(forecast, catalog, towers):
    before = catalog.test_reads()
    ds = sample.computed(seasons.ANALYSIS, forecast, catalog, FILTER)
    assert catalog.test_reads() == before, "pixels that members learned from are nobody's secret"
    own, seen, here = means(forecast, catalog, towers)
    area, region = towers["area_m2"].values, towers["region"].values.astype(str)
    assert list(ds["region"].values) == ["all", *sorted(set(region) - {""})]
    for name in ("all", region[here][0]):
        chosen = here & ((region == name) | (name == "all"))
        weight = np.where(np.isfinite(seen), area[:, None], 0.0)[chosen].reshape(chosen.sum(), -1, 12)
        for kind, x in (("observed", seen), ("modelled", own)):
            values = np.nan_to_num(x[chosen]).reshape(chosen.sum(), -1, 12)
            expected = (values * weight).sum(axis=(0, 1)) / weight.sum(axis=(0, 1))
            got = ds[kind].sel(variable="lai", region=name)
            got = got.mean("run") if kind == "modelled" else got
            np.testing.assert_allclose(got, expected, rtol=1e-5)
    patches = ds["observed"].sel(variable="nbe", region="all").values
    assert np.isfinite(patches).all()
    assert not {"biomass", "som"} & set(ds["variable"].values), "what is seen by year has no season"
    table = seasons.table(ds).set_index(["variable", "region"])
    assert table.loc[("lai", "all"), "r"] > 0.9
    assert table.loc[("lai", "all"), "highest observed"] == int(seasons_peak(ds)) + 1
    figure = seasons.figure(ds.assign_attrs(analysis="x", filter=FILTER))
    assert len(figure.axes) % ds.sizes["variable"] == 0
    with pytest.raises(LandlabError, match="no observed 'height'"):
        sample.computed(seasons.ANALYSIS, forecast, catalog, FILTER, variables="height")
    with pytest.raises(LandlabError, match="the runs are of 2 setups"):
        sample.computed(seasons.ANALYSIS, forecast, catalog)


def seasons_peak(ds):
    return ds["observed"].sel(variable="lai", region="all").values.argmax()


def anomalies(x):
    """Less its trend and its months' means: [time], by least squares."""
    there, month = np.isfinite(x), np.arange(len(x)) % 12
    design = np.column_stack([month[there, None] == np.arange(12), np.flatnonzero(there)])
    out = np.full(len(x), np.nan)
    out[there] = x[there] - design @ np.linalg.lstsq(design, x[there], rcond=None)[0]
    return out


def test_composites_of_dry_months(forecast, catalog, towers):
    ds = sample.computed(drought.ANALYSIS, forecast, catalog, FILTER, variables="lai,nbe", percentile=20)
    own, seen, here = means(forecast, catalog, towers)
    rain, sun, low, high = (
        towers[n].transpose("pixel", "time").values.astype(float) for n in ("precip", "ssrd", "tmin", "tmax")
    )
    balance = rain - drought.potential_evaporation(sun, (low + high) / 2)
    balance = (
        balance.reshape(len(rain), -1, 12) - balance.reshape(len(rain), -1, 12).mean(axis=1)[:, None]
    ).reshape(balance.shape)
    dry = balance < np.percentile(balance, 20, axis=1, keepdims=True)
    area = towers["area_m2"].values
    for kind, x in (("observed", seen), ("modelled", own)):
        got = ds[kind].sel(variable="lai", region="all")
        got = got.mean("run") if kind == "modelled" else got
        anomaly = np.stack([anomalies(row) for row in x])
        for lag in (-2, 0, 3):
            months = [(p, t + lag) for p, t in zip(*np.nonzero(dry & here[:, None]), strict=True)]
            pairs = [
                (area[p], anomaly[p, t]) for p, t in months if 0 <= t < 108 and np.isfinite(anomaly[p, t])
            ]
            weight, values = np.array(pairs).T
            assert float(got.sel(lag=lag)) == pytest.approx(np.average(values, weights=weight), rel=1e-4)
    assert float(ds["dry"].sel(variable="lai", region="all")) == pytest.approx(0.2, abs=0.01)
    table = drought.table(ds).set_index(["variable", "region"])
    assert ("nbe", "all") in table.index
    assert drought.figure(ds.assign_attrs(analysis="x", filter=FILTER)).axes
    loaded, options = sample.loaded(drought.ANALYSIS, forecast, catalog, FILTER)
    with pytest.raises(LandlabError, match="has no ssrd, of which the water balance is made"):
        drought.compute(loaded.drop_vars("ssrd"), options)


def test_potential_evaporation_by_hand():
    # 20 degC: saturation 23.4 hPa, slope 1.45 hPa K-1; 20 MJ are 8.16 mm
    expected = 0.65 * 1.45 / (1.45 + 0.66) * 20 / 2.45
    assert float(drought.potential_evaporation(np.array(20.0), np.array(20.0))) == pytest.approx(
        expected, rel=5e-3
    )
