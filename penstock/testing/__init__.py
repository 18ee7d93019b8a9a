"""Fakes and simulators of the outside world; imported by tests only."""
