"""What the YAML may say under `options:` of an agent with `system: llm`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from msgspec import Meta, field

from rejoinder import Options, Secret

DEFAULT_BASE_URL = "https://api.openai.com/v1"

#: OpenAI's smallest model without an announced end (its deprecation list, read 2026-11-22). It reasons unless told not to.
DEFAULT_MODEL = "gpt-5.6-luna"

DEFAULT_PROMPT = (
    "You are a friendly agent on a phone call; what you write is spoken aloud. Answer in one or two short sentences, in the "
    "language of the caller. No lists, no markdown, no emoji. If you did not understand, ask the caller to say it again."
)

#: What a request carries by the nature of this plugin; `extra_body` may add to the rest and override it.
OWN_FIELDS = frozenset({"messages", "stream", "n"})


class LLMOptions(Options, frozen=True):
    """Defaults work with OpenAI and a key. Times are in seconds; None leaves a value to the server."""

    base_url: Annotated[
        str, Meta(description="Where the server's API begins, usually ending in /v1; `/chat/completions` is added.")
    ] = DEFAULT_BASE_URL
    model: Annotated[str, Meta(min_length=1, description="Name of the model, as the server calls it.")] = DEFAULT_MODEL
    api_key: Annotated[
        Secret | None, Meta(description='Sent as a bearer token; write "${OPENAI_API_KEY:-}", never the key itself.')
    ] = None
    prompt: Annotated[
        str, Meta(description='Who the agent is and what it may say; `{{ fields }}` are filled in. "" sends none.')
    ] = DEFAULT_PROMPT
    temperature: Annotated[Annotated[float, Meta(ge=0, le=2)] | None, Meta(description="How freely words are chosen.")] = None
    top_p: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None, Meta(description="Choose among the likeliest words of this share.")
    ] = None
    max_tokens: Annotated[int, Meta(ge=1, le=4096, description="Longest answer, in tokens; a spoken one is short.")] = 300
    max_tokens_field: Annotated[
        Literal["auto", "max_tokens", "max_completion_tokens"],
        Meta(description="What the server calls that limit; auto: max_completion_tokens at OpenAI, max_tokens elsewhere."),
    ] = "auto"
    reasoning_effort: Annotated[
        str | None,
        Meta(description="How long a reasoning model thinks before it speaks; absent: `none` with the default model."),
    ] = None
    stop: Annotated[tuple[str, ...], Meta(description="Texts before which the answer ends.")] = ()
    seed: Annotated[int | None, Meta(description="Asks for the same answer to the same question.")] = None
    presence_penalty: Annotated[Annotated[float, Meta(ge=-2, le=2)] | None, Meta(description="Above 0: rather new topics.")] = (
        None
    )
    frequency_penalty: Annotated[
        Annotated[float, Meta(ge=-2, le=2)] | None, Meta(description="Above 0: fewer repeated words.")
    ] = None
    extra_body: Annotated[
        Mapping[str, Any], Meta(description="Further fields of the request; they win over the options above.")
    ] = field(default_factory=dict)
    headers: Annotated[Mapping[str, Secret], Meta(description="Further HTTP headers; values are treated as secrets.")] = field(
        default_factory=dict
    )
    include_usage: Annotated[
        bool, Meta(description="Ask for the tokens used; switch off for a server that refuses `stream_options`.")
    ] = True
    begin: Annotated[str, Meta(description='First words, if the agent has no `begin:`. "": the caller speaks first.')] = ""
    reminder_instruction: Annotated[
        str, Meta(description='How the model is asked to nudge a silent caller. "": in words of our own.')
    ] = ""
    instruction_role: Annotated[
        Literal["system", "developer", "user"],
        Meta(description="Role of such an instruction; `user` for servers that take a system message only at the start."),
    ] = "system"
    error_line: Annotated[
        str,
        Meta(
            description='Spoken when the server fails before a word was heard. "": the turn fails, and the caller hears the '
            "host's apology in the call's language."
        ),
    ] = ""
    timeout_line: Annotated[str, Meta(description="As error_line, when the server is late.")] = ""
    connect_timeout: Annotated[float, Meta(gt=0, le=60, description="Longest wait for a connection.")] = 3.0
    first_byte_timeout: Annotated[
        float, Meta(gt=0, le=120, description="Longest wait for the first event of an answer, one retry included.")
    ] = 8.0
    idle_timeout: Annotated[float, Meta(gt=0, le=120, description="Longest silence between two events of an answer.")] = 15.0
    keep_warm: Annotated[
        bool, Meta(description="Connect when a call opens and after a barge-in (HEAD <base_url>/models, seldom).")
    ] = True

    def __post_init__(self) -> None:
        address = urlsplit(self.base_url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError("base_url must begin with http:// or https:// and name a host")
        taken = sorted(OWN_FIELDS & set(self.extra_body))
        if taken:
            raise ValueError(f"extra_body must not hold {', '.join(taken)}: that is the plugin's own")
        for name, value in self.headers.items():
            if not name.isascii() or not f"{name}{value.reveal()}".strip().isprintable():
                raise ValueError(f"headers: {name!r} has a name or value that cannot be sent")
        if self.api_key is not None and not self.api_key.reveal().strip().isprintable():
            raise ValueError("api_key holds a character that cannot be sent")

    @property
    def is_openai(self) -> bool:
        host = urlsplit(self.base_url).hostname or ""
        return host == "openai.com" or host.endswith(".openai.com")

    @property
    def lacks_key(self) -> bool:
        """Whether a request is bound to be refused: OpenAI takes none without a key."""
        named = {name.lower() for name in self.headers}
        return self.is_openai and not self.key and "authorization" not in named

    @property
    def key(self) -> str:
        return self.api_key.reveal().strip() if self.api_key is not None else ""

    @property
    def place(self) -> str:
        """The server as it may be logged: without a name and password that stand in the address."""
        address = urlsplit(self.base_url)
        return f"{address.scheme}://{address.netloc.rpartition('@')[2]}{address.path.rstrip('/')}"

    def url(self, path: str) -> str:
        """The address of `path` under base_url; a query in base_url (`?api-version=`) is kept."""
        base, mark, query = self.base_url.partition("?")
        return f"{base.rstrip('/').removesuffix('/chat/completions')}/{path}{mark}{query}"

    def request_fields(self) -> dict[str, Any]:
        """All of a request but its messages."""
        limit = self.max_tokens_field
        if limit == "auto":
            limit = "max_completion_tokens" if self.is_openai else "max_tokens"
        effort = self.reasoning_effort or ("none" if self.model == DEFAULT_MODEL and self.is_openai else None)
        fields: dict[str, Any] = {
            "model": self.model,
            "stream": True,
            "stream_options": {"include_usage": True} if self.include_usage else None,
            limit: self.max_tokens,
            "reasoning_effort": effort,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "stop": self.stop or None,
            "seed": self.seed,
            "presence_penalty": self.presence_penalty,
            "frequency_penalty": self.frequency_penalty,
        }
        return {name: value for name, value in fields.items() if value is not None} | dict(self.extra_body)
