"""What a Responses API is beyond its answers: kept ones, background, WebSocket, compaction.

``creating`` is the way in; the endpoints beside it serve what was kept. Nothing here knows how a
reply is made: that is the exchange's, which writes to an ``EventReply`` where no client waits.
"""
