import json

from atoms_mcp.web.problem import Problem, render, render_problem


def test_data_is_given_as_json():
    answer = render({"ü": 1}, status=201, headers={"X": "y"})

    assert (answer.status, answer.content_type) == (201, "application/json")
    assert json.loads(answer.body) == {"ü": 1}
    assert answer.headers["X"] == "y"


def test_a_problem_has_three_parts_and_no_cache_may_keep_it():
    problem = Problem(429, "too_many", "Too many.", "Wait.", headers={"Retry-After": "3"})
    answer = render_problem(problem)

    assert answer.status == 429
    assert json.loads(answer.body) == {"error": "too_many", "message": "Too many.", "hint": "Wait."}
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Retry-After"] == "3"
    assert "too_many" in str(problem)
