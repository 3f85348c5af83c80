#!/usr/bin/env bash
# The paper's experiment on 164 towers, from data to report. Every line may be repeated: what is done stays done, and
# after any interruption the same command goes on where it was.
#   bash experiments/campaign.sh FLUXVAL_DIR WORKSPACE
set -euo pipefail
data=${1:?directory of the FluxVal files} workspace=${2:?workspace}
here=$(cd "$(dirname "$0")" && pwd)
export LANDLAB_WORKSPACE=$workspace
grids="fluxval identifiability fluxval_kfold fluxval_months fluxval_boosting fluxval_lstm"
full="setup.groups = 'PFT+CLIM+AGE+SOIL'"

[ -d "$workspace" ] || landlab init
landlab data import fluxval "$data" --predictors "$data/site_predictors.csv"
for grid in $grids; do
  landlab grid register "$here/$grid.toml"
done
for grid in $grids; do
  landlab run --grid "$grid"
done

# the best of each setup; a second selection would be a second version
keep_best() { landlab ensemble show "$1@1" >/dev/null 2>&1 || landlab ensemble select --grid "$1" --keep "$2"; }
keep_best fluxval 10
keep_best identifiability 25
keep_best fluxval_months 5

benchmark() { # beside the baselines, of whose runs none is left out
  landlab analyse benchmark "$2 or grid in ('fluxval_boosting', 'fluxval_lstm')" -o pool=process.water_stress \
    --figure "$workspace/benchmark-$1.png"
}
benchmark cells "grid = 'fluxval_kfold'"
benchmark months "ensemble = 'fluxval_months@1'"
landlab analyse identify "ensemble = 'identifiability@1'" --figure "$workspace/identify.png"
landlab analyse towers "ensemble = 'fluxval@1' and $full" --figure "$workspace/towers.png"
landlab report --ensemble fluxval@1 --test --out "$workspace/fluxval.html"
