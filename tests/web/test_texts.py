import ast
import re
from pathlib import Path

import pytest

from atoms_mcp.identity import refusals
from atoms_mcp.web.guides import make_guides
from atoms_mcp.web.texts import Texts, load_texts

WEB = Path(__file__).parents[2] / "atoms_mcp" / "web"
TEMPLATES = sorted((WEB / "templates").glob("*.html"))
MODULES = sorted(WEB.glob("*.py"))
NAME = re.compile(r"\btext\(\s*\"([a-z0-9_.]+)\"\s*[,)]")
# Names that are put together: the groups whose texts are found that way.
JOINED = ("problem.", "provider.", "guide.", "age.", "consent.", "account.", "signed_out.")
JOINED += ("delegated.", "callback.", "client.", "mailed.")
# Classes and attributes that stand outside of a tag, in blocks of their own.
NO_WORDS = re.compile(r"block main_data %\}| data-\w+=|block \w+_class %\}\w+")


def used(path):
    return set(NAME.findall(path.read_text()))


def test_a_text_is_given_with_its_facts_as_they_are():
    texts = Texts({"a": {"b": "Hello {name}", "c": {"d": "plain"}}})

    assert texts("a.b", name="<b>{x}") == "Hello <b>{x}"
    assert texts("a.c.d", other=1) == "plain"
    assert texts.names() == {"a.b", "a.c.d"}


@pytest.mark.parametrize(("name", "facts"), [("a.c", {}), ("a", {}), ("a.b", {"nome": "x"})])
def test_a_text_or_a_fact_that_is_missing_is_an_error(name, facts):
    with pytest.raises(KeyError):
        Texts({"a": {"b": "Hello {name}"}})(name, **facts)


@pytest.mark.parametrize("path", [*TEMPLATES, *MODULES], ids=lambda path: path.name)
def test_each_text_that_is_used_exists(path):
    assert used(path) <= load_texts().names()


def test_no_text_is_there_for_nothing():
    everywhere = set().union(*map(used, [*TEMPLATES, *MODULES]))

    left = load_texts().names() - everywhere
    assert {name for name in left if not name.startswith(JOINED)} == set()


def test_each_error_code_of_signing_in_has_its_words():
    codes = {row.error for row in vars(refusals).values() if isinstance(row, refusals.Refusal)}
    codes |= set(re.findall(r"429,\s+\"([a-z_]+)\"", _source_of_sign_in()))

    names = load_texts().names()
    assert {code for code in codes if f"problem.{code}.title" not in names} == {"weak_password"}
    assert {name.rpartition(".")[0] for name in names if name.startswith("problem.")} == {
        name.rpartition(".")[0] for name in names if name.startswith("problem.") and "title" in name
    }


def _source_of_sign_in():
    identity = WEB.parent / "identity"
    return "".join(
        (identity / f"{name}.py").read_text() for name in ("sign_in", "mails", "refusals")
    )


def test_each_guide_has_its_words():
    names = load_texts().names()

    for url in ("https://mcp.example.com/api/mcp", "http://127.0.0.1:8000/api/mcp"):
        for guide in make_guides(url, takes_jwt=True):
            keys = ["name", "kind", *(key for key, _ in guide.pastes)]
            keys += ["more"] * guide.has_more
            keys += [] if guide.pastes else ["closed_title", "closed_hint"]
            assert {f"guide.{guide.id}.{key}" for key in keys} <= names


def test_no_page_has_words_of_its_own():
    for path in TEMPLATES:
        source = NO_WORDS.sub("%}", path.read_text())
        bare = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", " ", source, flags=re.DOTALL)
        assert not re.search(r"[A-Za-z]{2,}", bare), path.name


def test_no_module_of_pages_says_things_to_people_itself():
    for name in ("sign_in", "password", "mail_code", "entry", "sign_up", "recover", "provider"):
        tree = ast.parse((WEB / f"{name}.py").read_text())
        said = {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
        }
        docstrings = {
            ast.get_docstring(node, clean=False)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        }
        assert said <= docstrings | {" "}
