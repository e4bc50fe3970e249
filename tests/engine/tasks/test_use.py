from atoms_mcp.engine.tasks.use import TaskUse


def test_every_call_is_worth_a_task_unless_something_else_is_said():
    assert TaskUse().suits({})
    assert not TaskUse(suits=lambda given: given["rows"] > 100).suits({"rows": 3})
