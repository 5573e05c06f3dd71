"""Stripe's shapes: what each object must hold, by the official SDK's types and by Stripe's OpenAPI document.

Every object inside an answer is held to both by itself: its own members here, and those of an object that it embeds when
the walk comes to it.
"""

import hashlib
import json

ERROR_TYPES = {"api_error", "card_error", "idempotency_error", "invalid_request_error"}

TYPES = {
    "string": str, "decimal_string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict,
    "map": dict, "list": dict, "array": list,
}

# Members that Stripe's recorded answers hold, and neither the SDK nor the document.
RECORDED = {
    ("product", "attributes"), ("payment_method", "shared_payment_granted_token"), ("subscription", "plan"),
    ("subscription", "quantity"),
}

# Members that the examples show, and that are there only where they are asked for or where there is reason for them.
ON_DEMAND = {
    ("charge", "refunds"), ("invoiceitem", "net_amount"), ("payment_method", "card"), ("subscription_item", "quantity"),
    ("account", "created"), ("account", "external_accounts"), ("account", "tos_acceptance"),
    ("balance", "connect_reserved"), ("credit_note_line_item", "invoice_line_item"),
}


class Shapes:
    def __init__(self, folder):
        self.sdk = json.loads((folder / "objects.json").read_text())["objects"]
        schemas = json.loads((folder / "openapi.json").read_text())["components"]["schemas"]
        examples = json.loads((folder / "fixtures.json").read_text())["resources"]
        # Members that may be null but are there all the same, as Stripe's own examples show.
        self.shown = {
            kind: {name for name in examples.get(kind, {}).keys() & known["fields"] if (kind, name) not in ON_DEMAND}
            for kind, known in self.sdk.items()}
        self.document = Document(schemas)
        self.seen = {}

    def problems(self, value, for_browsers=False):
        """What is wrong with the objects in `value`, as texts that begin with the object's kind."""
        if isinstance(value, list):
            return [problem for element in value for problem in self.problems(element, for_browsers)]
        if not isinstance(value, dict):
            return []
        found = self.problems_of(value, for_browsers) if isinstance(value.get("object"), str) else []
        if isinstance(value.get("error"), dict):
            found = [f"error{problem}" for problem in self.members(self.sdk["error"]["fields"], value["error"], "")]
        # An event's earlier values are parts of objects, and no objects.
        inner = [member for name, member in value.items() if name != "previous_attributes"]
        return found + self.problems(inner, for_browsers)

    def problems_of(self, thing, for_browsers):
        """Of one object by itself; the same one is looked at once."""
        key = hashlib.sha1(json.dumps([for_browsers, thing]).encode()).digest()
        if key not in self.seen:
            kind = thing["object"]
            if kind == "invoice" and thing.get("billing_reason") == "upcoming":
                thing = {"id": "upcoming_in_", **thing}  # one that is announced has no id yet
            if thing.get("deleted") is True:
                found = self.document.problems(f"deleted_{kind}", thing)
            elif for_browsers:
                found = self.document.problems(kind, thing)  # which knows that a browser is shown less
            else:
                found = [*self.fields(kind, thing), *self.document.problems(kind, thing)]
            self.seen[key] = [f"{kind}{problem}" for problem in dict.fromkeys(found)]
        return self.seen[key]

    # MARK: The SDK's types

    def fields(self, kind, thing):
        if kind in ("list", "search_result"):
            yield from envelope(kind, thing)
        elif kind.startswith("sandbox."):
            return
        elif kind not in self.sdk:
            yield ": the SDK knows no such object"
        else:
            fields = self.sdk[kind]["fields"]
            yield from self.members(fields, thing, "")
            for name in self.shown[kind] - thing.keys():
                yield f".{name}: is not shown"
            for name in thing.keys() - fields.keys() - self.document.members(kind):
                if (kind, name) not in RECORDED:
                    yield f".{name}: no such member is known"

    def members(self, fields, thing, path):
        for name, field in fields.items():
            place = f"{path}.{name}"
            if name in thing:
                yield from self.member(field, thing[name], place)
            elif not field.get("nullable"):
                yield f"{place}: is missing"

    def member(self, field, value, place):
        kind = field.get("type")
        if value is None:
            if not field.get("nullable") and kind != "any":
                yield f"{place}: is null"
            return
        if kind in (None, "any") or (field.get("expandable") and isinstance(value, dict)):
            return
        if not isinstance(value, TYPES[kind]) or (kind in ("integer", "number") and isinstance(value, bool)):
            yield f"{place}: is {type(value).__name__}, not {kind}"
            return
        if "enum" in field and not field.get("open_enum") and value not in field["enum"]:
            yield f"{place}: {value!r} is not one of {field['enum']}"
        if "const" in field and value != field["const"]:
            yield f"{place}: {value!r} is not {field['const']!r}"
        if kind == "object" and "fields" in field:
            yield from self.members(field["fields"], value, place)
        elif kind == "array":
            for element in value:
                yield from self.member(field["items"], element, f"{place}[]")
        elif kind == "map":
            for element in value.values():
                yield from self.member(field["values"], element, f"{place}{{}}")


def envelope(kind, thing):
    for name, type_ in {"data": list, "has_more": bool, "url": str}.items():
        if not isinstance(thing.get(name), type_):
            yield f".{name}: is not {type_.__name__}"
    if kind == "search_result" and "next_page" not in thing:
        yield ".next_page: is missing"


class Document:
    """Stripe's OpenAPI document as JSON Schema."""

    def __init__(self, schemas):
        self.schemas = schemas
        self.resources = {name: self.kind_of(schema) for name, schema in schemas.items() if self.kind_of(schema)}
        self.root = {"components": {"schemas": {name: self.translated(schema) for name, schema in schemas.items()}}}
        self.validators = {}

    @staticmethod
    def kind_of(schema):
        """The `object` that a schema is of."""
        if "object" not in schema.get("required", []):
            return None
        return (schema.get("properties", {}).get("object", {}).get("enum") or [None])[0]

    def members(self, kind):
        return self.schemas.get(kind, {}).get("properties", {}).keys()

    def translated(self, schema):
        """`nullable` as JSON Schema says it; an embedded object need only be of its kind, for it is looked at by itself."""
        if isinstance(schema, list):
            return [self.translated(element) for element in schema]
        if not isinstance(schema, dict):
            return schema
        target = schema.get("$ref")
        kind = self.resources.get(target.rsplit("/", 1)[-1]) if isinstance(target, str) else None
        if kind:
            return {"type": "object", "required": ["object"], "properties": {"object": {"enum": [kind]}}}
        result = {name: self.translated(value) for name, value in schema.items() if name != "nullable"}
        if schema.get("nullable") is True:
            if "enum" in result:
                result["enum"] = result["enum"] + [None]
            if isinstance(result.get("type"), str):
                result["type"] = [result["type"], "null"]
            if "anyOf" in result:
                result["anyOf"] = result["anyOf"] + [{"type": "null"}]
        return result

    def problems(self, kind, thing):
        if kind not in self.schemas:
            return
        if kind not in self.validators:
            from jsonschema import Draft202012Validator

            self.validators[kind] = Draft202012Validator({"$ref": f"#/components/schemas/{kind}", **self.root})
        from jsonschema.exceptions import best_match

        for error in self.validators[kind].iter_errors(thing):
            cause = best_match([error])
            place = "".join("[]" if isinstance(part, int) else f".{part}" for part in cause.absolute_path)
            yield f"{place}: {cause.message[:200]}"
