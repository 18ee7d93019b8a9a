"""The warehouses that can be connected: the facts of each (`metadata`) and the drivers that load them.

`port` is what a driver implements and what it is given; `values`, `batch` and `discards` are the language in which rows
are handed over. A driver is found by its slug in `drivers`, and imported when a warehouse of its kind is opened.
"""
