from atoms_mcp.web.redirect import send_on


def test_a_browser_is_sent_on_by_get_without_a_trace():
    response = send_on("https://client.example/cb?code=a%20b&iss=x")

    assert response.status == 303
    assert response.headers["Location"] == "https://client.example/cb?code=a%20b&iss=x"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert not response.body
