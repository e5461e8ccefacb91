//! What a campaign finds: a broken rule, the file of the case that breaks it, and the smaller case beside it. The whole
//! violation is in the file.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::cases::violation::BrokenRule;

/// A violation that a worker found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its file.
    pub file: PathBuf,
    /// The case's name.
    pub name: String,
    /// The fuzz target.
    pub target: String,
    /// The scenario.
    pub scenario: String,
    /// What was broken.
    #[serde(flatten)]
    pub rule: BrokenRule,
    /// Whether a second run of the case gave the same violation and digest.
    pub reproduced: bool,
    /// After how many runs of this worker it was found.
    pub runs: u64,
    /// The smaller case beside it, once the campaign is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimized: Option<Smaller>,
    /// The kinds of actions that it takes ([`shape`](crate::campaigns::causes::shape)), once the campaign is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<String>,
}

/// A smaller case that was written beside the one that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Smaller {
    /// Its file.
    pub file: PathBuf,
    /// How many actions it has.
    pub actions: usize,
    /// How many there were.
    pub actions_before: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Other programs read these names, in `campaign.jsonl` and in the output of `vopr fuzz`.
    #[test]
    fn its_json_is_pinned() {
        let smaller = Smaller { file: "a.min.kmb".into(), actions: 2, actions_before: 4 };
        let finding = Finding {
            file: "a.kmb".into(),
            name: "5c954ee6e947".to_string(),
            target: "combined".to_string(),
            scenario: "clock_skew".to_string(),
            rule: BrokenRule { invariant: "liveness".to_string(), rule: "not answered".to_string() },
            reproduced: true,
            runs: 7,
            minimized: None,
            shape: None,
        };
        let start = "{\"file\":\"a.kmb\",\"name\":\"5c954ee6e947\",\"target\":\"combined\",\
                     \"scenario\":\"clock_skew\",\"invariant\":\"liveness\",\"rule\":\"not answered\",\
                     \"reproduced\":true,\"runs\":7";
        let found = serde_json::to_string(&finding).unwrap();
        assert_eq!(found, format!("{start}}}"));
        assert_eq!(serde_json::from_str::<Finding>(&found).unwrap(), finding);
        let ended = Finding { minimized: Some(smaller), shape: Some("Crash".to_string()), ..finding };
        let rest = "\"minimized\":{\"file\":\"a.min.kmb\",\"actions\":2,\"actions_before\":4},\"shape\":\"Crash\"";
        assert_eq!(serde_json::to_string(&ended).unwrap(), format!("{start},{rest}}}"));
    }
}
