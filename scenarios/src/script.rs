//! Functions that scripts are written with: when something happens, and to which replica.

use sim::base::time::MILLISECOND;
use sim::plan::Target;
use sim::{Action, ActionKind, Config, Field, How, Lie, MessageKind, ReplicaId, Time, Trigger, When};

use crate::draw::Draw;

/// The input of a script.
#[derive(Debug)]
pub struct Setup<'a> {
    /// The scenario's configuration.
    pub config: &'a Config,
    /// The liar, if there is one.
    pub liar: Option<ReplicaId>,
    /// The script's random decisions.
    pub draw: Draw,
}

/// `value` milliseconds.
pub const fn ms(value: u64) -> Time {
    value * MILLISECOND
}

/// An action at a point in time.
pub fn at(at: Time, what: ActionKind) -> Action {
    Action { when: When::At(at), what }
}

/// An action `delay` after the `count`-th observation that matches, at any replica.
pub fn after(watch: Trigger, count: u64, delay: Time, what: ActionKind) -> Action {
    Action { when: When::After { watch, replica: None, count: count as u8, delay }, what }
}

/// An action `delay` after the first observation at this replica that matches.
pub fn after_first_at(replica: ReplicaId, watch: Trigger, delay: Time, what: ActionKind) -> Action {
    Action { when: When::After { watch, replica: Some(replica), count: 1, delay }, what }
}

impl Setup<'_> {
    /// The number of replicas.
    pub fn replicas(&self) -> u8 {
        self.config.cluster.replicas
    }

    /// A random replica.
    pub fn replica(&mut self) -> ReplicaId {
        ReplicaId(self.draw.below(self.replicas().into()) as u8)
    }

    /// A random replica, as a target.
    pub fn anyone(&mut self) -> Target {
        Target::Replica(self.replica())
    }

    /// All replicas, in a random order.
    pub fn everyone(&mut self) -> Vec<ReplicaId> {
        let mut all: Vec<ReplicaId> = (0..self.replicas()).map(ReplicaId).collect();
        self.draw.shuffle(&mut all);
        all
    }

    /// A random time from `min` to `max` milliseconds.
    pub fn span(&mut self, min: u64, max: u64) -> Time {
        self.draw.between(ms(min), ms(max))
    }

    /// A random time that is long enough for the others to time out and start a new view.
    pub fn long_absence(&mut self) -> Time {
        let timeout = self.config.cluster.view_change_timeout;
        self.draw.between(timeout + timeout / 2 + ms(40), 2 * timeout + ms(60))
    }

    /// Prevents the target from leading, for long enough for a view change.
    pub fn depose(&mut self, target: Target) -> ActionKind {
        let duration = self.long_absence();
        match self.draw.below(10) {
            0..5 => ActionKind::Isolate { target, duration },
            5 | 6 => ActionKind::Cut { target, outgoing: true, duration },
            7 | 8 => ActionKind::Crash { target, down: duration },
            _ => ActionKind::Pause { target, duration },
        }
    }

    /// Deposes the current primary `count` times, one after the other.
    pub fn depose_primaries(&mut self, count: usize) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut time = self.span(60, 250);
        for _ in 0..count {
            let what = self.depose(Target::Primary);
            actions.push(at(time, what));
            time += self.long_absence() + self.span(150, 350);
        }
        actions
    }

    /// Deposes each primary soon after it begins to lead, until the liar leads. View v is led by replica v modulo n. If
    /// the liar leads from the start and `again` is true, all others lead first.
    ///
    /// Quorums of four of five replicas allow one absence at a time: the last primary is back before the next one is
    /// deposed.
    pub fn until_the_liar_leads(&mut self, again: bool) -> Vec<Action> {
        let Some(liar) = self.liar else { return Vec::new() };
        let mut actions = Vec::new();
        if liar.0 != 0 || again {
            let (time, what) = (self.span(80, 200), self.brief_absence(ReplicaId(0)));
            actions.push(at(time, what));
        }
        let leading = Trigger::Sent(MessageKind::StartView);
        for replica in (1..self.replicas()).map(ReplicaId).filter(|replica| *replica != liar) {
            let (delay, what) = (self.turn(), self.brief_absence(replica));
            actions.push(after_first_at(replica, leading, delay, what));
        }
        // Deposes again, in case the sequence was interrupted.
        for percent in [45, 65] {
            let time = self.config.heal_at * percent / 100 + self.span(0, 100);
            let duration = self.brief();
            actions.push(at(time, ActionKind::Isolate { target: Target::Primary, duration }));
        }
        actions
    }

    /// Makes the view pass in which the liar would lead, by cutting the liar off from the DoViewChanges for it. The
    /// liar can then claim to have led that view, and no replica can disprove it.
    pub fn skip_the_liars_turn(&mut self) -> Vec<Action> {
        let mut actions = self.until_the_liar_leads(true);
        let Some(liar) = self.liar else { return actions };
        // The primary before the liar stays absent, so that the view after the liar's needs the liar's vote.
        let before = ReplicaId((liar.0 + self.replicas() - 1) % self.replicas());
        let away = 4 * self.config.cluster.view_change_timeout + self.span(20, 60);
        for action in &mut actions {
            if let ActionKind::Isolate { target: Target::Replica(replica), duration } = &mut action.what
                && *replica == before
            {
                *duration = away;
            }
        }
        // The liar enters one view after the other with the other replicas, until its own. Replica 0 may miss the
        // first.
        let counts = if liar.0 == 0 { self.replicas() - 1..=self.replicas() } else { liar.0..=liar.0 };
        for count in counts {
            let duration = 2 * self.config.cluster.view_change_timeout + self.span(40, 80);
            actions.push(Action {
                when: When::After { watch: Trigger::ViewChangeStarted, replica: Some(liar), count, delay: 0 },
                what: ActionKind::Cut { target: Target::Replica(liar), outgoing: false, duration },
            });
        }
        actions
    }

    /// Cuts a primary off just long enough for the next view to start without it.
    fn brief_absence(&mut self, replica: ReplicaId) -> ActionKind {
        let duration = self.brief();
        ActionKind::Isolate { target: Target::Replica(replica), duration }
    }

    fn brief(&mut self) -> Time {
        self.config.cluster.view_change_timeout * 3 / 2 + self.span(30, 50)
    }

    /// How long a primary leads before it is deposed: until its predecessor is back.
    fn turn(&mut self) -> Time {
        self.config.cluster.view_change_timeout + self.span(10, 50)
    }

    /// Arms one of these lies from the start, in most runs for as long as possible.
    pub fn lie(&mut self, lies: &[(MessageKind, Field, How)]) -> Action {
        let (kind, field, how) = self.draw.pick(lies);
        let amount = self.amount();
        let count = if self.draw.chance(70) { 255 } else { 1 + self.draw.below(6) as u8 };
        at(0, ActionKind::Lie(Lie { kind, field, how, amount, to: None, count }))
    }

    /// The amount of a lie: in most cases 1.
    pub fn amount(&mut self) -> u8 {
        let most = self.draw.pick(&[1, 1, 2, 4, 16]);
        1 + self.draw.below(most) as u8
    }
}
