"""Intervals, paired tests, calibration and two-sample tests."""
