//! Small changes of an action: another time, another replica.

use scenarios::Draw;
use sim::plan::Target;
use sim::{Action, ActionKind, ReplicaId, When};

/// A step of 1, or sometimes of much more, up or down.
pub fn step(draw: &mut Draw, max: u64) -> i64 {
    let bits = draw.below(u64::from(max.max(1).ilog2()) + 1);
    let size = 1 + draw.below(1 << bits) as i64;
    if draw.chance(50) { size } else { -size }
}

/// A little or much earlier or later; after a trigger also the next or the last such observation.
pub fn shift(when: &mut When, draw: &mut Draw) {
    const UNIT: u64 = 100 * sim::base::time::MICROSECOND;
    let stepped = |span: &mut u64, by: i64, unit: u64| *span = span.saturating_add_signed(by * unit as i64);
    match when {
        When::At(at) => stepped(at, step(draw, 4_096), UNIT),
        When::After { count, .. } if draw.chance(50) => {
            *count = count.saturating_add_signed(step(draw, 4) as i8).max(1);
        }
        When::After { delay, .. } => stepped(delay, step(draw, 1_024), UNIT / 10),
    }
}

/// At another replica, or after what is observed at another one.
pub fn retarget(action: &mut Action, replicas: u64, draw: &mut Draw) {
    if let When::After { replica, .. } = &mut action.when
        && draw.chance(40)
    {
        *replica = draw.chance(50).then(|| ReplicaId(draw.below(replicas) as u8));
        return;
    }
    let target = match draw.below(4) {
        0 => Target::Primary,
        1 => Target::Subject,
        _ => Target::Replica(ReplicaId(draw.below(replicas) as u8)),
    };
    if let Some(place) = action.what.target_mut() {
        *place = target;
    } else if let ActionKind::Lie(lie) = &mut action.what {
        lie.to = draw.chance(50).then(|| ReplicaId(draw.below(replicas) as u8));
    }
}
