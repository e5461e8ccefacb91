//! Phase 1: Byzantine attacks. One of five replicas lies, and the quorums are large enough for it (r = v = 4).
//!
//! Each script arms its lies at the start of the run, and then makes sure that the liar sends the messages: for lies in
//! DoViewChanges it causes view changes, and for lies in a primary's messages it deposes the other primaries until the
//! liar leads.

use sim::config::spec::Cluster;
use sim::plan::Target;
use sim::protocol::lie::LieRule;
use sim::protocol::observation::Fault;
use sim::{Action, ActionKind, ClientId, Config, Field, How, Lie, Mark, MessageKind, ReplicaId};

use crate::entry::{Entry, byzantine_config};
use crate::palette::Palette;
use crate::script::{Setup, at, ms};

use MessageKind::{Commit, DoViewChange, Prepare, PrepareOk, Repair, RequestRepair, StartView, StartViewChange};

/// The scenarios of this phase.
pub const SCENARIOS: &[Entry] = &[
    Entry {
        name: "byzantine_view_change_merge",
        description: "After entries have been committed, the liar gets a view change and slips other entries into the log \
                      that the new view starts from.",
        faults: "forged and shortened logs in StartView and DoViewChange; deposed primaries",
        invariants: &["vsr_agreement", "durability"],
        config: byzantine_config,
        palette: palette(MERGE),
        baseline: merge,
        marks: &[Mark::Committed(40), Mark::LieDelivered(StartView)],
    },
    Entry {
        name: "byzantine_commit_desync",
        description: "The liar starts a view and claims a commit number that the log it sends along does not reach.",
        faults: "StartView whose commit number and log disagree; deposed primaries",
        invariants: &["vsr_prefix_property"],
        config: byzantine_config,
        palette: palette(DESYNC),
        baseline: |setup| lie_as_primary(setup, DESYNC, true),
        marks: &[Mark::Committed(40), Mark::LieDelivered(StartView), Mark::Rejected(StartView)],
    },
    Entry {
        name: "byzantine_inflated_commit",
        description: "The liar votes for a new view with a commit number that is higher than the truth.",
        faults: "DoViewChange with too high a commit number; deposed primaries",
        invariants: &["vsr_prefix_property"],
        config: byzantine_config,
        palette: palette(INFLATED),
        baseline: |setup| lie_in_do_view_changes(setup, INFLATED),
        marks: &[Mark::Committed(40), Mark::ViewsStarted(1), Mark::LieDelivered(DoViewChange)],
    },
    Entry {
        name: "byzantine_invalid_metadata",
        description: "The liar leads and sends entries whose view, op or commit number cannot be right.",
        faults: "Prepare with false numbers; deposed primaries",
        invariants: &["log_consistency", "hash_chain"],
        config: byzantine_config,
        palette: palette(METADATA),
        baseline: |setup| lie_as_primary(setup, METADATA, false),
        marks: &[Mark::Committed(40), Mark::LieDelivered(Prepare), Mark::Rejected(Prepare)],
    },
    Entry {
        name: "byzantine_malicious_view_change",
        description: "The liar dresses a stale, shortened log up as the newest one, so that the new view forgets entries.",
        faults: "DoViewChange with a shortened log and too high a last normal view; deposed primaries",
        invariants: &["vsr_view_change_safety", "durability"],
        config: byzantine_config,
        palette: palette(MALICIOUS),
        baseline: malicious,
        marks: &[Mark::Committed(40), Mark::ViewsStarted(1), Mark::LieDelivered(DoViewChange)],
    },
    Entry {
        name: "byzantine_leader_race",
        description: "The liar claims a leadership that is not its own, or no longer: old, foreign and premature StartViews.",
        faults: "StartView and StartViewChange replayed, with foreign senders and other views; messages that come twice; deposed \
                 primaries",
        invariants: &["vsr_agreement", "view_monotonic"],
        config: byzantine_config,
        palette: palette(RACE),
        baseline: leader_race,
        marks: &[Mark::Committed(40), Mark::LieDelivered(StartViewChange)],
    },
    Entry {
        name: "byzantine_dvc_tail_length_mismatch",
        description: "The liar votes with a log that is longer or shorter than the same message says.",
        faults: "DoViewChange whose stated length does not fit; deposed primaries",
        invariants: &["log_consistency"],
        config: byzantine_config,
        palette: palette(TAIL_LENGTH),
        baseline: |setup| lie_in_do_view_changes(setup, TAIL_LENGTH),
        marks: &[Mark::Committed(40), Mark::LieDelivered(DoViewChange), Mark::Rejected(DoViewChange)],
    },
    Entry {
        name: "byzantine_dvc_identical_claims",
        description: "The liar votes with the same numbers as an honest replica, and with another log behind them.",
        faults: "DoViewChange with a forged log; deposed primaries",
        invariants: &["vsr_view_change_safety", "vsr_agreement"],
        config: byzantine_config,
        palette: palette(IDENTICAL),
        baseline: identical,
        marks: &[Mark::Committed(40), Mark::ViewsStarted(1), Mark::LieDelivered(DoViewChange)],
    },
    Entry {
        name: "byzantine_oversized_start_view",
        description: "The liar sends view changes that are far too large, to exhaust the others' memory.",
        faults: "StartView and DoViewChange with huge logs or lengths; deposed primaries",
        invariants: &["resource_limits", "no_panic"],
        config: byzantine_config,
        palette: palette(OVERSIZED),
        baseline: |setup| lie_as_primary(setup, OVERSIZED, true),
        marks: &[Mark::Committed(40), Mark::LieDelivered(StartView), Mark::Rejected(StartView)],
    },
    Entry {
        name: "byzantine_invalid_repair_range",
        description: "The liar asks for missing entries by ranges that are empty, endless or back to front.",
        faults: "RequestRepair with senseless ranges, false Repairs; loss, and a liar that keeps falling behind",
        invariants: &["no_panic", "resource_limits"],
        config: repair_config,
        palette: palette(REPAIR),
        baseline: behind,
        marks: &[Mark::Committed(40), Mark::LieDelivered(RequestRepair)],
    },
    Entry {
        name: "byzantine_invalid_kernel_command",
        description: "The liar leads and orders commands that are malformed or make no sense.",
        faults: "Prepare with damaged commands; deposed primaries",
        invariants: &["kernel_command_validation", "log_consistency", "no_panic"],
        config: byzantine_config,
        palette: palette(COMMAND),
        baseline: |setup| lie_as_primary(setup, COMMAND, false),
        marks: &[Mark::Committed(40), Mark::LieDelivered(Prepare)],
    },
];

/// The faults that may be added to an attack.
const fn palette(lies: &'static [LieRule]) -> Palette {
    let faults = &[
        Fault::Lie,
        Fault::Partition,
        Fault::Cut,
        Fault::Clog,
        Fault::Loss,
        Fault::Delay,
        Fault::Duplication,
        Fault::Reordering,
        Fault::Crash,
        Fault::Pause,
        Fault::Burst,
        Fault::Lie,
    ];
    Palette::with_lies(faults, lies)
}

const MERGE: &[LieRule] = &[
    (StartView, Field::Tail, How::Forge),
    (StartView, Field::Tail, How::Truncate),
    (StartView, Field::EntryHash, How::Forge),
    (StartView, Field::Reasons, How::Truncate),
    (StartView, Field::Reasons, How::Zero),
    (DoViewChange, Field::Tail, How::Forge),
    (DoViewChange, Field::Tail, How::Truncate),
    (DoViewChange, Field::LastNormalView, How::Increase),
];

const DESYNC: &[LieRule] = &[
    (StartView, Field::Commit, How::Increase),
    (StartView, Field::Commit, How::Huge),
    (StartView, Field::Tail, How::Truncate),
    (StartView, Field::Tail, How::Zero),
    (StartView, Field::Op, How::Increase),
    (StartView, Field::Op, How::Decrease),
];

const INFLATED: &[LieRule] = &[
    (DoViewChange, Field::Commit, How::Increase),
    (DoViewChange, Field::Commit, How::Huge),
    (DoViewChange, Field::Tail, How::Truncate),
    (DoViewChange, Field::Op, How::Decrease),
    (Commit, Field::Commit, How::Increase),
    (Commit, Field::Commit, How::Huge),
];

const METADATA: &[LieRule] = &[
    (Prepare, Field::View, How::Increase),
    (Prepare, Field::View, How::Decrease),
    (Prepare, Field::EntryView, How::Increase),
    (Prepare, Field::EntryView, How::Decrease),
    (Prepare, Field::EntryView, How::Huge),
    (Prepare, Field::Op, How::Increase),
    (Prepare, Field::Op, How::Decrease),
    (Prepare, Field::Commit, How::Increase),
    (Prepare, Field::Commit, How::Huge),
    (Prepare, Field::EntryHash, How::Corrupt),
];

const MALICIOUS: &[LieRule] = &[
    (DoViewChange, Field::LastNormalView, How::Increase),
    (DoViewChange, Field::LastNormalView, How::Huge),
    (DoViewChange, Field::Tail, How::Truncate),
    (DoViewChange, Field::Tail, How::Zero),
    (DoViewChange, Field::Op, How::Decrease),
    (DoViewChange, Field::Commit, How::Decrease),
    (DoViewChange, Field::Commit, How::Zero),
];

const RACE: &[LieRule] = &[
    (StartView, Field::Message, How::Replay),
    (StartView, Field::Sender, How::Forge),
    (StartView, Field::View, How::Increase),
    (StartView, Field::View, How::Decrease),
    (StartViewChange, Field::View, How::Increase),
    (StartViewChange, Field::Message, How::Replay),
    (StartViewChange, Field::Message, How::Flood),
    (Commit, Field::View, How::Increase),
    (Commit, Field::Sender, How::Forge),
    (DoViewChange, Field::Message, How::Replay),
];

const TAIL_LENGTH: &[LieRule] = &[
    (DoViewChange, Field::TailLength, How::Increase),
    (DoViewChange, Field::TailLength, How::Decrease),
    (DoViewChange, Field::TailLength, How::Huge),
    (DoViewChange, Field::TailLength, How::Zero),
    (DoViewChange, Field::Op, How::Increase),
    (DoViewChange, Field::Op, How::Decrease),
];

const IDENTICAL: &[LieRule] = &[
    (DoViewChange, Field::Tail, How::Forge),
    (DoViewChange, Field::Tail, How::Extend),
    (DoViewChange, Field::EntryHash, How::Forge),
    (DoViewChange, Field::Message, How::Replay),
];

const OVERSIZED: &[LieRule] = &[
    (StartView, Field::Tail, How::Huge),
    (StartView, Field::TailLength, How::Huge),
    (StartView, Field::Op, How::Huge),
    (DoViewChange, Field::Tail, How::Extend),
    (DoViewChange, Field::TailLength, How::Huge),
];

const REPAIR: &[LieRule] = &[
    (RequestRepair, Field::RangeStart, How::Increase),
    (RequestRepair, Field::RangeStart, How::Huge),
    (RequestRepair, Field::RangeStart, How::Zero),
    (RequestRepair, Field::RangeEnd, How::Decrease),
    (RequestRepair, Field::RangeEnd, How::Huge),
    (RequestRepair, Field::RangeEnd, How::Zero),
    (RequestRepair, Field::Message, How::Flood),
    (Repair, Field::Tail, How::Forge),
    (Repair, Field::Tail, How::Truncate),
    (Repair, Field::Tail, How::Zero),
    (Repair, Field::EntryHash, How::Corrupt),
];

const COMMAND: &[LieRule] = &[
    (Prepare, Field::Command, How::Corrupt),
    (Prepare, Field::Command, How::Zero),
    (Prepare, Field::Command, How::Forge),
    (Prepare, Field::Command, How::Huge),
];

/// One of each attack, and silence, for the scenario that combines everything.
pub const ALL_LIES: &[LieRule] = &[
    (StartView, Field::Tail, How::Forge),
    (StartView, Field::Tail, How::Truncate),
    (StartView, Field::Commit, How::Increase),
    (StartView, Field::Message, How::Replay),
    (StartView, Field::Sender, How::Forge),
    (StartView, Field::Tail, How::Huge),
    (DoViewChange, Field::Commit, How::Increase),
    (DoViewChange, Field::LastNormalView, How::Increase),
    (DoViewChange, Field::Tail, How::Truncate),
    (DoViewChange, Field::Tail, How::Forge),
    (DoViewChange, Field::TailLength, How::Increase),
    (DoViewChange, Field::Message, How::Silence),
    (StartViewChange, Field::View, How::Increase),
    (StartViewChange, Field::Message, How::Silence),
    (Prepare, Field::View, How::Increase),
    (Prepare, Field::EntryView, How::Increase),
    (Prepare, Field::Command, How::Corrupt),
    (Prepare, Field::Message, How::Silence),
    (PrepareOk, Field::Op, How::Increase),
    (PrepareOk, Field::Message, How::Silence),
    (PrepareOk, Field::Message, How::Flood),
    (Commit, Field::Commit, How::Increase),
    (RequestRepair, Field::RangeEnd, How::Huge),
    (Repair, Field::Tail, How::Forge),
];

/// One of the lies about messages of this kind, armed from the start.
fn lies_about(setup: &mut Setup<'_>, kind: MessageKind, lies: &[LieRule]) -> Action {
    let fitting: Vec<LieRule> = lies.iter().copied().filter(|rule| rule.0 == kind).collect();
    setup.lie(&fitting)
}

/// Makes the liar lie in its DoViewChanges: several primaries are deposed one after the other.
fn lie_in_do_view_changes(setup: &mut Setup<'_>, lies: &[LieRule]) -> Vec<Action> {
    let mut actions = vec![lies_about(setup, DoViewChange, lies)];
    if setup.draw.chance(40) {
        actions.push(setup.lie(lies));
    }
    actions.extend(setup.depose_primaries(3));
    actions
}

/// Makes the liar lie as the primary: all others are deposed until it leads.
fn lie_as_primary(setup: &mut Setup<'_>, lies: &[LieRule], again: bool) -> Vec<Action> {
    let mut actions = vec![lies_about(setup, lies[0].0, lies)];
    if setup.draw.chance(40) {
        actions.push(setup.lie(lies));
    }
    actions.extend(setup.until_the_liar_leads(again));
    actions
}

/// A StartView whose log does not follow from its DoViewChanges. The log is forged if there is a view for which the
/// liar can forge entries. For that, a view that it would have led must have been skipped once. A replica that was
/// absent in between also needs the StartView.
fn merge(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    if setup.draw.chance(40) {
        actions.push(at(0, lasting(MERGE[0], setup.amount())));
    }
    actions.push(at(0, lasting(setup.draw.pick(&MERGE[1..5]), 1)));
    if setup.draw.chance(40) {
        actions.push(setup.lie(&MERGE[5..]));
    }
    actions.extend(setup.until_the_liar_leads(true));
    actions
}

/// A lie that the liar tells whenever it is possible.
fn lasting((kind, field, how): LieRule, amount: u8) -> ActionKind {
    ActionKind::Lie(Lie { kind, field, how, amount, to: None, count: 255 })
}

/// A shortened log with a last normal view that is too high, both in one DoViewChange.
fn malicious(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    let shorter = [(DoViewChange, Field::Tail, How::Truncate), (DoViewChange, Field::Tail, How::Zero)];
    let newer = [(DoViewChange, Field::LastNormalView, How::Increase)];
    if setup.draw.chance(70) {
        for lies in [&shorter[..], &newer[..]] {
            let rule = setup.draw.pick(lies);
            actions.push(at(0, lasting(rule, setup.amount())));
        }
    } else {
        actions.push(setup.lie(MALICIOUS));
    }
    actions.extend(setup.depose_primaries(3));
    actions
}

/// A forged log, for which the liar needs a view that it could have led and did not; or simpler lies about a log.
fn identical(setup: &mut Setup<'_>) -> Vec<Action> {
    // Replica 0 leads the first view, so its next turn, which can be skipped, comes only after a whole round.
    if setup.liar == Some(ReplicaId(0)) || setup.draw.chance(20) {
        let mut actions = setup.depose_primaries(3);
        if setup.draw.chance(50) {
            actions.push(at(0, lasting(IDENTICAL[3], setup.amount())));
        }
        actions.push(at(0, lasting(IDENTICAL[2], 1)));
        return actions;
    }
    let rule = setup.draw.pick(&IDENTICAL[..2]);
    let amount = setup.draw.between(1, 2) as u8;
    let mut actions = vec![at(0, lasting(rule, amount))];
    actions.extend(setup.skip_the_liars_turn());
    actions
}

/// Several lies about which replica is the primary, during several view changes.
fn leader_race(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = vec![setup.lie(RACE), setup.lie(RACE)];
    actions.push(lies_about(setup, StartViewChange, RACE));
    if setup.draw.chance(50) {
        actions.extend(setup.until_the_liar_leads(true));
    } else {
        actions.extend(setup.depose_primaries(3));
    }
    // Messages about the primary arrive again after they are outdated, because of the liar and of the network.
    for begin in [setup.span(150, 400), setup.span(900, 1_300)] {
        let (per_mille, duration) = (setup.draw.between(400, 1_000) as u16, setup.span(400, 700));
        actions.push(at(begin, ActionKind::Duplicate { per_mille, duration }));
    }
    actions
}

/// Entries are requested from all replicas in turn, including the liar, however badly they answer.
fn repair_config() -> Config {
    let config = byzantine_config();
    let cluster = Cluster { repair_credits: 1, repair_explore: 1, repair_expiry: ms(15), ..config.cluster };
    Config { cluster, ..config }
}

/// The liar loses messages repeatedly, so that it has to request entries.
fn behind(setup: &mut Setup<'_>) -> Vec<Action> {
    let mut actions = vec![lies_about(setup, RequestRepair, REPAIR), setup.lie(REPAIR)];
    let Some(liar) = setup.liar else { return actions };
    let target = Target::Replica(liar);
    let mut time = setup.span(40, 120);
    if liar.0 == 0 {
        // A primary does not request entries.
        let duration = setup.long_absence();
        actions.push(at(time, ActionKind::Isolate { target, duration }));
        time += duration + setup.span(60, 120);
    }
    for _ in 0..4 {
        let duration = setup.span(40, 160);
        let what = match setup.draw.below(3) {
            0 => ActionKind::Cut { target, outgoing: false, duration },
            1 => ActionKind::Isolate { target, duration },
            _ => ActionKind::Crash { target, down: duration },
        };
        actions.push(at(time, what));
        time += duration + setup.span(60, 250);
    }
    // The other replicas also miss entries, in no particular order, and request them from the liar.
    let (per_mille, duration) = (setup.draw.between(50, 250) as u16, setup.span(300, 900));
    let begin = setup.span(50, 600);
    actions.push(at(begin, ActionKind::Loss { per_mille, duration }));
    actions.push(at(begin, ActionKind::Reorder { per_mille: 800, duration }));
    actions.extend((0..3).map(|client| at(begin, ActionKind::Burst { client: ClientId(client), requests: 8 })));
    actions
}
