"""A year of deliveries to a trail camera project, simulated: what bench/simulated_year.py and a test run."""
