"""The processes of DALEC, one file each; `tables` lists those that a run may swap."""
