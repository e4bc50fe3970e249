import pytest

from atoms_mcp.doctor.challenge import judge_challenge
from atoms_mcp.doctor.finding import Grade

METADATA = "https://h.example/.well-known/oauth-protected-resource/api/mcp"
GOOD = f'Bearer resource_metadata="{METADATA}", scope="atoms:read"'


def test_a_challenge_gives_the_place_of_the_metadata():
    findings, metadata_url = judge_challenge([GOOD])

    assert [finding.grade for finding in findings] == [Grade.GOOD]
    assert metadata_url == METADATA


@pytest.mark.parametrize(
    ("values", "grade", "told"),
    [
        ([], Grade.FAULT, "without a WWW-Authenticate"),
        ([GOOD, "Basic realm=x"], Grade.FAULT, "2 WWW-Authenticate headers"),
        (['Bearer realm="x"'], Grade.FAULT, "names no resource_metadata"),
        ([f'DPoP resource_metadata="{METADATA}"'], Grade.FAULT, "names no resource_metadata"),
        (['Bearer resource_metadata="/x"'], Grade.FAULT, "no absolute URL"),
        ([f'{GOOD}, error="invalid_token"'], Grade.WARNING, "no token came"),
    ],
)
def test_what_leads_clients_astray_is_told_with_a_fix(values, grade, told):
    findings, _ = judge_challenge(values)

    assert [finding.grade for finding in findings] == [grade]
    assert told in findings[0].told
    assert findings[0].fix
