//! Reductions of a case: actions with smaller parameters, smaller configurations, and similar cases with fewer actions.

use scenarios::Draw;
use sim::base::time::MILLISECOND;
use sim::plan::Detail;
use sim::{Action, ActionKind, Case, Lie, Seen, Target, Time, Trigger, When};

use crate::cases::{action_changes, limits};

/// The same case with actions anchored to the observation just before them, instead of to a point in time. They keep
/// their relative position when something else is removed. The run stays the same.
pub fn anchored(case: &Case, recorded: &[Seen]) -> Case {
    let mut anchored = case.clone();
    for action in &mut anchored.actions {
        let When::At(at) = action.when else { continue };
        // Without a trigger, `Subject` means the primary; with one, it means the observed replica.
        if action.what.target() == Some(Target::Subject) {
            continue;
        }
        let before = recorded.iter().take_while(|seen| seen.at < at);
        let watched = before.filter_map(|seen| Some((seen.at, seen.who.replica()?, Trigger::of(&seen.what)?)));
        let Some((seen_at, replica, watch)) = watched.clone().last() else { continue };
        let count = watched.filter(|(_, other, kind)| *other == replica && *kind == watch).count();
        let Ok(count) = u8::try_from(count) else { continue };
        action.when = When::After { watch, replica: Some(replica), count, delay: at - seen_at };
    }
    anchored
}

/// A similar case with one or more actions removed. Often it has another seed, and some of the remaining actions are
/// moved slightly in time, to another replica, or replaced by what another action does.
pub fn alike(case: &Case, draw: &mut Draw) -> Case {
    let mut alike = case.clone();
    let most = if draw.chance(25) { case.actions.len() as u64 } else { 1 };
    for _ in 0..=draw.below(most.max(1)) {
        if let Some(at) = any(&alike.actions, draw) {
            alike.actions.remove(at);
        }
    }
    if draw.chance(50) {
        alike.seed = draw.below(u64::MAX);
    }
    while draw.chance(50)
        && let (Some(at), Some(other)) = (any(&alike.actions, draw), any(&case.actions, draw))
    {
        let action = &mut alike.actions[at];
        match draw.below(5) {
            0 => action.what = case.actions[other].what,
            1 | 2 => action_changes::shift(&mut action.when, draw),
            _ => action_changes::retarget(action, u64::from(case.config.cluster.replicas), draw),
        }
    }
    alike
}

/// The index of a random action, if there is one.
fn any(actions: &[Action], draw: &mut Draw) -> Option<usize> {
    (!actions.is_empty()).then(|| draw.below(actions.len() as u64) as usize)
}

/// Variants of an action with one parameter reduced, the largest reduction first.
pub fn simpler(action: &Action) -> Vec<Action> {
    let mut all = Vec::new();
    if let When::After { watch, replica, count, delay } = action.when {
        let mut push = |count, delay| {
            all.push(Action { when: When::After { watch, replica, count, delay }, what: action.what });
        };
        if delay > 0 {
            push(count, 0);
        }
        if delay > MILLISECOND {
            push(count, delay / 2);
        }
        if count > 1 {
            push(1, delay);
            push(count / 2, delay);
        }
    }
    all.extend(simpler_what(action.what).into_iter().map(|what| Action { when: action.when, what }));
    all
}

/// The duration below which nothing is shortened, because shorter durations give no further insight.
const SHORT: Time = MILLISECOND;

fn simpler_what(what: ActionKind) -> Vec<ActionKind> {
    let mut all = Vec::new();
    let mut with = |change: fn(Detail<'_>)| {
        let mut simpler = what;
        simpler.details(change);
        if simpler != what {
            all.push(simpler);
        }
    };
    with(|detail| {
        if let Detail::Duration(duration) = detail {
            *duration = shorter(*duration);
        }
    });
    with(|detail| match detail {
        Detail::Extra(extra) => *extra = shorter(*extra),
        Detail::Step(amount) | Detail::Drift(amount) => *amount /= 2,
        Detail::Requests(count) | Detail::Bits(count) | Detail::Lie(Lie { amount: count, .. }) => {
            *count = (*count).min(1);
        }
        // A smaller value of these is a different fault, not a smaller one.
        Detail::Target(_)
        | Detail::Replicas(_)
        | Detail::Outgoing(_)
        | Detail::Client(_)
        | Detail::Zone(_)
        | Detail::Record(_)
        | Detail::Offset(_)
        | Detail::Bytes(_)
        | Detail::Away(_)
        | Detail::PerMille(_)
        | Detail::Duration(_) => {}
    });
    with(|detail| {
        if let Detail::Requests(count) | Detail::Lie(Lie { count, .. }) = detail {
            *count = (*count / 2).max((*count).min(1));
        }
    });
    all
}

/// Half of a duration, but not less than [`SHORT`].
fn shorter(span: Time) -> Time {
    (span / 2).max(SHORT.min(span))
}

/// Variants of a case with one part of the configuration reduced, the largest reduction first, without those that
/// cannot be run.
pub fn smaller(case: &Case) -> Vec<Case> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Case)| {
        let mut smaller = case.clone();
        change(&mut smaller);
        if smaller != *case && limits::check(&smaller).is_ok() {
            all.push(smaller);
        }
    };
    with(&|case| {
        let cluster = &mut case.config.cluster;
        if cluster.replicas > 3 && cluster.byzantine == 0 && !cluster.reconfigures() {
            (cluster.replicas, cluster.replication_quorum, cluster.view_change_quorum) = (3, 2, 2);
        }
    });
    with(&|case| case.config.workload.requests = case.config.workload.requests.div_ceil(2));
    with(&|case| case.config.workload.requests -= u32::from(case.config.workload.requests > 1));
    with(&|case| case.config.workload.clients = 1);
    with(&|case| case.config.workload.clients = case.config.workload.clients.div_ceil(2));
    with(&|case| case.config.workload.tenants = 1);
    with(&|case| case.config.workload.reads = 0);
    with(&|case| {
        let network = &mut case.config.network;
        (network.loss, network.duplication, network.reordering) = (0, 0, 0);
    });
    with(&|case| (case.config.clock.offset_max, case.config.clock.drift_max) = (0, 0));
    with(&|case| case.config.clock.ntp_interval = 0);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use scenarios::ScenarioType;

    #[test]
    fn similar_cases_have_fewer_actions_and_are_deterministic() {
        let scenario = ScenarioType::SwizzleClogging.create_scenario();
        let case = (0..100).map(|seed| scenario.random_case("vsr", &[], seed)).find(|case| case.actions.len() >= 4);
        let case = case.expect("some seed has so many");
        let all = || {
            let mut draw = Draw::new(7, "alike");
            (0..500).map(|_| alike(&case, &mut draw)).collect::<Vec<_>>()
        };
        let drawn = all();
        assert_eq!(drawn, all());
        for like in &drawn {
            assert!(like.actions.len() < case.actions.len());
            assert_eq!(
                Case { actions: case.actions.clone(), seed: case.seed, ..like.clone() },
                case,
                "all else is the same"
            );
        }
        let share = |is: &dyn Fn(&Case) -> bool| drawn.iter().filter(|like| is(like)).count();
        assert!((150..350).contains(&share(&|like| like.seed == case.seed)), "half of them");
        let untouched = |like: &Case| like.actions.iter().all(|action| case.actions.contains(action));
        assert!((150..450).contains(&share(&untouched)), "half of them, and some that are changed into what was there");
        assert!(share(&|like| like.actions.is_empty()) > 0, "all can go at once");
        assert_eq!(alike(&Case { actions: Vec::new(), ..case.clone() }, &mut Draw::new(7, "alike")).actions, []);
    }
}
