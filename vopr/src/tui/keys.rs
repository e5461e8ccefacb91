//! The keys, in one table that is used by the help and by the last line of the screen.

/// The part of the interface in which a key is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All screens.
    Everywhere,
    /// The screen of the targets.
    Targets,
    /// The list of planted bugs.
    Bugs,
    /// The screen of the campaign.
    Campaign,
    /// The screen of the failures.
    Failures,
    /// The screen that steps through a run.
    Timeline,
}

/// Keys, what they do, and a word for the last line (empty if they are not listed there).
pub struct Key {
    /// Where they are valid.
    pub scope: Scope,
    /// The keys.
    pub keys: &'static str,
    /// What they do.
    pub what: &'static str,
    /// The word for the last line.
    pub word: &'static str,
}

const fn key(scope: Scope, keys: &'static str, what: &'static str, word: &'static str) -> Key {
    Key { scope, keys, what, word }
}

/// All keys.
pub const KEYS: &[Key] = &[
    key(Scope::Everywhere, "?", "this help", "help"),
    key(Scope::Everywhere, "q", "leave; so does Ctrl-C, without a question", "leave"),
    key(Scope::Targets, "Enter", "start a campaign with the chosen target", "start"),
    key(Scope::Targets, "b", "choose planted bugs", "bugs"),
    key(Scope::Targets, "t", "how long the campaign is to be", "time"),
    key(Scope::Targets, "+ -", "how many workers it has", "jobs"),
    key(Scope::Targets, "/", "show only targets with a text in them; Esc shows all", "filter"),
    key(Scope::Bugs, "Space", "switch the bug on or off", "switch"),
    key(Scope::Bugs, "Enter Esc", "back to the targets", "back"),
    key(Scope::Campaign, "s", "stop the campaign; what it found is kept", "stop"),
    key(Scope::Campaign, "↑ ↓ k j", "another target of the campaign", "target"),
    key(Scope::Campaign, "← → h l", "the campaign before, after this one", "campaign"),
    key(Scope::Failures, "Enter", "step through the smallest case of the failure", "step through"),
    key(Scope::Failures, "o", "step through the case as it was found", "original"),
    key(Scope::Timeline, "↓ ↑ j k", "next, previous step", "step"),
    key(Scope::Timeline, "→ ← l h", "next, previous event", "event"),
    key(Scope::Timeline, "m M", "next, previous message", "message"),
    key(Scope::Timeline, "f F", "next, previous fault", "fault"),
    key(Scope::Timeline, "v V", "next, previous step of a view change", "view"),
    key(Scope::Timeline, "x", "the violation", "violation"),
    key(Scope::Timeline, "a", "all steps, or only those worth a line", "all"),
    key(Scope::Timeline, "/ n N", "search for a text; next, previous match", "search"),
    key(Scope::Timeline, "Esc", "back to the failures", ""),
    key(Scope::Everywhere, "1 2 3 4 Tab", "targets, campaign, failures, timeline; the next screen", ""),
    key(Scope::Everywhere, "↑ ↓ k j", "move; PgUp PgDn by ten; g G Home End to the ends", ""),
];
