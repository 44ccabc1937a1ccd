"""The quick schemas: the forms that most resources have, and only what the engine can judge without calling Python.

An engine that may call back holds every object that it reads meanwhile, which costs it an eighth of its time. So what
needs Python (a Period with both ends, a local reference, an unusual narrative) is refused here and left to the thorough
schemas. Of several ways to say the same the quickest measured was taken: a scan before a pattern, a member's own schema
before a guard, and look-ups by name only where nothing else tells.
"""

from __future__ import annotations

from shr_common.fhir.narrative_pattern import plain_narrative
from shr_common.fhir.periods import is_place
from shr_common.fhir.primitives import PLAIN_URN, PRIMITIVES, URIS
from shr_common.fhir.rules import Schema, never
from shr_common.fhir.rules_table import RULES
from shr_common.fhir.schema_source import SchemaSource, guarded, one_form, plain_reference, ref
from shr_common.fhir.tables import RESOURCE, Choice, Element, Table, concepts, resource_types, table

_RARE = ("Range", "Ratio", "SampledData", "Timing", "Instant", "valueTime", "valuePeriod")
"""How the forms of a resource's own choices end that are left out where there are many."""
_USUAL = ("Quantity", "DateTime", "CodeableConcept", "Boolean", "Period", "Reference")
"""How the forms of a choice that are met most end."""
_FORMS_TRIED = 2
_SMALL_CHOICE = 3


class QuickSchemaSource(SchemaSource):
    """For ``{type: resource}`` where the resource is known to be an object of that type."""

    def common(self) -> dict[str, Schema | bool]:
        """With the Periods whose order is checked by the caller."""
        return {**super().common(), "Period.unordered": self._shape("Period", table("Period"))}

    def complex(self, kind: str, entry: Table) -> Schema | bool:
        """Without contained resources, what only Python can judge, and ids of elements that could be empty else."""
        if kind == "Extension":
            return super().complex(kind, entry)
        if kind == "Narrative":  # two members out of two are both: no look-up needed
            members = {name: self.property(kind, name, entry.elements[name]) for name in ("status", "div")}
            return {"type": "object", "minProperties": 2, "properties": members, "additionalProperties": False}
        if kind in resource_types():
            entry = _without_rare_forms(entry)
        guards = self.choices(kind, entry)
        for rule in RULES.get(kind, ()):
            guard = without_callbacks(rule.guard) if rule.guard else None
            if guard is None:
                return False
            guards.append(guard)
        return guarded(self._shape(kind, entry), guards)

    def _shape(self, kind: str, entry: Table) -> Schema:
        properties = self.properties(kind, entry)
        required = [name for name, element in entry.elements.items() if element.required]
        if kind in resource_types():
            properties["resourceType"] = True
        elif not required and kind != "Reference":  # an id alone would be no content, and to ask for more costs
            del properties["id"]
        schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
        if required:
            return {**schema, "required": required}
        return schema if kind in resource_types() else {**schema, "minProperties": 1}

    def property(self, owner: str, name: str, element: Element) -> Schema | bool:
        """As in the thorough schemas, but resources within are judged elsewhere."""
        if element.kind == RESOURCE:
            return False
        if element.kind == "Period" and is_place(owner, name):
            return ref("Period.unordered")
        return super().property(owner, name, element)

    def to(self, kind: str) -> Schema:
        """Small types stand in place, which saves a step; for larger ones that costs too much memory."""
        if kind in PRIMITIVES:
            return self.primitive(kind)
        return self._shape(kind, table(kind)) if kind == "Coding" else ref(kind)

    def concept(self, binding: str) -> Schema:
        """A CodeableConcept with codings of the binding only."""
        shape = self._shape("CodeableConcept", table("CodeableConcept"))
        forms = []
        for system, listed in concepts(binding).items():
            coding = self._shape("Coding", table("Coding"))
            coding["properties"] |= {"system": {"const": system}, "code": {"enum": listed}}
            forms.append({**coding, "required": ["system", "code"]})
        items = forms[0] if len(forms) == 1 else {"anyOf": forms}
        shape["properties"]["coding"] = {"type": "array", "minItems": 1, "items": items}
        return {**shape, "required": ["coding"]}

    def choices(self, kind: str, entry: Table) -> list[Schema]:
        """In small objects, one look whether a usual form is the only one is quicker than to look for each."""
        if kind in resource_types():
            return super().choices(kind, entry)
        return [guard for choice in entry.choices for guard in _usual_form_first(choice)]

    def primitive(self, kind: str) -> Schema:
        """Codes without inner spaces; a URI that begins with http needs no pattern but the search for spaces."""
        if kind == "code":
            return {"type": "string", "minLength": 1, "pattern": r"^\S*$"}
        if kind in URIS:
            bare = {"minLength": 1, "not": {"pattern": "^urn:"}}
            return {
                "type": "string",
                "pattern": r"^\S*$",
                "anyOf": [{"pattern": "^http"}, bare, {"pattern": f"^{PLAIN_URN}$"}],
            }
        return super().primitive(kind)

    def reference(self) -> Schema:
        """Nothing is contained, so there is nothing to refer to by ``#id``."""
        return plain_reference()

    def narrative(self) -> Schema:
        """What generators write; costs 7 MB."""
        return {"type": "string", "pattern": plain_narrative()}


def _usual_form_first(choice: Choice) -> list[Schema]:
    guards = one_form(choice)
    if len(choice.names) <= _SMALL_CHOICE:
        return guards
    usual = [name for form in _USUAL for name in choice.names if name.endswith(form)][:_FORMS_TRIED]
    only = [never(*(other for other in choice.names if other != name)) for name in usual]
    return [{"anyOf": [*only, guards[0]]}, *guards[1:]]


def _without_rare_forms(entry: Table) -> Table:
    rare = {name for c in entry.choices if len(c.names) > _SMALL_CHOICE for name in c.names if name.endswith(_RARE)}
    return Table(
        {name: element for name, element in entry.elements.items() if name not in rare},
        tuple(Choice(c.required, tuple(name for name in c.names if name not in rare)) for c in entry.choices),
    )


def without_callbacks(guard: Schema) -> Schema | None:
    """What of the guard needs no Python; None if nothing does."""
    if "fhir-rule" in guard:
        return None
    if "anyOf" not in guard:
        return guard
    kept = [part for part in map(without_callbacks, guard["anyOf"]) if part is not None]
    return kept[0] if len(kept) == len(guard) == 1 else {**guard, "anyOf": kept}
