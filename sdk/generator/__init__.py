"""The parts of `sdk/generate.py`: the OpenAPI document as plain objects, and a writer for each
language. Nothing here knows a route: what there is comes from the document."""
