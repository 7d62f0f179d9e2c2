"""Fuzzing with atheris (libFuzzer): hostile bytes at every pure part that reads a server's reply.

``python -m fuzz`` (``make fuzz``) runs every target of ``fuzz.targets`` for its share of the time,
each in a process of its own, seeded with the corpus and the lab's scenarios. An input that breaks
a promise is kept under ``fuzz/found`` and named. Long property tests are another recipe, ``make
properties``: they know what they make, fuzzing does not.
"""
