"""The tests of the Python SDK, which need no server: `python -m unittest` in `sdk/python`."""
