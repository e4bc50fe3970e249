from atoms_mcp.entities.rest import RestAnswer, RestRequest


def test_a_request_says_what_to_ask_and_nothing_more():
    request = RestRequest("GET", "requirements", (("id", "eq.1"),))

    assert (request.body, request.prefer, request.is_single) == (None, (), False)


def test_rows_stay_out_of_logs():
    assert "secret" not in repr(RestAnswer([{"name": "secret"}], 1))
