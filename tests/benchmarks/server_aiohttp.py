"""B, the floor: aiohttp and nothing else. It takes each frame whole, decodes none, and answers a request word by word.

No host, no transcript, no task for an answer, no log: what a server costs here that keeps none of the promises.
"""

import asyncio
import re
import socket

from aiohttp import WSMsgType, web

from rejoinder.cli.process import keep_freed_memory
from rejoinder.threads import new_loop

CONFIG = b'{"response_type":"config","config":{"auto_reconnect":true,"call_details":true}}'
CHUNK = b'{"response_type":"response","response_id":%d,"content":"%b","content_complete":%b}'
SORRY = [b"I am sorry, can you say that again?"]

#: The kind and the id of a frame of load.py stand at its beginning.
KIND = re.compile(rb'\{"interaction_type":"(\w+)"(?:,"(?:response_id|timestamp)":(\d+))?')


async def call(request: web.Request) -> web.WebSocketResponse:
    websocket = web.WebSocketResponse(compress=False, decode_text=False, max_msg_size=2**24)
    await websocket.prepare(request)

    async def send(frame: bytes) -> None:
        await websocket.send_frame(frame, WSMsgType.TEXT)

    await send(CONFIG)
    async for message in websocket:
        kind, number = _read(message.data)
        match kind:
            case b"call_details":
                await send(CHUNK % (0, b"", b"true"))
            case b"ping_pong":
                await send(b'{"response_type":"ping_pong","timestamp":%d}' % number)
            case b"response_required":
                *chunks, last = SORRY if request.match_info["system"] == "dummy" else _last_words(message.data)
                for chunk in chunks:
                    await send(CHUNK % (number, chunk + b" ", b"false"))
                await send(CHUNK % (number, last, b"true"))
            case _:  # an update
                pass
    return websocket


def _read(frame: bytes) -> tuple[bytes, int]:
    found = KIND.match(frame)
    return (found[1], int(found[2] or 0)) if found else (b"", 0)


def _last_words(frame: bytes) -> list[bytes]:
    mark = b'"content":"'
    begin = frame.rfind(mark) + len(mark)
    return frame[begin : frame.index(b'"', begin)].split(b" ")


async def serve() -> None:
    app = web.Application()
    app.router.add_get("/{system}/{call_id}", call)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    await web.SockSite(runner, listening).start()
    print(f"ready on 127.0.0.1:{listening.getsockname()[1]}", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    keep_freed_memory()
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(serve())


if __name__ == "__main__":
    main()
