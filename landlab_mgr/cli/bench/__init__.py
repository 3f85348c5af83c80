"""Benchmarks behind `landlab bench`: the guide's figures of speed are printed by these."""
