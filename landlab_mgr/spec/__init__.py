"""What is asked: runs, grids, studies and their identities."""
