"""Files that came from outside must never speak for this server."""

import io

from PIL import Image
from support.servers import Server


async def test_s2_upload_is_served_as_a_picture_and_as_nothing_else(server: Server) -> None:
    written = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(written, "PNG")
    document = b'{"@context": "https://www.w3.org/ns/activitystreams", "type": "Person"}'
    answer = await server.api(
        "POST",
        "/media",
        files={"file": ("x.json", written.getvalue() + document, "application/activity+json")},
    )
    assert answer.status_code == 201, answer.text
    for accept in ("application/activity+json", "text/html", "*/*"):
        found = await server.anonymous(answer.json()["url"], accept=accept)
        assert found.status_code == 200
        assert found.headers["content-type"] == "image/png"
        assert found.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in found.headers["content-security-policy"]
        assert document not in found.content
