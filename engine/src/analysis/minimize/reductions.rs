//! What is less than a case: an action with something smaller, a configuration with something smaller, and like cases with
//! fewer actions.

use scenarios::Draw;
use sim::base::time::MILLISECOND;
use sim::{Action, ActionKind, Case, Lie, Seen, Target, Time, Trigger, When};

use crate::cases::action_changes;
use crate::cases::limits;

/// The same case with actions fastened to what was observed just before them instead of to a point in time, so that they
/// stay with it where something else is left out. What happens is the same.
pub fn anchored(case: &Case, recorded: &[Seen]) -> Case {
    let mut anchored = case.clone();
    for action in &mut anchored.actions {
        let When::At(at) = action.when else { continue };
        // Without a trigger it means the primary, with one the replica that was observed.
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

/// A like case that has an action less, or some: often under another seed, and with what is left here and there a little earlier
/// or later, at another replica, or doing what another action does.
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

/// The place of any action, if there is one.
fn any(actions: &[Action], draw: &mut Draw) -> Option<usize> {
    (!actions.is_empty()).then(|| draw.below(actions.len() as u64) as usize)
}

/// The same action with one thing smaller, the boldest first.
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

/// Nothing that lasts is made shorter than this: there is nothing more to be learned from it.
const SHORT: Time = MILLISECOND;

fn simpler_what(what: ActionKind) -> Vec<ActionKind> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut ActionKind)| {
        let mut simpler = what;
        change(&mut simpler);
        if simpler != what {
            all.push(simpler);
        }
    };
    with(&|what| {
        if let Some(duration) = what.duration_mut() {
            *duration = (*duration / 2).max(SHORT.min(*duration));
        }
    });
    with(&|what| match what {
        ActionKind::Delay { extra, .. } | ActionKind::DiskSlow { extra, .. } => {
            *extra = (*extra / 2).max(SHORT.min(*extra));
        }
        ActionKind::ClockStep { micros, .. } | ActionKind::WrongNtp { micros, .. } => *micros /= 2,
        ActionKind::ClockDrift { ppm, .. } => *ppm /= 2,
        ActionKind::Burst { requests, .. } => *requests = (*requests).min(1),
        ActionKind::FlippedBits { count, .. } => *count = (*count).min(1),
        ActionKind::Lie(Lie { amount, .. }) => *amount = (*amount).min(1),
        _ => {}
    });
    with(&|what| match what {
        ActionKind::Burst { requests, .. } => *requests = (*requests / 2).max((*requests).min(1)),
        ActionKind::Lie(Lie { count, .. }) => *count = (*count / 2).max((*count).min(1)),
        _ => {}
    });
    all
}

/// The same case with one thing of its configuration smaller, the boldest first; those that cannot be run are left out.
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
    fn like_cases_have_fewer_actions_and_are_drawn_alike_each_time() {
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
