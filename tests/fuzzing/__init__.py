"""What a hostile or broken file may hold: Hypothesis strategies for everything that mien reads.

`targets.py` lists them; `test_fuzzing.py` tries 500 inputs, `benchmarks/fuzz.py` as many as you like.
"""
