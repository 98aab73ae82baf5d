"""The hub from outside: every route, every limit at its bound and one beyond, bad clients, restarts.

An office here is Python's ssl and http.client, openssl, and tests/unit/hub/hub_tool.c for what only the envelope can make.
"""
import base64
import hashlib
import http.client
import json
import os
import random
import resource
import secrets
import signal
import socket
import sqlite3
import ssl
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from world import BUILD, CARE, CENTER, SERVICE, SLOW, free_port, program, run, wait_until

MIB = 1 << 20
VALIDATE = Path(__file__).resolve().parents[1] / "validate_trace.py"


def tool(*arguments):
    return run(BUILD / "tests/unit/hub/hub-tool", *arguments).stdout.split()


def frame(*parts):
    return b"".join(struct.pack(">Q", len(p)) + p for p in parts)


def unframe(data):
    """acceptance, statement, header, ciphertext of a message as GET gives it."""
    parts = []
    while data:
        n = struct.unpack(">Q", data[:8])[0]
        parts.append(data[8:8 + n])
        data = data[8 + n:]
    return parts


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.headers.get('Content-Type')} {self.body[:200]!r}"


def refused(answer, status, code):
    assert answer.status == status, f"expected {status} {code}, got {answer}"
    assert answer.headers["Content-Type"] == "application/problem+json", answer
    problem = answer.json
    assert problem["type"] == f"urn:careplan:problem:{code}", problem
    assert problem["status"] == status and problem["title"] and problem["detail"], problem
    return answer


class Client:
    """Somebody who asks the hub: with a certificate or without."""

    def __init__(self, hub, certificate=None, key=None):
        self.hub, self.certificate, self.key, self.connection = hub, certificate, key, None

    def context(self):
        context = ssl.create_default_context(cafile=self.hub.ca)
        if self.certificate:
            context.load_cert_chain(self.certificate, self.key)
        return context

    def connect(self, timeout=30):
        return http.client.HTTPSConnection("127.0.0.1", self.hub.port, context=self.context(), timeout=timeout * SLOW)

    def socket(self, timeout=30):
        raw = socket.create_connection(("127.0.0.1", self.hub.port), timeout=timeout * SLOW)
        return self.context().wrap_socket(raw, server_hostname="127.0.0.1")

    def ask(self, method, path, body=None, media=None, **headers):
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if media:
            fields["Content-Type"] = media
        for attempt in (1, 2):
            if self.connection is None:
                self.connection = self.connect()
            try:
                self.connection.request(method, path, body=body, headers=fields)
                return Answer(self.connection.getresponse())
            except (http.client.RemoteDisconnected, ConnectionError, ssl.SSLError):
                self.connection = None  # kept alive too long; once more on a new one
                if attempt == 2:
                    raise

    def get(self, path, **headers):
        return self.ask("GET", path, **headers)

    def feed(self, after=0, wait=0):
        answer = self.get(f"/v1/feed?after={after}&wait={wait}")
        assert answer.status == 200, answer
        return answer.json

    def events(self, kind, after=0):
        return [e for e in self.feed(after)["events"] if e["type"] == kind]


class Office(Client):
    """An office with its key and certificate in a folder of its own."""

    def __init__(self, hub, office, name="office"):
        self.office, self.dir = office, hub.world.dir / f"{name}-{office}"
        self.dir.mkdir()
        super().__init__(hub, None, self.dir / "office.key")
        self.new_key()

    def new_key(self, *algorithm):
        run("openssl", "genpkey", "-quiet", "-out", self.key, *(algorithm or ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")))
        self.key.chmod(0o600)
        return self

    def request(self):
        run("openssl", "req", "-new", "-key", self.key, "-subj", "/CN=anything", "-outform", "DER", "-out", self.dir / "csr")
        return base64.encodebytes((self.dir / "csr").read_bytes())

    def ask_enrol(self, token, request=None, user=None, media="application/pkcs10"):
        login = base64.b64encode(f"{user or self.office}:{token}".encode()).decode()
        return Client(self.hub).ask("POST", "/.well-known/est/simpleenroll", request or self.request(), media,
                                    Authorization=f"Basic {login}")

    def take(self, answer):
        assert answer.status == 200, answer
        assert answer.headers["Content-Transfer-Encoding"] == "base64"
        (self.dir / "p7").write_bytes(base64.b64decode(answer.body))
        pem = run("openssl", "pkcs7", "-inform", "DER", "-in", self.dir / "p7", "-print_certs").stdout
        assert pem.count("BEGIN CERTIFICATE") == 2, "leaf, then issuing CA"
        self.certificate = self.dir / f"office-{secrets.token_hex(4)}.pem"
        self.certificate.write_text(pem)
        self.connection = None
        return self

    def enrol(self, add=True):
        if add:
            self.hub.add(self.office)
        return self.take(self.ask_enrol(self.hub.token(self.office)))

    def serial(self):
        return run("openssl", "x509", "-in", self.certificate, "-noout", "-serial").stdout.strip().split("=")[1]

    def fingerprint(self):
        text = run("openssl", "x509", "-in", self.certificate, "-noout", "-fingerprint", "-sha256").stdout
        return text.strip().split("=")[1].replace(":", "").lower()


class Message:
    def __init__(self, sender, recipient, size=3000, message_id=None, ahead=0):
        self.id = message_id or secrets.token_hex(16)
        self.sender, self.recipient = sender.office, recipient.office
        self.dir = sender.dir / f"{self.id}-{secrets.token_hex(2)}"
        self.dir.mkdir()
        certificate = recipient.certificate or sender.certificate
        self.envelope, self.manifest = tool("seal", sender.key, sender.certificate, certificate, recipient.office, self.id, size,
                                            self.dir, int(ahead * 1000))
        self.statement, self.header, self.ciphertext = ((self.dir / n).read_bytes() for n in ("statement", "header", "ciphertext"))

    @property
    def path(self):
        return f"/v1/messages/{self.sender}/{self.id}"

    def whole(self):
        return frame(self.statement, self.header, self.ciphertext)

    def put(self, client, body=None, media="application/vnd.careplan.envelope", path=None):
        return client.ask("PUT", path or f"/v1/messages/{self.id}", self.whole() if body is None else body, media)

    def parts(self):
        return [self.ciphertext[i:i + MIB] for i in range(0, len(self.ciphertext), MIB)]

    def put_part(self, client, n, data=None):
        return client.ask("PUT", f"/v1/messages/{self.id}/parts/{n}", self.parts()[n] if data is None else data, "application/octet-stream")

    def commit(self, client, length=None):
        body = frame(self.statement, self.header) + struct.pack(">Q", len(self.ciphertext) if length is None else length)
        return self.put(client, body, "application/vnd.careplan.commit")

    def receipt(self, office, kind="received", detail="", envelope=None, sender=None):
        path = self.dir / f"receipt-{secrets.token_hex(4)}"
        tool("receipt", office.key, office.certificate, kind, sender or self.sender, self.id, envelope or self.envelope, self.manifest, detail, path)
        return path.read_bytes()

    def put_receipt(self, office, der=None, kind="received"):
        return office.ask("PUT", f"{self.path}/receipts/{kind}", self.receipt(office, kind) if der is None else der, "application/cms")


def message_of(sender, recipient, ciphertext_length):
    """A message whose ciphertext has exactly this length."""
    guess = ciphertext_length - 400
    for _ in range(4):
        message = Message(sender, recipient, guess)
        if len(message.ciphertext) == ciphertext_length:
            return message
        guess += ciphertext_length - len(message.ciphertext)
    raise AssertionError("no such length")


def hub_with(world, text=""):
    """A running hub; `text` is added to hub.conf."""
    hub = world.hub()
    with open(hub.conf, "a") as f:
        f.write(text)
    return hub.start()


@pytest.fixture
def hub(world):
    return hub_with(world)


@pytest.fixture
def offices(hub):
    return Office(hub, CARE).enrol(), Office(hub, SERVICE).enrol()


def refused_command(*command, words=(), exit_code=2, **options):
    done = run(program("careplan-hub"), *command, check=False, timeout=20, **options)
    text = done.stderr.strip()
    assert done.returncode == exit_code, f"expected exit {exit_code}, got {done.returncode}: {done.stdout}{text}"
    lines = text.splitlines()
    assert len(lines) == 1, f"expected one line, got:\n{text}"
    for word in words:
        assert str(word) in lines[0], f"expected '{word}' in: {lines[0]}"


# ---- enrolment ----

def test_an_office_enrols_with_a_token_and_stands_in_the_directory(hub):
    care = Office(hub, CARE).enrol()
    answer = care.get("/v1/directory").json
    entry = {o["office"]: o for o in answer["offices"]}[CARE]
    assert entry["fingerprint"] == care.fingerprint() and entry["name"] and entry["municipality"] == "03201"
    text = run("openssl", "x509", "-in", care.certificate, "-noout", "-text").stdout
    assert f"URI:urn:careplan:office:{CARE}" in text and "anything" not in text, "of the request only the key is taken"
    run("openssl", "verify", "-CAfile", hub.ca, "-untrusted", care.certificate, care.certificate)


def test_cacerts_needs_no_certificate_and_holds_both(hub):
    answer = Client(hub).get("/.well-known/est/cacerts")
    (hub.world.dir / "p7").write_bytes(base64.b64decode(answer.body))
    pem = run("openssl", "pkcs7", "-inform", "DER", "-in", hub.world.dir / "p7", "-print_certs").stdout
    assert pem.count("BEGIN CERTIFICATE") == 2 and "root CA" in pem and "issuing CA" in pem


def test_a_wrong_token_an_unknown_office_and_no_token(hub):
    care = Office(hub, CARE)
    hub.add(CARE)
    token = hub.token(CARE)
    refused(care.ask_enrol("0" * 32), 401, "token-refused")
    unknown = refused(care.ask_enrol(token, user=CENTER), 401, "token-refused")
    assert unknown.headers["WWW-Authenticate"].startswith("Basic ")
    assert unknown.json == refused(care.ask_enrol(token, user="nobody"), 401, "token-refused").json, "it is not told which"
    refused(Client(hub).ask("POST", "/.well-known/est/simpleenroll", care.request(), "application/pkcs10"), 401, "token-refused")
    assert care.ask_enrol(token).status == 200, "the token is still good"


def test_a_used_token_is_good_again_only_for_the_same_key(hub):
    care = Office(hub, CARE)
    hub.add(CARE)
    token, request = hub.token(CARE), care.request()
    first = care.ask_enrol(token, request)
    assert care.ask_enrol(token, request).body == first.body, "its answer may have been lost"
    refused(Office(hub, CARE, "other").ask_enrol(token), 401, "token-refused")


def test_an_expired_token(hub):
    care = Office(hub, CARE)
    hub.add(CARE)
    token = hub.token(CARE)
    with sqlite3.connect(hub.dir / "hub.db", timeout=10) as db:
        db.execute("UPDATE tokens SET expires = ?", (int(time.time() * 1000),))
    refused(care.ask_enrol(token), 401, "token-refused")


def test_four_wrong_tries_leave_a_token_good_the_fifth_ends_it(hub):
    care = Office(hub, CARE)
    hub.add(CARE)
    for tries, status in ((4, 200), (5, 401)):
        token = hub.token(CARE)
        for _ in range(tries):
            refused(care.ask_enrol("f" * 32), 401, "token-refused")
        assert care.ask_enrol(token).status == status
    log = hub.log.read_text()
    assert log.count(f"token-refused: for {CARE}, from 127.0.0.1") == 10, "the operator sees who guesses"
    assert log.count(f"token-ended: the token of {CARE}") == 1, "and that a new one is needed"
    hub.token(CARE)
    with sqlite3.connect(hub.dir / "hub.db", timeout=10) as db:
        assert token.encode() not in b"".join(bytes(h) for (h,) in db.execute("SELECT hash FROM tokens")), "stored hashed"


def test_refused_tokens_an_hour_of_an_address(world):
    hub = hub_with(world, "[limits]\ntokens_refused_per_hour = 3\n")
    care, service = Office(hub, CARE).enrol(), Office(hub, SERVICE)
    for _ in range(3):
        refused(service.ask_enrol("f" * 32), 401, "token-refused")
    hub.add(SERVICE)
    answer = refused(service.ask_enrol(hub.token(SERVICE)), 429, "rate")
    assert int(answer.headers["Retry-After"]) > 0
    assert care.get("/v1/directory").status == 200, "it concerns enrolment alone"
    assert Client(hub).get("/v1/crl").status == 200


def test_enrolments_that_succeed_are_no_refusals(world):
    hub = hub_with(world, "[limits]\ntokens_refused_per_hour = 1\n")
    for office in (CARE, SERVICE, CENTER):
        Office(hub, office).enrol()


def test_requests_for_certificates_that_are_none(hub):
    care = Office(hub, CARE)
    hub.add(CARE)
    token = hub.token(CARE)
    refused(care.ask_enrol(token, b"%%%"), 400, "request-form")
    refused(care.ask_enrol(token, b"AAAA"), 422, "csr")
    refused(care.ask_enrol(token, media="text/plain"), 415, "media-type")
    der = bytearray(base64.b64decode(care.request()))
    der[-1] ^= 1
    refused(care.ask_enrol(token, base64.b64encode(der)), 422, "csr")
    refused(care.new_key("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048").ask_enrol(token), 422, "key-type")
    refused(care.new_key("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384").ask_enrol(token), 422, "key-type")
    assert care.new_key("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072").ask_enrol(token).status == 200


def test_a_request_of_16_kib_and_one_byte_more(hub):
    care = Office(hub, CARE)
    hub.add(CARE)
    token = hub.token(CARE)
    request = care.request()
    refused(care.ask_enrol(token, request + b"\n" * (16 * 1024 + 1 - len(request))), 413, "body-too-large")
    assert care.ask_enrol(token, request + b"\n" * (16 * 1024 - len(request))).status == 200


def test_enrolling_over_a_live_certificate_revokes_it_and_tells_the_partners(hub, offices):
    care, service = offices
    center = Office(hub, CENTER).enrol()
    assert Message(care, service).put(care).status == 201, "partners now"
    old, old_serial = Client(hub, care.certificate, care.key), care.serial()
    old_key = care.dir / "old.key"
    old_key.write_bytes(care.key.read_bytes())
    old.key = old_key
    assert old.get("/v1/directory").status == 200
    care.new_key().enrol(add=False)
    refused(old.get("/v1/directory"), 403, "certificate-refused")
    crl = hub.world.dir / "crl"
    crl.write_bytes(Client(hub).get("/v1/crl").body)
    text = run("openssl", "crl", "-inform", "DER", "-in", crl, "-noout", "-text").stdout
    assert old_serial in text.replace(" ", "") and care.serial() not in text
    issuing = hub.dir / "issuing.pem"
    assert "verify OK" in run("openssl", "crl", "-inform", "DER", "-in", crl, "-noout", "-CAfile", issuing).stderr
    for office in (care, service):
        assert [e["office"] for e in office.events("key_change")] == [CARE]
    assert center.events("key_change") == [], "no partner"
    types = [json.loads(e["entry"])["type"] for e in care.get("/v1/directory/log").json["entries"]]
    assert types[-3:] == ["revoked", "certificate", "key_change"]


def test_renewal_is_proven_by_the_old_key(hub):
    care = Office(hub, CARE).enrol()
    old = Client(hub, care.certificate, care.dir / "old.key")
    old.key.write_bytes(care.key.read_bytes())
    care.new_key()
    care.take(old.ask("POST", "/.well-known/est/simplereenroll", care.request(), "application/pkcs10"))
    assert care.get("/v1/directory").status == 200 and old.get("/v1/directory").status == 200
    entry = json.loads(care.get("/v1/directory/log").json["entries"][-1]["entry"])
    assert entry["proof"] == "old-key" and entry["fingerprint"] == care.fingerprint()
    assert care.events("key_change") == []
    refused(Client(hub).ask("POST", "/.well-known/est/simplereenroll", care.request(), "application/pkcs10"), 401, "certificate-required")
    for body, media, status, code in ((b"%%%", "application/pkcs10", 400, "request-form"), (b"AAAA", "application/pkcs10", 422, "csr"),
                                      (b"AAAA", "text/plain", 415, "media-type"), (bytes(16 * 1024 + 1), "application/pkcs10", 413, "body-too-large")):
        refused(care.ask("POST", "/.well-known/est/simplereenroll", body, media), status, code)


# ---- who may ----

PROTECTED = [("GET", "/v1/feed"), ("GET", "/v1/directory"), ("GET", "/v1/directory/log"),
             ("GET", f"/v1/messages/{'a' * 32}/parts"), ("PUT", f"/v1/messages/{'a' * 32}"),
             ("PUT", f"/v1/messages/{'a' * 32}/parts/0"), ("GET", f"/v1/messages/{CARE}/{'a' * 32}"),
             ("PUT", f"/v1/messages/{CARE}/{'a' * 32}/receipts/received"), ("POST", "/.well-known/est/simplereenroll")]


@pytest.mark.parametrize("who,status,code", [("nobody", 401, "certificate-required"), ("foreign", 403, "certificate-refused"),
                                             ("the hub's own server", 403, "certificate-refused")])
def test_every_other_route_requires_an_offices_certificate(world, hub, who, status, code):
    client = Client(hub)
    if who == "foreign":
        foreign = Office(hub_with(world), CARE).enrol()
        hub.add(CARE)
        client = Client(hub, foreign.certificate, foreign.key)
    elif who != "nobody":
        client = Client(hub, hub.dir / "server.pem", hub.dir / "server.key")
    for method, path in PROTECTED:
        refused(client.ask(method, path, b"" if method != "GET" else None), status, code)
    assert client.get("/v1/crl").status == 200 and client.get("/.well-known/est/cacerts").status == 200


def test_an_expired_certificate(world):
    hub = world.hub()
    hub.start()
    care = Office(hub, CARE).enrol()
    issuing = ["-CA", hub.dir / "issuing.pem", "-CAkey", hub.dir / "issuing.key"]
    extensions = care.dir / "ext"
    extensions.write_text(f"keyUsage=critical,digitalSignature,keyAgreement\nextendedKeyUsage=clientAuth,emailProtection\n"
                          f"subjectAltName=URI:urn:careplan:office:{CARE}\nbasicConstraints=critical,CA:FALSE\n")
    old = care.dir / "expired.pem"
    run("openssl", "x509", "-req", "-inform", "DER", "-in", care.dir / "csr", *issuing, "-days", "-1", "-extfile", extensions, "-out", old)
    refused(Client(hub, old, care.key).get("/v1/directory"), 403, "certificate-refused")


@pytest.mark.parametrize("tls12", ["no", "yes"])
def test_tls_1_2_is_refused_unless_the_operator_allows_it(world, tls12):
    hub = hub_with(world, f"[hub]\ntls12 = {tls12}\n")
    done = subprocess.run(["curl", "-sS", "--tls-max", "1.2", "--cacert", hub.ca, "-o", "/dev/null", "-w", "%{http_code}", f"{hub.url}/v1/crl"],
                          capture_output=True, text=True)
    assert (done.returncode == 0 and done.stdout == "200") == (tls12 == "yes"), done
    weak = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{hub.port}", "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert weak.returncode != 0, "only AEAD suites"


def test_no_session_tickets(hub):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{hub.port}", "-CAfile", hub.ca, "-ign_eof"], capture_output=True, text=True,
                          input="GET /v1/crl HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", errors="replace")
    assert "TLSv1.3" in done.stdout and "New Session Ticket" not in done.stdout


# ---- messages ----

def test_a_whole_message_is_accepted_once_and_fetched(hub, offices):
    care, service = offices
    center = Office(hub, CENTER).enrol()
    message = Message(care, service)
    first = message.put(care)
    assert first.status == 201 and first.headers["Content-Type"] == "application/cms", first
    again = message.put(care)
    assert again.status == 200 and again.body == first.body, "the very same acceptance"
    acceptance = message.dir / "acceptance"
    acceptance.write_bytes(first.body)
    text = run("openssl", "cms", "-verify", "-inform", "DER", "-in", acceptance, "-CAfile", hub.ca).stdout
    signed = json.loads(text)
    assert signed["kind"] == "accepted" and signed["envelope"] == message.envelope and signed["manifest"] == message.manifest
    for reader in (care, service):
        got = reader.get(message.path)
        assert got.status == 200 and unframe(got.body) == [first.body, message.statement, message.header, message.ciphertext]
        assert got.headers["ETag"] == f'"{message.envelope}"' and got.headers["Accept-Ranges"] == "bytes"
    not_yours = refused(center.get(message.path), 404, "not-found")
    unknown = refused(center.get(f"/v1/messages/{CARE}/{'0' * 32}"), 404, "not-found")
    assert not_yours.body == unknown.body, "not yours and unknown are not told apart"
    events = service.events("message")
    assert [(e["sender"], e["id"], e["size"]) for e in events] == [(CARE, message.id, len(got.body))]
    assert care.events("message") == []


def test_ranges(hub, offices):
    care, service = offices
    message = Message(care, service, 2 * MIB + 12345)
    for n in range(3):
        message.put_part(care, n)
    assert message.commit(care).status == 201
    whole = service.get(message.path).body
    assert whole.endswith(message.ciphertext)
    n = len(whole)
    tag = f'"{message.envelope}"'
    for text, first, last in (("0-0", 0, 0), ("0-", 0, n - 1), ("-1", n - 1, n - 1), (f"-{n + 5}", 0, n - 1), (f"{n - 1}-{n + 9}", n - 1, n - 1),
                              ("1000-300000", 1000, 300000), (f"{MIB - 10}-{2 * MIB + 7000}", MIB - 10, 2 * MIB + 7000)):
        got = service.get(message.path, Range=f"bytes={text}", If_Range=tag)
        assert got.status == 206 and got.headers["Content-Range"] == f"bytes {first}-{last}/{n}", (text, got)
        assert got.body == whole[first:last + 1], text
    for headers in ({"Range": "bytes=0-1,5-6"}, {"Range": "lines=0-1"}, {"Range": "bytes=5-1"}, {"Range": "bytes=0-1", "If_Range": '"other"'}):
        got = service.get(message.path, **headers)
        assert got.status == 200 and got.body == whole, headers
    behind = refused(service.get(message.path, Range=f"bytes={n}-"), 416, "range")
    assert behind.headers["Content-Range"] == f"bytes */{n}"


def test_messages_that_are_refused(hub, offices):
    care, service = offices
    message = Message(care, service)
    refused(message.put(service), 403, "statement-sender")
    refused(message.put(care, path=f"/v1/messages/{'0' * 32}"), 422, "statement-id")
    flipped = bytearray(message.ciphertext)
    flipped[7] ^= 1
    refused(message.put(care, frame(message.statement, message.header, bytes(flipped))), 422, "envelope-hash")
    refused(message.put(care, frame(message.statement, b"x" * 40, message.ciphertext)), 422, "header-form")
    bad = bytearray(message.statement)
    bad[-3] ^= 1
    assert message.put(care, frame(bytes(bad), message.header, message.ciphertext)).status == 422
    refused(message.put(care, media="text/plain"), 415, "media-type")
    refused(message.put(care, media=None), 415, "media-type")
    whole = message.whole()
    for body in (b"", b"\0" * 7, whole[:-1], whole + b"x", frame(b"", message.header, message.ciphertext),
                 struct.pack(">Q", 1 << 63) + whole[8:], frame(b"s" * (64 * 1024 + 1), message.header, message.ciphertext)):
        refused(message.put(care, body), 400, "message-form")
    stranger = Office(hub, CENTER)
    refused(Message(care, stranger).put(care), 422, "recipient-unknown")
    assert service.events("message") == [], "nothing was kept"
    assert message.put(care).status == 201
    refused(Message(care, service, 77, message.id).put(care), 409, "id-conflict")


def test_a_whole_ciphertext_of_1_mib_and_one_byte_more(hub, offices):
    care, service = offices
    assert message_of(care, service, MIB).put(care).status == 201
    refused(message_of(care, service, MIB + 1).put(care), 400, "message-form")


def test_a_message_created_in_the_future_is_refused_at_once(hub, offices):
    care, service = offices
    for ahead, status in ((280, 201), (330, 422)):
        whole, parts = Message(care, service, ahead=ahead), Message(care, service, ahead=ahead)
        assert parts.put_part(care, 0).status == 204
        for answer in whole.put(care), parts.commit(care):
            assert answer.status == status, answer
    refused(answer, 422, "statement-time")
    assert len(service.events("message")) == 2, "nothing was kept"


def test_a_message_in_parts(hub, offices):
    care, service = offices
    message = Message(care, service, 2 * MIB + 500000)
    listing = f"/v1/messages/{message.id}/parts"
    assert care.get(listing).json == {"parts": [], "more": False, "committed": False}
    refused(message.commit(care), 422, "parts-missing")
    assert message.put_part(care, 2).status == 204 and message.put_part(care, 0, b"replaced later").status == 204
    assert message.put_part(care, 0).status == 204 and message.put_part(care, 0).status == 204
    refused(message.commit(care), 422, "parts-missing")
    assert message.put_part(care, 1).status == 204
    expected = [{"n": n, "size": len(p), "sha256": hashlib.sha256(p).hexdigest()} for n, p in enumerate(message.parts())]
    assert care.get(listing).json == {"parts": expected, "more": False, "committed": False}
    assert care.get(listing + "?after=1").json["parts"] == expected[2:]
    assert service.get(listing).json["parts"] == [], "of the own messages only"
    refused(message.commit(care, len(message.ciphertext) - 1), 422, "parts-missing")
    assert message.put_part(care, 3, b"one too many").status == 204
    refused(message.commit(care), 422, "parts-missing")


def test_a_commit_is_idempotent_and_closes_its_parts(hub, offices):
    care, service = offices
    message = Message(care, service, 2 * MIB + 500000)
    for n in range(3):
        assert message.put_part(care, n).status == 204
    first = message.commit(care)
    assert first.status == 201, first
    assert message.commit(care).body == first.body and message.commit(care).status == 200
    assert care.get(f"/v1/messages/{message.id}/parts").json["committed"]
    assert message.put_part(care, 1).status == 204, "the same again"
    refused(message.put_part(care, 1, b"another"), 409, "part-conflict")
    assert unframe(service.get(message.path).body)[3] == message.ciphertext
    other = Message(care, service, 2 * MIB + 500000, message.id)
    refused(other.put_part(care, 0), 409, "part-conflict")
    refused(other.commit(care), 409, "id-conflict")


def test_many_commits_at_once_hash_once_and_wait_for_each_other(hub, offices):
    care, service = offices
    message = Message(care, service, 48 * MIB)
    for n in range(len(message.parts())):
        assert message.put_part(care, n).status == 204
    body = frame(message.statement, message.header) + struct.pack(">Q", len(message.ciphertext))
    request = (f"PUT /v1/messages/{message.id} HTTP/1.1\r\nHost: x\r\nContent-Type: application/vnd.careplan.commit\r\n"
               f"Content-Length: {len(body)}\r\n\r\n").encode() + body
    sockets = [care.socket() for _ in range(40)]
    for s in sockets:
        s.sendall(request)
    began = time.monotonic()
    assert service.feed()["next"] >= 0 and time.monotonic() - began < 2 * SLOW, "others read meanwhile"
    answers = [s.recv(12).split()[1] for s in sockets]
    assert answers.count(b"201") == 1 and answers.count(b"200") >= 16, answers
    assert answers.count(b"429") >= 1 and set(answers) == {b"200", b"201", b"429"}, "one, sixteen wait, the next is too much"
    assert message.commit(care).status == 200


def test_uploads_of_an_office_at_the_bound_and_one_beyond(world):
    hub = hub_with(world, "[limits]\nuploads_per_office = 2\n")
    care, service = Office(hub, CARE).enrol(), Office(hub, SERVICE).enrol()
    first, second, third = (Message(care, service) for _ in range(3))
    assert first.put_part(care, 0).status == 204 and second.put_part(care, 0).status == 204
    answer = refused(third.put_part(care, 0), 429, "uploads-per-office")
    assert int(answer.headers["Retry-After"]) > 0
    assert first.put_part(care, 1, b"of an open one").status == 204
    assert Message(service, care).put_part(service, 0).status == 204, "another office's share is its own"
    assert second.commit(care).status == 201
    assert third.put_part(care, 0).status == 204, "the commit made room"


def test_bytes_of_an_office_at_the_bound_and_one_beyond(world):
    hub = hub_with(world, f"[limits]\nbytes_per_office = {2 * MIB}\n")
    care, service = Office(hub, CARE).enrol(), Office(hub, SERVICE).enrol()
    message = Message(care, service, 200000)
    assert message.put(care).status == 201
    room = 2 * MIB - len(message.whole()) + 24
    parts, other = Message(care, service), Message(care, service)
    assert parts.put_part(care, 0, bytes(MIB)).status == 204
    refused(parts.put_part(care, 1, bytes(room - MIB + 1)), 429, "bytes-per-office")
    assert parts.put_part(care, 1, bytes(room - MIB)).status == 204
    answer = refused(other.put(care), 429, "bytes-per-office")
    assert int(answer.headers["Retry-After"]) > 0
    refused(other.put_part(care, 0), 429, "bytes-per-office")
    refused(parts.put_part(care, 2, b"x"), 413, "message-too-large")
    assert Message(service, care).put(service).status == 201, "another office's share is its own"
    assert message.put(care).status == 200, "what is there is there"
    assert message.put_receipt(service).status == 201
    assert other.put(care).status == 201, "the receipt made room"


def test_the_hash_over_the_parts_is_the_statements(hub, offices):
    care, service = offices
    message = Message(care, service, MIB + 1000)
    message.put_part(care, 0, bytes(MIB))
    message.put_part(care, 1)
    refused(message.commit(care), 422, "envelope-hash")
    assert message.put_part(care, 0).status == 204
    assert message.commit(care).status == 201


def test_parts_at_their_bounds(world):
    hub = hub_with(world, "[limits]\nparts_max = 3\n")
    care = Office(hub, CARE).enrol()
    path = f"/v1/messages/{'b' * 32}/parts/"

    def put(n, data):
        return care.ask("PUT", f"{path}{n}", data, "application/octet-stream")

    assert put(2, b"x").status == 204
    refused(put(3, b"x"), 400, "query")
    refused(put(1000000, b"x"), 400, "query")
    refused(put(1000001, b"x"), 404, "not-found")
    refused(put("01", b"x"), 404, "not-found")
    assert put(0, bytes(MIB)).status == 204
    refused(put(0, bytes(MIB + 1)), 413, "body-too-large")
    refused(put(0, b""), 400, "part-size")
    refused(care.ask("PUT", path + "0", b"x", "text/plain"), 415, "media-type")


def test_more_parts_than_a_page(hub):
    care = Office(hub, CARE).enrol()
    path = f"/v1/messages/{'c' * 32}/parts"
    for n in range(1001):
        assert care.ask("PUT", f"{path}/{n}", b"x", "application/octet-stream").status == 204
    page = care.get(path).json
    assert len(page["parts"]) == 1000 and page["more"]
    rest = care.get(f"{path}?after={page['parts'][-1]['n']}").json
    assert [p["n"] for p in rest["parts"]] == [1000] and not rest["more"]


def test_a_message_of_message_max_and_one_byte_more(world):
    hub = hub_with(world, "[limits]\nmessage_max = 1048576\n")
    care, service = Office(hub, CARE).enrol(), Office(hub, SERVICE).enrol()
    for length, status in ((MIB, 201), (MIB + 1, 413)):
        message = message_of(care, service, length)
        for n in range(len(message.parts())):
            assert message.put_part(care, n).status == 204
        assert message.commit(care).status == status


def test_parts_without_a_commit_go_after_a_while_and_so_do_contents_that_were_received(world):
    hub = hub_with(world, "retention = 0s\nupkeep = 1s\n[limits]\nupload_keep = 1s\n")
    care, service = Office(hub, CARE).enrol(), Office(hub, SERVICE).enrol()
    abandoned, message, unwanted = (Message(care, service) for _ in range(3))
    abandoned.put_part(care, 0)
    first = message.put(care)
    assert message.put_receipt(service).status == 201
    assert unwanted.put(care).status == 201
    assert unwanted.put_receipt(service, unwanted.receipt(service, "refused", "tag"), "refused").status == 201
    kept = Message(care, service)
    assert kept.put(care).status == 201
    wait_until(lambda: care.get(f"/v1/messages/{abandoned.id}/parts").json["parts"] == [], "abandoned parts go", 20)
    for gone in (message, unwanted):
        wait_until(lambda: service.get(gone.path).status == 404, "received and refused contents go", 20)
    assert message.put(care).body == first.body, "its acceptance stays, and so it is never sent twice"
    assert message.commit(care).body == first.body
    assert service.get(kept.path).status == 200, "what nobody has received stays"
    assert [e["id"] for e in service.events("message")] == [kept.id]


# ---- receipts ----

def test_receipts_reach_the_sender(hub, offices):
    care, service = offices
    message = Message(care, service)
    message.put(care)
    received = message.receipt(service)
    assert message.put_receipt(service, received).status == 201
    assert message.put_receipt(service, received).status == 200
    assert message.put_receipt(service, message.receipt(service)).status == 200, "a second one changes nothing"
    assert message.put_receipt(service, message.receipt(service, "taken", "read"), "taken").status == 201
    assert message.put_receipt(service, message.receipt(service, "refused", "tag"), "refused").status == 201
    events = care.events("receipt")
    assert [(e["kind"], e["by"], e["sender"], e["id"]) for e in events] == \
        [(kind, SERVICE, CARE, message.id) for kind in ("received", "taken", "refused")]
    assert base64.b64decode(events[0]["receipt"]) == received
    with sqlite3.connect(hub.dir / "hub.db", timeout=10) as db:
        assert db.execute("SELECT count(*) FROM receipts WHERE kind = 1").fetchone() == (2,), "kept as evidence"


def test_receipts_that_are_refused(hub, offices):
    care, service = offices
    center = Office(hub, CENTER).enrol()
    message = Message(care, service)
    message.put(care)
    assert message.put_receipt(center).status == 404, "not the recipient"
    refused(message.put_receipt(care), 404, "not-found")
    refused(message.put_receipt(service, message.receipt(care)), 422, "receipt-signer")
    refused(message.put_receipt(service, message.receipt(service, "taken", "read")), 422, "receipt-mismatch")
    refused(message.put_receipt(service, message.receipt(service, envelope="0" * 64)), 422, "receipt-mismatch")
    refused(message.put_receipt(service, message.receipt(service, sender=CENTER)), 422, "receipt-mismatch")
    refused(message.put_receipt(service, b"nonsense"), 422, "receipt-form")
    refused(message.put_receipt(service, b""), 422, "receipt-form")
    refused(service.ask("PUT", f"{message.path}/receipts/received", b"", "text/plain"), 415, "media-type")
    refused(message.put_receipt(service, bytes(64 * 1024)), 422, "receipt-form")
    refused(message.put_receipt(service, bytes(64 * 1024 + 1)), 413, "body-too-large")
    acceptance = message.put(care).body
    assert message.put_receipt(service, acceptance).status == 422, "the hub's own is none of an office"
    refused(service.ask("PUT", f"{message.path}/receipts/accepted", acceptance, "application/cms"), 404, "not-found")
    assert care.events("receipt") == []


# ---- feed and directory ----

def in_background(function, *arguments):
    result = []
    thread = threading.Thread(target=lambda: result.append(function(*arguments)))
    thread.start()
    return thread, result


def test_a_waiting_feed_wakes_at_once(hub, offices):
    care, service = offices
    message = Message(care, service)
    after = service.feed()["next"]
    thread, result = in_background(service.feed, after, 30)
    time.sleep(0.5)
    began = time.monotonic()
    assert message.put(care).status == 201
    thread.join(10 * SLOW)
    assert time.monotonic() - began < 5 * SLOW
    assert [e["type"] for e in result[0]["events"]] == ["message"] and result[0]["next"] > after
    assert service.feed(result[0]["next"]) == {"events": [], "next": result[0]["next"]}


def test_an_empty_feed_waits_its_time(hub):
    care = Office(hub, CARE).enrol()
    after = care.feed()["next"]
    began = time.monotonic()
    assert care.feed(after, 2)["events"] == []
    assert 1.5 < time.monotonic() - began < 2 + 5 * SLOW


def test_office_add_while_it_serves_is_announced(hub):
    care = Office(hub, CARE).enrol()
    after = care.feed()["next"]
    thread, result = in_background(care.feed, after, 20)
    time.sleep(0.3)
    began = time.monotonic()
    hub.add(SERVICE)
    thread.join(20 * SLOW)
    assert time.monotonic() - began < 4 * SLOW
    event = result[0]["events"][0]
    assert event["type"] == "directory"
    log = Client(hub, care.certificate, care.key).get("/v1/directory/log").json
    assert event["head"] == {"n": log["entries"][-1]["n"], "hash": log["entries"][-1]["hash"]}


def test_of_several_directory_events_only_the_newest_is_kept(hub):
    care = Office(hub, CARE).enrol()
    for office in (SERVICE, CENTER):
        hub.add(office)
    assert len(wait_until(lambda: care.events("directory"), "a directory event")) == 1


def test_one_waiting_feed_more_than_allowed_answers_the_oldest(world):
    hub = hub_with(world, "[limits]\nfeeds_per_office = 2\n")
    care = Office(hub, CARE).enrol()
    after = care.feed()["next"]
    feeds = []
    for n in range(3):
        feeds.append(in_background(Client(hub, care.certificate, care.key).feed, after, 20))
        time.sleep(0.4 * SLOW)
        assert [bool(result) for _, result in feeds] == [n == 2] + [False] * n
    hub.add(SERVICE)
    for thread, result in feeds:
        thread.join(10 * SLOW)
    assert [len(result[0]["events"]) for _, result in feeds] == [0, 1, 1]


def test_a_feed_gives_100_events_at_a_time(hub, offices):
    care, service = offices
    message = Message(care, service)
    message.put(care)
    with sqlite3.connect(hub.dir / "hub.db", timeout=10) as db:
        for _ in range(100):
            db.execute("INSERT INTO events(office, type, message) SELECT office, type, message FROM events WHERE type = 1 LIMIT 1")
    page = service.feed()
    assert len(page["events"]) == 100
    numbers = [e["n"] for e in page["events"]]
    assert numbers == sorted(numbers) and page["next"] == numbers[-1]
    rest = service.feed(page["next"])["events"]
    assert 1 <= len(rest) <= 2 and rest[0]["n"] > numbers[-1]


def test_queries_out_of_form_or_bounds(hub):
    care = Office(hub, CARE).enrol()
    for path in ("/v1/feed?after=-1", "/v1/feed?after=x", "/v1/feed?wait=61", "/v1/feed?after=1&after=2", "/v1/feed?after=%zz",
                 "/v1/directory?after=0300000100", "/v1/directory/log?after=1.5", f"/v1/messages/{'a' * 32}/parts?after=1000001"):
        refused(care.get(path), 400, "query")
    for path in ("/v1/feed?wait=60", "/v1/feed?after=%30&unknown=1", f"/v1/messages/{'a' * 32}/parts?after=1000000"):
        assert care.get(path).status == 200


def test_the_log_is_a_chain_with_a_signed_head(hub):
    care = Office(hub, CARE).enrol()
    hub.add(SERVICE)
    hub.add(CENTER)
    log = care.get("/v1/directory/log").json
    before = bytes(32)
    for n, entry in enumerate(log["entries"], 1):
        before = hashlib.sha256(before + entry["entry"].encode()).digest()
        assert entry["n"] == n and entry["hash"] == before.hex()
    head = care.dir / "head"
    head.write_bytes(base64.b64decode(log["head"]))
    signed = json.loads(run("openssl", "cms", "-verify", "-inform", "DER", "-in", head, "-CAfile", hub.ca).stdout)
    assert signed["n"] == len(log["entries"]) and signed["hash"] == before.hex()
    assert [e["n"] for e in care.get("/v1/directory/log?after=2").json["entries"]] == [3, 4]
    with sqlite3.connect(hub.dir / "hub.db", timeout=10) as db:
        for change in ("UPDATE log SET entry = ''", "DELETE FROM log"):
            with pytest.raises(sqlite3.Error):
                db.execute(change)


def test_the_directory_in_pages(hub):
    care = Office(hub, CARE).enrol()
    with sqlite3.connect(hub.dir / "hub.db", timeout=10) as db:
        for n in range(500):
            db.execute("INSERT INTO offices(office, name, municipality, added) VALUES(?, '架空', '', 0)", (f"04{n:08d}-11",))
    page = care.get("/v1/directory").json
    assert len(page["offices"]) == 500 and page["more"]
    rest = care.get(f"/v1/directory?after={page['offices'][-1]['office']}").json
    assert len(rest["offices"]) == 1 and not rest["more"]


# ---- limits ----

def test_a_body_of_body_max_and_one_byte_more(world):
    hub = hub_with(world, "[limits]\nbody_max = 65536\n")
    care = Office(hub, CARE).enrol()
    path = f"/v1/messages/{'d' * 32}/parts/0"
    assert care.ask("PUT", path, bytes(65536), "application/octet-stream").status == 204
    refused(care.ask("PUT", path, bytes(65537), "application/octet-stream"), 413, "body-too-large")


def test_a_body_over_8_mib_is_refused_below_the_routes(hub):
    care = Office(hub, CARE).enrol()
    connection = care.connect()
    connection.putrequest("PUT", f"/v1/messages/{'d' * 32}/parts/0")
    connection.putheader("Content-Length", str(8 * MIB + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413


def anonymous_upload(hub, held, length=MIB):
    """A socket over which `held` bytes of a request have been sent whose body has `length`."""
    client = Client(hub).socket()
    head = f"PUT /v1/messages/{'d' * 32}/parts/0 HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n"
    client.sendall(head.encode() + bytes(held - len(head)))
    return client, len(head)


def is_open(s, wait=0.05):
    s.settimeout(wait)
    try:
        return s.recv(1) != b""
    except TimeoutError:
        return True
    except (ConnectionError, ssl.SSLError):
        return False


@pytest.mark.parametrize("beyond", [0, 1])
def test_a_body_over_32_kib_and_headers_without_a_certificate_is_cut_off(hub, beyond):
    size = 48 * 1024 + beyond  # 16 KiB are for the headers
    client, head = anonymous_upload(hub, 40 * 1024, size - 142)
    assert head == 142
    try:
        client.sendall(bytes(size - 40 * 1024))
        answer = client.recv(100)
    except (ConnectionError, ssl.SSLError):
        answer = b""
    assert answer == b"" if beyond else answer.startswith(b"HTTP/1.1 401"), answer


def test_strangers_bodies_have_a_share_of_their_own_and_the_oldest_goes(world):
    hub = hub_with(world, "[limits]\nbuffered_max = 8388608\n")
    care, service = Office(hub, CARE).enrol(), Office(hub, SERVICE)
    strangers = [anonymous_upload(hub, 40 * 1024)[0] for _ in range(64)]
    time.sleep(0.3 * SLOW)
    for _ in range(7):
        assert care.ask("PUT", f"/v1/messages/{'d' * 32}/parts/0", bytes(MIB), "application/octet-stream").status == 204
    assert [is_open(s) for s in strangers] == [False] * 52 + [True] * 12, "12 times 40 KiB fit into 512 KiB"
    strangers.append(anonymous_upload(hub, 40 * 1024)[0])
    service.enrol()
    assert [is_open(s) for s in strangers[52:]] == [False] + [True] * 12, "for whoever is new the oldest goes"
    cut = [line for line in hub.log.read_text().splitlines() if "connection-cut" in line]
    assert cut and len(cut) < 30 and all("of strangers" in line for line in cut), "a line a second at most"


def test_bodies_over_buffered_max_together(world):
    hub = hub_with(world, "[limits]\nbuffered_max = 8388608\n")
    care = Office(hub, CARE).enrol()
    sockets = [care.socket() for _ in range(3)]
    head = f"PUT /v1/messages/{'d' * 32}/parts/0 HTTP/1.1\r\nHost: x\r\nContent-Length: {7 * MIB}\r\n\r\n".encode()
    cut = 0
    for s in sockets:
        try:
            s.sendall(head + bytes(3 * MIB))
            s.settimeout(1)
            cut += s.recv(1) == b""
        except TimeoutError:
            pass
        except (ConnectionError, ssl.SSLError):
            cut += 1
    assert cut == 1, "two of 3 MiB are held, the third is too much"
    for s in sockets:
        s.close()
    wait_until(lambda: care.ask("PUT", f"/v1/messages/{'d' * 32}/parts/0", bytes(MIB), "application/octet-stream").status == 204, "it goes on")


def test_header_fields_at_the_bound_and_one_beyond(world):
    hub = hub_with(world, "[limits]\nheaders_max = 20\n")
    client = Client(hub)
    for n, status in ((20, 200), (21, 431)):
        connection = client.connect()
        connection.putrequest("GET", "/v1/crl", skip_host=True, skip_accept_encoding=True)
        for i in range(n):
            connection.putheader(f"X-{i}", "y")
        connection.endheaders()
        answer = Answer(connection.getresponse())
        assert answer.status == status, answer
    refused(answer, 431, "headers")


def test_headers_over_their_size(world):
    hub = hub_with(world, "[limits]\nheaders_size = 4096\n")
    assert Client(hub).get("/v1/crl", X=("y" * 3000)).status == 200
    connection = Client(hub).connect()
    connection.request("GET", "/v1/crl", headers={"X": "y" * 4096})
    assert connection.getresponse().status == 400


def test_requests_a_minute_of_an_office(world):
    hub = hub_with(world, "[limits]\nrequests_per_minute = 5\n")
    care, service = Office(hub, CARE).enrol(), Office(hub, SERVICE).enrol()
    for _ in range(5):
        assert care.get("/v1/directory").status == 200
    answer = refused(care.get("/v1/directory"), 429, "rate")
    assert int(answer.headers["Retry-After"]) > 0
    assert service.get("/v1/directory").status == 200, "another office's share is its own"


def test_requests_a_minute_of_an_address(world):
    hub = hub_with(world, "[limits]\nanonymous_per_minute = 5\n")
    care = Office(hub, CARE).enrol()  # one of the five
    client = Client(hub)
    for _ in range(4):
        assert client.get("/v1/crl").status == 200
    refused(client.get("/v1/crl"), 429, "rate")
    assert care.get("/v1/crl").status == 200


def test_connections_at_the_bound_and_one_beyond(world):
    hub = hub_with(world, "[limits]\nconnections = 2\n")
    care, service = Office(hub, CARE).enrol(), Office(hub, SERVICE).enrol()
    third = Client(hub)
    assert care.get("/v1/crl").status == 200 and service.get("/v1/crl").status == 200
    thread, result = in_background(third.get, "/v1/crl")
    time.sleep(3)
    assert not result, "it waits"
    care.connection.close()
    thread.join(10 * SLOW)
    assert result and result[0].status == 200


def test_strangers_make_room_when_all_connections_are_taken(world):
    hub = hub_with(world, "[limits]\nconnections = 10\n")
    care = Office(hub, CARE).enrol()
    silent = [Client(hub).socket() for _ in range(5)]  # TLS and nothing more
    silent += [socket.create_connection(("127.0.0.1", hub.port)) for _ in range(5)]
    began = time.monotonic()
    assert care.get("/v1/directory").status == 200
    assert time.monotonic() - began < 8 * SLOW
    for s in silent:
        s.close()


def test_connections_of_an_address_without_a_certificate_at_the_bound_and_one_beyond(world):
    hub = hub_with(world, "[limits]\nanonymous_connections = 5\n")
    care = Office(hub, CARE).enrol()
    offices = [care.socket() for _ in range(4)]
    for s in offices:
        s.sendall(b"GET /v1/crl HTTP/1.1\r\nHost: x\r\n\r\n")
        assert s.recv(12) == b"HTTP/1.1 200", "counted no more, once a request has come"
    strangers = [Client(hub).socket() for _ in range(5)]
    beyond = socket.create_connection(("127.0.0.1", hub.port))
    assert not is_open(beyond, 5 * SLOW)
    assert all(is_open(s) for s in strangers + offices)
    strangers.pop().close()
    wait_until(lambda: is_open(socket.create_connection(("127.0.0.1", hub.port)), 0.3), "there is room again")


def closed_after(s, most):
    """Seconds until the hub closes `s`, which must be within `most`."""
    began = time.monotonic()
    s.settimeout(most * SLOW)
    try:
        while s.recv(1000):
            pass
    except (ConnectionError, ssl.SSLError):
        pass
    return time.monotonic() - began


def test_slow_requests_are_cut_off(world):
    hub = hub_with(world, "[limits]\nrequest_timeout = 2s\n")
    care = Office(hub, CARE).enrol()
    slow = care.socket()
    began, cut = time.monotonic(), False
    try:
        for c in b"GET /v1/directory HTTP/1.1\r\n" + b"X-Slow: 1\r\n" * 1000:
            slow.sendall(bytes([c]))
            time.sleep(0.1)
            assert time.monotonic() - began < 6 * SLOW, "still taken"
    except (ConnectionError, ssl.SSLError):
        cut = True
    assert cut and time.monotonic() - began > 1.5
    silent = socket.create_connection(("127.0.0.1", hub.port))
    assert closed_after(silent, 8) > 1.5, "no handshake ever comes"
    assert care.get("/v1/directory").status == 200


def test_without_a_certificate_one_waits_neither_before_nor_after_a_request(world):
    hub = hub_with(world, "[limits]\nanonymous_timeout = 1s\n")
    care = Office(hub, CARE).enrol()
    silent, served, half = Client(hub).socket(), Client(hub).socket(), anonymous_upload(hub, 1000)[0]
    office = care.socket()
    served.sendall(b"GET /v1/crl HTTP/1.1\r\nHost: x\r\n\r\n")
    assert served.recv(12) == b"HTTP/1.1 200"
    for s in silent, half, served:
        assert closed_after(s, 6) < 6 * SLOW
    office.sendall(b"GET /v1/directory HTTP/1.1\r\nHost: x\r\n\r\n")
    assert office.recv(12) == b"HTTP/1.1 200", "an office may be silent for longer"


def test_idle_connections_are_closed_but_a_feed_may_wait(world):
    hub = hub_with(world, "[limits]\nidle_timeout = 1s\n")
    care = Office(hub, CARE).enrol()
    after = care.feed()["next"]
    began = time.monotonic()
    assert care.feed(after, 4)["events"] == [] and time.monotonic() - began > 3
    idle = care.socket()
    idle.sendall(b"GET /v1/crl HTTP/1.1\r\nHost: x\r\n\r\n")
    assert 0.5 < closed_after(idle, 8) < 6 * SLOW


@pytest.mark.unsanitized
def test_a_slow_reader_gets_all_of_it_and_one_that_reads_nothing_is_left(world):
    hub = hub_with(world, f"[limits]\nidle_timeout = {int(2 * SLOW)}s\n")
    care, service = Office(hub, CARE).enrol(), Office(hub, SERVICE).enrol()
    message = Message(care, service, 12 * MIB)
    for n in range(len(message.parts())):
        message.put_part(care, n)
    assert message.commit(care).status == 201
    reader = service.socket()
    reader.sendall(f"GET {message.path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    # In all it takes longer than the timeout; between two megabytes the hub can always go on with its writing.
    total, began, rested = bytearray(), time.monotonic(), 0
    while piece := reader.recv(MIB):
        total += piece
        if len(total) // MIB > rested:
            rested = len(total) // MIB
            time.sleep(0.25 * SLOW)
    assert time.monotonic() - began > 2 * SLOW
    assert total.endswith(message.ciphertext[-100:]) and len(total) > len(message.ciphertext)
    lazy = service.socket()
    lazy.sendall(f"GET {message.path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    time.sleep(2.5 * SLOW)
    assert closed_after(lazy, 10) < 10 * SLOW
    assert service.get(message.path).body.endswith(message.ciphertext)


def test_sixteen_downloads_of_an_office_and_one_more(hub, offices):
    care, service = offices
    message = Message(care, service, 12 * MIB)
    for n in range(len(message.parts())):
        message.put_part(care, n)
    message.commit(care)
    sockets = [service.socket() for _ in range(16)]
    for s in sockets:
        s.sendall(f"GET {message.path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert s.recv(12) == b"HTTP/1.1 200"
    refused(service.get(message.path), 429, "rate")
    for s in sockets:
        s.close()
    wait_until(lambda: service.get(message.path).status == 200, "those that went make room")


# ---- HTTP ----

def test_unknown_paths_and_methods(hub):
    client = Client(hub)
    for path in ("/", "/v1", "/v1/feed/", "/v1/messages", f"/v1/messages/{'A' * 32}", "/v1/messages/x/y", "/../etc/passwd", "/v1/feed%20"):
        refused(client.get(path), 404, "not-found")
    answer = refused(client.ask("DELETE", "/v1/feed"), 405, "method-not-allowed")
    assert answer.headers["Allow"] == "GET"
    refused(client.ask("PATCH", f"/v1/messages/{'a' * 32}"), 405, "method-not-allowed")
    head = client.ask("HEAD", "/v1/crl")
    assert head.status == 405 and head.body == b""
    assert client.get("/v1/crl").status == 200, "the connection is still in step"


@pytest.mark.parametrize("request_text", [b"\0\1\2\3\r\n\r\n", b"GET\r\n\r\n", b"GET /v1/crl HTTP/9.9\r\n\r\n", b"GET /v1/crl HTTP/1.1\r\nno colon\r\n\r\n",
                                          b"PUT /v1/crl HTTP/1.1\r\nContent-Length: -5\r\n\r\n", b"BREW /v1/crl HTTP/1.1\r\n\r\n",
                                          b"PUT /v1/crl HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"GET http://[/ HTTP/1.1\r\n\r\n"])
def test_malformed_http(hub, request_text):
    s = Client(hub).socket()
    s.sendall(request_text)
    s.settimeout(3 * SLOW)
    try:
        answer = s.recv(100)
    except (TimeoutError, ConnectionError, ssl.SSLError):
        answer = b""
    assert answer == b"" or answer.split()[1] in (b"400", b"404", b"405", b"413", b"501", b"505"), answer
    assert Client(hub).get("/v1/crl").status == 200


def test_requests_one_behind_the_other_in_one_piece(hub):
    s = Client(hub).socket()
    s.sendall(b"GET /v1/crl HTTP/1.1\r\nHost: x\r\n\r\n" * 5 + b"GET /v1/crl HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    data = b""
    while piece := s.recv(65536):
        data += piece
    assert data.count(b"HTTP/1.1 200 OK") == 6


def test_requests_damaged_anywhere(hub):
    care = Office(hub, CARE).enrol()
    chance = random.Random(7)
    good = [b"GET /v1/feed?after=0&wait=0 HTTP/1.1\r\nHost: x\r\n\r\n",
            f"PUT /v1/messages/{'e' * 32}/parts/0 HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nContent-Length: 20\r\n\r\n".encode() + bytes(20),
            f"GET /v1/messages/{CARE}/{'e' * 32} HTTP/1.1\r\nHost: x\r\nRange: bytes=0-5\r\n\r\n".encode(),
            f"PUT /v1/messages/{'e' * 32} HTTP/1.1\r\nHost: x\r\nContent-Type: application/vnd.careplan.envelope\r\nTransfer-Encoding: chunked\r\n\r\n"
            "8\r\n\0\0\0\0\0\0\0\5\r\n0\r\n\r\n".encode()]
    for n in range(200):
        text = bytearray(chance.choice(good))
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(text))
            change = chance.randrange(4)
            if change == 0:
                text[at] = chance.randrange(256)
            elif change == 1:
                del text[at:at + chance.randint(1, 9)]
            elif change == 2:
                text[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 9)))
            else:
                text[at:at] = text[:chance.randint(1, 40)]
            if not text:
                break
        with care.socket() as s:
            try:
                s.sendall(bytes(text))
                s.settimeout(0.02)
                s.recv(1000)
            except (TimeoutError, ConnectionError, ssl.SSLError):
                pass
    assert care.get("/v1/directory").status == 200
    hub.stop()


# ---- living and dying ----

def test_clients_that_go_away_at_any_moment(hub, offices):
    care, service = offices
    large = Message(care, service, 5 * MIB)
    for n in range(len(large.parts())):
        large.put_part(care, n)
    assert large.commit(care).status == 201
    message = Message(care, service)
    head = "HTTP/1.1\r\nHost: x\r\n"
    requests = [f"GET /v1/feed?after=1000000&wait=30 {head}\r\n".encode(), f"GET {large.path} {head}\r\n".encode(), f"GET /v1/directory {head}\r\n".encode() * 3,
                f"PUT /v1/messages/{message.id} {head}Content-Type: application/vnd.careplan.envelope\r\nContent-Length: {len(message.whole())}\r\n\r\n".encode() + message.whole(),
                f"PUT /v1/messages/{'f' * 32}/parts/0 {head}Content-Type: application/octet-stream\r\nContent-Length: {MIB}\r\n\r\n".encode() + bytes(MIB)]
    for n in range(120):
        client = (care, service)[n % 2]
        s = client.socket()
        s.sendall(requests[n % len(requests)])
        if n % 3:
            time.sleep(secrets.randbelow(12) / 1000)
        if n % 4 == 0:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset instead of an end
        s.close()
    assert service.get(large.path).body.endswith(large.ciphertext)
    wait_until(lambda: service.get(large.path).status == 200, "nothing is left behind")
    hub.stop()



def test_sigterm_answers_what_waits_and_ends_with_0(hub):
    care = Office(hub, CARE).enrol()
    after = care.feed()["next"]
    thread, result = in_background(care.feed, after, 50)
    time.sleep(0.5)
    hub.stop(signal.SIGTERM)
    thread.join(5 * SLOW)
    assert result and result[0]["events"] == []
    hub.start()
    assert care.get("/v1/directory").status == 200
    hub.process.send_signal(signal.SIGINT)
    assert hub.process.wait(timeout=10 * SLOW) == 0


def test_what_was_acknowledged_survives_kill_9(hub, offices):
    care, service = offices
    accepted, under_way = {}, 0
    for _ in range(5):
        stop = threading.Event()

        def send():
            nonlocal under_way
            client = Client(hub, care.certificate, care.key)
            while not stop.is_set():
                message = Message(care, service, 2000)
                try:
                    under_way += 1
                    answer = message.put(client)
                    under_way -= 1
                except (OSError, http.client.HTTPException):
                    return
                assert answer.status == 201, answer
                accepted[message.id] = (message, answer.body)

        threads = [threading.Thread(target=send) for _ in range(4)]
        for t in threads:
            t.start()
        time.sleep(0.3 + secrets.randbelow(500) / 1000)
        hub.stop(signal.SIGKILL)
        stop.set()
        for t in threads:
            t.join()
        hub.start()
    assert len(accepted) > 5 and under_way > 0, "there were acknowledged ones and such that were cut"
    found, after = set(), 0
    while page := service.feed(after)["events"]:
        found |= {e["id"] for e in page if e["type"] == "message"}
        after = page[-1]["n"]
    assert set(accepted) <= found
    for message, acceptance in accepted.values():
        assert unframe(service.get(message.path).body) == [acceptance, message.statement, message.header, message.ciphertext]
        assert message.put(care).body == acceptance


def test_a_full_disk_is_said_and_passes(hub, offices):
    care, service = offices
    before = Message(care, service)
    assert before.put(care).status == 201
    limits = resource.prlimit(hub.process.pid, resource.RLIMIT_FSIZE)
    largest = max((hub.dir / name).stat().st_size for name in os.listdir(hub.dir))
    resource.prlimit(hub.process.pid, resource.RLIMIT_FSIZE, (largest + 65536, limits[1]))
    message = Message(care, service, 900000)
    answer = refused(message.put(care), 503, "storage")
    assert int(answer.headers["Retry-After"]) > 0
    assert service.get(before.path).status == 200, "reading goes on"
    resource.prlimit(hub.process.pid, resource.RLIMIT_FSIZE, limits)
    assert message.put(care).status == 201


def test_the_operators_listener(world):
    port = free_port()
    hub = hub_with(world, f"operator = 127.0.0.1:{port}\n")
    Office(hub, CARE).enrol()

    def get(path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request(method, path)
        return Answer(connection.getresponse())

    assert (get("/healthz").status, get("/healthz").body) == (200, b"ok\n")
    assert get("/readyz").status == 200
    metrics = get("/metrics").body.decode()
    assert "careplan_hub_enrolments_total 1\n" in metrics and "careplan_hub_offices 1\n" in metrics
    assert get("/v1/crl").status == 404 and get("/healthz", "POST").status == 405
    refused(Client(hub).get("/metrics"), 404, "not-found")


def test_a_store_that_cannot_be_read_is_not_ready(world):
    port = free_port()
    hub = hub_with(world, f"operator = 127.0.0.1:{port}\n")
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", str(world.dir / "strace"), "-p", str(hub.process.pid), "--inject=pread64:error=EIO"])
    try:
        def ready():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/readyz")
            return connection.getresponse().status

        number = iter(range(1000))
        wait_until(lambda: [hub.add(f"05{next(number):08d}-11"), ready()][1] == 503, "the hub says that it is not ready")
    finally:
        tracer.terminate()
        tracer.wait()
    wait_until(lambda: ready() == 200, "ready again")


# ---- the commands ----

def test_init_makes_a_private_folder(world):
    hub = world.hub()
    assert hub.dir.stat().st_mode & 0o7777 == 0o700
    for path in hub.dir.glob("*.key"):
        assert path.stat().st_mode & 0o7777 == 0o600, path
    text = run("openssl", "x509", "-in", hub.dir / "server.pem", "-noout", "-text").stdout
    assert "IP Address:127.0.0.1" in text
    run("openssl", "verify", "-CAfile", hub.ca, "-untrusted", hub.dir / "issuing.pem", hub.dir / "server.pem")
    named = world.dir / "named"
    run(program("careplan-hub"), "init", "--dir", named, "--listen", "127.0.0.1:1", "--name", "hub.example.jp")
    assert "DNS:hub.example.jp" in run("openssl", "x509", "-in", named / "server.pem", "-noout", "-text").stdout


def test_init_that_fails_leaves_nothing(world):
    where = world.dir / "new"
    for options, word in ((("--listen", "nonsense", "--name", "x"), "nonsense"), (("--listen", "127.0.0.1:1", "--name", "a b"), "name")):
        refused_command("init", "--dir", where, *options, words=[word])
        assert [p for p in world.dir.iterdir()] == []
    refused_command("init", "--dir", where / "deeper", "--listen", "127.0.0.1:1", "--name", "x", words=[where])
    world.dir.joinpath("file").write_text("mine")
    refused_command("init", "--dir", world.dir / "file", "--listen", "127.0.0.1:1", "--name", "x", words=["file", "exists"])
    assert world.dir.joinpath("file").read_text() == "mine"


def test_init_fills_an_empty_folder(world):
    (world.dir / "empty").mkdir(mode=0o755)
    run(program("careplan-hub"), "init", "--dir", world.dir / "empty/", "--listen", "127.0.0.1:1", "--name", "x")
    assert (world.dir / "empty").stat().st_mode & 0o7777 == 0o700


def test_offices_and_tokens_that_are_refused(world):
    hub = world.hub()
    config = ("--config", hub.conf)
    refused_command("token", *config, CARE, words=[CARE, "office add"])
    for identity in ("0300000100", "0300000100-4", "x", ""):
        refused_command("office", "add", *config, identity, "架空", words=["NUMBER-SERVICE"])
    refused_command("office", "add", *config, CARE, "a" * 256, words=["NAME"])
    refused_command("office", "add", *config, CARE, "a\tb", words=["NAME"])
    refused_command("office", "add", *config, CARE, "", words=["NAME"])
    refused_command("office", "add", *config, CARE, "架空", "--municipality", "1234", words=["municipality"])
    run(program("careplan-hub"), "office", "add", *config, CARE, "a" * 255)
    run(program("careplan-hub"), "office", "add", *config, CARE, "a" * 255)
    refused_command("office", "add", *config, CARE, "another", words=[CARE], exit_code=1)
    assert len(hub.token(CARE)) == 32


def test_configurations_that_are_refused(world):
    hub = world.hub()
    text = hub.conf.read_text()
    line = text.count("\n") + 1
    for more, words in (("conections = 5\n", [f"{hub.conf}:{line}", "conections"]), ("tls12 = maybe\n", [f"{hub.conf}:{line}", "maybe"]),
                        ("[limits]\nbody_max = 5\n", [f"{hub.conf}:{line + 1}", "body_max"]), ("operator = 192.0.2.1:80\n", ["operator", "loopback"]),
                        ("nonsense\n", [f"{hub.conf}:{line}"])):
        hub.conf.write_text(text + more)
        refused_command("serve", "--config", hub.conf, words=words)
    refused_command("serve", "--config", hub.dir / "missing.conf", words=["missing.conf"])
    refused_command("serve", "--config", hub.dir, words=[hub.dir])
    hub.conf.write_text("[hub]\nlisten = 127.0.0.1:1\n")
    refused_command("serve", "--config", hub.conf, words=["name"])


def test_keys_readable_by_others(world):
    hub = world.hub()
    for name in ("issuing.key", "server.key", "signer.key"):
        (hub.dir / name).chmod(0o640)
        refused_command("serve", "--config", hub.conf, words=[hub.dir / name, "chmod 600"])
        (hub.dir / name).chmod(0o600)
    (hub.dir / "root.key").unlink()
    hub.start()


@pytest.mark.parametrize("files,level", [(500, "warning"), (2000, "info")])
def test_fewer_files_than_connections(world, files, level):
    hub = world.hub()
    with open(hub.log, "w") as log:
        process = subprocess.Popen(["prlimit", f"--nofile={files}:{files}", program("careplan-hub"), "serve", "--config", str(hub.conf)], stderr=log)
    try:
        wait_until(lambda: "serving" in hub.log.read_text(), "it serves")
        assert Client(hub).get("/v1/crl").status == 200
    finally:
        process.terminate()
        assert process.wait(20 * SLOW) == 0
    line, = [line for line in hub.log.read_text().splitlines() if "descriptors" in line]
    assert f" {level} " in line and f"at most {files - 64} connections" in line, line


def test_a_store_that_is_missing_or_newer(world):
    hub = world.hub()
    with sqlite3.connect(hub.dir / "hub.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    refused_command("serve", "--config", hub.conf, words=["hub.db", "newer"])
    (hub.dir / "hub.db").unlink()
    refused_command("serve", "--config", hub.conf, words=["hub.db"])
    assert not (hub.dir / "hub.db").exists()


def test_a_second_hub_on_the_same_folder(hub):
    conf = hub.dir / "second.conf"
    conf.write_text(hub.conf.read_text().replace(str(hub.port), str(free_port())))
    refused_command("serve", "--config", conf, words=[hub.dir])


def test_usage():
    for command in (("init",), ("serve",), ("token", "--config", "x"), ("office",), ("office", "remove"), ("serve", "--config", "x", "y"),
                    ("token", "--config", "x", "y", "z"), ("init", "--dir")):
        assert run(program("careplan-hub"), *command, check=False).returncode == 2, command
    for command in (("init",), ("office", "add"), ("token",), ("serve",)):
        done = run(program("careplan-hub"), *command, "--help")
        assert f"careplan-hub {' '.join(command)}" in done.stdout


# ---- the trace ----

def validate(*files):
    return run(sys.executable, VALIDATE, *files, check=False)


def test_the_trace_holds_against_the_api_and_a_doctored_one_does_not(world):
    hub = world.hub()
    trace = world.dir / "trace"
    command = [program("careplan-hub"), "serve", "--config", str(hub.conf), "--trace", str(trace)]
    hub.process = subprocess.Popen(command, stdout=open(hub.log, "a"), stderr=subprocess.STDOUT)
    wait_until(hub.listening, "the hub listens")
    care = Office(hub, CARE).enrol()
    care.feed()
    refused(care.get("/v1/feed?wait=99"), 400, "query")
    refused(care.get("/nowhere"), 404, "not-found")
    refused(care.ask("DELETE", "/v1/feed"), 405, "method-not-allowed")
    hub.stop()
    done = validate(trace)
    assert done.returncode == 0, done.stdout
    lines = [json.loads(line) for line in trace.read_text().splitlines()]
    feed = next(x for x in lines if x["path"].startswith("/v1/feed") and x["status"] == 200)
    problem = next(x for x in lines if x["status"] == 400)
    doctored = [({**feed, "status": 202}, "may answer"), ({**feed, "path": "/v1/nothing"}, "documented nowhere"),
                ({**feed, "media": "text/html"}, "media type"), ({**feed, "response": {"events": []}}, "next"),
                ({**feed, "response": {**feed["response"], "more": 1}}, "more"), ({**feed, "certificate": False}, "certificate"),
                ({**feed, "headers": ["X-New"]}, "header"), ({**feed, "path": "/v1/feed?wait=99"}, "wait"),
                ({**problem, "response": {**problem["response"], "type": "urn:careplan:problem:other"}}, "other"),
                ({**problem, "response": {**problem["response"], "status": 500}}, "500")]
    for exchange, word in doctored:
        trace.write_text(json.dumps(exchange) + "\n")
        done = validate(trace)
        assert done.returncode == 1 and word in done.stdout.splitlines()[0], (word, done.stdout)
    trace.write_text("")
    assert validate(trace).returncode == 1, "nothing traced shows nothing"
