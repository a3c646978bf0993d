"""What a hostile or broken file may hold: Hypothesis strategies for everything that mien reads.

`targets.py` lists them; `test_fuzzing.py` tries a few of each, `benchmarks/fuzz.py` 2,000 of each.
"""
