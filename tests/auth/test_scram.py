"""The examples of the RFCs, word for word."""

import base64
import hashlib
import hmac
from collections.abc import Callable

import pytest

from burble.auth.scram import ClientFirst, ScramError, ScramKeys, ScramVerifier, decoy_keys, derive_keys

# hash, client first, server nonce, salt, server first, client final, server final
RFC_5802 = (
    "SHA-1",
    "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    "3rfcNHYJY1ZVvWVs7j",
    "QSXCR+Q6sek8bf92",
    "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
)
RFC_7677 = (
    "SHA-256",
    "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
    "W22ZaJ0SNY7soEsUEjb6gQ==",
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
)


@pytest.mark.parametrize("example", [RFC_5802, RFC_7677], ids=["RFC 5802 §5", "RFC 7677 §3"])
def test_exchange_of_the_specification(example: tuple[str, ...]) -> None:
    hash, client_first, nonce, salt, server_first, client_final, server_final = example
    keys = derive_keys("pencil", hash, base64.b64decode(salt), 4096)
    verifier = ScramVerifier(hash, keys, ClientFirst.parse(client_first), nonce=nonce)
    assert verifier.challenge() == server_first
    assert verifier.verify(client_final) == server_final


@pytest.mark.parametrize(
    "change",
    [
        lambda final: final.replace("c=biws", "c=eSws"),
        lambda final: final.replace("c=biws", ",x=y"),
        lambda final: final.replace("r=fyko", "r=fykO"),
        lambda final: final.replace(",p=", "x,p="),
        lambda final: final.replace(",p=", ",r=nonce,p="),
        lambda final: final.replace(",p=", ",m=must,p="),
        lambda final: final.replace(",p=", ",x=y,p="),
        lambda final: final.replace("p=v0", "p=v1"),
        lambda final: final.replace("p=v0X8", "p="),
        lambda final: final.replace("p=v0X8", "p=v0X8v0X8"),
        lambda final: final.replace("p=v0X8", "p=v0X*"),
        lambda final: final.rpartition(",p=")[0],
        lambda final: "",
    ],
)
def test_last_message_that_was_changed(change: Callable[[str], str]) -> None:
    """RFC 5802 §5.1, §7: whatever is not as the client signed it, or repeats something else, is refused."""
    hash, first, nonce, salt, _, final, _ = RFC_5802
    keys = derive_keys("pencil", hash, base64.b64decode(salt), 4096)
    verifier = ScramVerifier(hash, keys, ClientFirst.parse(first), nonce=nonce)
    with pytest.raises(ScramError):
        verifier.verify(change(final))
    with pytest.raises(ScramError, match="over"):
        verifier.verify(final)


def test_extensions_are_ignored_but_signed() -> None:
    """RFC 5802 §5.1: attributes that are not known are part of what both sides sign."""
    bare, nonce = "n=user,r=abc,x=one", "xyz"
    keys = derive_keys("pencil", "SHA-1", b"salt", 4096)
    verifier = ScramVerifier("SHA-1", keys, ClientFirst.parse(f"n,,{bare}"), nonce=nonce)
    without_proof = "c=biws,r=abcxyz,y=two"
    signed = f"{bare},{verifier.challenge()},{without_proof}".encode()
    client_key = hmac.digest(hashlib.pbkdf2_hmac("sha1", b"pencil", b"salt", 4096), b"Client Key", "sha1")
    signature = hmac.digest(keys.stored_key, signed, "sha1")
    proof = bytes(one ^ other for one, other in zip(client_key, signature, strict=True))
    assert verifier.verify(f"{without_proof},p={base64.b64encode(proof).decode()}").startswith("v=")


def test_first_message_is_taken_apart() -> None:
    first = ClientFirst.parse("p=tls-exporter,a=a=2Cb@example.org,n=x=3D=2Cy,r=nonce,z=extension")
    assert first == ClientFirst(
        header="p=tls-exporter,a=a=2Cb@example.org,",
        flag="p",
        binding="tls-exporter",
        authzid="a,b@example.org",
        username="x=,y",
        bare="n=x=3D=2Cy,r=nonce,z=extension",
    )


@pytest.mark.parametrize(
    "message",
    [
        "",
        "n",
        "n,",
        "n,,",
        "n,,r=nonce",
        "x,,n=user,r=nonce",
        ",,n=user,r=nonce",
        "n=,,n=user,r=nonce",
        "y=tls-exporter,,n=user,r=nonce",
        "p,,n=user,r=nonce",
        "p=,,n=user,r=nonce",
        "n,user,n=user,r=nonce",
        "n,a=x=,n=user,r=nonce",
        "n,,m=must,n=user,r=nonce",
        "n,,n=us=er,r=nonce",
        "n,,n=us=2cer,r=nonce",
        "n,,n=us==2Cer,r=nonce",
    ],
)
def test_malformed_first_message_is_refused(message: str) -> None:
    with pytest.raises(ScramError):
        ClientFirst.parse(message)


@pytest.mark.parametrize(
    "rest", ["", ",r=", ",x=nonce", ",r=no\x7fnce", ",r=nonce,r=other", ",r=nonce,m=must"]
)
def test_first_message_without_a_sound_nonce_is_refused(rest: str) -> None:
    keys = ScramKeys(b"0123456789abcdef", 4096, b"", b"")
    with pytest.raises(ScramError):
        ScramVerifier("SHA-1", keys, ClientFirst.parse(f"n,,n=user{rest}"))


def test_decoys_are_the_same_each_time_and_differ_in_all_they_depend_on() -> None:
    decoy = decoy_keys(b"secret", "romeo@example.org", "SHA-256", 4096)
    assert decoy == decoy_keys(b"secret", "romeo@example.org", "SHA-256", 4096)
    others = [
        decoy_keys(b"other", "romeo@example.org", "SHA-256", 4096),
        decoy_keys(b"secret", "nurse@example.org", "SHA-256", 4096),
        decoy_keys(b"secret", "romeo@example.org", "SHA-1", 4096),
    ]
    assert len({decoy.salt, *(other.salt for other in others)}) == 4


@pytest.mark.parametrize(("hash", "size"), [("SHA-1", 20), ("SHA-256", 32), ("SHA-512", 64)])
def test_decoys_have_the_shape_of_keys(hash: str, size: int) -> None:
    decoy = decoy_keys(b"secret", "romeo@example.org", hash, 4096)
    real = derive_keys("pencil", hash, b"0123456789abcdef", 4096)
    assert len(decoy.salt) == 16
    assert len(decoy.stored_key) == len(real.stored_key) == size
    assert len(decoy.server_key) == len(real.server_key) == size
