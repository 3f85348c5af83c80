#!/usr/bin/env bash
# The paper's experiment on 164 towers, from data to report. Every line may be repeated: what is done stays done, and
# after any interruption the same command goes on where it was.
#   bash experiments/campaign.sh FLUXVAL_DIR WORKSPACE
set -euo pipefail
data=${1:?directory of the FluxVal files} workspace=${2:?workspace}
here=$(cd "$(dirname "$0")" && pwd)
export LANDLAB_WORKSPACE=$workspace
full="setup.groups = 'PFT+CLIM+AGE+SOIL'"

[ -d "$workspace" ] || landlab init
landlab data import fluxval "$data" --predictors "$data/site_predictors.csv"
for grid in fluxval identifiability fluxval_kfold fluxval_boosting fluxval_lstm; do
  landlab grid register "$here/$grid.toml"
done
for grid in fluxval identifiability fluxval_kfold fluxval_boosting fluxval_lstm; do
  landlab run --grid "$grid"
done

# the best of each setup; a second selection would be a second version
select() { landlab ensemble show "$1@1" >/dev/null 2>&1 || landlab ensemble select --grid "$1" --keep "$2"; }
select fluxval 10
select identifiability 25

landlab analyse benchmark "grid in ('fluxval_kfold', 'fluxval_boosting', 'fluxval_lstm')" --figure "$workspace/benchmark.png"
landlab analyse identify "ensemble = 'identifiability@1'" --figure "$workspace/identify.png"
landlab analyse towers "ensemble = 'fluxval@1' and $full" --figure "$workspace/towers.png"
landlab report --ensemble fluxval@1 --test --out "$workspace/fluxval.html"
