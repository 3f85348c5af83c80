"""`python -m landlab_mgr.cli` is `landlab`."""

from landlab_mgr.cli import main

if __name__ == "__main__":
    main()
