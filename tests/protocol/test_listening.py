import orjson
import pytest

from atoms_mcp.protocol import listening
from atoms_mcp.protocol.jsonrpc import INVALID_PARAMS, RpcError
from atoms_mcp.protocol.listening import Filter, honour, read_filter, read_uri, render_tag

TAG = "io.modelcontextprotocol/subscriptionId"


def test_a_filter_is_read_and_said_back_as_it_came():
    wanted = {
        "toolsListChanged": True,
        "resourcesListChanged": True,
        "resourceSubscriptions": ["a://1", "a://2"],
    }

    found = read_filter({"notifications": wanted})

    assert found == Filter(("tools", "resources"), ("a://1", "a://2"))
    assert found.render() == wanted


@pytest.mark.parametrize(
    "wanted", [{}, {"promptsListChanged": False}, {"newKind": 1}, {"resourceSubscriptions": []}]
)
def test_what_is_not_asked_for_or_not_known_is_not_listened_for(wanted):
    assert read_filter({"notifications": wanted}) == Filter()


def test_a_resource_that_is_named_twice_is_one():
    wanted = {"resourceSubscriptions": ["a://1", "a://1"]}

    assert read_filter({"notifications": wanted}).uris == ("a://1",)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"notifications": None},
        {"notifications": []},
        {"notifications": {"toolsListChanged": "yes"}},
        {"notifications": {"toolsListChanged": 1}},
        {"notifications": {"resourceSubscriptions": "a://1"}},
        {"notifications": {"resourceSubscriptions": {}}},
        {"notifications": {"resourceSubscriptions": [1]}},
        {"notifications": {"resourceSubscriptions": [""]}},
        {"notifications": {"resourceSubscriptions": ["a://" + "x" * 5000]}},
        {"notifications": {"resourceSubscriptions": [f"a://{n}" for n in range(101)]}},
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(params):
    with pytest.raises(RpcError) as caught:
        read_filter(params)

    assert caught.value.code == INVALID_PARAMS


@pytest.mark.parametrize("params", [{}, {"uri": 1}, {"uri": ""}, {"uri": None}, {"uri": ["a://1"]}])
def test_a_subscription_names_a_resource(params):
    with pytest.raises(RpcError) as caught:
        read_uri(params)

    assert caught.value.code == INVALID_PARAMS
    assert read_uri({"uri": "a://1"}) == "a://1"


def test_only_what_may_change_and_may_be_read_is_honoured():
    wanted = Filter(("tools", "prompts"), ("a://1", "a://2"))

    assert honour(wanted, ("prompts", "resources"), ["a://2"]) == Filter(("prompts",), ("a://2",))


@pytest.mark.parametrize("call_id", [9, "9", -1, 'a"\\b'])
def test_every_message_names_its_stream_by_the_id_in_its_type(call_id):
    tag = render_tag(call_id)
    messages = [
        orjson.loads(listening.render_acknowledgement(tag, Filter(("tools",)))),
        orjson.loads(listening.render_list_changed("tools", tag)),
        orjson.loads(listening.render_updated("a://1", tag)),
    ]

    assert [message["params"]["_meta"] for message in messages] == [{TAG: call_id}] * 3
    assert [message["method"] for message in messages] == [
        "notifications/subscriptions/acknowledged",
        "notifications/tools/list_changed",
        "notifications/resources/updated",
    ]
    assert messages[0]["params"]["notifications"] == {"toolsListChanged": True}
    assert messages[2]["params"]["uri"] == "a://1"


def test_sessions_know_no_such_tag():
    assert orjson.loads(listening.render_list_changed("prompts")) == {
        "jsonrpc": "2.0",
        "method": "notifications/prompts/list_changed",
    }
    assert orjson.loads(listening.render_updated('a://"')) == {
        "jsonrpc": "2.0",
        "method": "notifications/resources/updated",
        "params": {"uri": 'a://"'},
    }
