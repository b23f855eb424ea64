"""llm: answers from any server that speaks OpenAI's chat completions (OpenAI, vLLM, Ollama, llama.cpp, OpenRouter, ...).

What calls of one agent share is one HTTP session, so that connections stay open between turns.
"""

from rejoinder import SystemSpec, hookimpl
from rejoinder_llm.options import LLMOptions
from rejoinder_llm.system import LLM, open_agent

__all__ = ["LLM", "LLMOptions", "rejoinder_response_system"]


@hookimpl
def rejoinder_response_system() -> SystemSpec[LLMOptions]:
    return SystemSpec(LLMOptions, open_agent)
