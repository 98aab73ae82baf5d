#!/usr/bin/python3
"""Holds what careplan-hub answered (`serve --trace FILE`) against docs/hub-api.yaml.

    tests/validate_trace.py FILE...

Each exchange must be documented: path, method, status, media type, JSON body, header fields, code of the problem.
Says in words what is not, and ends with 1.
"""
import json
import re
import sys
from pathlib import Path
from urllib.parse import parse_qsl

import yaml
from jsonschema import Draft202012Validator, RefResolver

API = Path(__file__).resolve().parents[1] / "docs/hub-api.yaml"
GENERAL_HEADERS = {"Content-Type", "Content-Length", "Connection", "Date"}
SHOWN = 20


class Undocumented(Exception):
    pass


class Api:
    def __init__(self, path=API):
        self.document = yaml.safe_load(path.read_text())
        self.resolver = RefResolver.from_schema(self.document, id_of=lambda schema: "")
        self.unmatched = self.document["x-unmatched"]
        self.paths = [(template, item, [self.segment(template, item, s) for s in template.split("/")])
                      for template, item in self.document["paths"].items()]

    def follow(self, node):
        while isinstance(node, dict) and "$ref" in node:
            node = self.resolver.resolve(node["$ref"])[1]
        return node

    def segment(self, template, item, text):
        """A segment of a path: its text, or the schema of its parameter."""
        if not text.startswith("{"):
            return text
        for operation in item.values():
            for parameter in map(self.follow, operation.get("parameters", []) if isinstance(operation, dict) else []):
                if parameter["in"] == "path" and parameter["name"] == text[1:-1]:
                    return parameter["schema"]
        raise SystemExit(f"{API}: {template}: {text} is described nowhere")

    def problems_of(self, instance, schema):
        errors = Draft202012Validator(schema, resolver=self.resolver).iter_errors(instance)
        return [f"{'/'.join(map(str, e.absolute_path)) or 'the body'}: {e.message[:300]}" for e in errors]

    def fits(self, segment, text):
        if isinstance(segment, str):
            return segment == text
        values = [text] + ([int(text)] if re.fullmatch(r"0|[1-9][0-9]{0,6}", text) else [])
        return any(not self.problems_of(v, segment) for v in values)

    def find(self, path, listener):
        segments = path.split("/")
        for template, item, wanted in self.paths:
            if ("servers" in item.get("get", {}) or "servers" in item) != (listener == "operator"):
                continue
            if len(wanted) == len(segments) and all(map(self.fits, wanted, segments)):
                return template, item
        return None, None


def documented_codes(description):
    return re.findall(r"`([a-z0-9-]+…?)`", description)


def check_problem(api, exchange, description):
    body, status = exchange["response"], exchange["status"]
    faults = api.problems_of(body, {"$ref": "#/components/schemas/Problem"})
    if faults:
        raise Undocumented(f"its problem document: {'; '.join(faults)}")
    if body["status"] != status:
        raise Undocumented(f"its problem document says status {body['status']}")
    code = body["type"].rsplit(":", 1)[1]
    codes = documented_codes(description)
    if not any(code == c or (c.endswith("…") and code.startswith(c[:-1])) for c in codes):
        raise Undocumented(f"code {code} is not among the documented: {', '.join(codes) or 'none'}")


def check_beside(api, exchange, status, what):
    """An answer that is no operation's: another path or method, or one that every path may give."""
    allowed = [status] + api.unmatched["always"]
    if str(exchange["status"]) not in allowed:
        raise Undocumented(f"{what}: expected {' or '.join(allowed)}")
    if exchange["listener"] == "operator":
        return
    check_problem(api, exchange, "`not-found` `method-not-allowed` `rate` `headers` `internal` `storage` `stopping`")
    if exchange["status"] == 405 and "Allow" not in exchange["headers"]:
        raise Undocumented("405 without Allow")


def check_body(api, exchange, response):
    media = (exchange["media"] or "").split(";")[0].strip()
    content = response.get("content", {})
    if not content:
        if exchange["media"] or exchange["length"]:
            raise Undocumented(f"expected no body, got {media or 'one'} of {exchange['length']} bytes")
        return
    if media not in content:
        raise Undocumented(f"media type {media or 'none'}, documented: {', '.join(content)}")
    schema = content[media].get("schema")
    faults = api.problems_of(exchange["response"], schema) if schema else []
    if faults:
        raise Undocumented("; ".join(faults[:5]))
    if media == "application/problem+json":
        check_problem(api, exchange, response["description"])


def check_headers(exchange, response):
    documented = set(response.get("headers", {}))
    sent = set(exchange["headers"])
    if documented - sent:
        raise Undocumented(f"without the documented header {', '.join(sorted(documented - sent))}")
    if sent - documented - GENERAL_HEADERS:
        raise Undocumented(f"undocumented header {', '.join(sorted(sent - documented - GENERAL_HEADERS))}")


def check_taken(api, exchange, operation, query):
    """What was taken must have been asked for as documented."""
    body = operation.get("requestBody")
    media = (exchange["request_media"] or "").split(";")[0].strip().lower()
    if body and media not in body["content"]:
        raise Undocumented(f"took a body of type {media or 'none'}, documented: {', '.join(body['content'])}")
    for parameter in map(api.follow, operation.get("parameters", [])):
        for value in [v for k, v in parse_qsl(query, keep_blank_values=True)
                      if parameter["in"] == "query" and k == parameter["name"]]:
            if not api.fits(parameter["schema"], value) and not (value.isdigit() and not api.problems_of(int(value), parameter["schema"])):
                raise Undocumented(f"took {parameter['name']}={value}")


def check(api, exchange):
    """Returns (operationId, status), or raises Undocumented."""
    path, _, query = exchange["path"].partition("?")
    template, item = api.find(path, exchange["listener"])
    status, method = str(exchange["status"]), exchange["method"].lower()
    if item is None:
        check_beside(api, exchange, api.unmatched["path"], "the path is documented nowhere")
        return "no path", status
    operation = item.get(method)
    if operation is None:
        check_beside(api, exchange, api.unmatched["method"], f"{template} has no {exchange['method']}")
        return "no method", status
    if status == "431":
        check_beside(api, exchange, "431", "too many headers")
        return operation["operationId"], status
    response = api.follow(operation["responses"].get(status))
    if response is None:
        raise Undocumented(f"{operation['operationId']} may answer {', '.join(operation['responses'])}")
    needs = any("office" in s for s in operation.get("security", api.document["security"]))
    if needs and not exchange["certificate"] and status not in ("401", "429", "500", "503"):
        raise Undocumented("answered a client without a certificate")
    check_body(api, exchange, response)
    check_headers(exchange, response)
    if status.startswith("2"):
        check_taken(api, exchange, operation, query)
    return operation["operationId"], status


def main(files):
    if not files:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    api, seen, total, bad = Api(), set(), 0, 0
    for name in files:
        for number, line in enumerate(Path(name).read_text().splitlines(), 1):
            total += 1
            try:
                exchange = json.loads(line)
                seen.add(check(api, exchange))
            except json.JSONDecodeError as e:
                bad += 1
                print(f"{name}:{number}: not JSON: {e}")
            except Undocumented as e:
                bad += 1
                if bad <= SHOWN:
                    print(f"{name}:{number}: {exchange['method']} {exchange['path']} -> {exchange['status']}: {e}")
    if total == 0:
        print("no exchange was traced")
    print(f"{total} exchanges, {total - bad} as docs/hub-api.yaml says; {len(seen)} kinds of answers seen, {bad} undocumented")
    return 1 if bad or total == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
