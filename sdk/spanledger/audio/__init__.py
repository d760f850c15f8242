"""Audio as a peer of text: pipelines and stages as spans, what the audio was like, and how fast it was worked on.

Never: an import of numpy or soundfile when the SDK is imported.
"""

from __future__ import annotations

from spanledger.audio.scopes import audio_pipeline, current_pipeline, current_stage, stage
from spanledger.audio.work import Pipeline, Stage

__all__ = ["Pipeline", "Stage", "audio_pipeline", "current_pipeline", "current_stage", "stage"]
