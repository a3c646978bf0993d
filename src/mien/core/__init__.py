"""The types and rules that every other part of mien shares; imports nothing heavier than numpy, Pillow and pydantic."""
