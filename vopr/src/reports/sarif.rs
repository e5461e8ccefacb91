//! The report in SARIF 2.1.0 (Static Analysis Results Interchange Format, an OASIS standard): a rule for each invariant, a
//! result for each finding. What it points to is the failure file, by a path that is relative where that of the output
//! directory was; code scanning takes that for a path in the repository.

use std::fmt::Write;

use serde_json::{Value, json};
use sim::invariants::NAMES;

use crate::reports::results::{Ending, Found, Part, Results};
use engine::base::error::Error;
use engine::base::{exit, format};
use sim::invariants::sentence;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The log.
pub(super) fn log(results: &Results) -> Result<String, Error> {
    let version = env!("CARGO_PKG_VERSION");
    let rules: Vec<_> = NAMES.iter().map(|name| rule(name)).collect();
    let found = results.parts.iter().flat_map(|part| part.findings.iter().map(move |found| result(part, found)));
    let died = results.parts.iter().flat_map(|part| part.deaths.iter().map(move |death| notification(part, death)));
    let code = if results.fails { exit::VIOLATION } else { exit::CLEAN };
    let value = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "vopr", "version": version, "semanticVersion": version, "rules": rules,
            } },
            "automationDetails": { "id": format!("vopr/{}/{}/", results.command, results.system.0) },
            "invocations": [{
                "executionSuccessful": results.parts.iter().all(|part| part.ending != Ending::Died),
                "exitCode": code,
                "toolExecutionNotifications": died.collect::<Vec<_>>(),
            }],
            "results": found.collect::<Vec<_>>(),
            "columnKind": "unicodeCodePoints",
            "properties": {
                "system": results.system.0, "systemVersion": results.system.1, "bugs": results.bugs,
                "seed": results.seed, "verdict": results.verdict, "interrupted": results.interrupted,
            },
        }],
    });
    serde_json::to_string_pretty(&value)
        .map(|text| text + "\n")
        .map_err(|error| Error::Internal(format!("no SARIF: {error}")))
}

fn rule(name: &str) -> Value {
    json!({
        "id": name,
        "shortDescription": { "text": sentence(name).unwrap_or(name) },
        "defaultConfiguration": { "level": "error" },
    })
}

fn result(part: &Part, found: &Found) -> Value {
    let violation = &found.violation;
    let text = format!(
        "{}: {} in scenario {}. Expected: {}. Seen: {}. Replay: {}",
        violation.invariant,
        violation.rule,
        found.scenario,
        format::printable(&violation.expected),
        format::printable(&violation.seen),
        found.replay
    );
    let mut location = json!({ "logicalLocations": [{ "name": found.scenario, "kind": "scenario" }] });
    if let Some(file) = &found.file {
        location["physicalLocation"] = json!({ "artifactLocation": { "uri": uri(&file.display().to_string()) } });
    }
    let cause = format!("{}\n{}\n{}", violation.invariant, violation.rule, found.shape);
    let mut value = json!({
        "ruleId": violation.invariant,
        "level": "error",
        "kind": "fail",
        "message": { "text": text },
        "locations": [location],
        "partialFingerprints": { "cause/v1": blake3::hash(cause.as_bytes()).to_hex()[..32] },
        "properties": {
            "rule": violation.rule, "part": part.name, "replay": found.replay, "plan": found.plan,
            "actionsBefore": found.actions_before, "event": violation.event,
            "virtualNanoseconds": violation.at.to_string(),
        },
    });
    if let Some(index) = NAMES.iter().position(|name| *name == violation.invariant) {
        value["ruleIndex"] = json!(index);
    }
    if let Some(original) = &found.original {
        let uri = uri(&original.display().to_string());
        value["relatedLocations"] = json!([{
            "physicalLocation": { "artifactLocation": { "uri": uri } },
            "message": { "text": "what was found, before it was minimized" },
        }]);
    }
    value
}

fn notification(part: &Part, (how, replay): &(String, Option<String>)) -> Value {
    let replay = replay.as_ref().map_or(String::new(), |replay| format!(" Replay: {replay}"));
    json!({ "level": "error", "message": { "text": format!("A worker of {} died {how}.{replay}", part.name) } })
}

/// A path as a URI reference.
fn uri(path: &str) -> String {
    let path = if cfg!(windows) { path.replace('\\', "/") } else { path.to_string() };
    let absolute = path.starts_with('/') || path.get(1..3) == Some(":/");
    let mut uri = match (absolute, path.starts_with('/')) {
        (true, true) => "file://".to_string(),
        (true, false) => "file:///".to_string(),
        (false, _) => String::new(),
    };
    for byte in path.strip_prefix("./").unwrap_or(&path).bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(byte.into());
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    #[test]
    fn paths_become_uris() {
        assert_eq!(super::uri("./failures/a b.kmb"), "failures/a%20b.kmb");
        assert_eq!(super::uri("/tmp/ä:1.kmb"), "file:///tmp/%C3%A4%3A1.kmb");
        assert_eq!(super::uri("../up/100%.kmb"), "../up/100%25.kmb");
    }
}
