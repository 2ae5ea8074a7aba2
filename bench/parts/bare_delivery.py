"""The bare loop of deliveries: sign in batches on two threads, send through a bounded queue.

``bare_delivery.py BODY COUNT HOSTS KEYS PORT``: one signed POST of BODY's bytes to the inbox of
each person of the Neighbourhood, no database. Prints when it began, by the monotonic clock.
"""

import asyncio
import base64
import hashlib
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import httpx
import uvloop
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from httpx_aiohttp import AiohttpTransport

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from parts.people import Neighbourhood, keys

BATCH, THREADS, SENDERS = 32, 2, 64


def sign_batch(
    key: rsa.RSAPrivateKey, body: bytes, digest: str, urls: list[str]
) -> list[httpx.Request]:
    """Ready requests for *urls*."""
    date = formatdate(usegmt=True)
    requests = []
    for url in urls:
        parts = urlsplit(url)
        text = (
            f"(request-target): post {parts.path}\nhost: {parts.netloc}\n"
            f"date: {date}\ndigest: {digest}"
        )
        signature = base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), SHA256()))
        headers = {
            "host": parts.netloc,
            "date": date,
            "digest": digest,
            "content-type": "application/activity+json",
            "user-agent": "fedblog-bench",
            "signature": 'keyId="http://localhost/ap/blog#main-key",algorithm="rsa-sha256",'
            f'headers="(request-target) host date digest",signature="{signature.decode()}"',
        }
        requests.append(httpx.Request("POST", url, headers=headers, content=body))
    return requests


async def main(body: bytes, people: Neighbourhood) -> None:
    """Send it to everyone."""
    key = load_pem_private_key(keys(1)[0][0].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    urls = [f"{people.actor(number)}/inbox" for number in range(people.count)]
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[httpx.Request | None] = asyncio.Queue(maxsize=4 * BATCH)
    transport = AiohttpTransport(
        client=lambda: aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
    )
    failed = 0

    async def send() -> None:
        nonlocal failed
        while (request := await waiting.get()) is not None:
            response = await transport.handle_async_request(request)
            await response.aread()
            await response.aclose()
            failed += response.status_code != 202

    cpu = time.process_time()
    begun = time.monotonic()
    digest = "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()
    with ThreadPoolExecutor(THREADS) as pool:
        senders = [asyncio.create_task(send()) for _ in range(SENDERS)]
        batches = [urls[at : at + BATCH] for at in range(0, len(urls), BATCH)]
        pending: list[asyncio.Future[list[httpx.Request]]] = []
        for batch in batches:
            pending.append(loop.run_in_executor(pool, sign_batch, key, body, digest, batch))
            if len(pending) >= 2 * THREADS:
                for request in await pending.pop(0):
                    await waiting.put(request)
        for future in pending:
            for request in await future:
                await waiting.put(request)
        for _ in senders:
            await waiting.put(None)
        await asyncio.gather(*senders)
    print(json.dumps({"begun": begun, "failed": failed, "cpu": time.process_time() - cpu}))
    await transport.aclose()


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(main(Path(sys.argv[1]).read_bytes(), Neighbourhood(*map(int, sys.argv[2:6]))))
