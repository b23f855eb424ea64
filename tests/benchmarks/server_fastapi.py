"""F, the server to be compared with: what a careful reader of Retell's Python guide writes with FastAPI and uvicorn.

Its structure is the guide's (docs.retellai.com, "Set up your server", read 2026-11-22): one endpoint, a task for each message,
JSON to dictionaries, pydantic for a request, `send_json` for each chunk, a closing chunk without text, and a check after each
chunk whether a newer request has come. The guide's prints are left out.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any, Literal

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from pydantic import BaseModel


class Utterance(BaseModel):
    role: Literal["agent", "user", "system"]
    content: str


class Request(BaseModel):
    interaction_type: Literal["response_required", "reminder_required"]
    response_id: int
    transcript: list[Utterance]


class Chunk(BaseModel):
    response_type: Literal["response"] = "response"
    response_id: int
    content: str
    content_complete: bool
    end_call: bool = False


app = FastAPI()


async def spoken(system: str, request: Request) -> AsyncIterator[str]:
    """Chunk by chunk, with a step of the loop between two of them, as from a model."""
    if system == "dummy":
        yield "I am sorry, can you say that again?"
        return
    heard = next((said.content for said in reversed(request.transcript) if said.role == "user"), "")
    *words, last = heard.split(" ")
    for word in words:
        yield f"{word} "
        await asyncio.sleep(0)
    yield last


class Conversation:
    def __init__(self, websocket: WebSocket, system: str) -> None:
        self.websocket = websocket
        self.system = system
        self.newest = 0
        self.tasks: set[asyncio.Task[None]] = set()

    async def send(self, chunk: Chunk) -> None:
        await self.websocket.send_json(chunk.__dict__)

    async def answer(self, message: dict[str, Any]) -> None:
        kind: str = message["interaction_type"]
        match kind:
            case "call_details":
                await self.send(Chunk(response_id=0, content="", content_complete=True))
            case "ping_pong":
                await self.websocket.send_json({"response_type": "ping_pong", "timestamp": message["timestamp"]})
            case "response_required" | "reminder_required":
                request = Request.model_validate(message)
                self.newest = request.response_id
                await self.respond(request)
            case _:  # an update: listened to, not answered
                pass

    async def respond(self, request: Request) -> None:
        async for words in spoken(self.system, request):
            await self.send(Chunk(response_id=request.response_id, content=words, content_complete=False))
            if request.response_id < self.newest:
                return
        await self.send(Chunk(response_id=request.response_id, content="", content_complete=True))


@app.websocket("/{system}/{call_id}")
async def endpoint(websocket: WebSocket, system: str, call_id: str) -> None:
    await websocket.accept()
    conversation = Conversation(websocket, system)
    await websocket.send_json({"response_type": "config", "config": {"auto_reconnect": True, "call_details": True}})
    with contextlib.suppress(WebSocketDisconnect):
        async for message in websocket.iter_json():
            task = asyncio.create_task(conversation.answer(message))
            conversation.tasks.add(task)
            task.add_done_callback(conversation.tasks.discard)


class Server(uvicorn.Server):
    """Says its port once it accepts."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listening in sockets or ():
            print(f"ready on 127.0.0.1:{listening.getsockname()[1]}", flush=True)


def main() -> None:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    # permessage-deflate refused, as Rejoinder does: the callers of this benchmark do not offer it anyway. Nor do they answer a
    # WebSocket's own pings.
    config = uvicorn.Config(app, log_level="warning", ws_per_message_deflate=False, ws_ping_interval=None)
    Server(config).run([listening])


if __name__ == "__main__":
    main()
