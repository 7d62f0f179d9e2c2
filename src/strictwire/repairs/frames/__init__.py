"""Frame rules, in running order: first what makes frames, then what stands in them."""

from strictwire.repairs.frames.data import DONE, CommentAsData, DoneSpelling, ForeignEvent
from strictwire.repairs.frames.progress import CommentProgress, ProgressEvent
from strictwire.repairs.frames.stray_json import BareJson, JoinedObjects, UnendedFrame
from strictwire.repairs.rule import FrameRule

FRAME_RULES: tuple[type[FrameRule], ...] = (
    CommentProgress,
    BareJson,
    JoinedObjects,
    UnendedFrame,
    DoneSpelling,
    CommentAsData,
    ProgressEvent,
    ForeignEvent,
)

__all__ = ["DONE", "FRAME_RULES"]
