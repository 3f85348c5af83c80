"""Benchmarks behind `landlab bench`: what the README claims of speed is printed by these."""
