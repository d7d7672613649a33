"""Owns the names of fields that are OpenAI's: they are not searched, and findings are told by no other name.

Any other name was chosen by whoever sent the request, and may hold what is looked for in its texts.
"""

_IN_MESSAGES = (
    "role content type text name tool_calls tool_call_id function arguments id refusal function_call url image_url "
    "detail data format file file_data filename input_audio description parameters properties required items enum "
    "strict json_schema schema"
)
KNOWN_NAMES = frozenset(_IN_MESSAGES.split())
"""In messages, tools and schemas."""

_OF_REQUEST = (
    "audio dimensions encoding_format frequency_penalty function_call functions input logit_bias logprobs "
    "max_completion_tokens max_tokens messages metadata modalities model moderation n parallel_tool_calls prediction "
    "presence_penalty prompt_cache_key prompt_cache_retention reasoning_effort response_format safety_identifier seed "
    "service_tier stop store stream stream_options temperature tool_choice tools top_logprobs top_p user verbosity "
    "web_search_options"
)
REQUEST_NAMES = frozenset(_OF_REQUEST.split())
"""Of the request itself."""

ANY_NAME = "*"
"""Stands for the name of a field that is not known."""


def told(name: str) -> str:
    """Return a name as it may be told of a finding, empty for what has none."""
    return name if not name or name in KNOWN_NAMES else ANY_NAME


def told_of_request(name: str) -> str:
    """Return the name of a request's own field as it may be told."""
    return name if name in REQUEST_NAMES else ANY_NAME
