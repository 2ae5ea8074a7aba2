"""What the demo publishes is worth reading."""

import io

from PIL import Image

from fedblog.demo import articles, landscape


def everything():
    return (*articles.first_articles(), articles.last_article())


def test_there_are_five_articles_of_several_hundred_words_by_three_authors_or_more():
    assert len({article.slug for article in everything()}) == 5
    assert all(len(article.text.split()) > 400 for article in everything())
    writers = {name for article in everything() for name in article.writers}
    assert len(writers) >= 3
    assert writers <= {writer.handle for writer in (*articles.WRITERS, articles.OWNER)}
    assert all(article.tags and article.categories for article in everything())


def test_one_article_quotes_another_paper_with_headline_bylines_and_source():
    (text,) = (a.text for a in everything() if a.slug == "look-first-under-sundries")
    assert text.count("\n> ") > 3
    assert "\n**“Sundries”" in text
    assert text.count("\n*By ") == 2
    assert "*Source: " in text
    assert "latest developments" in text


def test_picture_is_a_landscape_of_good_size():
    picture = Image.open(io.BytesIO(landscape.paint()))
    assert picture.size == (landscape.WIDTH, landscape.HEIGHT)
    assert [a.slug for a in everything() if a.has_picture] == ["ask-the-meadow-first"]
