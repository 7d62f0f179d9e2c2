"""The lab: a scripted upstream that pretends to be many model servers, healthy and broken.

It shares no code with the rooms that it tests: what ``relay``, ``dialects`` and ``repairs`` get
wrong, the lab must not get wrong in the same way.
"""
