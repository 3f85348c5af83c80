"""Scheduling: the driver that claims and records, and the executors that train, in this process or on Ray."""
