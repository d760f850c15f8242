"""Every attribute, event and metric name on the wire, and the dialects that are understood.

OpenTelemetry's GenAI names come first; no Python package carries the current ones, so they stand here. Ours begin with
``spanledger.`` (or ``audio.``). Shared by the SDK, which writes these names, and by the backend, which reads them and
the older and foreign dialects.

Never: a name on the wire that is written anywhere but here.
"""

from typing import Final

# --- GenAI: what is asked of whom
GEN_AI_OPERATION_NAME: Final = "gen_ai.operation.name"
GEN_AI_PROVIDER_NAME: Final = "gen_ai.provider.name"
GEN_AI_REQUEST_MODEL: Final = "gen_ai.request.model"
GEN_AI_REQUEST_STREAM: Final = "gen_ai.request.stream"
GEN_AI_RESPONSE_MODEL: Final = "gen_ai.response.model"
GEN_AI_RESPONSE_ID: Final = "gen_ai.response.id"
GEN_AI_RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"  # seconds
GEN_AI_INPUT_MESSAGES: Final = "gen_ai.input.messages"
GEN_AI_OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
GEN_AI_TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105
GEN_AI_AGENT_NAME: Final = "gen_ai.agent.name"
OPENINFERENCE_SPAN_KIND: Final = "openinference.span.kind"
TRACELOOP_SPAN_KIND: Final = "traceloop.span.kind"
ERROR_TYPE: Final = "error.type"

# --- GenAI: usage. input includes cache reads, cache writes and audio; output includes reasoning and audio
GEN_AI_USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
GEN_AI_USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
GEN_AI_USAGE_AUDIO_INPUT_TOKENS: Final = "gen_ai.usage.audio.input_tokens"
GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS: Final = "gen_ai.usage.audio.output_tokens"
GEN_AI_USAGE_AUDIO_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.audio.cache_read.input_tokens"

# --- ours: usage that GenAI has no name for
USAGE_CACHE_WRITE_5M_TOKENS: Final = "spanledger.usage.cache_write_5m_tokens"
USAGE_CACHE_WRITE_1H_TOKENS: Final = "spanledger.usage.cache_write_1h_tokens"
USAGE_AUDIO_SECONDS: Final = "spanledger.usage.audio_seconds"
USAGE_CHARACTERS: Final = "spanledger.usage.characters"
USAGE_REQUESTS: Final = "spanledger.usage.requests"
USAGE_WEB_SEARCHES: Final = "spanledger.usage.web_searches"
USAGE_STATE: Final = "spanledger.usage.state"  # reported | estimated | unknown

# --- ours: the ledger
LEDGER_EVENT: Final = "spanledger.ledger.entry"
DIALOGUE_EVENT: Final = "spanledger.dialogue"
CACHE_EVENT: Final = "spanledger.cache"
RATE_LIMIT_EVENT: Final = "spanledger.rate_limit"
REQUEST_EVENT: Final = "spanledger.request"
ENTRY_KIND: Final = "spanledger.entry.kind"  # usage | cost
PARENT_SPAN_ID: Final = "spanledger.parent_span_id"
CALL_SPAN_ID: Final = "spanledger.call.span_id"  # on spans made below a traced call: that call's span bills for them
COST_USD: Final = "spanledger.cost.usd"
COST_ESTIMATED_USD: Final = "spanledger.cost.estimated_usd"
COST_ESTIMATED_MICRO_USD: Final = "spanledger.cost.estimated_micro_usd"
SERVICE_TIER: Final = "spanledger.service_tier"
BATCH: Final = "spanledger.batch"
DURATION_NS: Final = "spanledger.duration_ns"
STREAM_CHUNKS: Final = "spanledger.stream.chunks"  # how many came
STREAM_CHUNK_GAP_MEAN_S: Final = "spanledger.stream.chunk_gap.mean_s"  # between one chunk and the next
STREAM_CHUNK_GAP_MAX_S: Final = "spanledger.stream.chunk_gap.max_s"

SAMPLING_STRATEGY: Final = "spanledger.sampling.strategy"  # of a local trace's root: what decided when it began
SAMPLING_STRATUM: Final = "spanledger.sampling.stratum"  # and why it was kept: error, slow, expensive, head, early

# --- who and what for
USER_ID: Final = "user.id"
SESSION_ID: Final = "session.id"
USER_TIER: Final = "spanledger.user_tier"
FEATURE: Final = "spanledger.feature"
TENANT: Final = "spanledger.tenant"
CONTEXT_KEYS: Final = (USER_ID, USER_TIER, SESSION_ID, FEATURE, TENANT)
LOW_CARDINALITY_CONTEXT_KEYS: Final = (USER_TIER, FEATURE, TENANT)  # the only ones that may become metric attributes

# --- tracking calls: what their log records say
CACHE_OUTCOME: Final = "spanledger.cache.event"  # hit | miss | store
CACHE_SAVED_COST_USD: Final = "spanledger.cache.saved_cost_usd"  # decimal string
CACHE_SAVED_TOKENS: Final = "spanledger.cache.saved_tokens"
RATE_LIMIT_DECISION: Final = "spanledger.rate_limit.event"  # allowed | denied
RATE_LIMIT_TYPE: Final = "spanledger.rate_limit.type"
RATE_LIMIT_KEY: Final = "spanledger.rate_limit.key"
RATE_LIMIT_REMAINING: Final = "spanledger.rate_limit.remaining"
DIALOGUE_BOOK_ID: Final = "spanledger.dialogue.book_id"
DIALOGUE_TYPE: Final = "spanledger.dialogue.type"
DIALOGUE_MESSAGE_COUNT: Final = "spanledger.dialogue.message_count"
DIALOGUE_DURATION_S: Final = "spanledger.dialogue.duration_s"
DIALOGUE_RATING: Final = "spanledger.dialogue.rating"
DIALOGUE_FEEDBACK: Final = "spanledger.dialogue.feedback"

# --- audio: what a pipeline or stage handled; metrics of measured values have the same names
AUDIO_ID: Final = "audio.id"
AUDIO_SOURCE: Final = "audio.source"
AUDIO_STAGE: Final = "audio.stage"
AUDIO_DURATION_S: Final = "audio.duration_s"
AUDIO_SAMPLE_RATE_HZ: Final = "audio.sample_rate_hz"
AUDIO_CHANNELS: Final = "audio.channels"
AUDIO_FORMAT: Final = "audio.format"
AUDIO_SPEED_FACTOR: Final = "audio.speed_factor"  # seconds of audio for each second of work: more is faster
AUDIO_REAL_TIME_FACTOR: Final = "audio.real_time_factor"  # seconds of work for each second of audio: less is faster
AUDIO_LOUDNESS_LUFS: Final = "audio.loudness_lufs"
AUDIO_CLIPPED_RATIO: Final = "audio.clipped_ratio"
AUDIO_ZERO_FRAME_RATIO: Final = "audio.zero_frame_ratio"
AUDIO_BANDWIDTH_HZ: Final = "audio.bandwidth_hz"
AUDIO_SILENCE_RATIO: Final = "audio.silence_ratio"
AUDIO_SPEECH_RATIO: Final = "audio.speech_ratio"
AUDIO_DNSMOS: Final = "audio.dnsmos"
AUDIO_ANALYZED_S: Final = "audio.analyzed_s"  # how much of the audio the features were measured on
AUDIO_FEATURES_SKIPPED_REASON: Final = "audio.features_skipped_reason"
AUDIO_DELAY_S: Final = "audio.delay_s"  # how much later than its reference
AUDIO_WORD_ERROR_RATE: Final = "audio.word_error_rate"
AUDIO_STOI: Final = "audio.stoi"
AUDIO_ESTOI: Final = "audio.estoi"
AUDIO_SI_SDR_DB: Final = "audio.si_sdr_db"
AUDIO_SNR_DB: Final = "audio.snr_db"
AUDIO_PESQ: Final = "audio.pesq"
AUDIO_PESQ_MODE: Final = "audio.pesq_mode"  # wb | nb
AUDIO_QUALITY_INDEX: Final = "audio.quality_index"
AUDIO_QUALITY_INDEX_NO_REFERENCE: Final = "audio.quality_index_no_reference"
AUDIO_QUALITY_SKIPPED_REASON: Final = "audio.quality_skipped_reason"

# --- what the backend writes on a record that exceeded a limit, and what it reads besides
DROPPED_ATTRIBUTES: Final = "spanledger.dropped_attributes"  # how many: by the sender, as it said, or by us
DROPPED_EVENTS: Final = "spanledger.dropped_events"
DROPPED_LINKS: Final = "spanledger.dropped_links"
TRUNCATED_VALUES: Final = "spanledger.truncated_values"  # how many values were cut
SERVICE_NAME: Final = "service.name"
EVENT_NAME: Final = "event.name"  # of senders older than the log record's own field

# --- HTTP spans
HTTP_REQUEST_METHOD: Final = "http.request.method"
HTTP_ROUTE: Final = "http.route"
HTTP_RESPONSE_STATUS_CODE: Final = "http.response.status_code"  # also on a traced call that its provider refused
URL_PATH: Final = "url.path"
URL_FULL: Final = "url.full"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
CLIENT_ADDRESS: Final = "client.address"
USER_AGENT: Final = "user_agent.original"
REQUEST_ID: Final = "spanledger.request_id"
PROCESS_TIME_S: Final = "spanledger.process_time_s"

# --- metrics
METRIC_OPERATION_DURATION: Final = "gen_ai.client.operation.duration"  # s
METRIC_TOKEN_USAGE: Final = "gen_ai.client.token.usage"  # noqa: S105 - tokens of text; unit {token}
METRIC_TIME_TO_FIRST_CHUNK: Final = "gen_ai.client.operation.time_to_first_chunk"  # s
METRIC_TIME_PER_OUTPUT_CHUNK: Final = "gen_ai.client.operation.time_per_output_chunk"  # s
METRIC_CACHE_EVENTS: Final = "spanledger.cache.events"  # {spanledger.cache.event, gen_ai.provider.name}
METRIC_RATE_LIMIT_DECISIONS: Final = "spanledger.rate_limit.decisions"  # {spanledger.rate_limit.event, .type}
METRIC_DIALOGUES: Final = "spanledger.dialogues"  # {gen_ai.request.model, spanledger.dialogue.type}
METRIC_REQUEST_DURATION: Final = "http.server.request.duration"  # s
METRIC_SDK_ITEMS: Final = (
    "spanledger.sdk.items"  # cumulative sum {signal, outcome, reason}: what became of everything recorded
)
SDK_SIGNAL: Final = "spanledger.signal"  # spans | ledger | metrics | logs
SDK_OUTCOME: Final = "spanledger.outcome"  # recorded | recovered | sent | refused | dropped | missed
SDK_REASON: Final = "spanledger.reason"
DURATION_BUCKETS_S: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
REQUEST_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)  # of HTTP
TOKEN_BUCKETS: Final = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)

# --- operations
# Leaf inference: the only operations that are billed. Agent and workflow spans carry the sum of their children.
BILLABLE_OPERATIONS: Final = frozenset(
    {
        "chat",
        "generate_content",
        "text_completion",
        "embeddings",
        "rerank",
        "responses",
        "speech_to_text",
        "text_to_speech",
        "image_generation",
        "realtime",
    }
)
OPERATION_ALIASES: Final = {
    "completion": "text_completion",
    "LLM": "chat",
    "EMBEDDING": "embeddings",
    "RERANKER": "rerank",
    "embedding": "embeddings",
    "messages": "chat",
    "transcription": "speech_to_text",
    "speech": "text_to_speech",
}
PROVIDER_ALIASES: Final = {
    "vertex_ai": "gcp.vertex_ai",
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "google_genai": "gcp.gen_ai",
    "az.ai.inference": "azure.ai.inference",
    "az.ai.openai": "azure.ai.openai",
    "azure": "azure.ai.openai",
    "xai": "x_ai",
    "aws": "aws.bedrock",
    "azure_openai": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "vertexai": "gcp.vertex_ai",
    "mistralai": "mistral_ai",
    "mistral": "mistral_ai",
    "google_vertexai": "gcp.vertex_ai",
    "google-vertex": "gcp.vertex_ai",
    "google-cloud": "gcp.vertex_ai",
    "vertex_ai_beta": "gcp.vertex_ai",
    "google-gla": "gcp.gemini",
    "bedrock_converse": "aws.bedrock",
    "azure_ai": "azure.ai.inference",
    "grok": "x_ai",
    "cohere_chat": "cohere",
    "ollama_chat": "ollama",
    "together_ai": "together",
    "moonshot": "moonshot_ai",
    "moonshotai": "moonshot_ai",
    "text-completion-openai": "openai",
}

# --- dialects: canonical name -> the attributes that may hold it, first present wins
DIALECTS: Final[dict[str, tuple[str, ...]]] = {
    "operation": (GEN_AI_OPERATION_NAME, OPENINFERENCE_SPAN_KIND, "llm.request.type"),
    "provider": (GEN_AI_PROVIDER_NAME, "gen_ai.system", "llm.provider", "llm.system", "llm.vendor"),
    "response_model": (GEN_AI_RESPONSE_MODEL, "llm.response.model"),
    "request_model": (
        GEN_AI_REQUEST_MODEL,
        "ai.model.id",
        "llm.model_name",
        "embedding.model_name",
        "llm.request.model",
    ),
    "response_id": (GEN_AI_RESPONSE_ID,),
    "input_tokens": (
        GEN_AI_USAGE_INPUT_TOKENS,
        "gen_ai.usage.prompt_tokens",
        "llm.token_count.prompt",
        "llm.usage.prompt_tokens",
    ),
    "output_tokens": (
        GEN_AI_USAGE_OUTPUT_TOKENS,
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
        "llm.usage.completion_tokens",
    ),
    "cache_read_tokens": (
        GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
        "gen_ai.usage.input_tokens.cached",
        "ai.usage.cachedInputTokens",
        "llm.token_count.prompt_details.cache_read",
        "llm.token_count.prompt_details.cache_input",
        "gen_ai.usage.cache_read_input_tokens",
    ),
    "cache_write_tokens": (
        GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS,
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.input_tokens.cache_write",
        "llm.token_count.prompt_details.cache_write",
        "gen_ai.usage.cache_creation_input_tokens",
    ),
    "cache_write_5m_tokens": (
        USAGE_CACHE_WRITE_5M_TOKENS,
        "anthropic.usage.cache_creation.ephemeral_5m_input_tokens",
    ),
    "cache_write_1h_tokens": (
        USAGE_CACHE_WRITE_1H_TOKENS,
        "anthropic.usage.cache_creation.ephemeral_1h_input_tokens",
    ),
    "reasoning_tokens": (
        GEN_AI_USAGE_REASONING_OUTPUT_TOKENS,
        "gen_ai.usage.output_tokens.reasoning",
        "llm.token_count.completion_details.reasoning",
        "gen_ai.usage.reasoning_tokens",
        "llm.usage.reasoning_tokens",
    ),
    "audio_input_tokens": (
        GEN_AI_USAGE_AUDIO_INPUT_TOKENS,
        "gen_ai.usage.input_audio_tokens",
        "llm.token_count.prompt_details.audio",
    ),
    "audio_output_tokens": (
        GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS,
        "gen_ai.usage.output_audio_tokens",
        "llm.token_count.completion_details.audio",
    ),
    "audio_cache_read_tokens": (GEN_AI_USAGE_AUDIO_CACHE_READ_INPUT_TOKENS,),
    "audio_seconds": (USAGE_AUDIO_SECONDS,),
    "characters": (USAGE_CHARACTERS,),
    "requests": (USAGE_REQUESTS,),
    "web_searches": (USAGE_WEB_SEARCHES,),
    "service_tier": (
        SERVICE_TIER,
        "openai.response.service_tier",
        "gen_ai.openai.response.service_tier",
        "anthropic.response.service_tier",
    ),
    "batch": (BATCH,),
    "time_to_first_chunk_s": (GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK,),
    "user_id": (USER_ID, "enduser.id", "gen_ai.user", "llm.user", "traceloop.association.properties.user_id"),
    "session_id": (SESSION_ID, "gen_ai.conversation.id", "traceloop.association.properties.session_id"),
    "user_tier": (USER_TIER,),
    "feature": (FEATURE,),
    "tenant": (TENANT,),
    "route": (HTTP_ROUTE,),
    "http_status": (HTTP_RESPONSE_STATUS_CODE, "http.status_code"),
    "error_type": (ERROR_TYPE,),
}
