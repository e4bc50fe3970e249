from atoms_mcp.doctor.finding import Grade, fault, good, note, warning


def test_whatever_has_to_be_mended_says_how():
    made = [good("s", "t"), note("s", "t"), warning("s", "t", "f"), fault("s", "t", "f")]

    assert [finding.grade for finding in made] == list(Grade)
    assert [finding.fix for finding in made] == ["", "", "f", "f"]
