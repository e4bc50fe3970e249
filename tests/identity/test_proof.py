from atoms_mcp.identity.proof import make_proof
from atoms_mcp.oauth.pkce import verifier_matches


def test_a_challenge_is_met_by_its_verifier_alone():
    proof, other = make_proof(), make_proof()

    assert verifier_matches(proof.verifier, proof.challenge)
    assert not verifier_matches(other.verifier, proof.challenge)


def test_the_verifier_is_in_no_text():
    proof = make_proof()

    assert proof.verifier not in repr(proof)
