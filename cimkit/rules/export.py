"""Findings for pipelines and reviewers: JUnit XML, SARIF, and one finding explained."""

import json
import re
from collections.abc import Mapping
from typing import Any

from cimkit.errors import FormatError, InputError
from cimkit.rules.findings import SCHEMA, Finding, Findings
from cimkit.rules.rule import MARKS

_NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # characters that XML cannot hold
_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


def said(f: Finding) -> str:
    """Return a finding in one line: rule, measured, required, how sure, note."""
    got = f"measured {f.measured:g} {f.unit}".strip() if f.measured == f.measured else "not measured"
    need = f"required {f.required_text}" if f.required_text else "no limit"
    parts = f"{f.rule.text} ({f.standard} {f.clause}): {got}", need, f"mark {f.mark}", f.note
    return "; ".join(part for part in parts if part)


def to_junit(findings: Findings) -> str:
    """Return findings as JUnit XML: a suite a standard, a case a finding; unknown and not applicable are skipped."""
    from xml.etree import ElementTree as Xml  # only written, never read

    root = Xml.Element("testsuites", name=findings.name or "cimkit")
    suites: dict[str, Any] = {}
    for f in findings:
        if f.standard not in suites:
            suites[f.standard] = Xml.SubElement(root, "testsuite", name=f.standard)
        case = Xml.SubElement(suites[f.standard], "testcase", classname=f.rule.id, name=f.object or f.table)
        if f.verdict == "fail":
            Xml.SubElement(case, "failure", type=f.rule.id, message=said(f))
        elif f.verdict != "pass":
            Xml.SubElement(case, "skipped", message=f"{f.verdict.value}: {said(f)}")
    for suite in suites.values():
        for name, tag in (("tests", "testcase"), ("failures", "testcase/failure"), ("skipped", "testcase/skipped")):
            suite.set(name, str(len(suite.findall(tag))))
    Xml.indent(root, " ")
    text = _NOT_XML.sub("", Xml.tostring(root, encoding="unicode"))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def to_sarif(findings: Findings) -> str:
    """Return what fails or is unknown as SARIF 2.1.0, with stable fingerprints and logical locations."""
    listed: dict[str, Any] = {}
    for rule in (j.rule for j in findings.judged):
        texts = {"shortDescription": {"text": rule.text}, "fullDescription": {"text": rule.text_zh or rule.text}}
        about = {n: getattr(rule, n) for n in ("standard", "clause", "mark", "source")}
        listed[rule.id] = {"id": rule.id, **texts, "properties": about}
    place = {name: k for k, name in enumerate(listed)}
    results = [_sarif_result(f, place[f.rule.id]) for f in findings if f.verdict in ("fail", "unknown")]
    driver = {"name": "cimkit", "rules": list(listed.values())}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    whole = {"$schema": _SARIF, "version": "2.1.0", "runs": [run]}
    return json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _sarif_result(f: Finding, rule: int) -> dict[str, Any]:
    """Return one finding as SARIF, with the position of its rule."""
    level, kind = ("error", "fail") if f.verdict == "fail" else ("none", "open")
    plain, named = f.to_dict(), {"fullyQualifiedName": f"{f.table}/{f.object}", "kind": f.table}
    found = {"ruleId": f.rule.id, "ruleIndex": rule, "level": level, "kind": kind, "message": {"text": said(f)}}
    found |= {"locations": [{"logicalLocations": [named]}], "partialFingerprints": {"finding/1": f.key}}
    return found | {"properties": {k: plain[k] for k in ("measured", "required", "unit", "margin", "place")}}


def explain(findings: Mapping[str, Any], key: str) -> list[tuple[str, str]]:
    """Return why a finding is as it is: formula, inputs, objects, source, by how much it misses.

    Parameters
    ----------
    findings
        As ``Findings.to_dict`` gives them or a JSON file holds them.
    key
        ``rule@object``.

    Raises
    ------
    FormatError
        If these are no findings.
    InputError
        If there is no such finding.
    """
    if not isinstance(findings, dict) or findings.get("schema") != SCHEMA:
        raise FormatError(f"findings: they must be JSON written as {SCHEMA}; got something else. Write them anew.")
    f = next((one for one in findings["findings"] if one["key"] == key), None)
    if f is None:
        near = [one["key"] for one in findings["findings"] if one["verdict"] in ("fail", "unknown")][:5]
        raise InputError(f"finding must be rule@object of these findings, as {', '.join(near)}; got {key!r}.")
    rules = {r["id"]: r for r in findings["rules"]}
    rule = rules[f["rule"]]
    lines = [
        ("verdict", f["verdict"]),
        ("rule", f"{rule['text']} / {rule['text_zh']}"),
        ("clause", f"{rule['standard']} {rule['clause']} ({rule['edition']}), {rule['level']} {rule['place']}".strip()),
        ("source", f"{rule['source']}; mark {f['mark']}: {MARKS[f['mark']][0]} {MARKS[f['mark']][1]}"),
        ("object", f"{f['table']} {f['object']}"),
        ("measured", _number(f["measured"], f["unit"])),
        ("required", f["required_text"] or "no limit"),
        ("sensitivity", _sensitivity(f)),
        ("formula", f"{rule.get('formula', '')} [{rule.get('method_source', '')}]"),
        *((f"input {k}", json.dumps(v, ensure_ascii=False)) for k, v in f["evidence"].items()),
        ("before", _number(f["before"], f["unit"]) + (f" ({f['change']})" if f["change"] else "")),
        ("note", f["note"]),
        *(("overrides", f"{n}: {rules[n]['text']}" if n in rules else n) for n in f["overridden"]),
    ]
    return [(name, text) for name, text in lines if text.strip()]


def _number(value: float | None, unit: str) -> str:
    """Return a number with its unit, empty for None."""
    return "" if value is None else f"{value:g} {unit}".strip()


def _sensitivity(f: Mapping[str, Any]) -> str:
    """Return by how much a finding meets or misses its limit."""
    if f["margin"] is None or f["required"] is None:
        return ""
    share = f" ({abs(f['margin'] / f['required']):.1%} of the limit)" if f["required"] else ""
    word = "to spare" if f["margin"] >= 0 else "short: it passes from a limit of " + _number(f["measured"], f["unit"])
    return f"{_number(abs(f['margin']), f['unit'])}{share} {word}"
