"""Holds the bundled OpenRPC document to OpenRPC's own meta-schema, and every example to its JSON Schema.

    python3 Tests/Contract/validate_openrpc.py [SCHEMAGEN] [META_SCHEMA]

SCHEMAGEN is .build/debug/schemagen unless given; META_SCHEMA is ../shared/openrpc/meta-schema-1.3.json. Where
something that it needs is missing (the jsonschema package, a file) it says so and passes: 0 valid, 1 not, 77 skipped.
"""

import copy
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def registry_for(meta):
    """Resolves the meta-schema's references outward, to JSON Schema draft 7 under another address."""
    from jsonschema import Draft7Validator
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT7

    stand_in = Resource.from_contents({
        "allOf": [{"$ref": "http://json-schema.org/draft-07/schema#"}],
        "definitions": {"JSONSchemaObject": {"properties": {"$ref": {"type": "string"}}}},
    }, default_specification=DRAFT7)
    draft7 = Resource.from_contents(Draft7Validator.META_SCHEMA)
    whole = Resource.from_contents({**meta, "$schema": "http://json-schema.org/draft-07/schema#"})
    return Registry().with_resources([
        ("https://meta.json-schema.tools", stand_in), ("https://meta.json-schema.tools/", stand_in),
        ("http://json-schema.org/draft-07/schema", draft7), ("https://meta.open-rpc.org/", whole)])


def problems_of_examples(document):
    """What is wrong with examples, by an implementation of JSON Schema that is not ours."""
    from jsonschema import Draft7Validator, FormatChecker

    def check(schema, value, place):
        whole = {**copy.deepcopy(schema), "components": document["components"]}
        for error in Draft7Validator(whole, format_checker=FormatChecker()).iter_errors(value):
            yield f"{place}: {error.json_path}: {error.message}"

    for schema in document["components"]["schemas"].values():
        Draft7Validator.check_schema(schema)
    for method in document["methods"]:
        params = {param["name"]: param for param in method["params"]}
        for example in method["examples"]:
            place = f"{method['name']}, example {example['name']}"
            given = {param["name"] for param in example["params"]}
            for name, param in params.items():
                if param.get("required") and name not in given:
                    yield f"{place}: {name} is missing"
            for param in example["params"]:
                yield from check(params[param["name"]]["schema"], param["value"], f"{place}: {param['name']}")
            for value in example.get("x-stream-values", []):
                yield from check(method["x-stream-value"], value, f"{place}: value")
            yield from check(method["result"]["schema"], example["result"]["value"], f"{place}: result")


def main():
    generator = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / ".build/debug/schemagen")
    meta_path = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else ROOT / "../shared/openrpc/meta-schema-1.3.json")
    try:
        from jsonschema import Draft7Validator
    except ImportError:
        skip("the Python package jsonschema is not installed")
    if not generator.exists():
        skip(f"{generator} is not built")
    if not meta_path.exists():
        skip(f"{meta_path} is not here")

    document = json.loads(subprocess.run([generator, "--document", ROOT], check=True, capture_output=True).stdout)
    meta = json.loads(meta_path.read_text())
    validator = Draft7Validator(
        {**meta, "$schema": "http://json-schema.org/draft-07/schema#"}, registry=registry_for(meta))
    problems = [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(document)]
    problems += problems_of_examples(document)
    for problem in problems:
        print(problem)
    if problems:
        sys.exit(1)
    examples = sum(len(method["examples"]) for method in document["methods"])
    print(f"valid: OpenRPC {document['openrpc']}, {len(document['methods'])} methods, {examples} examples")


main()
