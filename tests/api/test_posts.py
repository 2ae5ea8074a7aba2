"""Posts through the API."""

from httpx import AsyncClient


async def test_post_published_through_the_api_has_its_addresses(api: AsyncClient) -> None:
    answer = await api.post(
        "/api/v1/posts",
        json={"title": "Hello World", "content": "Some *text*.", "status": "published"},
    )
    assert answer.status_code == 201, answer.text
    post = answer.json()
    assert post["url"].startswith("http://localhost:8000/2")
    assert post["url"].endswith("/hello-world/")
    assert post["activitypub_id"] == f"http://localhost:8000/ap/posts/{post['id']}"
    assert post["content_html"] == "<p>Some <em>text</em>.</p>\n"
    assert (await api.get(f"/api/v1/posts/{post['id']}")).json() == post
